#include "service/base/hash.h"

#include "service/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The key and message of the SipHash paper's test vectors: 00 01 02 ... */
static struct hash_key counting_key(void)
{
    struct hash_key key;
    for (size_t i = 0; i < HASH_KEY_BYTES; i++)
        key.bytes[i] = (unsigned char)i;
    return key;
}

static struct span counting(size_t n)
{
    static unsigned char bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    return span_of(bytes, n);
}

static void siphash_gives_the_papers_vector(void **state)
{
    (void)state;
    struct hash_key key = counting_key();
    /* Aumasson and Bernstein 2012, appendix A: 15 bytes. */
    assert_true(hash_u64(&key, counting(15)) == 0xa129ca6149be45e5u);
}

static void siphash_of_nothing_is_that_of_the_reference_code(void **state)
{
    (void)state;
    struct hash_key key = counting_key();
    assert_true(hash_u64(&key, span_of("", 0)) == 0x726fdb47dd0e0e31u);
}

static void the_quick_hashes_give_the_reference_vectors(void **state)
{
    (void)state;
    const struct hash_key none = {{0}};
    /* xxHash's own sanity checks, of nothing with seed 0 */
    struct hash128 h = hash_quick_u128(&none, span_of("", 0));
    assert_true(h.lo == 0x6001c324468d497fu);
    assert_true(h.hi == 0x99aa06d3014798d8u);
    assert_true(hash_quick_u64(&none, span_of("", 0)) == 0x2d06800538d394c2u);
}

static void another_key_gives_another_hash(void **state)
{
    (void)state;
    struct hash_key a = counting_key(), b = counting_key();
    b.bytes[15] ^= 1;
    assert_true(hash_u64(&a, span_str("t-1")) != hash_u64(&b, span_str("t-1")));
    assert_true(hash_quick_u64(&a, span_str("t-1")) != hash_quick_u64(&b, span_str("t-1")));
    assert_true(hash_quick_u128(&a, span_str("t-1")).lo != hash_quick_u128(&b, span_str("t-1")).lo);
}

static void sha256_gives_fips_180_vectors(void **state)
{
    (void)state;
    unsigned char digest[HASH_SHA256_BYTES];
    char hex[2 * HASH_SHA256_BYTES + 1] = "";
    struct text t;
    hash_sha256(span_str("abc"), digest);
    text_init(&t, hex, sizeof hex - 1);
    text_hex_bytes(&t, digest, sizeof digest);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void an_id_is_the_beginning_of_the_hash_of_both_parts(void **state)
{
    char id[HASH_ID_DIGITS + 1];
    (void)state;
    hash_id("a", span_str("bc"), id);
    assert_string_equal(id, "ba7816bf8f01cfea414140de5dae2223");
    hash_id("abc", span_of(NULL, 0), id);
    assert_string_equal(id, "ba7816bf8f01cfea414140de5dae2223");
}

static void random_keys_and_numbers_differ(void **state)
{
    (void)state;
    struct hash_key a, b;
    hash_key_random(&a);
    hash_key_random(&b);
    assert_memory_not_equal(a.bytes, b.bytes, HASH_KEY_BYTES);
    assert_true(hash_random_u64() != hash_random_u64());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_papers_vector),
        cmocka_unit_test(siphash_of_nothing_is_that_of_the_reference_code),
        cmocka_unit_test(the_quick_hashes_give_the_reference_vectors),
        cmocka_unit_test(another_key_gives_another_hash),
        cmocka_unit_test(sha256_gives_fips_180_vectors),
        cmocka_unit_test(an_id_is_the_beginning_of_the_hash_of_both_parts),
        cmocka_unit_test(random_keys_and_numbers_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
