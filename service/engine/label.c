/*
 * A label: one more record, at its transaction's event time, in each log that counts its outcome.
 *
 *     it carries keys and time itself ─────────────────────────────────────> write
 *       and says fraud or legitimate: STATE_PEEK, the claim has the answer ─> write
 *     else STATE_PEEK: the transaction's claim remembers them ─────────────> write
 *                      no claim: STATE_PARK until the transaction comes ───> parked
 *
 * Declared in steps.h.
 */
#include "service/engine/steps.h"

#include "service/engine/verdicts.h"

enum { LABEL_ANSWER_BYTES = 8192 }; /* an id of SCHEMA_STRING_LIMIT would be shortened */

static void write_answer(struct score_steps *x, const char *status)
{
    struct text out;
    char *room = arena_try(x->arena, LABEL_ANSWER_BYTES);
    if (room == NULL)
        return;
    text_init(&out, room, LABEL_ANSWER_BYTES);
    text_str(&out, "{\"transaction_id\":");
    text_json_string(&out, x->event.transaction_id);
    text_str(&out, ",\"outcome\":\"");
    text_str(&out, outcome_text(x->event.outcome));
    text_str(&out, "\",\"status\":\"");
    text_str(&out, status);
    text_str(&out, "\"}");
    x->score->answer = text_span(&out);
}

static void finish(struct score_steps *x, enum score_answer kind, const char *status)
{
    struct engine_stats *stats = x->engine->stats;
    if (kind == SCORE_PARKED)
        stats_add(&stats->labels_parked, 1);
    else
        stats_add(x->was_there ? &stats->labels_again : &stats->labels, 1);
    if (!x->is_answered) {
        x->score->kind = kind;
        write_answer(x, status);
    }
    score_answer(x);
    score_finish(x);
}

static void refuse(struct score_steps *x, const char *pointer, const char *detail)
{
    score_error(x, span_str(pointer), detail);
    score_refuse(x, SCORE_REFUSED);
}

static struct intent_correction correction(const struct score_steps *x, int64_t txn_ts_ms)
{
    return (struct intent_correction){x->event.outcome, x->event.txn_hash, txn_ts_ms,
                                      x->event.ts_ms};
}

/* ---- what it says of the rules that fired ---- */

static bool judges(const struct score_steps *x)
{
    return x->engine->judges && verdict_is(x->event.outcome);
}

void label_note(struct score_steps *x, const struct state_verdict *v)
{
    lag_note(&x->engine->stats->label_lag, v->verdict.lag_ms);
}

static void note_verdict(struct score_steps *x, const struct state_op *op)
{
    if (op->verdict != NULL && op->verdict_is_news)
        label_note(x, op->verdict);
    else if (judges(x) && !x->has_verdict && !x->was_there)
        stats_add(&x->engine->stats->labels_unattributed, 1);
}

/* ---- write ---- */

static bool is_same(const struct record *r, const struct score_steps *x)
{
    return r->txn == x->event.txn_hash && (int)r->kind == (int)x->event.outcome &&
           r->known_at_ms == x->event.ts_ms;
}

/* Our own record is there once; more than that says that the label came before. */
static bool stands_twice(const struct score_steps *x, struct span log)
{
    size_t at = fold_header_bytes(log);
    struct record r;
    int times = 0;
    while (at < log.len && record_decode(span_of(log.base + at, log.len - at), &r) == ST_OK) {
        times += is_same(&r, x);
        at += r.bytes;
    }
    return times > 1;
}

static void take_logs(struct call *c)
{
    struct score_steps *x = c->user;
    for (int i = 0; i < x->label.n_entities; i++)
        x->was_there |= stands_twice(x, x->label.entities[i].log);
}

static void written(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status != ST_OK)
        score_refuse(x, SCORE_UNAVAILABLE);
    else {
        note_verdict(x, &c->op);
        finish(x, SCORE_LABELLED, x->was_there ? "duplicate" : "recorded");
    }
}

/* A label that neither a feature nor a rule counts leaves no record; the journal has it, for a
 * feature that is added later (fill.h). */
static void write_records(struct score_steps *x)
{
    struct state_op op = {.verb = STATE_OBSERVE,
                          .entities = x->label.entities,
                          .n_entities = x->label.n_entities,
                          .verdict = x->has_verdict ? &x->verdict : NULL,
                          .found = x->found};
    x->verdict.ttl_ms = engine_claim_ttl_ms(x->engine, x->snap);
    if (x->label.n_entities == 0 && !x->has_verdict && x->engine->journal == NULL) {
        note_verdict(x, &op);
        finish(x, SCORE_LABELLED, "recorded");
    } else if (steps_journal_event(x) != ST_OK)
        score_refuse(x, SCORE_UNAVAILABLE);
    else
        steps_call(x, &op, take_logs, written);
}

/* ---- what the transaction's claim remembers ---- */

static void by_claim(struct score_steps *x);

static void learned(void *user, enum status st)
{
    struct score_steps *x = user;
    if (st == ST_OK)
        x->has_learned = true;
    if (st == ST_OK)
        by_claim(x);
    else
        score_refuse(x, SCORE_UNAVAILABLE);
}

/* A claim that nobody can read will be no better later: the journal does not wait for it. */
static void refuse_unreadable(struct score_steps *x)
{
    stats_add(&x->engine->stats->corrupt, 1);
    score_refuse(x, x->score->intake.redo_seq != 0 ? SCORE_DECIDED : SCORE_UNAVAILABLE);
}

/* x->stored is the claim. */
static void by_claim(struct score_steps *x)
{
    struct claim claim;
    if (claim_decode(x->stored, &claim) != ST_OK) {
        refuse_unreadable(x);
        return;
    }
    if (x->event.ts_ms < claim.ts_ms) {
        refuse(x, "/timestamp", "lies before the time of its transaction");
        return;
    }
    struct intent_correction c = correction(x, claim.ts_ms);
    enum status st =
        intent_of_remembered(x->snap, x->engine->layouts, &c, &claim, x->arena, &x->label);
    if (st == ST_OK)
        write_records(x);
    else if (st == ST_NOT_FOUND && !x->has_learned)
        learn_layouts(x->engine, &x->learning, learned, x);
    else if (st == ST_NOT_FOUND)
        refuse_unreadable(x);
    else
        score_refuse(x, SCORE_UNAVAILABLE);
}

/* Its fixed part, and what the label says of the answer; nothing when none stands there. */
static void keep_claim(struct score_steps *x, struct span found)
{
    struct claim claim;
    x->stored = span_of(NULL, 0);
    if (found.len == 0 || claim_is_parked(found) || claim_decode(found, &claim) != ST_OK)
        return;
    enum outcome o = x->event.outcome;
    if (judges(x))
        x->has_verdict = verdict_of(&claim, o, x->event.ts_ms, x->arena, &x->verdict) == ST_OK;
    size_t fixed = found.len - claim.rest.len;
    char *room = arena_try(x->arena, fixed);
    if (room == NULL)
        return;
    memcpy(room, found.base, fixed);
    x->stored = span_of(room, fixed);
}

/* ---- park ---- */

static void take_park(struct call *c)
{
    struct score_steps *x = c->user;
    if (c->op.outcome == STATE_CLAIM_UNDECIDED || c->op.outcome == STATE_CLAIM_DECIDED)
        keep_claim(x, x->found[0]);
}

static void parked(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status == ST_TOO_LARGE)
        refuse(x, "/transaction_id", "too many labels wait for this transaction");
    else if (c->status != ST_OK)
        score_refuse(x, SCORE_UNAVAILABLE);
    else if (x->stored.len > 0) /* the transaction came in between */
        by_claim(x);
    else
        finish(x, SCORE_PARKED, "parked");
}

static void park(struct score_steps *x)
{
    struct state_op op = {.verb = STATE_PARK,
                          .claim = x->event.body,
                          .ttl_ms = x->engine->options.label_wait_ms,
                          .found = x->found};
    if (steps_journal_event(x) == ST_OK)
        steps_call(x, &op, take_park, parked);
    else
        score_refuse(x, SCORE_UNAVAILABLE);
}

/* ---- the start ---- */

static void take_claim(struct call *c)
{
    struct score_steps *x = c->user;
    keep_claim(x, x->found[0]);
}

static void by_itself(struct score_steps *x);

static bool carries_all(const struct score_steps *x)
{
    const struct event *e = &x->event;
    return e->has_txn_ts && intent_label_carries(x->snap, e->outcome, e->values);
}

static void looked_up(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (c->status != ST_OK)
        score_refuse(x, SCORE_UNAVAILABLE);
    else if (carries_all(x))
        by_itself(x);
    else if (x->stored.len > 0)
        by_claim(x);
    else
        park(x);
}

static void look_up(struct score_steps *x)
{
    struct state_op op = {
        .verb = STATE_PEEK, .hashes = &x->event.txn_hash, .n_hashes = 1, .found = x->found};
    steps_call(x, &op, take_claim, looked_up);
}

/* By what the label says itself. */
static void by_itself(struct score_steps *x)
{
    struct intent_correction c = correction(x, x->event.txn_ts_ms);
    if (intent_of_label(x->snap, &c, x->event.values, x->arena, &x->label) == ST_OK)
        write_records(x);
    else
        score_refuse(x, SCORE_OVERLOADED);
}

void label_start(struct score_steps *x)
{
    const struct event *e = &x->event;
    x->intent.nonce = 0; /* its records have none: it is no attempt at anything */
    if (e->has_txn_ts && e->ts_ms < e->txn_ts_ms)
        refuse(x, "/timestamp", "lies before the time of its transaction");
    else if (!state_available(x->engine->state))
        score_refuse(x, SCORE_UNAVAILABLE);
    else if (carries_all(x) && !judges(x))
        by_itself(x);
    else
        look_up(x);
}
