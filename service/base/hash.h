/*
 * hash.h -- the hashes Sluice uses, from libsodium and xxHash.
 *
 * Ids are hashed with SipHash-2-4 under a secret key, so that nobody may choose
 * ids that collide (Aumasson and Bernstein 2012). Content is named by SHA-256. What nobody
 * outside ever sees, nor can try out quickly, is hashed by XXH3 (Collet 2019) with the key as its
 * seed: ten times as quick on short strings, without a proof.
 */
#ifndef SLUICE_BASE_HASH_H
#define SLUICE_BASE_HASH_H

#include "service/base/span.h"

#include <stdint.h>

enum { HASH_KEY_BYTES = 16, HASH_SHA256_BYTES = 32, HASH_ID_DIGITS = 32 };

struct hash_key {
    unsigned char bytes[HASH_KEY_BYTES];
};

struct hash128 {
    uint64_t lo;
    uint64_t hi;
};

uint64_t hash_u64(const struct hash_key *key, struct span s);
uint64_t hash_quick_u64(const struct hash_key *key, struct span s);
struct hash128 hash_quick_u128(const struct hash_key *key, struct span s);
void hash_sha256(struct span s, unsigned char ret_digest[HASH_SHA256_BYTES]);

/* The first hex digits of SHA-256(prefix + s), NUL-terminated: an id anybody can make again. */
void hash_id(const char *prefix, struct span s, char ret_id[HASH_ID_DIGITS + 1]);

/* Secret, from the operating system's generator. */
void hash_key_random(struct hash_key *ret_key);
uint64_t hash_random_u64(void);

#endif
