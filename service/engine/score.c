#include "service/engine/steps.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/cofire.h"
#include "service/engine/covered.h"
#include "service/engine/delivery.h"
#include "service/engine/frames.h"
#include "service/engine/model_windows.h"
#include "service/engine/publish.h"
#include "service/engine/upkeep.h"

#include <math.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>

/* ---- the end: told, finished, released ---- */

static void release(struct score_steps *x)
{
    struct score *s = x->score;
    hold_drop(x->hold);
    check_in_flight(span_of(NULL, 0));
    s->released(s);
}

static void tell(struct score_steps *x)
{
    x->is_told = true;
    x->score->done(x->score);
    if (x->is_finished)
        release(x);
}

static void on_disk(struct synced_wait *w, enum status st)
{
    struct score_steps *x = w->user;
    if (st != ST_OK)
        x->score->kind = SCORE_UNAVAILABLE;
    tell(x);
}

static void count_answer(const struct score_steps *x)
{
    struct engine_stats *stats = x->engine->stats;
    const struct score *s = x->score;
    if (s->intake.redo_seq != 0)
        return;
    if (s->replayed)
        stats_add(&stats->replayed, 1);
    else if (s->kind == SCORE_DECIDED)
        stats_add(s->flagged ? &stats->flagged : &stats->allowed, 1);
    if (s->degraded)
        stats_add(&stats->degraded, 1);
    if (x->is_late)
        stats_add(&stats->late, 1);
    if (s->kind == SCORE_REFUSED)
        stats_add(&stats->refused, 1);
    if (s->kind == SCORE_CONFLICT)
        stats_add(&stats->conflicts, 1);
    if (s->kind == SCORE_UNAVAILABLE)
        stats_add(&stats->unavailable, 1);
}

void score_answer(struct score_steps *x)
{
    if (x->is_answered)
        return;
    x->is_answered = true;
    timers_clear(&x->timer);
    count_answer(x);
    if (x->engine->parts->synced == NULL || x->frame_seq == 0) {
        tell(x);
        return;
    }
    x->disk = (struct synced_wait){.seq = x->frame_seq, .then = on_disk, .user = x};
    synced_start(x->engine->parts->synced, &x->disk);
}

void score_finish(struct score_steps *x)
{
    CHECK(x->is_answered);
    upkeep_run(x->engine);
    x->is_finished = true;
    if (x->is_told)
        release(x);
}

void score_refuse(struct score_steps *x, enum score_answer kind)
{
    if (!x->is_answered)
        x->score->kind = kind;
    score_answer(x);
    score_finish(x);
}

void score_error(struct score_steps *x, struct span pointer, const char *detail)
{
    struct reader_error *e = &x->score->error;
    e->fault = READER_SCHEMA;
    e->offset = READER_NO_OFFSET;
    e->next = NULL;
    e->kind = READER_KIND_UNKNOWN;
    snprintf(e->pointer, sizeof e->pointer, "%.*s", SPAN_ARG(pointer));
    snprintf(e->detail, sizeof e->detail, "%s", detail);
}

/* The event is larger than an arena was made for. */
static void refuse_large(struct score_steps *x)
{
    score_error(x, span_of(NULL, 0), "the event needs more room than one may have");
    x->score->error.fault = READER_TOO_LARGE;
    score_refuse(x, SCORE_REFUSED);
}

/* ---- decide ---- */

static void count_fired(struct score_steps *x, const struct rule *rule)
{
    struct engine_stats *stats = x->engine->stats;
    bool is_held = rule_mode_for(rule, x->row.cells) != rule->mode;
    stats_add(is_held ? &stats->held[rule->index] : &stats->fired[rule->index], 1);
}

static bool is_above(const struct score_steps *x, int model)
{
    return x->decision.models[model].score >= x->snap->models.items[model].threshold;
}

/* Two agree when both would flag alone, or neither; without a threshold or a score nobody can
 * tell. */
static void count_agreement(struct score_steps *x, int challenger)
{
    const struct bound_model *m = &x->snap->models.items[challenger];
    struct model_stats *stats = &x->engine->stats->models[challenger];
    const struct model_result *results = x->decision.models;
    if (isnan(results[m->challenges].score) || isnan(m->threshold) ||
        isnan(x->snap->models.items[m->challenges].threshold))
        return;
    bool agree = is_above(x, challenger) == is_above(x, m->challenges);
    stats_add(agree ? &stats->agreed : &stats->differed, 1);
}

static void count_models(struct score_steps *x)
{
    for (int i = 0; i < x->snap->models.count; i++) {
        struct model_stats *stats = &x->engine->stats->models[i];
        if (isnan(x->decision.models[i].score)) {
            stats_add(&stats->missing, 1);
            continue;
        }
        stats_add(&stats->scored, 1);
        score_note(&stats->spread, x->decision.models[i].score);
        if (is_above(x, i))
            stats_add(&stats->above, 1);
        if (x->snap->models.items[i].challenges >= 0)
            count_agreement(x, i);
    }
}

static void count_hits(struct score_steps *x, const struct hits *hits)
{
    struct engine_stats *stats = x->engine->stats;
    if (stats->fired_ruleset != x->snap->id) {
        memset(stats->fired, 0, sizeof stats->fired);
        memset(stats->held, 0, sizeof stats->held);
        memset(stats->near, 0, sizeof stats->near);
        memset(stats->models, 0, sizeof stats->models);
        stats->fired_ruleset = x->snap->id;
    }
    for (int i = 0; i < hits->n_fired + hits->n_shadow; i++)
        count_fired(x, x->snap->rules->rules[hits->indexes[i]]);
    for (int i = 0; i < hits->n_near; i++)
        stats_add(&stats->near[hits->near[i]], 1);
    cofire_note(x->engine->cofire, x->snap->id, hits->indexes, hits->n_fired + hits->n_shadow);
    if (hits->n_missing > 0)
        stats_add(&stats->rule_missing, (uint64_t)hits->n_missing);
    if (hits->n_errors > 0)
        stats_add(&stats->rule_errors, (uint64_t)hits->n_errors);
}

/* What they were given of late (model_windows.h). Without state nearly all is missing: an outage is
 * no drift. */
static void watch_models(struct score_steps *x)
{
    struct model_windows *windows = x->engine->windows;
    if (windows == NULL || x->snap->models.count == 0 || x->decision.without_state ||
        x->decision.is_incomplete)
        return;
    if (x->hold->is_current)
        model_windows_follow(windows, x->snap);
    model_windows_add(windows, x->snap, x->score->intake.now_ms, x->decision.models);
}

/* What moved the models' scores: for who asked, and of an alert that will be written. */
static void attribute(struct score_steps *x, enum attribution_of of)
{
    struct decision *d = &x->decision;
    if (x->snap->models.count > 0)
        d->attributions = attribution_find(x->snap, &x->row, x->seen.values, d->models, of,
                                           x->engine->parts->attributions);
}

static void put_alert(struct score_steps *x)
{
    if (x->decision.attributions == NULL)
        attribute(x, ATTRIBUTION_OF_CHAMPIONS);
    struct alert_source from = {.snap = x->snap,
                                .event = &x->event,
                                .decision = &x->decision,
                                .values = x->seen.values,
                                .traceparent = x->score->intake.traceparent};
    intent_put_alert(&x->intent, &from);
}

/* Decide, and write the answer behind the claim, where score_settle takes it from. */
static enum status decide_and_write(struct score_steps *x)
{
    struct decision *d = &x->decision;
    const struct delivery *delivery = x->engine->delivery;
    enum decision_detail detail = x->score->intake.detail;
    x->seen.is_incomplete = delivery != NULL && !delivery_is_whole(delivery);
    enum status st = decide(x->snap, &x->seen, &x->row, detail, d);
    if (st != ST_OK)
        return st;
    if (detail == DECISION_EXPLAINED)
        attribute(x, ATTRIBUTION_OF_ALL);
    decision_write(d, x->snap, x->event.transaction_id, x->seen.values, detail,
                   &x->intent.decision);
    if (d->flag && x->engine->outbox != NULL)
        put_alert(x);
    d->attributions = NULL; /* their room is the next event's */
    count_hits(x, &d->hits);
    count_models(x);
    watch_models(x);
    x->score->kind = SCORE_DECIDED;
    x->score->answer = intent_answer(&x->intent);
    x->score->flagged = d->flag;
    x->score->degraded = d->without_state || d->is_incomplete;
    x->has_decision = true;
    return ST_OK;
}

static void forget_features(struct score_steps *x)
{
    for (int i = 0; i < x->snap->features.n_features; i++)
        x->seen.values[i] =
            (struct window_value){.missing = true, .uncovered = x->seen.values[i].uncovered};
    x->seen.without_state = true;
}

/* Is a transaction without state not to be decided? */
static bool rejects(const struct score_steps *x)
{
    return x->score->intake.patient || x->engine->options.on_unavailable == ON_UNAVAILABLE_REJECT;
}

/* Without state: decided by the transaction alone, or refused. */
static enum status decide_degraded(struct score_steps *x)
{
    if (rejects(x))
        return ST_UNAVAILABLE;
    forget_features(x);
    return decide_and_write(x);
}

/* ---- settle ---- */

/* The alert goes out: it was kept with its decision, or nothing could be kept and it is all there
 * is. Not where another decision stands: that one has its own. */
static void send_alert(struct score_steps *x, struct state_alert kept)
{
    outbox_put(x->engine->outbox, &x->place, intent_alert(&x->intent), x->frame_seq, kept);
}

static void settled(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (x->place.is_open && (c->status != ST_OK || c->op.is_settled))
        send_alert(x, c->op.kept);
    else if (x->place.is_open)
        outbox_close_place(x->engine->outbox, &x->place);
    score_answer(x);
    if (c->status != ST_OK || !c->op.is_settled)
        x->n_judging = 0; /* not by this decision */
    parked_judge(x);
}

static void start_settle(struct score_steps *x, enum state_verb verb)
{
    struct state_op op = {.verb = verb,
                          .claim = intent_decided(&x->intent),
                          .alert = intent_alert(&x->intent),
                          .alert_is_nobodys = !x->place.has_room,
                          .ttl_ms = engine_claim_ttl_ms(x->engine, x->snap)};
    steps_call(x, &op, NULL, settled);
}

/*
 * An allow is told at once; a flag when its decision is kept. A claim that may not be ours any
 * more, because the deadline answered or another attempt made it, is settled only if nobody has.
 * One that was perhaps never made is left to the journal: it would stand without its records.
 */
void score_settle(struct score_steps *x)
{
    if (x->score->intake.redo_seq != 0) {
        score_refuse(x, SCORE_DECIDED);
        return;
    }
    bool ours = !x->is_answered && x->as != OBSERVED_UNDECIDED && x->as != OBSERVED_NOTHING;
    uint8_t kind;
    struct span frame = intent_frame(&x->intent, &kind);
    if (!x->score->flagged)
        score_answer(x);
    bool is_brought = x->as == OBSERVED_NOTHING && x->engine->delivery != NULL;
    if (x->intent.alert_at > 0)
        outbox_open_place(x->engine->outbox, &x->place);
    bool is_journalled = steps_journal(x, kind, frame) == ST_OK; /* or kept all the same */
    if (!is_brought && state_available(x->engine->state)) {
        start_settle(x, ours ? STATE_SETTLE : STATE_SETTLE_UNDECIDED);
        return;
    }
    if (is_journalled)
        steps_journal_lost(x);
    if (x->place.is_open)
        send_alert(x, (struct state_alert){0});
    score_answer(x);
    score_finish(x);
}

/* ---- what observing came to ---- */

static void voided(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    score_refuse(x, SCORE_CONFLICT);
}

/* The intent to take them out again is in the journal first. */
void score_conflict(struct score_steps *x)
{
    enum { ROOM = FEATURE_KEY_FIELDS_MAX * (STATE_KEY_BYTES_MAX + RECORD_BYTES_MAX + 4) + 16 };
    struct text frame;
    char *room = arena_try(x->arena, ROOM);
    score_error(x, x->snap->schema.fields[SCHEMA_TRANSACTION_ID].path,
                "this id came before with another body");
    if (room == NULL) {
        score_refuse(x, SCORE_CONFLICT);
        return;
    }
    text_init(&frame, room, ROOM);
    frame_put_void(x->event.txn_hash, x->intent.entities, x->intent.n_entities, &frame);
    struct state_op op = {
        .verb = STATE_VOID, .entities = x->intent.entities, .n_entities = x->intent.n_entities};
    if (steps_journal(x, FRAME_VOID, text_span(&frame)) == ST_OK)
        steps_call(x, &op, NULL, voided);
    else
        score_refuse(x, SCORE_CONFLICT);
}

static void answer_stored(struct score_steps *x)
{
    if (!x->is_answered) {
        x->score->kind = SCORE_DECIDED;
        x->score->replayed = true;
        x->score->answer = x->stored;
    }
    score_answer(x);
    score_finish(x);
}

/* No state, or none in time. With the state in memory it is the journal that takes no more. */
static void go_without_state(struct score_steps *x)
{
    bool may_degrade = !x->engine->state_keeps_journal && x->score->intake.redo_seq == 0;
    if (!x->is_answered && (!may_degrade || decide_degraded(x) != ST_OK)) {
        score_refuse(x, SCORE_UNAVAILABLE);
        return;
    }
    score_answer(x);
    if (x->has_decision)
        score_settle(x);
    else
        score_finish(x);
}

/* A frame of the journal is in the logs again; its decision, if there was one, is a frame of
 * its own. */
static void redone(struct score_steps *x)
{
    if (x->as == OBSERVED_PARKED)
        parked_take(x);
    else
        score_refuse(x, SCORE_DECIDED);
}

/* Is it not to be decided over windows that lack something? */
static bool must_wait(const struct score_steps *x)
{
    const struct delivery *delivery = x->engine->delivery;
    return x->score->intake.patient && delivery != NULL && delivery_is_coming(delivery);
}

static bool claim_is_decided_there(const struct score_steps *x)
{
    return x->call.op.outcome == STATE_CLAIM_DECIDED;
}

void score_observed(struct score_steps *x)
{
    if (x->as == OBSERVED_NOTHING) {
        go_without_state(x);
        return;
    }
    /* A claim that the journal has brought alone may be the loser's: what is to be taken out has a
     * frame of its own, in its own instance's journal. */
    if (x->as == OBSERVED_CONFLICT && x->score->intake.redo_seq != 0 &&
        !x->engine->state_keeps_journal && !claim_is_decided_there(x)) {
        score_refuse(x, SCORE_CONFLICT);
        return;
    }
    if (x->as == OBSERVED_CONFLICT) {
        score_conflict(x);
        return;
    }
    if (x->as == OBSERVED_DECIDED) {
        answer_stored(x);
        return;
    }
    if (x->score->intake.redo_seq != 0) {
        redone(x);
        return;
    }
    if (x->seen.without_state && !x->is_answered)
        forget_features(x);
    if (must_wait(x)) { /* its claim stands, and the next attempt decides */
        score_refuse(x, SCORE_UNAVAILABLE);
        return;
    }
    if (!x->is_answered && decide_and_write(x) != ST_OK) {
        refuse_large(x);
        return;
    }
    if (!x->has_decision) /* the deadline has refused */
        score_finish(x);
    else if (x->as == OBSERVED_PARKED)
        parked_take(x);
    else if (x->as == OBSERVED_UNDECIDED)
        await_other(x);
    else
        score_settle(x);
}

/* ---- the deadline ---- */

/* The answer as far as it got; what is under way goes on and finishes. */
static void on_deadline(struct score_steps *x)
{
    stats_add(&x->engine->stats->deadlines, 1);
    if (x->started_us != 0)
        x->score->state_us = clock_mono_us() - x->started_us;
    if (x->event.kind == EVENT_LABEL)
        x->score->kind = SCORE_UNAVAILABLE;
    else if (x->as == OBSERVED_CONFLICT)
        x->score->kind = SCORE_CONFLICT;
    else if (!x->has_decision && decide_degraded(x) != ST_OK)
        x->score->kind = SCORE_UNAVAILABLE;
    score_answer(x);
}

static void on_timer(struct timer *t)
{
    struct score_steps *x = t->user;
    bool was_awaiting = x->is_awaiting;
    if (was_awaiting && clock_mono_us() < x->score->intake.deadline_us) {
        await_look(x);
        return;
    }
    x->is_awaiting = false;
    on_deadline(x);
    if (was_awaiting)
        score_settle(x);
}

/* ---- the start ---- */

/* No room for the steps themselves: the only answer that needs none. */
static void refuse_at_once(struct score *s, struct hold *hold)
{
    s->kind = SCORE_OVERLOADED;
    hold_drop(hold);
    s->done(s);
    s->released(s);
}

static struct score_steps *steps_new(struct score *s, struct hold *hold)
{
    struct score_steps *x = arena_try(s->arena, sizeof *x);
    if (x == NULL)
        return NULL;
    memset(x, 0, offsetof(struct score_steps, call));
    x->score = s;
    x->engine = s->engine;
    x->arena = s->arena;
    x->hold = hold;
    x->snap = hold->snap;
    x->timer = (struct timer){.fire = on_timer, .user = x};
    s->steps = x;
    s->answer = span_of(NULL, 0);
    s->replayed = s->degraded = s->flagged = false;
    s->state_us = 0;
    return x;
}

/* What is wrong with an event of this kind because it came this way; NULL: nothing. */
static const char *wrong_way(const struct score_steps *x, enum reader_kind kind)
{
    const struct score_intake *in = &x->score->intake;
    if (kind == READER_KIND_LABEL && !in->labels_allowed)
        return "labels go to /v1/labels or a batch";
    if (kind == READER_KIND_TRANSACTION && !in->transactions_allowed)
        return "transactions go to /v1/score or a batch; a label says \"kind\":\"label\"";
    if (kind == READER_KIND_LEFT_OUT && !in->transactions_allowed)
        return "is missing; write \"kind\":\"label\"";
    return NULL;
}

/* Is the event refused for the way it came? What else is wrong with it does not matter then. */
static bool refuse_wrong_way(struct score_steps *x, enum reader_kind kind)
{
    const char *wrong = wrong_way(x, kind);
    if (wrong == NULL)
        return false;
    score_error(x, span_str("/kind"), wrong);
    score_refuse(x, SCORE_REFUSED);
    return true;
}

static bool is_future(const struct score_steps *x)
{
    const struct score_intake *in = &x->score->intake;
    return !in->historic && x->event.ts_ms > in->now_ms + x->engine->options.max_skew_ms;
}

/* All features missing, until a log says otherwise: an absent entity has none. */
static enum status make_room_for_features(struct score_steps *x)
{
    int n = x->snap->features.n_features;
    x->seen.values = arena_try(x->arena, (size_t)n * sizeof *x->seen.values);
    if (x->seen.values == NULL)
        return ST_NO_SPACE;
    for (int i = 0; i < n; i++)
        x->seen.values[i] = (struct window_value){
            .missing = true, .exact = true, .uncovered = !covered_at(x->snap, i, x->event.ts_ms)};
    return ST_OK;
}

static uint32_t nonce_of(const struct score_steps *x)
{
    const struct score_intake *in = &x->score->intake;
    return in->redo_seq != 0 ? in->redo_nonce : engine_nonce(x->engine);
}

/* What comes after the first write must not fail for room: the event would be refused, and have
 * left its records. A frame that is brought again is not decided. */
static bool has_room_to_decide(const struct score_steps *x)
{
    size_t frame = FRAME_EVENT_HEAD_BYTES + x->event.body.len + alignof(max_align_t);
    size_t need = frame +
                  rules_run_bytes(x->snap->rules, x->score->intake.detail >= DECISION_RULES) +
                  model_set_results_bytes(&x->snap->models) + alignof(max_align_t);
    return x->score->intake.redo_seq != 0 || need <= x->arena->cap_bytes - x->arena->used_bytes;
}

/* The row, and from it all that is to be written. */
static enum status prepare(struct score_steps *x)
{
    enum status st = make_room_for_features(x);
    if (st == ST_OK)
        st = row_init(&x->row, x->snap, x->event.values, x->engine->parts->row_scratch, x->arena);
    if (st == ST_OK)
        st = intent_of_transaction(x->snap, &x->engine->state->hash_key, &x->event, &x->row,
                                   nonce_of(x), x->arena, &x->intent);
    return st == ST_OK && !has_room_to_decide(x) ? ST_NO_SPACE : st;
}

static void start_transaction(struct score_steps *x)
{
    struct engine *e = x->engine;
    bool available = state_available(e->state) && !must_wait(x);
    if (prepare(x) != ST_OK) {
        refuse_large(x);
        return;
    }
    if ((!available && rejects(x)) || steps_journal_event(x) != ST_OK) {
        score_refuse(x, SCORE_UNAVAILABLE);
        return;
    }
    if (available) {
        observe_start(x);
        return;
    }
    steps_journal_lost(x);
    x->as = OBSERVED_NOTHING;
    score_observed(x);
}

/* A label's stands at the top level, whatever the schema says of transactions. */
static struct span timestamp_pointer(const struct score_steps *x)
{
    return x->event.kind == EVENT_LABEL ? span_str("/timestamp")
                                        : x->snap->schema.fields[SCHEMA_TIMESTAMP].path;
}

static void start(struct score_steps *x)
{
    check_in_flight(x->event.transaction_id);
    publish_layouts(x->engine, x->snap, x->score->intake.now_ms);
    if (refuse_wrong_way(x, x->event.kind == EVENT_LABEL ? READER_KIND_LABEL
                                                         : READER_KIND_TRANSACTION))
        return;
    if (is_future(x)) {
        stats_add(&x->engine->stats->future, 1);
        char detail[80];
        snprintf(detail, sizeof detail, "lies more than %.10g s ahead of the clock (max_skew)",
                 (double)x->engine->options.max_skew_ms / 1000);
        score_error(x, timestamp_pointer(x), detail);
        score_refuse(x, SCORE_REFUSED);
    } else {
        if (x->engine->loop != NULL && x->score->intake.deadline_us > 0)
            timers_set(&x->engine->parts->timers, &x->timer, x->score->intake.deadline_us);
        if (x->event.kind == EVENT_LABEL)
            label_start(x);
        else
            start_transaction(x);
    }
}

static struct hold *hold_for(const struct score *s)
{
    return hold_current(&s->engine->parts->hold, s->engine->snapshots);
}

void score_start(struct score *s, struct span body)
{
    struct hold *hold = hold_for(s);
    const struct schema *schema = &hold->snap->schema;
    struct score_steps *x = steps_new(s, hold);
    struct txn_value *values = arena_try(s->arena, (size_t)schema->count * sizeof *values);
    if (x == NULL || values == NULL) {
        refuse_at_once(s, hold);
        return;
    }
    if (reader_read(schema, &s->engine->state->hash_key, body, s->arena, values, &x->event,
                    &s->error) == ST_OK)
        start(x);
    else if (s->error.fault != READER_SCHEMA || !refuse_wrong_way(x, s->error.kind))
        score_refuse(x, SCORE_REFUSED);
}

void score_start_event(struct score *s, const struct event *event)
{
    struct hold *hold = hold_for(s);
    struct score_steps *x = steps_new(s, hold);
    if (x == NULL) {
        refuse_at_once(s, hold);
        return;
    }
    x->event = *event;
    start(x);
}

struct span score_transaction_id(const struct score *s)
{
    return s->steps->event.transaction_id;
}

const struct window_value *score_features(const struct score *s)
{
    return s->steps->seen.values;
}

const struct cel_value *score_row(const struct score *s)
{
    return s->steps->row.cells;
}

const struct decision *score_decision(const struct score *s)
{
    return s->steps->has_decision ? &s->steps->decision : NULL;
}
