#include "service/engine/entity.h"

#include "service/base/clock.h"
#include "service/engine/covered.h"
#include "service/engine/decision.h"
#include "service/engine/delivery.h"
#include "service/engine/engine_internal.h"
#include "service/engine/frames.h"
#include "service/engine/intent.h"
#include "service/state/fold.h"

/* ---- the end ---- */

static void tell(struct entity_query *q, enum status st)
{
    if (q->is_told)
        return;
    q->is_told = true;
    timers_clear(&q->timer);
    q->status = st;
    q->done(q);
}

static void finish(struct entity_query *q, enum status st)
{
    tell(q, st);
    snapshot_unref(q->snap);
    q->released(q);
}

static void on_deadline(struct timer *t)
{
    tell(t->user, ST_UNAVAILABLE);
}

/* ---- the start of both ---- */

static const struct feature_key *find_key(const struct snapshot *snap, struct span field,
                                          int *ret_index)
{
    for (int i = 0; i < snap->features.n_keys; i++) {
        if (span_eq(snap->features.keys[i].field, field)) {
            *ret_index = i;
            return &snap->features.keys[i];
        }
    }
    return NULL;
}

static enum status begin(struct entity_query *q)
{
    struct engine *e = q->engine;
    q->snap = snapshot_current(e->snapshots);
    q->is_told = q->has_learned = false;
    q->timer = (struct timer){.fire = on_deadline, .user = q};
    q->key = find_key(q->snap, q->field, &q->key_index);
    if (q->key == NULL)
        return ST_NOT_FOUND;
    q->entity = (struct state_entity){0};
    enum status st = intent_key_of_text(&q->snap->schema.fields[q->key->slot], &e->state->hash_key,
                                        q->value, q->arena, &q->value, &q->entity.key, &q->wrong);
    if (st != ST_OK)
        return st;
    if (!state_available(e->state))
        return ST_UNAVAILABLE;
    if (e->loop != NULL && q->deadline_us > 0)
        timers_set(&e->parts->timers, &q->timer, q->deadline_us);
    return ST_OK;
}

/* ---- read ---- */

static void write_answer(struct entity_query *q, struct text *out)
{
    const struct feature_set *set = &q->snap->features;
    const char *comma = "";
    text_str(out, "{\"field\":");
    text_json_string(out, q->field);
    text_str(out, ",\"value\":");
    text_json_string(out, q->value);
    text_str(out, ",\"at\":\"");
    text_time_ms(out, q->at_ms);
    text_str(out, "\",\"features\":{");
    for (int i = 0; i < set->n_features; i++) {
        if (set->features[i].key != q->key_index)
            continue;
        text_str(out, comma);
        text_json_string(out, set->features[i].name);
        text_char(out, ':');
        covered_bound(q->snap, i, q->at_ms, &q->values[set->features[i].in_plan]);
        decision_write_feature(&q->values[set->features[i].in_plan], out);
        comma = ",";
    }
    text_str(out, "},\"ruleset\":\"");
    text_put(out, span_of(q->snap->decided_by, 16));
    text_str(out, "\"}");
}

static enum status render(struct entity_query *q)
{
    struct text out;
    char *room = arena_try(q->arena, SCORE_ANSWER_MAX);
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&out, room, SCORE_ANSWER_MAX);
    write_answer(q, &out);
    if (!q->is_told)
        q->answer = text_span(&out);
    return out.overflow ? ST_NO_SPACE : ST_OK;
}

static void take_log(struct call *c)
{
    struct entity_query *q = c->user;
    struct fold_query query = {.log = q->entity.log, .t_ms = q->at_ms};
    struct fold_seen seen;
    struct arena *scratch = q->engine->parts->fold_scratch;
    arena_reset(scratch);
    q->fold_status = fold_read(q->key->plan, q->engine->layouts, &query, scratch, q->values, &seen);
}

static void read_log(struct entity_query *q);

static void learned(void *user, enum status st)
{
    struct entity_query *q = user;
    if (st == ST_OK)
        read_log(q);
    else
        finish(q, ST_UNAVAILABLE);
}

static void log_read(struct call *c)
{
    struct entity_query *q = c->user;
    if (c->status != ST_OK) {
        finish(q, ST_UNAVAILABLE);
    } else if (q->fold_status == ST_NOT_FOUND && !q->has_learned) {
        q->has_learned = true;
        learn_layouts(q->engine, &q->learning, learned, q);
    } else {
        finish(q, q->fold_status == ST_OK ? render(q) : ST_CORRUPT);
    }
}

static void read_log(struct entity_query *q)
{
    q->call = (struct call){
        .op = {.verb = STATE_READ, .now_ms = q->now_ms, .entities = &q->entity, .n_entities = 1},
        .take = take_log,
        .then = log_read,
        .user = q};
    call_start(q->engine->state, &q->call);
}

void entity_read(struct entity_query *q)
{
    enum status st = begin(q);
    q->values = arena_try(q->arena, PLAN_FEATURES_MAX * sizeof *q->values);
    if (st == ST_OK && q->values == NULL)
        st = ST_NO_SPACE;
    if (st == ST_OK)
        read_log(q);
    else
        finish(q, st);
}

/* ---- erase ---- */

static void erased(struct call *c)
{
    struct entity_query *q = c->user;
    struct delivery *d = q->engine->delivery;
    if (d != NULL && c->op.journal_seq != 0 && c->status == ST_OK)
        delivery_done(d, c->op.journal_seq);
    else if (d != NULL && c->op.journal_seq != 0)
        delivery_lost(d, c->op.journal_seq);
    finish(q, c->status);
}

/* The frame rides in the operation, or is written before it. */
static enum status journal_erase(struct entity_query *q, struct state_op *op)
{
    struct text frame;
    char *room = arena_try(q->arena, STATE_KEY_BYTES_MAX + 16);
    if (q->engine->journal == NULL)
        return ST_OK;
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&frame, room, STATE_KEY_BYTES_MAX + 16);
    frame_put_erase(&q->entity, 1, &frame);
    op->journal_kind = FRAME_ERASE;
    if (q->engine->state_keeps_journal) {
        op->journal_frame = text_span(&frame);
        return ST_OK;
    }
    return journal_append(q->engine->journal, FRAME_ERASE, text_span(&frame), &op->journal_seq) ==
                   ST_OK
               ? ST_OK
               : ST_UNAVAILABLE;
}

/* An event from before the erasure, brought to Redis after it, would be in the log again. */
static bool is_whole(const struct engine *e)
{
    return e->delivery == NULL || delivery_is_whole(e->delivery);
}

void entity_erase(struct entity_query *q)
{
    struct state_op op = {
        .verb = STATE_ERASE, .now_ms = q->now_ms, .entities = &q->entity, .n_entities = 1};
    enum status st = begin(q);
    if (st == ST_OK && !is_whole(q->engine))
        st = ST_UNAVAILABLE;
    if (st == ST_OK)
        st = journal_erase(q, &op);
    if (st != ST_OK) {
        finish(q, st);
        return;
    }
    q->call = (struct call){.op = op, .then = erased, .user = q};
    call_start(q->engine->state, &q->call);
}
