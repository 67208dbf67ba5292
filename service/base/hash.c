#include "service/base/hash.h"

#define XXH_INLINE_ALL
#include <sodium.h>
#include <xxhash.h>

uint64_t hash_u64(const struct hash_key *key, struct span s)
{
    uint64_t h;
    crypto_shorthash((unsigned char *)&h, (const unsigned char *)s.base, s.len, key->bytes);
    return h;
}

static uint64_t seed_of(const struct hash_key *key)
{
    uint64_t halves[2];
    memcpy(halves, key->bytes, sizeof halves);
    return halves[0] ^ halves[1];
}

uint64_t hash_quick_u64(const struct hash_key *key, struct span s)
{
    return XXH3_64bits_withSeed(s.base, s.len, seed_of(key));
}

struct hash128 hash_quick_u128(const struct hash_key *key, struct span s)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(s.base, s.len, seed_of(key));
    return (struct hash128){.lo = h.low64, .hi = h.high64};
}

void hash_sha256(struct span s, unsigned char ret_digest[HASH_SHA256_BYTES])
{
    crypto_hash_sha256(ret_digest, (const unsigned char *)s.base, s.len);
}

void hash_id(const char *prefix, struct span s, char ret_id[HASH_ID_DIGITS + 1])
{
    unsigned char digest[HASH_SHA256_BYTES];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)prefix, strlen(prefix));
    crypto_hash_sha256_update(&state, (const unsigned char *)s.base, s.len);
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(ret_id, HASH_ID_DIGITS + 1, digest, HASH_ID_DIGITS / 2);
}

void hash_key_random(struct hash_key *ret_key)
{
    randombytes_buf(ret_key->bytes, sizeof ret_key->bytes);
}

uint64_t hash_random_u64(void)
{
    uint64_t v;
    randombytes_buf(&v, sizeof v);
    return v;
}
