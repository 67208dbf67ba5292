#include "service/state/claim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { OUT_BYTES = 64 << 10 };

static struct claim sample(void)
{
    return (struct claim){
        .state = 'd',
        .nonce = 0xdeadbeef,
        .digest = {.lo = 1, .hi = UINT64_MAX},
        .ts_ms = -5,
        .ruleset = 0x9f2c41d07be83a56,
        .keys =
            {{.field = span_str("account_id"), .value = span_str("a-1"), .bits = 5, .layout = 77},
             {.field = span_str("terminal_id"), .value = span_of("t\0x", 3), .bits = 0}},
        .n_keys = 2,
        .rest = span_str("{\"decision\":\"allow\"}"),
    };
}

static void assert_same_key(const struct claim_key *a, const struct claim_key *b)
{
    assert_true(span_eq(a->field, b->field));
    assert_true(span_eq(a->value, b->value));
    assert_int_equal(a->bits, b->bits);
    assert_int_equal(a->layout, b->layout);
}

static void assert_same(const struct claim *a, const struct claim *b)
{
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->nonce, b->nonce);
    assert_true(a->digest.lo == b->digest.lo && a->digest.hi == b->digest.hi);
    assert_int_equal(a->ts_ms, b->ts_ms);
    assert_true(a->ruleset == b->ruleset);
    assert_int_equal(a->n_keys, b->n_keys);
    for (int i = 0; i < a->n_keys; i++)
        assert_same_key(&a->keys[i], &b->keys[i]);
    assert_true(span_eq(a->rest, b->rest));
}

static void what_is_encoded_decodes_to_the_same(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    struct claim c = sample(), back;
    claim_encode(&c, &out);
    assert_false(out.overflow);
    assert_int_equal(claim_decode(text_span(&out), &back), ST_OK);
    assert_same(&c, &back);
    assert_true(claim_is_decided(text_span(&out)));
    assert_false(claim_is_parked(text_span(&out)));
}

static void the_offsets_are_those_of_the_drawing(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    struct claim c = sample();
    claim_encode(&c, &out);
    assert_memory_equal(bytes, "Cd", 2);
    assert_memory_equal(bytes + 4, "\xef\xbe\xad\xde", 4);
    assert_int_equal((unsigned char)bytes[24], 0xfb); /* -5 */
    assert_memory_equal(bytes + 32, "\x56\x3a\xe8\x7b\xd0\x41\x2c\x9f", 8);
    assert_int_equal(bytes[40], 2);
    assert_memory_equal(bytes + 41,
                        "\x0a\x03\x00\x05\x00\x00\x00\x4d\x00\x00\x00"
                        "account_ida-1",
                        24);
}

/* What cannot be decoded must not be read past its end either: the sanitizer watches a copy. */
static void every_truncation_is_refused_or_shortens_the_answer(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    struct claim c = sample();
    claim_encode(&c, &out);
    size_t fixed = out.len - c.rest.len;
    for (size_t n = 0; n < out.len; n++) {
        struct claim back = {.nonce = 42};
        char *copy = test_malloc(n + 1);
        memcpy(copy, bytes, n);
        enum status st = claim_decode(span_of(copy, n), &back);
        assert_int_equal(st, n < fixed ? ST_CORRUPT : ST_OK);
        if (st == ST_OK)
            assert_int_equal(back.rest.len, n - fixed);
        else
            assert_int_equal(back.nonce, 42);
        test_free(copy);
    }
}

static void bytes_of_another_kind_are_corrupt(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    struct claim c = sample(), back;
    claim_encode(&c, &out);
    const struct {
        size_t at;
        char value;
    } damages[] = {{0, 'D'}, {1, 'x'}, {2, 40}, {2, 42}, {3, 0x7f}, {40, 17}, {40, 1}, {40, 3}};
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        char kept = bytes[damages[i].at];
        bytes[damages[i].at] = damages[i].value;
        assert_int_equal(claim_decode(text_span(&out), &back), ST_CORRUPT);
        bytes[damages[i].at] = kept;
    }
}

static void sixteen_keys_fit_and_seventeen_do_not(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    struct claim c = {.state = 'u', .n_keys = CLAIM_KEYS_MAX};
    for (int i = 0; i < CLAIM_KEYS_MAX; i++)
        c.keys[i].field = span_str("f");
    claim_encode(&c, &out);
    assert_false(out.overflow);
    c.n_keys = CLAIM_KEYS_MAX + 1;
    claim_encode(&c, &out);
    assert_true(out.overflow);
}

static void a_fixed_part_over_its_limit_is_not_written(void **state)
{
    (void)state;
    static char value[CLAIM_FIXED_BYTES_MAX];
    char bytes[OUT_BYTES];
    struct text out;
    struct claim c = {.state = 'u', .n_keys = 1};
    const size_t most = CLAIM_FIXED_BYTES_MAX - CLAIM_PARKED_BYTES - 11;
    c.keys[0].value = span_of(value, most);
    text_init(&out, bytes, sizeof bytes);
    claim_encode(&c, &out);
    assert_false(out.overflow);
    assert_int_equal(out.len, CLAIM_FIXED_BYTES_MAX);
    c.keys[0].value = span_of(value, most + 1);
    text_init(&out, bytes, sizeof bytes);
    claim_encode(&c, &out);
    assert_true(out.overflow);
    assert_int_equal(out.len, 0);
}

static void a_claim_that_does_not_fit_writes_nothing(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct claim c = sample();
    for (size_t cap = 0; cap < 100; cap++) {
        struct text out;
        text_init(&out, bytes, cap);
        claim_encode(&c, &out);
        assert_true(out.overflow);
        assert_int_equal(out.len, 0);
    }
}

static void parked_labels_come_out_in_their_order(void **state)
{
    (void)state;
    char bytes[OUT_BYTES];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    struct claim parked = {.state = 'p'}, back;
    claim_encode(&parked, &out);
    assert_int_equal(out.len, CLAIM_PARKED_BYTES);
    claim_put_label(&out, span_str("first"));
    claim_put_label(&out, span_str(""));
    claim_put_label(&out, span_str("third"));
    assert_true(claim_is_parked(text_span(&out)));
    assert_int_equal(claim_decode(text_span(&out), &back), ST_OK);
    struct span label;
    assert_true(claim_next_label(&back.rest, &label) && span_is(label, "first"));
    assert_true(claim_next_label(&back.rest, &label) && span_is(label, ""));
    assert_true(claim_next_label(&back.rest, &label) && span_is(label, "third"));
    assert_false(claim_next_label(&back.rest, &label));
}

static void a_cut_label_is_none(void **state)
{
    (void)state;
    char bytes[32];
    struct text out;
    struct span label = {0};
    text_init(&out, bytes, sizeof bytes);
    claim_put_label(&out, span_str("label"));
    for (size_t n = 0; n < out.len; n++) {
        struct span rest = span_of(bytes, n);
        assert_false(claim_next_label(&rest, &label));
        assert_int_equal(rest.len, n);
        assert_null(label.base);
    }
    text_init(&out, bytes, 8);
    claim_put_label(&out, span_str("label"));
    assert_true(out.overflow);
    assert_int_equal(out.len, 0);
}

static void an_amount_is_a_key_without_a_field(void **state)
{
    (void)state;
    char bytes[OUT_BYTES], room[CLAIM_AMOUNT_BYTES];
    struct text out;
    struct claim c = sample(), back;
    struct span currency = {0};
    int64_t amount_e4 = 0;
    assert_false(claim_amount(&c, &amount_e4, &currency)); /* of an older Sluice */
    claim_add_amount(&c, -815100, span_str("EUR"), room);
    text_init(&out, bytes, sizeof bytes);
    claim_encode(&c, &out);
    assert_int_equal(claim_decode(text_span(&out), &back), ST_OK);
    assert_true(claim_amount(&back, &amount_e4, &currency));
    assert_int_equal(amount_e4, -815100);
    assert_true(span_is(currency, "EUR"));
    assert_int_equal(back.n_keys, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_decodes_to_the_same),
        cmocka_unit_test(the_offsets_are_those_of_the_drawing),
        cmocka_unit_test(every_truncation_is_refused_or_shortens_the_answer),
        cmocka_unit_test(bytes_of_another_kind_are_corrupt),
        cmocka_unit_test(sixteen_keys_fit_and_seventeen_do_not),
        cmocka_unit_test(a_fixed_part_over_its_limit_is_not_written),
        cmocka_unit_test(a_claim_that_does_not_fit_writes_nothing),
        cmocka_unit_test(parked_labels_come_out_in_their_order),
        cmocka_unit_test(a_cut_label_is_none),
        cmocka_unit_test(an_amount_is_a_key_without_a_field),
    };
    return cmocka_run_group_tests_name("state/claim", tests, NULL, NULL);
}
