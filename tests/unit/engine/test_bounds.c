#include "service/engine/bounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 << 10);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const struct cel_bounds *of_aggregate(enum aggregate a)
{
    const struct feature f = {.aggregate = a, .window_ms = 60000, .delay_ms = 5000};
    return bounds_of_feature(&f, arena);
}

static void what_is_counted_is_never_negative(void **state)
{
    static const enum aggregate counts[] = {AGG_COUNT,         AGG_DISTINCT, AGG_FRAUD_COUNT,
                                            AGG_DECLINE_COUNT, AGG_STDDEV,   AGG_REVERSAL_COUNT,
                                            AGG_SPEED_KMH};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        assert_true(of_aggregate(counts[i])->lo == 0);
        assert_true(isinf(of_aggregate(counts[i])->hi));
    }
}

static void a_rate_and_is_new_are_at_most_one(void **state)
{
    (void)state;
    assert_true(of_aggregate(AGG_FRAUD_RATE)->hi == 1);
    assert_true(of_aggregate(AGG_IS_NEW)->hi == 1);
}

static void a_time_since_reaches_back_to_the_window(void **state)
{
    (void)state;
    assert_true(of_aggregate(AGG_SINCE_LAST)->lo == 0);
    assert_true(of_aggregate(AGG_SINCE_FIRST)->hi == 65);
}

static void nothing_is_known_of_sums(void **state)
{
    static const enum aggregate sums[] = {AGG_SUM, AGG_AVG, AGG_MIN, AGG_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
        assert_true(isinf(of_aggregate(sums[i])->lo) && isinf(of_aggregate(sums[i])->hi));
}

static void a_text_has_the_bytes_that_the_schema_allows(void **state)
{
    const struct field optional = {.type = FIELD_STRING, .max_bytes = 3},
                       required = {.type = FIELD_STRING, .max_bytes = 3, .required = true};
    (void)state;
    assert_int_equal(bounds_of_field(&optional, arena)->bytes_min, 0);
    assert_int_equal(bounds_of_field(&optional, arena)->bytes_max, 3);
    assert_int_equal(bounds_of_field(&required, arena)->bytes_min, 1);
}

static void a_card_number_is_its_hash(void **state)
{
    const struct field card = {.type = FIELD_STRING, .max_bytes = 19, .card = true};
    const struct cel_bounds *b = bounds_of_field(&card, arena);
    (void)state;
    assert_false(b->may_be(span_str("4111111111111111")));
    assert_true(b->may_be(span_str("card:0123456789abcdef")));
    assert_true(b->may_be(span_str("")));
    assert_true(b->bytes_max >= 21);
}

static void an_address_has_one_spelling(void **state)
{
    const struct field ip = {.type = FIELD_IP};
    const struct cel_bounds *b = bounds_of_field(&ip, arena);
    (void)state;
    assert_true(b->may_be(span_str("192.0.2.1")));
    assert_true(b->may_be(span_str("2001:db8::1")));
    assert_false(b->may_be(span_str("2001:DB8::1")));
    assert_false(b->may_be(span_str("::ffff:192.0.2.1")));
    assert_false(b->may_be(span_str("192.0.2.0/24")));
}

static void a_place_has_two_keys(void **state)
{
    const struct field geo = {.type = FIELD_GEO};
    const struct cel_bounds *b = bounds_of_field(&geo, arena);
    (void)state;
    assert_int_equal(b->n_keys, 2);
    assert_true(b->keys[0].value->hi == 90 && b->keys[1].value->lo == -180);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_counted_is_never_negative),
        TEST(a_rate_and_is_new_are_at_most_one),
        TEST(a_time_since_reaches_back_to_the_window),
        TEST(nothing_is_known_of_sums),
        TEST(a_text_has_the_bytes_that_the_schema_allows),
        TEST(a_card_number_is_its_hash),
        TEST(an_address_has_one_spelling),
        TEST(a_place_has_two_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
