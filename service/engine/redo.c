#include "service/engine/redo.h"

#include "service/engine/engine_internal.h"
#include "service/engine/outbox.h"

/* ---- EVENT: the way of every event, without the decision ---- */

static void told(struct score *s)
{
    (void)s; /* what matters comes with `released` */
}

/* It was read once. A label that the contract refuses may have been refused then, too. */
static bool is_refused_now(const struct score *s)
{
    return s->kind == SCORE_REFUSED &&
           (s->error.offset != READER_NO_OFFSET || s->error.fault == READER_TOO_LARGE);
}

static void released(struct score *s)
{
    struct redo *r = s->user;
    bool missed = s->kind == SCORE_UNAVAILABLE || s->kind == SCORE_OVERLOADED;
    r->is_lost = is_refused_now(s);
    if (r->is_lost)
        stats_add(&r->engine->stats->redelivered_refused, 1);
    r->then(r, missed ? ST_UNAVAILABLE : ST_OK);
}

static enum status redo_event(struct redo *r, uint64_t seq, struct span bytes)
{
    struct frame_event f;
    enum status st = frame_get_event(bytes, &f);
    if (st != ST_OK)
        return st;
    r->now_ms = f.received_at_ms > r->now_ms ? f.received_at_ms : r->now_ms;
    r->score = (struct score){.engine = r->engine,
                              .arena = r->arena,
                              .intake = {.now_ms = f.received_at_ms,
                                         .historic = true,
                                         .labels_allowed = true,
                                         .transactions_allowed = true,
                                         .redo_seq = seq,
                                         .redo_nonce = f.nonce},
                              .done = told,
                              .released = released,
                              .user = r};
    score_start(&r->score, f.body);
    return ST_OK;
}

/* ---- the others: one operation each ---- */

static void returned(struct call *c)
{
    struct redo *r = c->user;
    if (c->status == ST_OK && r->held_seq > 0)
        outbox_kept(r->engine->outbox, r->held_seq, c->op.kept);
    r->held_seq = 0;
    r->then(r, c->status == ST_UNAVAILABLE ? ST_UNAVAILABLE : ST_OK);
}

static void call(struct redo *r, uint64_t seq, struct state_op op)
{
    op.now_ms = r->now_ms;
    if (r->engine->state_keeps_journal)
        op.recover_seq = seq;
    r->call = (struct call){.op = op, .then = returned, .user = r};
    call_start(r->engine->state, &r->call);
}

/* Ours where the outbox holds it, nobody's where it has no room for it, or has never known it. */
static struct span alert_to_bring(struct redo *r, uint64_t seq, struct span alert)
{
    struct outbox *o = r->engine->outbox;
    if (r->engine->state_keeps_journal || o == NULL || alert.len == 0)
        return span_of(NULL, 0);
    r->held_seq = outbox_holds(o, seq) ? seq : 0;
    return r->held_seq > 0 || outbox_lacks(o, seq) ? alert : span_of(NULL, 0);
}

/* In memory the journal's order is the truth; in Redis a later one may have come before us. */
static enum status redo_decision(struct redo *r, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct frame_decision f;
    enum status st =
        kind == FRAME_FLAGGED ? frame_get_flagged(bytes, &f) : frame_get_decision(bytes, &f);
    if (st != ST_OK)
        return st;
    f.alert = alert_to_bring(r, seq, f.alert);
    struct snapshot *snap = snapshot_current(r->engine->snapshots);
    int64_t ttl_ms = engine_claim_ttl_ms(r->engine, snap);
    snapshot_unref(snap);
    call(r, seq,
         (struct state_op){.verb = r->engine->state_keeps_journal ? STATE_SETTLE
                                                                  : STATE_SETTLE_UNDECIDED,
                           .txn_hash = f.txn_hash,
                           .claim = f.claim,
                           .alert = f.alert,
                           .alert_is_nobodys = r->held_seq == 0,
                           .ttl_ms = ttl_ms});
    return ST_OK;
}

static enum status redo_entities(struct redo *r, uint64_t seq, uint8_t kind, struct span bytes)
{
    enum status st = kind == FRAME_VOID ? frame_get_void(bytes, &r->entities)
                                        : frame_get_erase(bytes, &r->entities);
    if (st != ST_OK)
        return st;
    call(r, seq,
         (struct state_op){.verb = kind == FRAME_VOID ? STATE_VOID : STATE_ERASE,
                           .txn_hash = r->entities.txn_hash,
                           .entities = r->entities.entities,
                           .n_entities = r->entities.n_entities});
    return ST_OK;
}

static void expired(struct call *c)
{
    (void)c; /* in memory: at once */
}

/* In Redis they may have been parked again by another instance, and be nobody's letters yet. */
static enum status redo_expired(struct redo *r, uint64_t seq, struct span bytes)
{
    int64_t now_ms;
    enum status st = frame_get_expired(bytes, &now_ms);
    if (st != ST_OK)
        return st;
    struct state_op op = {
        .verb = STATE_EXPIRE_PARKED, .now_ms = now_ms, .recover_seq = seq, .found = r->found};
    bool more = r->engine->state_keeps_journal;
    while (more) {
        r->call = (struct call){.op = op, .then = expired, .user = r};
        call_start(r->engine->state, &r->call);
        more = r->call.status == ST_OK && r->call.op.n_found > 0;
    }
    r->then(r, ST_OK);
    return ST_OK;
}

/* ---- any ---- */

static enum status start(struct redo *r, uint64_t seq, uint8_t kind, struct span bytes)
{
    switch (kind) {
    case FRAME_EVENT:
        return redo_event(r, seq, bytes);
    case FRAME_DECISION:
    case FRAME_FLAGGED:
        return redo_decision(r, seq, kind, bytes);
    case FRAME_VOID:
    case FRAME_ERASE:
        return redo_entities(r, seq, kind, bytes);
    case FRAME_EXPIRED:
        return redo_expired(r, seq, bytes);
    default:
        return ST_UNSUPPORTED;
    }
}

void redo_frame(struct redo *r, uint64_t seq, uint8_t kind, struct span bytes)
{
    arena_reset(r->arena);
    r->is_lost = false;
    stats_add(&r->engine->stats->redelivered, 1);
    if (start(r, seq, kind, bytes) == ST_OK)
        return;
    stats_add(&r->engine->stats->corrupt, 1);
    r->is_lost = true;
    r->then(r, ST_OK);
}

void redo_init(struct redo *r, struct engine *e, void (*then)(struct redo *, enum status),
               void *user)
{
    *r = (struct redo){.engine = e, .then = then, .user = user};
    r->arena = arena_new(SCORE_ARENA_BYTES);
}

void redo_fini(struct redo *r)
{
    arena_free(r->arena);
}
