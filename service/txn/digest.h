/*
 * digest.h -- what a message says, whatever the order of its keys and the spelling of its values.
 *
 *     digest = sum over the leaves of XXH3-128(place | type | value), in each half modulo 2^64
 *
 *      0            8           12     13       13+k
 *     +------------+-----------+------+--------+---------+
 *     | container  | key length| type | key    | value   |
 *     | u64        | or index  | char |        |         |
 *     +------------+-----------+------+--------+---------+
 *
 * A container's u64 is the hash of its own place, down from 0 for the document, so that no
 * pointer is ever written out. Keys and values of more than DIGEST_PART_MAX bytes are stood for by
 * their hashes. Sums of seeded hashes do not collide by design: an adversary neither knows the seed
 * nor sees a digest (Bellare and Micciancio 1997, AdHash; unkeyed sums of 128 bits would not be
 * safe).
 *
 * Owns: nothing. Threads: pure.
 */
#ifndef SLUICE_TXN_DIGEST_H
#define SLUICE_TXN_DIGEST_H

#include "service/base/hash.h"

enum { DIGEST_PART_MAX = 64 }; /* ids and most texts are shorter: one hash a leaf */

/* Where a value stands. */
struct digest_place {
    uint64_t container;
    struct span key; /* of an object's member */
    int64_t index;   /* of an array's item; -1 in objects */
};

/* What a leaf is; one byte of what is hashed. */
enum digest_type {
    DIGEST_STRING = 's',
    DIGEST_NUMBER = 'n',      /* value: 8 bytes of mantissa, 4 of exponent, 1 of sign */
    DIGEST_WIDE_NUMBER = 'w', /* value: 4 bytes of exponent, 1 of sign, the digits */
    DIGEST_TRUE = 't',
    DIGEST_FALSE = 'f',
    DIGEST_NULL = 'z',
    DIGEST_OBJECT = 'o', /* empty */
    DIGEST_ARRAY = 'a',  /* empty */
};

/* Adds one leaf to *sum. */
void digest_add(struct hash128 *sum, const struct hash_key *key, struct digest_place place,
                enum digest_type type, struct span value);

/* The u64 of the object or array that stands at `place`. */
uint64_t digest_container(const struct hash_key *key, struct digest_place place);

#endif
