/*
 * Labels came before their transaction and stand where its claim should: exchange them for the
 * claim, and write them into the logs behind the transaction's records, one after the other.
 *
 *     decide ──> STATE_TAKE_PARKED ──> each label: STATE_OBSERVE of its records ──> settle
 *
 * The decision is made before: labels are seen only by what comes after them. Declared in steps.h.
 */
#include "service/engine/steps.h"

static void next_label(struct score_steps *x);

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

static void keep_labels(struct score_steps *x, struct span labels)
{
    char *room = arena_try(x->arena, labels.len);
    if (room == NULL) {
        stats_add(&x->engine->stats->labels_dropped, 1);
        return;
    }
    memcpy(room, labels.base, labels.len);
    x->parked = span_of(room, labels.len);
}

static void take(struct call *c)
{
    struct score_steps *x = c->user;
    struct claim claim;
    x->as = OBSERVED_FIRST;
    if (c->op.outcome == STATE_CLAIM_NONE || claim_decode(x->found[0], &claim) != ST_OK)
        return;
    if (c->op.outcome == STATE_CLAIM_PARKED)
        keep_labels(x, claim.rest);
    else
        keep_answer(x, &claim);
}

static void taken(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status != ST_OK || x->as == OBSERVED_UNDECIDED)
        score_settle(x);
    else if (x->as == OBSERVED_DECIDED)
        score_observed(x);
    else
        next_label(x);
}

void parked_take(struct score_steps *x)
{
    struct state_op op = {.verb = STATE_TAKE_PARKED,
                          .claim = intent_claim(&x->intent),
                          .ttl_ms = engine_claim_ttl_ms(x->engine, x->snap),
                          .found = x->found};
    steps_call(x, &op, take, taken);
}

static void written(struct call *c)
{
    next_label(steps_returned(c));
}

/* The records of one label, by the keys of the transaction itself. */
static enum status read_label(struct score_steps *x, struct span body, struct intent *ret_intent)
{
    struct event label;
    struct claim claim;
    struct txn_value *values = arena_try(x->arena, (size_t)x->snap->schema.count * sizeof *values);
    if (values == NULL)
        return ST_NO_SPACE;
    enum status st = reader_read(&x->snap->schema, &x->engine->state->hash_key, body, x->arena,
                                 values, &label, &x->parked_error);
    if (st != ST_OK)
        return st;
    if (label.kind != EVENT_LABEL || label.ts_ms < x->event.ts_ms)
        return ST_INVALID; /* known before it happened */
    struct intent_correction c = {label.outcome, x->event.txn_hash, x->event.ts_ms, label.ts_ms};
    st = claim_decode(intent_claim(&x->intent), &claim);
    return st == ST_OK
               ? intent_of_remembered(x->snap, x->engine->layouts, &c, &claim, x->arena, ret_intent)
               : st;
}

static void next_label(struct score_steps *x)
{
    struct span body;
    while (claim_next_label(&x->parked, &body)) {
        if (read_label(x, body, &x->label) != ST_OK) {
            stats_add(&x->engine->stats->labels_dropped, 1);
            continue;
        }
        stats_add(&x->engine->stats->labels, 1);
        if (x->label.n_entities == 0)
            continue;
        struct state_op op = {.verb = STATE_OBSERVE,
                              .entities = x->label.entities,
                              .n_entities = x->label.n_entities,
                              .found = x->found};
        steps_call(x, &op, NULL, written);
        return;
    }
    score_settle(x);
}
