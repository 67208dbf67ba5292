#include "service/base/hash.h"

#include <sodium.h>

uint64_t hash_u64(const struct hash_key *key, struct span s)
{
    uint64_t h;
    crypto_shorthash((unsigned char *)&h, (const unsigned char *)s.base, s.len, key->bytes);
    return h;
}

struct hash128 hash_u128(const struct hash_key *key, struct span s)
{
    struct hash128 h;
    crypto_shorthash_siphashx24((unsigned char *)&h, (const unsigned char *)s.base, s.len,
                                key->bytes);
    return h;
}

void hash_sha256(struct span s, unsigned char ret_digest[HASH_SHA256_BYTES])
{
    crypto_hash_sha256(ret_digest, (const unsigned char *)s.base, s.len);
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
