/*
 * state_table.h -- the memory backend's table: shards of slots, a block of bytes each.
 *
 *     hash: [ shard | ............... | place ]
 *
 *     shard: lock, slots (open addressing, linear), its blocks, its parked labels
 *     slot:  hash, when it expires, length  ->  block: [ key | value ... | free ]
 *
 * An entity's log has its key in front, hashed under a seed drawn from the table's key. A claim
 * has none: its hash is the transaction's, which is keyed already, and is its name.
 *
 * A slot whose value is empty is not there; it stays until it expires. Slots do not move while
 * a key is looked up or put after shard_make_room() has made room for it: only expiry by
 * shard_sweep(), removal, and making room move them. Blocks move when they grow.
 *
 * Threads: a shard is locked by who uses it; all of one operation are locked in order of index.
 */
#ifndef SLUICE_STATE_STATE_TABLE_H
#define SLUICE_STATE_STATE_TABLE_H

#include "service/base/hash.h"
#include "service/state/blocks.h"
#include "service/state/state_mem.h"

#include <stdatomic.h>

enum {
    TABLE_SHARDS = 256,
    /* Looked at in each observation, four lines of cache: of L live claims, L/2 more are dead. */
    SHARD_SWEEP_SLOTS = 8,
    SHARD_PARKED_MAX = 4096,   /* transactions with parked labels: a million in all */
    TABLE_LAYOUTS_MAX = 1024,  /* STATE_PEEK_MAX, and what a layout book holds */
    TABLE_VALUE_MAX = 4 << 20, /* of a log; FOLD_LOG_BYTES_MAX: a longer one could not be read */
};

struct slot {
    uint64_t hash;
    int64_t expires_ms; /* INT64_MAX: never, as parked labels, which shard_parked takes out */
    char *block;        /* NULL: the slot is free */
    uint32_t len;       /* of the value */
    uint16_t key_len;   /* 0: a claim */
    uint8_t class;      /* of the block */
};

struct parked {
    uint64_t txn_hash;
    int64_t expires_ms;
};

struct shard {
    pthread_mutex_t lock;
    struct slot *slots;
    uint32_t n_slots, n_used; /* a power of two; three quarters at most are used */
    uint64_t n_claims;
    uint64_t block_bytes;
    int64_t now_ms;        /* the latest time it was used at */
    uint64_t position_seq; /* frames up to it came with the checkpoint */
    struct parked *parked;
    int n_parked, cap_parked;
    int64_t parked_next_ms; /* none expires before it */
    struct block_pool pool;
} __attribute__((aligned(64)));

struct state_table {
    struct shard shards[TABLE_SHARDS];
    struct hash_key hash_key;
    struct hash_key place_key; /* of table_hash() */
    struct journal *journal;   /* may be NULL */
    /* Frames are in the table up to the journal's end once it is live (it has written one), before
     * that up to the last that was submitted again. */
    _Atomic bool is_live;
    _Atomic uint64_t recovered_seq;
    struct block_source source;
    pthread_mutex_t layouts_lock;
    struct {
        uint32_t id;
        struct span text; /* owned; never freed before the table is */
    } layouts[TABLE_LAYOUTS_MAX];
    int n_layouts;
    struct span coverage; /* owned; under layouts_lock */
};

/* Where an entity's log is. O(key). */
uint64_t table_hash(const struct state_table *t, struct span key);

static inline struct shard *table_shard(struct state_table *t, uint64_t hash)
{
    return &t->shards[hash >> 56];
}

static inline struct slot *shard_home(const struct shard *s, uint64_t hash)
{
    return &s->slots[hash & (s->n_slots - 1)];
}

/* The first slot of this hash, almost surely the key's, or a free one: found without its key. */
static inline const struct slot *shard_guess(const struct shard *s, uint64_t hash)
{
    uint32_t mask = s->n_slots - 1, i = (uint32_t)hash & mask;
    while (s->slots[i].block != NULL && s->slots[i].hash != hash)
        i = (i + 1) & mask;
    return &s->slots[i];
}

static inline struct span slot_value(const struct slot *slot)
{
    return span_of(slot->block + slot->key_len, slot->len);
}

static inline size_t slot_room(const struct slot *slot)
{
    return block_bytes(slot->class) - slot->key_len;
}

/* Is there a value at `now_ms`? NULL is none. */
static inline bool slot_is_live(const struct slot *slot, int64_t now_ms)
{
    return slot != NULL && slot->len > 0 && slot->expires_ms > now_ms;
}

/* The slot, live or not, or NULL. An empty `key` finds a claim. */
struct slot *shard_find(const struct shard *s, uint64_t hash, struct span key);

/* Room for `n` keys more. Errors: ST_NO_SPACE. */
MUST_USE enum status shard_make_room(struct shard *s, uint32_t n);

/* The slot, made when it is missing, and then empty and expired. Room must have been made.
 * NULL: no memory. */
struct slot *shard_put(struct shard *s, uint64_t hash, struct span key, size_t value_bytes);

/* Room for a value of `value_bytes`; with `growing` for more to come: twice as much while it is
 * short, a quarter more when it is long. Errors: ST_NO_SPACE (memory), ST_TOO_LARGE. */
MUST_USE enum status slot_reserve(struct shard *s, struct slot *slot, size_t value_bytes,
                                  bool growing);

/* Gives up room that the value does not need; without memory for a shorter block it stays. */
void slot_shrink(struct shard *s, struct slot *slot);

/* Replaces the value; its room was reserved. */
void slot_set(struct slot *slot, struct span value);
/* Appends to the value; its room was reserved. */
void slot_append(struct slot *slot, struct span bytes);

void shard_remove(struct shard *s, struct slot *slot);

/* Removes what has expired around the place of `hash`, which are in the cache, or will be. Since
 * hashes are as good as random, all of the shard has its turn. */
void shard_sweep(struct shard *s, uint64_t hash, int64_t now_ms);

/* When parked labels of `txn_hash` expire. Errors: ST_NO_SPACE (SHARD_PARKED_MAX, or memory). */
MUST_USE enum status shard_park(struct shard *s, uint64_t txn_hash, int64_t expires_ms);
/* They are parked no more. O(parked). */
void shard_unpark(struct shard *s, uint64_t txn_hash);
/* One whose wait has ended by `now_ms`; it stays listed. */
bool shard_parked(struct shard *s, int64_t now_ms, uint64_t *ret_txn_hash);

/* Publishing a known id again does nothing. Errors: ST_TOO_LARGE (TABLE_LAYOUTS_MAX),
 * ST_NO_SPACE (memory). */
MUST_USE enum status table_put_layout(struct state_table *t, uint32_t id, struct span text);

/* Replaces the coverage. The caller holds layouts_lock, or is alone. Errors: ST_NO_SPACE. */
MUST_USE enum status table_set_coverage(struct state_table *t, struct span text);

#endif
