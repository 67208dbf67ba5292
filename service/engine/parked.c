/*
 * Labels came before their transaction and stand where its claim should: write them into the logs
 * behind the transaction's records, one after the other, and exchange them for the claim.
 *
 *     decide ──> STATE_PEEK ──> each label: STATE_OBSERVE ──> STATE_TAKE_PARKED ──> settle
 *                                                             labels that came meanwhile: likewise
 *
 * The decision is made before: labels are seen only by what comes after them. When it is settled,
 * they are judged by it, each with a frame of its own again: the label, now that its claim has an
 * answer.
 *
 * Each step has a frame of its own, since a checkpoint may come between any two: a label's is the
 * label again, now that its transaction is known; the exchange's is the transaction again, which
 * comes here once more when it finds labels. They stay parked until they are in the logs. What is
 * written twice so counts once. Declared in steps.h.
 */
#include "service/engine/frames.h"
#include "service/engine/steps.h"
#include "service/engine/verdicts.h"

static void next_label(struct score_steps *x);

/* The transaction is decided, but its labels cannot be taken: they stay parked, and with Redis the
 * journal brings the transaction to them again. */
static void leave_parked(struct score_steps *x)
{
    if (x->score->intake.redo_seq != 0) {
        score_refuse(x, SCORE_UNAVAILABLE); /* tried again */
        return;
    }
    if (!x->engine->state_keeps_journal && steps_journal_event(x) == ST_OK)
        steps_journal_lost(x);
    x->as = OBSERVED_UNDECIDED; /* so that settling does not replace them */
    score_settle(x);
}

/* ---- the labels that stand there ---- */

/* False: there is no room for them. */
static bool keep_labels(struct score_steps *x, struct span labels)
{
    char *room = arena_try(x->arena, labels.len);
    if (room == NULL)
        return false;
    memcpy(room, labels.base, labels.len);
    x->parked = x->parked_before = span_of(room, labels.len);
    x->parked_mark = x->arena->used_bytes;
    return true;
}

static void take_peeked(struct call *c)
{
    struct score_steps *x = c->user;
    struct claim claim;
    if (claim_is_parked(x->found[0]) && claim_decode(x->found[0], &claim) == ST_OK)
        c->status = keep_labels(x, claim.rest) ? ST_OK : ST_NO_SPACE;
}

static void peeked(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status == ST_OK)
        next_label(x);
    else
        leave_parked(x);
}

void parked_take(struct score_steps *x)
{
    struct state_op op = {
        .verb = STATE_PEEK, .hashes = &x->event.txn_hash, .n_hashes = 1, .found = x->found};
    x->parked = x->parked_before = span_of(NULL, 0);
    x->parked_mark = x->arena->used_bytes;
    steps_call(x, &op, take_peeked, peeked);
}

/* ---- the exchange ---- */

/* Another attempt's answer may have come to stand there meanwhile. */
static void keep_answer(struct score_steps *x, const struct claim *claim)
{
    char *room = claim->state == 'd' ? arena_try(x->arena, claim->rest.len) : NULL;
    x->as = OBSERVED_UNDECIDED;
    if (room == NULL)
        return;
    memcpy(room, claim->rest.base, claim->rest.len);
    x->stored = span_of(room, claim->rest.len);
    x->as = OBSERVED_DECIDED;
}

/* What is parked grows at its end only: these came after we had looked. */
static struct span new_labels(const struct score_steps *x, struct span labels)
{
    size_t known = span_starts(labels, x->parked_before) ? x->parked_before.len : 0;
    return span_of(labels.base + known, labels.len - known);
}

static void take(struct call *c)
{
    struct score_steps *x = c->user;
    struct claim claim;
    x->as = OBSERVED_FIRST;
    if (c->op.outcome == STATE_CLAIM_NONE || claim_decode(x->found[0], &claim) != ST_OK)
        return;
    if (c->op.outcome != STATE_CLAIM_PARKED)
        keep_answer(x, &claim);
    else if (!keep_labels(x, new_labels(x, claim.rest)))
        stats_add(&x->engine->stats->labels_dropped, 1);
}

static void taken(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status != ST_OK)
        leave_parked(x);
    else if (x->as == OBSERVED_UNDECIDED)
        score_settle(x);
    else if (x->as == OBSERVED_DECIDED)
        score_observed(x);
    else
        next_label(x);
}

static void exchange(struct score_steps *x)
{
    struct state_op op = {.verb = STATE_TAKE_PARKED,
                          .claim = intent_claim(&x->intent),
                          .ttl_ms = engine_claim_ttl_ms(x->engine, x->snap),
                          .found = x->found};
    if (steps_journal_event(x) == ST_OK)
        steps_call(x, &op, take, taken);
    else
        leave_parked(x);
}

/* ---- one label ---- */

static void written(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status == ST_OK)
        next_label(x);
    else
        leave_parked(x);
}

static enum status read_label(struct score_steps *x, struct span body, struct event *ret_label)
{
    struct txn_value *values = arena_try(x->arena, (size_t)x->snap->schema.count * sizeof *values);
    if (values == NULL)
        return ST_NO_SPACE;
    enum status st = reader_read(&x->snap->schema, &x->engine->state->hash_key, body, x->arena,
                                 values, ret_label, &x->parked_error);
    if (st != ST_OK)
        return st;
    bool is_early = ret_label->ts_ms < x->event.ts_ms; /* known before it happened */
    return ret_label->kind != EVENT_LABEL || is_early ? ST_INVALID : ST_OK;
}

static void judge_later(struct score_steps *x, enum outcome outcome, struct span body)
{
    if (!x->engine->judges || !verdict_is(outcome))
        return;
    if (x->n_judging < STATE_PARKED_MAX)
        x->judging[x->n_judging++] = body;
    else
        stats_add(&x->engine->stats->labels_unattributed, 1);
}

/* The records of one label, by the keys of the transaction itself. */
static enum status take_label(struct score_steps *x, struct span body, struct intent *ret_intent)
{
    struct event label;
    struct claim claim;
    enum status st = read_label(x, body, &label);
    if (st != ST_OK)
        return st;
    judge_later(x, label.outcome, body);
    struct intent_correction c = {label.outcome, x->event.txn_hash, x->event.ts_ms, label.ts_ms};
    st = claim_decode(intent_claim(&x->intent), &claim);
    return st == ST_OK
               ? intent_of_remembered(x->snap, x->engine->layouts, &c, &claim, x->arena, ret_intent)
               : st;
}

static enum status journal_label(struct score_steps *x, struct span body)
{
    struct frame_event f = {.received_at_ms = x->score->intake.now_ms, .body = body};
    struct text out;
    char *room = arena_try(x->arena, FRAME_EVENT_HEAD_BYTES + body.len);
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&out, room, FRAME_EVENT_HEAD_BYTES + body.len);
    frame_put_event(&f, &out);
    return steps_journal(x, FRAME_EVENT, text_span(&out));
}

static void write_label(struct score_steps *x, struct span body)
{
    struct state_op op = {.verb = STATE_OBSERVE,
                          .entities = x->label.entities,
                          .n_entities = x->label.n_entities,
                          .found = x->found};
    if (journal_label(x, body) == ST_OK)
        steps_call(x, &op, NULL, written);
    else
        leave_parked(x);
}

static void next_label(struct score_steps *x)
{
    struct span body;
    while (claim_next_label(&x->parked, &body)) {
        if (!x->is_answered) /* else the answer may stand behind it */
            x->arena->used_bytes = x->parked_mark;
        if (take_label(x, body, &x->label) != ST_OK) {
            stats_add(&x->engine->stats->labels_dropped, 1);
            continue;
        }
        stats_add(&x->engine->stats->labels, 1);
        if (x->label.n_entities == 0)
            continue;
        write_label(x, body);
        return;
    }
    if (x->as == OBSERVED_PARKED)
        exchange(x);
    else
        score_settle(x);
}

/* ---- what they say of the decision ---- */

static void judged(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status == ST_OK && c->op.verdict_is_news)
        label_note(x, &x->verdict);
    parked_judge(x);
}

/* ST_OK: it is under way, or was. */
static enum status judge(struct score_steps *x, struct span body)
{
    struct event label;
    struct claim claim;
    enum status st = read_label(x, body, &label);
    if (st == ST_OK)
        st = claim_decode(intent_decided(&x->intent), &claim);
    if (st == ST_OK)
        st = verdict_of(&claim, label.outcome, label.ts_ms, x->arena, &x->verdict);
    if (st == ST_OK)
        st = journal_label(x, body);
    if (st != ST_OK)
        return st;
    x->verdict.ttl_ms = engine_claim_ttl_ms(x->engine, x->snap);
    struct state_op op = {.verb = STATE_OBSERVE, .verdict = &x->verdict};
    steps_call(x, &op, NULL, judged);
    return ST_OK;
}

void parked_judge(struct score_steps *x)
{
    if (x->n_judged == 0)
        x->parked_mark = x->arena->used_bytes;
    while (x->n_judged < x->n_judging) {
        x->arena->used_bytes = x->parked_mark;
        if (judge(x, x->judging[x->n_judged++]) == ST_OK)
            return;
        stats_add(&x->engine->stats->labels_unattributed, 1);
    }
    score_finish(x);
}
