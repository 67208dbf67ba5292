/*
 * Each verb: find its keys and lock their shards, make sure that the change cannot fail, write the
 * journal's frame, change, answer, unlock. `done` is called without locks.
 */
#include "service/state/state_mem.h"

#include "service/base/check.h"
#include "service/state/claim.h"
#include "service/state/fold.h"
#include "service/state/shard_tally.h"
#include "service/state/state_table.h"

#include <stdlib.h>

_Static_assert((int)TABLE_VALUE_MAX == (int)FOLD_LOG_BYTES_MAX, "what is kept can be read");
_Static_assert((int)TABLE_LAYOUTS_MAX == (int)STATE_PEEK_MAX, "all fit into op->found");

struct state_mem {
    struct state state;
    struct state_table *table;
    bool exclusive;
    int depth;             /* of submits inside `done` */
    struct arena *answers; /* a stack: what an operation answers goes when it is done */
};

/* ---- the keys of one operation ---- */

enum {
    KEYS_MAX = STATE_ENTITIES_MAX + 1,
    ANSWER_ROOM = 128, /* a claim is made with room for most answers: they settle in place */
};

/* The entities first, in the op's order, then the claim when the verb has one. */
struct keys {
    struct state_op *op;
    int n, n_entities;
    uint64_t hashes[KEYS_MAX];
    struct shard *shards[KEYS_MAX];
    struct slot *slots[KEYS_MAX]; /* NULL: nothing stands there */
    struct shard *locked[KEYS_MAX];
    int n_locked;
    char *answer; /* where the next answer is copied to */
};

static void add_key(struct state_table *t, struct keys *k, uint64_t hash)
{
    k->hashes[k->n] = hash;
    k->shards[k->n] = table_shard(t, hash);
    k->n++;
}

static enum status add_entities(struct state_table *t, struct keys *k)
{
    const struct state_op *op = k->op;
    CHECK(op->n_entities >= 0 && op->n_entities <= STATE_ENTITIES_MAX);
    for (int i = 0; i < op->n_entities; i++) {
        struct span key = op->entities[i].key;
        if (key.len == 0 || key.len > STATE_KEY_BYTES_MAX)
            return ST_TOO_LARGE;
        add_key(t, k, table_hash(t, key));
    }
    k->n_entities = op->n_entities;
    return ST_OK;
}

static enum status add_claim(struct state_table *t, struct keys *k)
{
    if (k->op->claim.len > STATE_FOUND_MAX)
        return ST_TOO_LARGE;
    add_key(t, k, k->op->txn_hash);
    return ST_OK;
}

/* Inserts the shard into k->locked: in order of address, each once. */
static void sort_in(struct keys *k, struct shard *s)
{
    int i = k->n_locked;
    while (i > 0 && k->locked[i - 1] > s)
        i--;
    if (i > 0 && k->locked[i - 1] == s)
        return;
    memmove(&k->locked[i + 1], &k->locked[i], (size_t)(k->n_locked - i) * sizeof k->locked[0]);
    k->locked[i] = s;
    k->n_locked++;
}

static void lock_keys(const struct state_mem *m, struct keys *k)
{
    if (m->exclusive)
        return;
    for (int i = 0; i < k->n; i++)
        sort_in(k, k->shards[i]);
    for (int i = 0; i < k->n_locked; i++)
        pthread_mutex_lock(&k->locked[i]->lock);
}

static void unlock_keys(struct keys *k)
{
    for (int i = 0; i < k->n_locked; i++)
        pthread_mutex_unlock(&k->locked[i]->lock);
}

/*
 * Most of an operation's time is waiting for memory. So the misses of all slots are started before
 * the first slot is read, and those of all values before the first value is.
 */
static void prefetch_slots(const struct keys *k)
{
    for (int i = 0; i < k->n; i++)
        __builtin_prefetch(shard_home(k->shards[i], k->hashes[i]), 1);
}

static void prefetch_values(const struct keys *k)
{
    for (int i = 0; i < k->n_entities; i++) {
        const struct slot *slot = shard_guess(k->shards[i], k->hashes[i]);
        if (slot->block == NULL)
            continue;
        __builtin_prefetch(slot->block);
        __builtin_prefetch(slot->block + slot->key_len + slot->len, 1);
    }
}

static struct span key_of(const struct keys *k, int i)
{
    return i < k->n_entities ? k->op->entities[i].key : (struct span){0};
}

static int claim_of(const struct keys *k)
{
    return k->n - 1;
}

static void find_slots(struct keys *k)
{
    for (int i = 0; i < k->n; i++)
        k->slots[i] = shard_find(k->shards[i], k->hashes[i], key_of(k, i));
}

static bool is_live(const struct keys *k, int i)
{
    return slot_is_live(k->slots[i], k->op->now_ms);
}

static struct span live_value(const struct keys *k, int i)
{
    return is_live(k, i) ? slot_value(k->slots[i]) : (struct span){0};
}

/* While it is rebuilt: did this shard's checkpoint come without the frame? */
static bool applies(const struct keys *k, int i)
{
    return k->op->recover_seq == 0 || k->shards[i]->position_seq < k->op->recover_seq;
}

static void note_time(struct keys *k)
{
    for (int i = 0; i < k->n; i++)
        if (k->shards[i]->now_ms < k->op->now_ms)
            k->shards[i]->now_ms = k->op->now_ms;
}

static int64_t expiry(const struct state_op *op, int64_t ttl_ms)
{
    return ttl_ms > 0 ? op->now_ms + ttl_ms : INT64_MAX;
}

/* ---- answers, and the journal ---- */

static enum status reserve_answer(struct state_mem *m, struct keys *k, size_t bytes)
{
    k->answer = arena_try(m->answers, bytes);
    return k->answer != NULL ? ST_OK : ST_TOO_LARGE;
}

/* Room for it was reserved. */
static struct span copy_answer(struct keys *k, struct span bytes)
{
    struct span copy = span_of(k->answer, bytes.len);
    if (bytes.len > 0)
        memcpy(k->answer, bytes.base, bytes.len);
    k->answer += bytes.len;
    return copy;
}

static void answer_found(struct keys *k, struct span bytes)
{
    struct state_op *op = k->op;
    if (op->found == NULL)
        return;
    op->found[0] = copy_answer(k, bytes);
    op->n_found = bytes.len > 0;
}

static void answer_logs(const struct state_mem *m, struct keys *k)
{
    for (int i = 0; i < k->n_entities; i++) {
        struct span log = live_value(k, i);
        k->op->entities[i].log = m->exclusive ? log : copy_answer(k, log);
    }
}

static size_t logs_bytes(const struct state_mem *m, const struct keys *k)
{
    size_t bytes = 0;
    for (int i = 0; i < k->n_entities && !m->exclusive; i++)
        bytes += live_value(k, i).len + k->op->entities[i].record.len;
    return bytes;
}

/* Before the change, which then cannot fail. */
static enum status write_frame(struct state_mem *m, struct state_op *op)
{
    struct state_table *t = m->table;
    if (op->journal_frame.len == 0 || op->recover_seq != 0 || t->journal == NULL)
        return ST_OK;
    if (journal_append(t->journal, op->journal_kind, op->journal_frame, &op->journal_seq) != ST_OK)
        return ST_UNAVAILABLE;
    if (!t->is_live)
        t->is_live = true;
    return ST_OK;
}

/* ---- room for what is put ---- */

/* Slots that are made stay where they are until the operation ends. */
static enum status make_room(struct keys *k)
{
    int n = k->n + (k->op->verdict != NULL ? SHARD_TALLY_SLOTS : 0);
    for (int i = 0; i < k->n; i++) {
        enum status st = shard_make_room(k->shards[i], (uint32_t)n);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

/* Room for `more_bytes` behind what is live when it is growing, else instead of it. */
static enum status put_value(struct keys *k, int i, size_t more_bytes, bool growing)
{
    struct shard *s = k->shards[i];
    if (more_bytes > TABLE_VALUE_MAX)
        return ST_TOO_LARGE;
    k->slots[i] = shard_put(s, k->hashes[i], key_of(k, i), more_bytes);
    if (k->slots[i] == NULL)
        return ST_NO_SPACE;
    size_t live_bytes = growing ? live_value(k, i).len : 0;
    return slot_reserve(s, k->slots[i], live_bytes + more_bytes, growing);
}

static enum status put_logs(struct keys *k)
{
    enum status st = ST_OK;
    for (int i = 0; i < k->n_entities && st == ST_OK; i++) {
        size_t record_bytes = k->op->entities[i].record.len;
        if (record_bytes > 0)
            st = put_value(k, i, record_bytes, true);
        else
            k->slots[i] = shard_find(k->shards[i], k->hashes[i], key_of(k, i));
    }
    return st;
}

static enum status put_claim(struct keys *k)
{
    enum status st = make_room(k);
    return st == ST_OK ? put_value(k, claim_of(k), k->op->claim.len, false) : st;
}

/* ---- claims ---- */

static enum state_claim outcome_of(struct span claim)
{
    if (claim.len == 0)
        return STATE_CLAIM_NONE;
    if (claim_is_decided(claim))
        return STATE_CLAIM_DECIDED;
    return claim_is_parked(claim) ? STATE_CLAIM_PARKED : STATE_CLAIM_UNDECIDED;
}

/* A transaction's claim lives no shorter for being replaced: a frame that is recovered may come
 * with no time. Parked labels stand until they are removed, which is no claim's life. */
static void set_claim(struct keys *k)
{
    int i = claim_of(k);
    struct slot *slot = k->slots[i];
    int64_t expires_ms = expiry(k->op, k->op->ttl_ms);
    if (!applies(k, i))
        return;
    bool was_parked = claim_is_parked(slot_value(slot));
    if (was_parked)
        shard_unpark(k->shards[i], k->hashes[i]);
    if (was_parked || !is_live(k, i) || slot->expires_ms < expires_ms)
        slot->expires_ms = expires_ms;
    slot_set(slot, k->op->claim);
}

/* Answers what stands; answers whether the verb puts its claim in its place. */
static bool answer_standing(struct keys *k)
{
    struct state_op *op = k->op;
    struct span standing = live_value(k, claim_of(k));
    op->outcome = outcome_of(standing);
    answer_found(k, standing);
    switch (op->verb) {
    case STATE_SETTLE:
        return true;
    case STATE_SETTLE_UNDECIDED:
        return op->outcome == STATE_CLAIM_NONE ||
               (op->outcome == STATE_CLAIM_UNDECIDED && claim_same_body(standing, op->claim));
    case STATE_TAKE_PARKED:
        return op->outcome == STATE_CLAIM_NONE || op->outcome == STATE_CLAIM_PARKED;
    default:
        return op->outcome == STATE_CLAIM_NONE;
    }
}

/* STATE_SETTLE, STATE_SETTLE_UNDECIDED, STATE_TAKE_PARKED */
static enum status exchange_claim(struct state_mem *m, struct keys *k)
{
    enum status st = put_claim(k);
    if (st == ST_OK)
        st = reserve_answer(m, k, live_value(k, claim_of(k)).len);
    if (st != ST_OK || !answer_standing(k))
        return st;
    st = write_frame(m, k->op);
    k->op->is_settled = st == ST_OK;
    if (st == ST_OK)
        set_claim(k);
    return st;
}

/* ---- logs ---- */

static void append_records(struct keys *k)
{
    for (int i = 0; i < k->n_entities; i++) {
        const struct state_entity *e = &k->op->entities[i];
        struct slot *slot = k->slots[i];
        if (e->record.len == 0 || !applies(k, i))
            continue;
        if (!is_live(k, i)) {
            slot->len = 0;
            slot->expires_ms = INT64_MIN;
        }
        slot_append(slot, e->record);
        int64_t expires_ms = expiry(k->op, e->ttl_ms);
        if (slot->expires_ms < expires_ms)
            slot->expires_ms = expires_ms;
    }
}

/* Before anything is put: what is freed is used at once. */
static void sweep(struct keys *k)
{
    if (k->n > 0)
        shard_sweep(k->shards[claim_of(k)], k->hashes[claim_of(k)], k->op->now_ms);
}

static enum status observe(struct state_mem *m, struct keys *k)
{
    struct state_op *op = k->op;
    bool has_claim = op->claim.len > 0;
    CHECK(!has_claim || op->verdict == NULL);
    prefetch_slots(k);
    prefetch_values(k);
    sweep(k);
    enum status st = make_room(k);
    if (st == ST_OK)
        st = put_logs(k);
    if (st == ST_OK && has_claim)
        st = put_value(k, claim_of(k), op->claim.len + ANSWER_ROOM, false);
    if (st == ST_OK && op->verdict != NULL)
        st = shard_tally_reserve(k->shards[claim_of(k)], op->txn_hash, op->verdict);
    if (st == ST_OK)
        st = reserve_answer(m, k,
                            logs_bytes(m, k) + (has_claim ? live_value(k, claim_of(k)).len : 0));
    if (st == ST_OK)
        st = write_frame(m, op);
    if (st != ST_OK)
        return st;
    if (has_claim && answer_standing(k))
        set_claim(k);
    if (op->verdict != NULL && applies(k, claim_of(k)))
        op->verdict_is_news =
            shard_tally_judge(k->shards[claim_of(k)], op->txn_hash, op->verdict, op->now_ms);
    append_records(k);
    answer_logs(m, k);
    return ST_OK;
}

static enum status read_logs(struct state_mem *m, struct keys *k)
{
    find_slots(k);
    enum status st = reserve_answer(m, k, logs_bytes(m, k));
    if (st == ST_OK)
        answer_logs(m, k);
    return st;
}

static bool fold_holds(const struct state_fold *f, struct span log)
{
    if (log.len < f->old_bytes || f->last_record_bytes > f->old_bytes ||
        f->last_record.len != f->last_record_bytes || fold_generation(log) != f->old_generation)
        return false;
    struct span last = span_of(log.base + f->old_bytes - f->last_record_bytes, f->last_record.len);
    return span_eq(last, f->last_record);
}

static enum status replace_front(struct state_mem *m, struct keys *k)
{
    (void)m;
    CHECK(k->n_entities == 1);
    const struct state_fold *f = &k->op->fold;
    find_slots(k);
    struct span log = live_value(k, 0);
    if (log.len == 0 || !fold_holds(f, log))
        return ST_CONFLICT;
    struct slot *slot = k->slots[0];
    size_t tail_bytes = log.len - f->old_bytes;
    enum status st = slot_reserve(k->shards[0], slot, f->bytes.len + tail_bytes, false);
    if (st != ST_OK)
        return st;
    char *value = slot->block + slot->key_len; /* it may have moved */
    memmove(value + f->bytes.len, value + f->old_bytes, tail_bytes);
    if (f->bytes.len > 0)
        memcpy(value, f->bytes.base, f->bytes.len);
    slot->len = (uint32_t)(f->bytes.len + tail_bytes);
    if (k->op->entities[0].ttl_ms > 0 &&
        slot->expires_ms < expiry(k->op, k->op->entities[0].ttl_ms))
        slot->expires_ms = expiry(k->op, k->op->entities[0].ttl_ms);
    return ST_OK;
}

/* Every record that is equal, byte for byte: what is left moves up. */
static void take_out(struct slot *slot, struct span record)
{
    struct record r;
    struct span log = slot_value(slot);
    char *value = slot->block + slot->key_len;
    size_t at = fold_header_bytes(log), kept = at;
    while (at < log.len && record_decode(span_of(value + at, log.len - at), &r) == ST_OK) {
        if (!span_eq(span_of(value + at, r.bytes), record)) {
            memmove(value + kept, value + at, r.bytes);
            kept += r.bytes;
        }
        at += r.bytes;
    }
    memmove(value + kept, value + at, log.len - at);
    slot->len = (uint32_t)(kept + log.len - at);
}

static enum status void_records(struct state_mem *m, struct keys *k)
{
    enum status st = write_frame(m, k->op);
    if (st != ST_OK)
        return st;
    find_slots(k);
    for (int i = 0; i < k->n_entities; i++)
        if (is_live(k, i) && applies(k, i) && k->op->entities[i].record.len > 0)
            take_out(k->slots[i], k->op->entities[i].record);
    return ST_OK;
}

static enum status erase_logs(struct state_mem *m, struct keys *k)
{
    enum status st = write_frame(m, k->op);
    for (int i = 0; i < k->n_entities && st == ST_OK; i++) {
        /* Found one by one: each that is removed may move others. */
        struct slot *slot = shard_find(k->shards[i], k->hashes[i], key_of(k, i));
        if (slot != NULL && applies(k, i))
            shard_remove(k->shards[i], slot);
    }
    return st;
}

/* ---- parked labels ---- */

static int count_labels(struct span parked)
{
    struct claim c;
    struct span label;
    int n = 0;
    if (parked.len == 0 || claim_decode(parked, &c) != ST_OK)
        return 0;
    while (claim_next_label(&c.rest, &label))
        n++;
    return n;
}

static size_t parked_bytes(struct span parked, struct span label)
{
    size_t before = parked.len > 0 ? parked.len : CLAIM_PARKED_BYTES;
    return before + sizeof(uint32_t) + label.len;
}

/* Room for it was reserved. */
static void add_label(struct slot *slot, bool is_first, struct span label)
{
    struct text out;
    slot->len = is_first ? 0 : slot->len;
    text_init(&out, slot->block + slot->len, slot_room(slot) - slot->len);
    if (is_first)
        claim_encode(&(struct claim){.state = 'p'}, &out);
    claim_put_label(&out, label);
    CHECK(!out.overflow);
    slot->len += (uint32_t)out.len;
    slot->expires_ms = INT64_MAX;
}

static enum status add_parked(struct state_mem *m, struct keys *k, struct span standing)
{
    struct state_op *op = k->op;
    int i = claim_of(k);
    bool is_first = standing.len == 0;
    size_t bytes = parked_bytes(standing, op->claim);
    if (count_labels(standing) >= STATE_PARKED_MAX || bytes > STATE_FOUND_MAX)
        return ST_TOO_LARGE;
    enum status st = slot_reserve(k->shards[i], k->slots[i], bytes, true);
    if (st == ST_OK)
        st = shard_park(k->shards[i], op->txn_hash, expiry(op, op->ttl_ms));
    if (st != ST_OK)
        return st;
    st = write_frame(m, op);
    if (st == ST_OK && applies(k, i))
        add_label(k->slots[i], is_first, op->claim);
    else if (is_first)
        shard_unpark(k->shards[i], op->txn_hash);
    return st;
}

static enum status park_label(struct state_mem *m, struct keys *k)
{
    enum status st = put_claim(k);
    if (st != ST_OK)
        return st;
    struct span standing = live_value(k, claim_of(k));
    st = reserve_answer(m, k, standing.len);
    if (st != ST_OK)
        return st;
    k->op->outcome = outcome_of(standing);
    if (standing.len == 0 || claim_is_parked(standing))
        return add_parked(m, k, standing);
    answer_found(k, standing);
    return ST_OK;
}

/* Takes one shard's labels whose wait has ended. False: there is no room for more. */
static bool expire_shard(struct state_mem *m, struct state_op *op, struct shard *s)
{
    uint64_t txn_hash;
    while (shard_parked(s, op->now_ms, &txn_hash)) {
        struct slot *slot = shard_find(s, txn_hash, (struct span){0});
        if (slot != NULL && claim_is_parked(slot_value(slot))) {
            struct span labels = slot_value(slot);
            char *copy = op->n_found < STATE_PEEK_MAX ? arena_try(m->answers, labels.len) : NULL;
            if (copy == NULL)
                return false;
            memcpy(copy, labels.base, labels.len);
            op->found[op->n_found++] = span_of(copy, labels.len);
            shard_remove(s, slot);
        }
        shard_unpark(s, txn_hash);
    }
    return true;
}

static void lock_one(const struct state_mem *m, struct shard *s)
{
    if (!m->exclusive)
        pthread_mutex_lock(&s->lock);
}

static void unlock_one(const struct state_mem *m, struct shard *s)
{
    if (!m->exclusive)
        pthread_mutex_unlock(&s->lock);
}

static enum status expire_parked(struct state_mem *m, struct state_op *op)
{
    bool has_room = true;
    op->n_found = 0;
    for (int i = 0; i < TABLE_SHARDS && has_room; i++) {
        struct shard *s = &m->table->shards[i];
        lock_one(m, s);
        has_room = expire_shard(m, op, s);
        unlock_one(m, s);
    }
    return ST_OK;
}

/* ---- verbs without keys to lock together ---- */

static bool peek_one(struct state_mem *m, struct state_op *op, int i)
{
    struct shard *s = table_shard(m->table, op->hashes[i]);
    lock_one(m, s);
    struct slot *slot = shard_find(s, op->hashes[i], (struct span){0});
    struct span claim = slot_is_live(slot, op->now_ms) ? slot_value(slot) : (struct span){0};
    char *copy = arena_try(m->answers, claim.len);
    if (copy != NULL && claim.len > 0)
        memcpy(copy, claim.base, claim.len);
    op->found[i] = span_of(copy, claim.len);
    unlock_one(m, s);
    return copy != NULL;
}

static enum status peek_claims(struct state_mem *m, struct state_op *op)
{
    CHECK(op->n_hashes >= 0 && op->n_hashes <= STATE_PEEK_MAX);
    for (int i = 0; i < op->n_hashes; i++)
        if (!peek_one(m, op, i))
            return ST_TOO_LARGE;
    op->n_found = op->n_hashes;
    return ST_OK;
}

static enum status answer_layouts(struct state_mem *m, struct state_op *op)
{
    struct state_table *t = m->table;
    pthread_mutex_lock(&t->layouts_lock);
    for (int i = 0; i < t->n_layouts; i++)
        op->found[i] = t->layouts[i].text;
    op->n_found = t->n_layouts;
    pthread_mutex_unlock(&t->layouts_lock);
    return ST_OK;
}

static enum status put_layout(struct state_mem *m, struct state_op *op)
{
    return table_put_layout(m->table, op->layout_id, op->claim);
}

static enum status read_tally(struct state_mem *m, struct state_op *op)
{
    for (uint64_t i = 0; i < TABLE_SHARDS; i++) {
        struct shard *s = &m->table->shards[i];
        lock_one(m, s);
        shard_tally_read(s, i, op->tally);
        unlock_one(m, s);
    }
    return ST_OK;
}

static enum status exchange_coverage(struct state_mem *m, struct state_op *op)
{
    struct state_table *t = m->table;
    char *copy = arena_try(m->answers, t->coverage.len);
    if (copy == NULL)
        return ST_TOO_LARGE;
    if (t->coverage.len > 0)
        memcpy(copy, t->coverage.base, t->coverage.len);
    op->found[0] = span_of(copy, t->coverage.len);
    op->n_found = t->coverage.len > 0;
    if (op->claim.len == 0 || !span_eq(t->coverage, op->expected))
        return ST_OK;
    enum status st = table_set_coverage(t, op->claim);
    op->is_settled = st == ST_OK;
    return st;
}

static enum status coverage(struct state_mem *m, struct state_op *op)
{
    pthread_mutex_lock(&m->table->layouts_lock);
    enum status st = exchange_coverage(m, op);
    pthread_mutex_unlock(&m->table->layouts_lock);
    return st;
}

static enum status nothing_to_do(struct state_mem *m, struct state_op *op)
{
    (void)m, (void)op;
    return ST_OK;
}

static enum status no_alerts(struct state_mem *m, struct state_op *op)
{
    (void)m;
    op->cursor = (struct state_alert){0};
    return ST_OK;
}

/* ---- one operation ---- */

/* What a verb's keys are, and what is done with them locked; or `alone`, which locks for itself. */
struct verb {
    bool has_entities, has_claim;
    enum status (*run)(struct state_mem *m, struct keys *k);
    enum status (*alone)(struct state_mem *m, struct state_op *op);
};

static const struct verb verbs[] = {
    [STATE_OBSERVE] = {.has_entities = true, .has_claim = true, .run = observe},
    [STATE_SETTLE] = {.has_claim = true, .run = exchange_claim},
    [STATE_SETTLE_UNDECIDED] = {.has_claim = true, .run = exchange_claim},
    [STATE_PEEK] = {.alone = peek_claims},
    [STATE_READ] = {.has_entities = true, .run = read_logs},
    [STATE_FOLD] = {.has_entities = true, .run = replace_front},
    [STATE_VOID] = {.has_entities = true, .run = void_records},
    [STATE_ERASE] = {.has_entities = true, .run = erase_logs},
    [STATE_PARK] = {.has_claim = true, .run = park_label},
    [STATE_TAKE_PARKED] = {.has_claim = true, .run = exchange_claim},
    [STATE_EXPIRE_PARKED] = {.alone = expire_parked},
    [STATE_LAYOUT_PUT] = {.alone = put_layout},
    [STATE_LAYOUTS] = {.alone = answer_layouts},
    [STATE_COVERAGE] = {.alone = coverage},
    [STATE_BEACON] = {.alone = nothing_to_do},
    [STATE_TAKE_ALERTS] = {.alone = no_alerts},
    [STATE_DROP_ALERTS] = {.alone = nothing_to_do},
    [STATE_TALLY] = {.alone = read_tally},
};

static enum status run_locked(struct state_mem *m, struct state_op *op, const struct verb *v)
{
    struct keys k;
    k.op = op;
    k.n = k.n_entities = k.n_locked = 0;
    enum status st = v->has_entities ? add_entities(m->table, &k) : ST_OK;
    /* An observation without a claim is one of a correction, or of the journal. */
    bool has_claim = v->has_claim && (op->verb != STATE_OBSERVE || op->claim.len > 0 ||
                                      op->verdict != NULL); /* which stands beside it */
    if (st == ST_OK && has_claim)
        st = add_claim(m->table, &k);
    if (st != ST_OK)
        return st;
    lock_keys(m, &k);
    st = v->run(m, &k);
    note_time(&k);
    unlock_keys(&k);
    return st;
}

static enum status run(struct state_mem *m, struct state_op *op)
{
    CHECK((size_t)op->verb < sizeof verbs / sizeof verbs[0]);
    const struct verb *v = &verbs[op->verb];
    op->outcome = STATE_CLAIM_NONE;
    op->is_settled = op->verdict_is_news = false;
    op->n_found = 0;
    if (m->depth >= STATE_MEM_NESTED_MAX)
        return ST_UNAVAILABLE;
    if (m->table->recovered_seq < op->recover_seq)
        m->table->recovered_seq = op->recover_seq;
    enum status st = v->alone != NULL ? v->alone(m, op) : run_locked(m, op, v);
    return st == ST_NO_SPACE ? ST_UNAVAILABLE : st;
}

static void mem_submit(struct state *s, struct state_op *op)
{
    struct state_mem *m = (struct state_mem *)s;
    size_t mark = m->answers->used_bytes;
    enum status st = run(m, op);
    m->depth++;
    op->done(op, st);
    m->depth--;
    m->answers->used_bytes = mark;
}

static bool mem_available(const struct state *s)
{
    (void)s;
    return true;
}

static void mem_close(struct state *s)
{
    struct state_mem *m = (struct state_mem *)s;
    CHECK(m->depth == 0);
    arena_free(m->answers);
    free(m);
}

static const struct state_backend memory = {
    .name = "memory",
    .submit = mem_submit,
    .available = mem_available,
    .close = mem_close,
};

struct state *state_mem_open(struct state_table *t, bool exclusive)
{
    struct state_mem *m = malloc(sizeof *m);
    CHECK(m != NULL);
    *m = (struct state_mem){
        .state = {.backend = &memory, .hash_key = t->hash_key},
        .table = t,
        .exclusive = exclusive,
        .answers = arena_new(STATE_MEM_ANSWER_BYTES),
    };
    return &m->state;
}
