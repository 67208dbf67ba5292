#include "service/state/state_table.h"

#include "service/base/check.h"
#include "service/state/claim.h"

#include <stdlib.h>

enum {
    SLOTS_AT_FIRST = 16,
    GROWTH_SHORT_MAX = 4 << 10, /* values double up to here, then grow by a quarter */
};

uint64_t table_hash(const struct state_table *t, struct span key)
{
    return hash_quick_u64(&t->place_key, key);
}

/* ---- slots ---- */

static bool has_key(const struct slot *slot, uint64_t hash, struct span key)
{
    return slot->hash == hash && slot->key_len == key.len &&
           (key.len == 0 || memcmp(slot->block, key.base, key.len) == 0);
}

/* Where the key is, or the free slot where it would be. */
static struct slot *probe(const struct shard *s, uint64_t hash, struct span key)
{
    uint32_t mask = s->n_slots - 1, i = (uint32_t)hash & mask;
    while (s->slots[i].block != NULL && !has_key(&s->slots[i], hash, key))
        i = (i + 1) & mask;
    return &s->slots[i];
}

struct slot *shard_find(const struct shard *s, uint64_t hash, struct span key)
{
    struct slot *slot = probe(s, hash, key);
    return slot->block != NULL ? slot : NULL;
}

static void move_slots(const struct slot *from, uint32_t n_from, struct slot *to, uint32_t n_to)
{
    for (uint32_t i = 0; i < n_from; i++) {
        if (from[i].block == NULL)
            continue;
        uint32_t at = (uint32_t)from[i].hash & (n_to - 1);
        while (to[at].block != NULL)
            at = (at + 1) & (n_to - 1);
        to[at] = from[i];
    }
}

/* Two slots to a line of cache. */
static struct slot *new_slots(uint32_t n)
{
    struct slot *slots = aligned_alloc(64, n * sizeof *slots);
    if (slots != NULL)
        memset(slots, 0, n * sizeof *slots);
    return slots;
}

enum status shard_make_room(struct shard *s, uint32_t n)
{
    uint32_t n_slots = s->n_slots;
    while ((uint64_t)(s->n_used + n) * 4 > (uint64_t)n_slots * 3)
        n_slots *= 2;
    if (n_slots == s->n_slots)
        return ST_OK;
    struct slot *slots = new_slots(n_slots);
    if (slots == NULL)
        return ST_NO_SPACE;
    move_slots(s->slots, s->n_slots, slots, n_slots);
    free(s->slots);
    s->slots = slots;
    s->n_slots = n_slots;
    return ST_OK;
}

struct slot *shard_put(struct shard *s, uint64_t hash, struct span key, size_t value_bytes)
{
    struct slot *slot = probe(s, hash, key);
    if (slot->block != NULL)
        return slot;
    unsigned class = block_class(key.len + value_bytes);
    char *block = block_alloc(&s->pool, class);
    if (block == NULL)
        return NULL;
    if (key.len > 0)
        memcpy(block, key.base, key.len);
    *slot = (struct slot){
        .hash = hash,
        .expires_ms = INT64_MIN,
        .block = block,
        .key_len = (uint16_t)key.len,
        .class = (uint8_t) class,
    };
    s->n_used++;
    s->n_claims += key.len == 0;
    s->block_bytes += block_bytes(class);
    return slot;
}

/* Into a block of that class. */
static bool move_value(struct shard *s, struct slot *slot, unsigned class)
{
    char *block = block_alloc(&s->pool, class);
    if (block == NULL)
        return false;
    memcpy(block, slot->block, slot->key_len + (size_t)slot->len);
    block_free(&s->pool, slot->block, slot->class);
    s->block_bytes += block_bytes(class) - block_bytes(slot->class);
    slot->block = block;
    slot->class = (uint8_t) class;
    return true;
}

enum status slot_reserve(struct shard *s, struct slot *slot, size_t value_bytes, bool growing)
{
    size_t room = slot_room(slot);
    if (value_bytes > TABLE_VALUE_MAX)
        return ST_TOO_LARGE;
    if (value_bytes <= room)
        return ST_OK;
    size_t grown = room < GROWTH_SHORT_MAX ? 2 * room : room + room / 4;
    size_t want = growing && grown > value_bytes ? grown : value_bytes;
    return move_value(s, slot, block_class(slot->key_len + want)) ? ST_OK : ST_NO_SPACE;
}

void slot_shrink(struct shard *s, struct slot *slot)
{
    unsigned class = block_class(slot->key_len + (size_t)slot->len);
    if (block_bytes(class) < block_bytes(slot->class))
        (void)move_value(s, slot, class); /* for want of memory it stays */
}

void slot_set(struct slot *slot, struct span value)
{
    CHECK(value.len <= slot_room(slot));
    if (value.len > 0)
        memmove(slot->block + slot->key_len, value.base, value.len);
    slot->len = (uint32_t)value.len;
}

void slot_append(struct slot *slot, struct span bytes)
{
    CHECK(bytes.len <= slot_room(slot) - slot->len);
    memcpy(slot->block + slot->key_len + slot->len, bytes.base, bytes.len);
    slot->len += (uint32_t)bytes.len;
}

/* Closes the gap: what was pushed past the freed slot comes back (Knuth 6.4, algorithm R). */
static void close_gap(struct shard *s, uint32_t gap)
{
    uint32_t mask = s->n_slots - 1;
    for (uint32_t i = (gap + 1) & mask; s->slots[i].block != NULL; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)s->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - gap) & mask))
            continue;
        s->slots[gap] = s->slots[i];
        gap = i;
    }
    s->slots[gap].block = NULL;
}

void shard_remove(struct shard *s, struct slot *slot)
{
    s->n_used--;
    s->n_claims -= slot->key_len == 0;
    s->block_bytes -= block_bytes(slot->class);
    block_free(&s->pool, slot->block, slot->class);
    close_gap(s, (uint32_t)(slot - s->slots));
}

void shard_sweep(struct shard *s, uint64_t hash, int64_t now_ms)
{
    struct slot *from = shard_home(s, hash & ~(uint64_t)(SHARD_SWEEP_SLOTS - 1));
    for (int i = 0; i < SHARD_SWEEP_SLOTS; i++)
        while (from[i].block != NULL && from[i].expires_ms <= now_ms)
            shard_remove(s, &from[i]); /* another may have come into its place */
}

/* ---- parked labels ---- */

static struct parked *find_parked(const struct shard *s, uint64_t txn_hash)
{
    for (int i = 0; i < s->n_parked; i++)
        if (s->parked[i].txn_hash == txn_hash)
            return &s->parked[i];
    return NULL;
}

static enum status add_parked(struct shard *s, uint64_t txn_hash, int64_t expires_ms)
{
    if (s->n_parked == SHARD_PARKED_MAX)
        return ST_NO_SPACE;
    if (s->n_parked == s->cap_parked) {
        int cap = s->cap_parked == 0 ? 4 : s->cap_parked * 2;
        struct parked *grown = realloc(s->parked, (size_t)cap * sizeof *grown);
        if (grown == NULL)
            return ST_NO_SPACE;
        s->parked = grown;
        s->cap_parked = cap;
    }
    s->parked[s->n_parked++] = (struct parked){.txn_hash = txn_hash, .expires_ms = expires_ms};
    return ST_OK;
}

enum status shard_park(struct shard *s, uint64_t txn_hash, int64_t expires_ms)
{
    struct parked *p = find_parked(s, txn_hash);
    if (p != NULL) {
        p->expires_ms = expires_ms > p->expires_ms ? expires_ms : p->expires_ms;
        return ST_OK;
    }
    enum status st = add_parked(s, txn_hash, expires_ms);
    if (st == ST_OK && (s->n_parked == 1 || expires_ms < s->parked_next_ms))
        s->parked_next_ms = expires_ms;
    return st;
}

void shard_unpark(struct shard *s, uint64_t txn_hash)
{
    struct parked *p = find_parked(s, txn_hash);
    if (p != NULL)
        *p = s->parked[--s->n_parked];
}

bool shard_parked(struct shard *s, int64_t now_ms, uint64_t *ret_txn_hash)
{
    if (s->n_parked == 0 || s->parked_next_ms > now_ms)
        return false;
    int64_t next_ms = INT64_MAX;
    for (int i = 0; i < s->n_parked; i++) {
        if (s->parked[i].expires_ms <= now_ms) {
            *ret_txn_hash = s->parked[i].txn_hash;
            return true;
        }
        if (s->parked[i].expires_ms < next_ms)
            next_ms = s->parked[i].expires_ms;
    }
    s->parked_next_ms = next_ms;
    return false;
}

/* ---- layouts ---- */

static bool has_layout(const struct state_table *t, uint32_t id)
{
    for (int i = 0; i < t->n_layouts; i++)
        if (t->layouts[i].id == id)
            return true;
    return false;
}

static enum status add_layout(struct state_table *t, uint32_t id, struct span text)
{
    if (t->n_layouts == TABLE_LAYOUTS_MAX)
        return ST_TOO_LARGE;
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return ST_NO_SPACE;
    memcpy(copy, text.base, text.len);
    t->layouts[t->n_layouts].id = id;
    t->layouts[t->n_layouts].text = span_of(copy, text.len);
    t->n_layouts++;
    return ST_OK;
}

enum status table_put_layout(struct state_table *t, uint32_t id, struct span text)
{
    pthread_mutex_lock(&t->layouts_lock);
    enum status st = has_layout(t, id) ? ST_OK : add_layout(t, id, text);
    pthread_mutex_unlock(&t->layouts_lock);
    return st;
}

enum status table_set_coverage(struct state_table *t, struct span text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return ST_NO_SPACE;
    if (text.len > 0)
        memcpy(copy, text.base, text.len);
    free((char *)(uintptr_t)t->coverage.base);
    t->coverage = span_of(copy, text.len);
    return ST_OK;
}

/* ---- the table ---- */

static void shard_init(struct shard *s, struct block_source *source)
{
    CHECK(pthread_mutex_init(&s->lock, NULL) == 0);
    s->slots = new_slots(SLOTS_AT_FIRST);
    CHECK(s->slots != NULL);
    s->n_slots = SLOTS_AT_FIRST;
    s->now_ms = INT64_MIN;
    s->pool.source = source;
}

static void set_key(struct state_table *t, const struct hash_key *key)
{
    uint64_t seed = hash_u64(key, span_str("table"));
    t->hash_key = *key;
    memcpy(t->place_key.bytes, &seed, sizeof seed);
}

struct state_table *state_table_new(const struct hash_key *key, struct journal *journal)
{
    struct state_table *t = aligned_alloc(64, sizeof *t);
    CHECK(t != NULL);
    memset(t, 0, sizeof *t);
    set_key(t, key);
    t->journal = journal;
    block_source_init(&t->source);
    CHECK(pthread_mutex_init(&t->layouts_lock, NULL) == 0);
    for (int i = 0; i < TABLE_SHARDS; i++)
        shard_init(&t->shards[i], &t->source);
    return t;
}

/* Small blocks die with their source. */
static void shard_fini(struct shard *s)
{
    for (uint32_t i = 0; i < s->n_slots; i++)
        if (s->slots[i].block != NULL && s->slots[i].class >= BLOCK_SMALL_CLASSES)
            block_free(&s->pool, s->slots[i].block, s->slots[i].class);
    free(s->slots);
    free(s->parked);
    pthread_mutex_destroy(&s->lock);
}

void state_table_free(struct state_table *t)
{
    if (t == NULL)
        return;
    for (int i = 0; i < TABLE_SHARDS; i++)
        shard_fini(&t->shards[i]);
    for (int i = 0; i < t->n_layouts; i++)
        free((char *)(uintptr_t)t->layouts[i].text.base);
    free((char *)(uintptr_t)t->coverage.base);
    pthread_mutex_destroy(&t->layouts_lock);
    block_source_fini(&t->source);
    free(t);
}

struct state_table_stats state_table_stats(const struct state_table *t)
{
    struct state_table_stats stats = {0};
    for (int i = 0; i < TABLE_SHARDS; i++) {
        struct shard *s = (struct shard *)(uintptr_t)&t->shards[i]; /* for its lock */
        pthread_mutex_lock(&s->lock);
        stats.keys += s->n_used;
        stats.claims += s->n_claims;
        stats.bytes += s->block_bytes + s->n_slots * sizeof *s->slots;
        pthread_mutex_unlock(&s->lock);
    }
    return stats;
}

static int by_key(const void *a, const void *b)
{
    const struct slot *x = *(struct slot *const *)a, *y = *(struct slot *const *)b;
    return span_cmp(span_of(x->block, x->key_len), span_of(y->block, y->key_len));
}

static int64_t latest_ms(const struct state_table *t)
{
    int64_t now_ms = INT64_MIN;
    for (int i = 0; i < TABLE_SHARDS; i++)
        if (t->shards[i].now_ms > now_ms)
            now_ms = t->shards[i].now_ms;
    return now_ms;
}

static bool is_log(const struct slot *slot)
{
    return slot->block != NULL && span_starts(span_of(slot->block, slot->key_len), span_str("e:"));
}

/* The logs that have not expired, into `out` unless it is NULL. */
static size_t collect_logs(struct state_table *t, struct slot **out)
{
    size_t n = 0;
    int64_t now_ms = latest_ms(t);
    for (int i = 0; i < TABLE_SHARDS; i++) {
        struct shard *s = &t->shards[i];
        for (uint32_t k = 0; k < s->n_slots; k++) {
            struct slot *slot = &s->slots[k];
            if (!is_log(slot) || !slot_is_live(slot, now_ms))
                continue;
            if (out != NULL)
                out[n] = slot;
            n++;
        }
    }
    return n;
}

void state_table_each(struct state_table *t,
                      void (*each)(void *user, struct span key, struct span log), void *user)
{
    size_t n = collect_logs(t, NULL);
    struct slot **logs = malloc((n + 1) * sizeof *logs);
    CHECK(logs != NULL);
    (void)collect_logs(t, logs);
    qsort(logs, n, sizeof *logs, by_key);
    for (size_t i = 0; i < n; i++)
        each(user, span_of(logs[i]->block, logs[i]->key_len), slot_value(logs[i]));
    free(logs);
}

static bool is_claim(const struct slot *slot)
{
    return slot->block != NULL && slot->key_len == 0 && !claim_is_parked(slot_value(slot));
}

void state_table_each_claim(struct state_table *t,
                            void (*each)(void *user, uint64_t txn_hash, struct span claim,
                                         int64_t expires_ms),
                            void *user)
{
    int64_t now_ms = latest_ms(t);
    for (int i = 0; i < TABLE_SHARDS; i++) {
        const struct shard *s = &t->shards[i];
        for (uint32_t k = 0; k < s->n_slots; k++) {
            const struct slot *slot = &s->slots[k];
            if (is_claim(slot) && slot_is_live(slot, now_ms))
                each(user, slot->hash, slot_value(slot), slot->expires_ms);
        }
    }
}
