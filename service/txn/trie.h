/*
 * trie.h -- where a schema's fields stand in a message; private to the schema and the reader.
 *
 *     root --"amount"-----> PLACE_FIELD, slot 2
 *          --"merchant"---> PLACE_TOWARDS --"country"--> PLACE_FIELD, slot 5
 *          --"home"-------> PLACE_GEO, slot 6 --"lat"--> PLACE_LAT
 *                                             --"lon"--> PLACE_LON
 *          --"kind"-------> PLACE_KIND
 *
 * Each node finds its keys by a hash of their length and at most 16 of their bytes; the keys in
 * the table are the schema's, so a message cannot make it slow.
 *
 * Owns:    nothing; nodes and tables live in the schema's arena.
 * Threads: read-only once sealed.
 */
#ifndef SLUICE_TXN_TRIE_H
#define SLUICE_TXN_TRIE_H

#include "service/base/arena.h"

#include <stdint.h>

enum {
    TRIE_PLACES_MAX = 2048, /* 128 fields, each eight keys deep, and once more for labels */
};

enum place_kind {
    PLACE_FIELD,   /* the field's value */
    PLACE_TOWARDS, /* an object or array with fields in it */
    PLACE_GEO,     /* a geo field's object */
    PLACE_LAT,
    PLACE_LON,
    PLACE_KIND, /* of the event: transaction or label */
    PLACE_OUTCOME,
    PLACE_TXN_TIMESTAMP,
};

struct trie_node;

struct trie_place {
    enum place_kind kind;
    int slot;  /* of the field; of the first field below for PLACE_TOWARDS; -1: none */
    int id;    /* counts all places of a schema from 0 */
    int index; /* the key as an array's index; -1: it is none */
    struct span key;
    struct trie_node *below; /* of PLACE_TOWARDS and PLACE_GEO */
    struct trie_place *next; /* sibling */
};

struct trie_node {
    struct trie_place *first;
    int count;
    struct trie_place **table; /* [mask + 1], NULL in the gaps; of a power of two, half empty */
    uint64_t mask;
};

/* The place of `key` below `node`, which may be NULL (nothing is below). O(key). */
static inline const struct trie_place *trie_find(const struct trie_node *node, struct span key);

/* The same for an item of an array. O(children). */
const struct trie_place *trie_find_index(const struct trie_node *node, int64_t index);

/* A new node without children, and a new child of one. NULL: the arena is full. */
struct trie_node *trie_node_new(struct arena *arena);
struct trie_place *trie_add(struct trie_node *node, struct span key, struct arena *arena);

/* Make the tables of `node` and all below. Errors: ST_NO_SPACE: the arena is full. */
MUST_USE enum status trie_seal(struct trie_node *node, struct arena *arena);

/* Up to 8 bytes at `p` as one number. */
static inline uint64_t trie_word(const char *p, size_t n)
{
    uint64_t v = 0;
    uint32_t head, tail;
    if (n >= 8) {
        memcpy(&v, p, 8);
    } else if (n >= 4) {
        memcpy(&head, p, 4);
        memcpy(&tail, p + n - 4, 4);
        v = (uint64_t)tail << 32 | head;
    } else {
        for (size_t i = 0; i < n; i++)
            v = v << 8 | (unsigned char)p[i];
    }
    return v;
}

static inline uint64_t trie_hash(struct span key)
{
    uint64_t head = trie_word(key.base, key.len);
    uint64_t tail = key.len > 8 ? trie_word(key.base + key.len - 8, 8) : 0;
    /* 2^64 divided by the golden ratio (Knuth, vol. 3, section 6.4) */
    return ((head ^ (tail << 7 | tail >> 57)) + key.len) * UINT64_C(0x9E3779B97F4A7C15) >> 40;
}

static inline const struct trie_place *trie_find(const struct trie_node *node, struct span key)
{
    if (node == NULL)
        return NULL;
    for (uint64_t i = trie_hash(key); node->table[i & node->mask]; i++) {
        const struct trie_place *place = node->table[i & node->mask];
        if (span_eq(place->key, key))
            return place;
    }
    return NULL;
}

#endif
