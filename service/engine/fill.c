#include "service/engine/fill.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/covered.h"
#include "service/engine/engine_internal.h"
#include "service/engine/fill_feed.h"
#include "service/engine/intent.h"
#include "service/engine/publish.h"
#include "service/engine/redo.h"
#include "service/state/fold.h"
#include "service/state/state_mem.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    SLICE_FRAMES = 512,         /* read at once; then it rests */
    SLICE_CLAIMS = 512,         /* likewise; with Redis two round trips each */
    WAIT_US = 1000,             /* for the journal's writer */
    REST_MAX_US = 100000,       /* it was not at work for longer, but others were */
    KEYS_BYTES_MAX = 256 << 20, /* names of entities: four million of 60 bytes */
    BATCH_BYTES = 4 * FOLD_LOG_BYTES_MAX,
};

/* A log that is being exchanged. */
struct exchange {
    struct span key;
    int key_index;
    size_t read_bytes; /* when it was read */
    uint64_t read_hash;
    uint64_t generation; /* of the table's log then */
    bool is_made;        /* then, by us: nothing stood there */
};

struct fill {
    const struct fill_options *o;
    const atomic_bool *stop;
    struct filled done;
    bool keys[FEATURE_KEY_FIELDS_MAX]; /* that are filled */
    int64_t from_ms;                   /* what the journal reaches back to */
    /* the second table */
    struct state_table *table;
    struct engine engine;
    struct redo redo;
    bool is_redone;
    int64_t frame_ms; /* when the newest event that was read came */
    /* the journal */
    struct journal_reader *reader;
    uint64_t next_seq, to_seq, slice_end;
    int64_t slice_us; /* when it began */
    bool hurries;     /* logs wait to be exchanged: it rests after them */
    /* the logs */
    struct arena *names, *arena;
    struct exchange *pending;
    size_t n_pending, cap_pending;
    /* claims */
    uint64_t n_claims;
    int64_t claims_begun_us;
    enum status claims_status;
    /* one operation on the state */
    struct span log; /* a copy in `arena` */
    bool is_back;
    enum status status;
};

/* ---- one operation, waited for ---- */

static void copy_log(struct fill *f, const struct state_op *op)
{
    struct span log = op->entities[0].log;
    f->log = log.len > 0 ? arena_try_copy(f->arena, log) : span_of(NULL, 0);
    if (log.len > 0 && f->log.base == NULL)
        f->status = ST_TOO_LARGE;
}

static void answered(struct state_op *op, enum status st)
{
    struct fill *f = op->user;
    f->status = st;
    if (st == ST_OK && (op->verb == STATE_READ || op->verb == STATE_OBSERVE))
        copy_log(f, op);
    f->is_back = true;
}

/* Until it is back. */
static enum status run_op(struct fill *f, struct state *state, struct state_op *op)
{
    op->user = f;
    f->is_back = false;
    state_submit(state, op);
    while (!f->is_back)
        f->o->turn(f->o->user);
    return f->status;
}

static enum status ask_of(struct fill *f, struct state *state, struct state_op op)
{
    op.now_ms = f->o->now_ms;
    op.done = answered;
    return run_op(f, state, &op);
}

static void take_claim(struct state_op *op, enum status st)
{
    struct fill *f = op->user;
    f->status = st;
    f->log = span_of(NULL, 0);
    if (st == ST_OK && op->found[0].len > 0)
        f->log = arena_try_copy(f->arena, op->found[0]);
    f->is_back = true;
}

/* Empty: there is none. It lives in `arena`. */
static struct span peek(struct fill *f, struct state *state, uint64_t txn_hash)
{
    struct span found[1];
    struct state_op op = {.verb = STATE_PEEK,
                          .now_ms = state == f->o->state ? f->o->now_ms : f->frame_ms,
                          .hashes = &txn_hash,
                          .n_hashes = 1,
                          .found = found,
                          .done = take_claim};
    (void)run_op(f, state, &op);
    return f->log;
}

static enum status put_claim(struct fill *f, struct state *state, uint64_t txn_hash,
                             struct span claim, int64_t ttl_ms)
{
    struct state_op op = {.verb = STATE_SETTLE,
                          .now_ms = state == f->o->state ? f->o->now_ms : f->frame_ms,
                          .txn_hash = txn_hash,
                          .claim = claim,
                          .ttl_ms = ttl_ms,
                          .done = answered}; /* what stood there is of no use */
    return run_op(f, state, &op);
}

/* Does what is filled still decide, perhaps with other lists? */
static bool is_current(const struct fill *f)
{
    if (f->o->snapshots == NULL)
        return true;
    struct snapshot *current = snapshot_current(f->o->snapshots);
    bool same = snapshot_loaded(current) == snapshot_loaded(f->o->snap);
    snapshot_unref(current);
    return same;
}

static bool is_stopped(const struct fill *f)
{
    return atomic_load(f->stop) || !is_current(f);
}

static void take_keys(struct claim *c, const struct claim *from)
{
    memcpy(c->keys, from->keys, (size_t)from->n_keys * sizeof c->keys[0]);
    c->n_keys = from->n_keys;
}

/* Work since `begun_us` is over. */
static void rest(const struct fill *f, int64_t begun_us)
{
    int64_t us = clock_mono_us() - begun_us;
    us = us < REST_MAX_US ? us : REST_MAX_US;
    if (f->o->rest > 0 && us > 0)
        usleep((useconds_t)(us * f->o->rest));
}

/* ---- the journal ---- */

static void redone(struct redo *r, enum status st)
{
    struct fill *f = r->user;
    f->status = st;
    f->is_redone = true;
}

/* Its keys, as the new ruleset has them, and what was answered. */
static void settle(struct fill *f, const struct frame_decision *decision)
{
    static const size_t room = CLAIM_FIXED_BYTES_MAX + STATE_FOUND_MAX;
    struct claim claim, known;
    struct text out;
    arena_reset(f->arena);
    text_init(&out, arena_must(f->arena, room), room);
    struct span stands = peek(f, f->engine.state, decision->txn_hash);
    if (claim_decode(decision->claim, &claim) != ST_OK || claim_decode(stands, &known) != ST_OK ||
        !claim_same_body(stands, decision->claim))
        return;
    take_keys(&claim, &known);
    claim_encode(&claim, &out);
    text_put(&out, claim.rest);
    if (!out.overflow)
        (void)put_claim(f, f->engine.state, decision->txn_hash, text_span(&out),
                        engine_claim_ttl_ms(&f->engine, f->o->snap));
}

/* A decision's frame has the keys of the ruleset that made it. */
static void take_frame(struct fill *f, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct frame_decision decision;
    struct frame_event event;
    if ((kind == FRAME_DECISION && frame_get_decision(bytes, &decision) == ST_OK) ||
        (kind == FRAME_FLAGGED && frame_get_flagged(bytes, &decision) == ST_OK)) {
        settle(f, &decision);
        return;
    }
    if (kind == FRAME_EVENT && frame_get_event(bytes, &event) == ST_OK)
        f->frame_ms = event.received_at_ms;
    f->is_redone = false;
    redo_frame(&f->redo, seq, kind, bytes);
    CHECK(f->is_redone);
}

/* Between two slices, of whatever journals. Errors: ST_CONFLICT, ST_TOO_LARGE, ST_UNAVAILABLE. */
static enum status end_slice(struct fill *f)
{
    f->done.bytes = state_table_stats(f->table).bytes;
    if (!f->hurries)
        rest(f, f->slice_us);
    f->slice_us = clock_mono_us();
    f->slice_end = f->done.frames + SLICE_FRAMES;
    if (is_stopped(f))
        return ST_CONFLICT;
    if (f->o->table_bytes_max > 0 && f->done.bytes > f->o->table_bytes_max)
        return ST_TOO_LARGE;
    return f->o->peers != NULL ? fill_peers_go_on(f->o->peers) : ST_OK;
}

/* Numbers within the table are its own. */
static enum status take_counted(struct fill *f, uint8_t kind, struct span bytes)
{
    f->status = ST_OK;
    take_frame(f, ++f->done.frames, kind, bytes);
    if (f->status == ST_OK && f->done.frames >= f->slice_end)
        f->status = end_slice(f);
    return f->status;
}

static enum status each_of_peers(void *user, const struct fill_frame *frame)
{
    return take_counted(user, frame->kind, frame->bytes);
}

static enum status take_peers(struct fill *f, int64_t until_ms)
{
    return f->o->peers != NULL ? fill_peers_take(f->o->peers, until_ms, each_of_peers, f) : ST_OK;
}

/* Behind what the others had when it came. */
static bool each_frame(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct fill *f = user;
    struct frame_event event;
    if (seq > f->to_seq)
        return false;
    if (kind == FRAME_EVENT && frame_get_event(bytes, &event) == ST_OK)
        f->status = take_peers(f, event.received_at_ms);
    if (f->status == ST_OK)
        f->status = take_counted(f, kind, bytes);
    f->next_seq = seq + 1;
    return f->status == ST_OK;
}

/* What the files have and, with Redis, what has reached it. */
static uint64_t ready_seq(const struct fill *f)
{
    uint64_t written = journal_written_seq(f->o->journal);
    if (f->o->delivery == NULL)
        return written;
    uint64_t reached = delivery_reached(f->o->delivery);
    return reached < written ? reached : written;
}

/* Up to the frame `to_seq`, and no further. */
static enum status read_until(struct fill *f, uint64_t to_seq)
{
    enum status st = ST_OK;
    while (st == ST_OK && f->next_seq <= to_seq) {
        uint64_t ready = ready_seq(f);
        f->to_seq = ready < to_seq ? ready : to_seq;
        f->status = ST_OK;
        if (f->to_seq < f->next_seq)
            usleep(WAIT_US); /* a writer that has stopped is seen by its health */
        else
            st = journal_reader_read(f->reader, f->next_seq, each_frame, f);
        if (st == ST_OK)
            st = f->status;
        if (st == ST_OK && journal_health(f->o->journal) != ST_OK)
            st = ST_IO;
        if (st == ST_OK && is_stopped(f))
            st = ST_CONFLICT;
        if (st == ST_OK && f->o->peers != NULL)
            st = fill_peers_go_on(f->o->peers);
    }
    return st;
}

/* To the journals' ends, as they are now. */
static enum status bring_up(struct fill *f)
{
    uint64_t to_seq = journal_last_seq(f->o->journal);
    enum status st = f->o->peers != NULL ? fill_peers_ask(f->o->peers) : ST_OK;
    f->slice_us = clock_mono_us();
    f->slice_end = f->done.frames + SLICE_FRAMES;
    if (st == ST_OK)
        st = read_until(f, to_seq);
    return st == ST_OK ? take_peers(f, INT64_MAX) : st;
}

/* ---- which key fields ---- */

bool fill_is_wanted(const struct snapshot *snap, int64_t now_ms)
{
    for (int i = 0; i < snap->features.n_features; i++)
        if (!covered_at(snap, i, now_ms))
            return true;
    return false;
}

/* Have the logs nothing from before the journal that some window still sees? */
static bool reaches_back(const struct fill *f, int key)
{
    const struct snapshot *s = f->o->snap;
    int64_t horizon_ms = plan_horizon_ms(s->features.keys[key].plan);
    return f->from_ms <= f->o->now_ms - horizon_ms - horizon_ms / FOLD_MARGIN ||
           f->from_ms <= covered_key_from_ms(s, key);
}

static void choose_keys(struct fill *f)
{
    const struct feature_set *set = &f->o->snap->features;
    bool late[FEATURE_KEY_FIELDS_MAX] = {false};
    for (int i = 0; i < set->n_features; i++) /* and it would gain by it */
        late[set->features[i].key] |=
            !covered_at(f->o->snap, i, f->o->now_ms) && covered_from_ms(f->o->snap, i) > f->from_ms;
    for (int i = 0; i < set->n_keys; i++) {
        f->keys[i] = late[i] && reaches_back(f, i);
        f->done.keys += f->keys[i];
        f->done.keys_too_old += late[i] && !f->keys[i];
    }
}

/* From when on the journals have all there is. */
static enum status find_begin(struct fill *f)
{
    f->next_seq = journal_first_seq(f->o->journal);
    if (f->o->peers == NULL && f->next_seq > journal_last_seq(f->o->journal))
        return ST_NOT_FOUND;
    enum status st = fill_reach(f->o->journal, f->o->since_ms, &f->from_ms);
    if (st == ST_OK && f->o->peers != NULL && fill_peers_from_ms(f->o->peers) > f->from_ms)
        f->from_ms = fill_peers_from_ms(f->o->peers);
    return st == ST_OK && f->from_ms == INT64_MAX ? ST_NOT_FOUND : st;
}

/* ---- exchanging logs ---- */

/* The key field of "e:<field>:<value>" if it is filled, or -1. */
static int key_of(const struct fill *f, struct span key)
{
    const struct feature_set *set = &f->o->snap->features;
    for (int i = 0; i < set->n_keys; i++) {
        struct span field = set->keys[i].field;
        if (f->keys[i] && key.len > field.len + 2 && key.base[field.len + 2] == ':' &&
            span_eq(span_of(key.base + 2, field.len), field))
            return i;
    }
    return -1;
}

static void list_one(void *user, struct span key, struct span log)
{
    struct fill *f = user;
    int index = key_of(f, key);
    (void)log;
    if (index < 0 || f->status != ST_OK)
        return;
    struct span name = arena_try_copy(f->names, key);
    if (name.base == NULL || f->n_pending == f->cap_pending)
        f->status = ST_TOO_LARGE;
    else
        f->pending[f->n_pending++] = (struct exchange){.key = name, .key_index = index};
}

static enum status list_logs(struct fill *f)
{
    struct state_table_stats stats = state_table_stats(f->table);
    f->cap_pending = stats.keys - stats.claims;
    f->pending = calloc(f->cap_pending + 1, sizeof *f->pending);
    if (f->pending == NULL)
        return ST_NO_SPACE;
    f->status = ST_OK;
    state_table_each(f->table, list_one, f);
    return f->status;
}

/* Where the last record begins; log.len: there is none. Errors: ST_CORRUPT. */
static enum status last_record(struct span log, struct span *ret_record)
{
    size_t at = fold_header_bytes(log);
    struct span last = span_of(log.base + at, 0);
    while (at < log.len) {
        struct record r;
        if (record_decode(span_of(log.base + at, log.len - at), &r) != ST_OK)
            return ST_CORRUPT;
        last = span_of(log.base + at, r.bytes);
        at += r.bytes;
    }
    *ret_record = last;
    return ST_OK;
}

static enum status read_log(struct fill *f, struct state *state, struct span key,
                            struct span *ret_log)
{
    struct state_entity e = {.key = key};
    enum status st =
        ask_of(f, state, (struct state_op){.verb = STATE_READ, .entities = &e, .n_entities = 1});
    if (st == ST_OK)
        *ret_log = f->log;
    return st;
}

/* Its windows may need it for longer than they did. */
static int64_t ttl_of(const struct fill *f, const struct exchange *x)
{
    return intent_log_ttl_ms(&f->o->snap->features.keys[x->key_index]);
}

static uint64_t hash_of(const struct fill *f, struct span bytes)
{
    return hash_u64(&f->o->state->hash_key, bytes);
}

/* A log must be there to be exchanged: where none is, the table's last record makes one. (Never
 * behind others: a record that has folded does not know its own second copy.) */
static enum status make_log(struct fill *f, struct exchange *x, struct span rebuilt)
{
    struct span last;
    enum status st = last_record(rebuilt, &last);
    if (st != ST_OK || last.len == 0)
        return st;
    struct state_entity e = {.key = x->key, .record = last, .ttl_ms = ttl_of(f, x)};
    st = ask_of(f, f->o->state,
                (struct state_op){.verb = STATE_OBSERVE, .entities = &e, .n_entities = 1});
    x->is_made = st == ST_OK;
    return st;
}

/* Both logs are read; f->log is the one that stands. */
static enum status touch(struct fill *f, struct exchange *x)
{
    struct span rebuilt, live;
    arena_reset(f->arena);
    x->is_made = false;
    enum status st = read_log(f, f->engine.state, x->key, &rebuilt);
    if (st == ST_OK)
        st = read_log(f, f->o->state, x->key, &live);
    if (st == ST_OK && live.len == 0 && rebuilt.len > 0)
        st = make_log(f, x, rebuilt);
    if (st != ST_OK)
        return st;
    x->read_bytes = f->log.len;
    x->read_hash = hash_of(f, f->log);
    x->generation = fold_generation(rebuilt);
    return ST_OK;
}

static enum status put_log(struct fill *f, const struct exchange *x, struct span live,
                           struct span rebuilt)
{
    size_t since = live.len - x->read_bytes;
    struct span last;
    char *bytes = arena_try(f->arena, rebuilt.len + since + 1);
    if (bytes == NULL || rebuilt.len + since > FOLD_LOG_BYTES_MAX)
        return ST_TOO_LARGE;
    if (rebuilt.len > 0)
        memcpy(bytes, rebuilt.base, rebuilt.len);
    if (since > 0)
        memcpy(bytes + rebuilt.len, live.base + x->read_bytes, since);
    enum status st = last_record(live, &last);
    if (st != ST_OK)
        return st;
    struct state_entity e = {.key = x->key, .ttl_ms = ttl_of(f, x)};
    return ask_of(f, f->o->state,
                  (struct state_op){.verb = STATE_FOLD,
                                    .entities = &e,
                                    .n_entities = 1,
                                    .fold = {.old_generation = fold_generation(live),
                                             .old_bytes = live.len,
                                             .last_record_bytes = last.len,
                                             .last_record = last,
                                             .bytes = span_of(bytes, rebuilt.len + since)}});
}

static bool still_stands(const struct fill *f, const struct exchange *x, struct span live)
{
    return live.len >= x->read_bytes &&
           hash_of(f, span_of(live.base, x->read_bytes)) == x->read_hash;
}

/* ST_CONFLICT: what was read stands there no more; or it folded in the table, whose tiles would not
 * know what came since for what they have. */
static enum status exchange(struct fill *f, const struct exchange *x)
{
    struct span live, rebuilt;
    arena_reset(f->arena);
    enum status st = read_log(f, f->o->state, x->key, &live);
    if (st == ST_OK && live.len == 0)
        return x->read_bytes == 0 ? ST_OK : ST_CONFLICT;
    if (st == ST_OK && !still_stands(f, x, live))
        return ST_CONFLICT;
    if (st == ST_OK)
        st = read_log(f, f->engine.state, x->key, &rebuilt);
    if (st == ST_OK && live.len > x->read_bytes && fold_generation(rebuilt) != x->generation)
        return ST_CONFLICT;
    if (st == ST_OK && (rebuilt.len > 0 || x->is_made)) /* made and gone: erased since */
        st = put_log(f, x, live, rebuilt);
    return st;
}

/* A log that touch made, and that was not exchanged, may be of an entity that was erased
 * meanwhile: what touch put there goes again. */
static void take_back(struct fill *f, struct exchange *x)
{
    struct span live;
    if (!x->is_made)
        return;
    arena_reset(f->arena);
    if (read_log(f, f->o->state, x->key, &live) == ST_OK && still_stands(f, x, live))
        (void)put_log(f, x, live, span_of(NULL, 0));
    x->is_made = false;
}

static enum status touch_batch(struct fill *f, struct exchange *batch, size_t n)
{
    enum status st = ST_OK;
    for (size_t i = 0; i < n && st == ST_OK; i++)
        st = touch(f, &batch[i]);
    if (st == ST_OK)
        st = bring_up(f);
    return st == ST_OK && is_stopped(f) ? ST_CONFLICT : st;
}

/* Of the batch those that did not hold still are moved to `kept`. */
static enum status exchange_batch(struct fill *f, struct exchange *batch, size_t n, size_t *kept)
{
    int64_t begun_us = clock_mono_us();
    enum status st = touch_batch(f, batch, n);
    for (size_t i = 0; i < n; i++) {
        enum status one = st == ST_OK ? exchange(f, &batch[i]) : st;
        f->done.logs += one == ST_OK;
        if (one == ST_OK)
            continue;
        take_back(f, &batch[i]);
        if (st == ST_OK && one == ST_CONFLICT)
            f->pending[(*kept)++] = batch[i];
        else
            st = one;
    }
    rest(f, begun_us);
    return st;
}

static enum status exchange_round(struct fill *f)
{
    enum status st = ST_OK;
    size_t kept = 0;
    for (size_t at = 0; at < f->n_pending && st == ST_OK; at += FILL_BATCH) {
        size_t left = f->n_pending - at;
        st = exchange_batch(f, &f->pending[at], left < FILL_BATCH ? left : FILL_BATCH, &kept);
    }
    f->n_pending = kept;
    return st;
}

static enum status exchange_all(struct fill *f)
{
    enum status st = list_logs(f);
    f->hurries = true;
    for (int round = 0; round < FILL_ROUNDS_MAX && st == ST_OK && f->n_pending > 0; round++)
        st = exchange_round(f);
    return st == ST_OK && f->n_pending > 0 ? ST_CONFLICT : st;
}

/* ---- claims: a label that comes later finds there where its records go ---- */

static bool has_keys(const struct claim *c, const struct claim *of)
{
    bool same = c->n_keys == of->n_keys;
    for (int i = 0; i < of->n_keys && same; i++)
        same = span_eq(c->keys[i].field, of->keys[i].field) &&
               span_eq(c->keys[i].value, of->keys[i].value) &&
               c->keys[i].bits == of->keys[i].bits && c->keys[i].layout == of->keys[i].layout;
    return same;
}

/* One that is decided gets the keys and stays; one that was forgotten, since nobody would have
 * asked for it, comes back. Who is deciding now knows the keys. */
static enum status exchange_claim(struct fill *f, uint64_t txn_hash, struct span rebuilt,
                                  int64_t expires_ms)
{
    static const size_t room = CLAIM_FIXED_BYTES_MAX + STATE_FOUND_MAX;
    struct claim known, claim;
    struct text out;
    arena_reset(f->arena);
    struct span stands = peek(f, f->o->state, txn_hash);
    if (f->status != ST_OK)
        return f->status;
    if (stands.len == 0 && claim_is_decided(rebuilt) && expires_ms > f->o->now_ms)
        return put_claim(f, f->o->state, txn_hash, rebuilt, expires_ms - f->o->now_ms);
    if (!claim_is_decided(stands) || claim_decode(stands, &claim) != ST_OK ||
        claim_decode(rebuilt, &known) != ST_OK || !claim_same_body(stands, rebuilt) ||
        has_keys(&claim, &known))
        return ST_OK;
    take_keys(&claim, &known);
    text_init(&out, arena_must(f->arena, room), room);
    claim_encode(&claim, &out);
    text_put(&out, claim.rest);
    int64_t ttl_ms = expires_ms > f->o->now_ms ? expires_ms - f->o->now_ms : 0;
    return out.overflow ? ST_TOO_LARGE
                        : put_claim(f, f->o->state, txn_hash, text_span(&out), ttl_ms);
}

static void each_claim(void *user, uint64_t txn_hash, struct span rebuilt, int64_t expires_ms)
{
    struct fill *f = user;
    if (f->claims_status == ST_OK && is_stopped(f))
        f->claims_status = ST_CONFLICT;
    if (f->claims_status != ST_OK)
        return;
    f->claims_status = exchange_claim(f, txn_hash, rebuilt, expires_ms);
    if (++f->n_claims % SLICE_CLAIMS != 0)
        return;
    rest(f, f->claims_begun_us);
    f->claims_begun_us = clock_mono_us();
    if (f->claims_status == ST_OK && f->o->peers != NULL)
        f->claims_status = fill_peers_go_on(f->o->peers);
}

static enum status exchange_claims(struct fill *f)
{
    if (f->o->snap->features.remember_ms == 0)
        return ST_OK;
    f->claims_begun_us = clock_mono_us();
    state_table_each_claim(f->table, each_claim, f);
    return f->claims_status;
}

/* ---- the coverage ---- */

static void take_coverage(struct state_op *op, enum status st)
{
    struct fill *f = op->user;
    f->status = st;
    if (st == ST_OK)
        f->log = op->n_found > 0 ? arena_copy(f->arena, op->found[0]) : span_of(NULL, 0);
    f->is_back = true;
}

static enum status ask_coverage(struct fill *f, struct span expected, struct span text,
                                bool *ret_put)
{
    struct span found[1];
    struct state_op op = {.verb = STATE_COVERAGE,
                          .now_ms = f->o->now_ms,
                          .claim = text,
                          .expected = expected,
                          .found = found,
                          .done = take_coverage};
    enum status st = run_op(f, f->o->state, &op);
    *ret_put = op.is_settled;
    return st;
}

static struct text coverage_text(struct fill *f)
{
    struct text out;
    text_init(&out, arena_must(f->arena, COVERAGE_TEXT_MAX), COVERAGE_TEXT_MAX);
    return out;
}

/*
 * Puts `text` where `stands` stood, while our snapshot decides. The next one puts its own there
 * with its first event: where that came before ours, ours goes again, or it would name what nobody
 * writes.
 */
static enum status put_coverage(struct fill *f, struct span stands, struct span text, bool *ret_put)
{
    bool is_undone;
    if (is_stopped(f))
        return ST_CONFLICT;
    enum status st = ask_coverage(f, stands, text, ret_put);
    if (st != ST_OK || !*ret_put || is_current(f))
        return st;
    if (stands.len > 0)
        st = ask_coverage(f, text, stands, &is_undone);
    return st == ST_OK ? ST_CONFLICT : st;
}

/* Before anything is filled: what is lacking stands in the state, under this snapshot. */
static enum status begin_coverage(struct fill *f)
{
    bool is_put = false;
    enum status st = ST_OK;
    for (int round = 0; round < FILL_ROUNDS_MAX && st == ST_OK && !is_put; round++) {
        arena_reset(f->arena);
        st = ask_coverage(f, span_of(NULL, 0), span_of(NULL, 0), &is_put);
        struct span stands = f->log;
        struct text out = coverage_text(f);
        if (st == ST_OK && covered_take(f->o->snap, stands, f->o->now_ms, &out))
            st = put_coverage(f, stands, text_span(&out), &is_put);
        else
            is_put = true;
    }
    if (st == ST_OK && is_put)
        covered_told(f->o->snap);
    return st == ST_OK && !is_put ? ST_CONFLICT : st;
}

/* Another snapshot that came meanwhile has put its own there, and that stays. */
static enum status tell_coverage(struct fill *f)
{
    bool is_put = false;
    arena_reset(f->arena);
    enum status st = ask_coverage(f, span_of(NULL, 0), span_of(NULL, 0), &is_put);
    struct span stands = f->log;
    struct text filled = coverage_text(f), again = coverage_text(f);
    if (st == ST_OK)
        st = covered_fill(f->o->snap, f->keys, f->from_ms, stands, &filled);
    if (st == ST_OK)
        st = put_coverage(f, stands, text_span(&filled), &is_put);
    if (st == ST_OK && !is_put)
        st = ST_CONFLICT;
    if (st == ST_OK)
        (void)covered_take(f->o->snap, text_span(&filled), f->o->now_ms, &again);
    return st;
}

/* ---- the whole ---- */

static void open_fill(struct fill *f)
{
    f->table = state_table_new(&f->o->state->hash_key, NULL);
    f->engine = (struct engine){.state = state_mem_open(f->table, true),
                                .state_keeps_journal = true,
                                .snapshots = snapshot_slot_new(snapshot_ref(f->o->snap)),
                                .options = f->o->engine};
    f->engine.options.synced_answers = false;
    engine_open(&f->engine);
    publish_nothing(&f->engine);
    redo_init(&f->redo, &f->engine, redone, f);
    f->reader = journal_reader_open(f->o->journal);
    f->names = arena_new(KEYS_BYTES_MAX);
    f->arena = arena_new(BATCH_BYTES);
}

static void close_fill(struct fill *f)
{
    arena_free(f->arena);
    arena_free(f->names);
    free(f->pending);
    journal_reader_close(f->reader);
    redo_fini(&f->redo);
    state_close(f->engine.state);
    engine_close(&f->engine);
    snapshot_slot_free(f->engine.snapshots);
    state_table_free(f->table);
}

static enum status fill_keys(struct fill *f)
{
    enum status st = bring_up(f);
    if (st == ST_OK)
        st = exchange_claims(f);
    if (st == ST_OK)
        st = exchange_all(f);
    if (st == ST_OK && f->o->peers != NULL)
        st = fill_peers_are_all(f->o->peers);
    return st == ST_OK ? tell_coverage(f) : st;
}

/* With the coverage the state may say that another instance has filled in what we lacked. */
enum status fill_run(const struct fill_options *o, const atomic_bool *stop,
                     struct filled *ret_filled)
{
    struct fill f = {.o = o, .stop = stop};
    enum status st = find_begin(&f);
    if (st != ST_OK)
        return st;
    open_fill(&f);
    st = begin_coverage(&f);
    if (st == ST_OK) {
        choose_keys(&f);
        st = f.done.keys > 0 ? fill_keys(&f) : ST_OK;
    }
    close_fill(&f);
    if (st == ST_OK)
        *ret_filled = f.done;
    return st;
}
