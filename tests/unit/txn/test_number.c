#include "service/txn/number.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct number parsed(const char *text)
{
    struct number n;
    if (!number_parse(span_str(text), &n))
        fail_msg("refused: %s", text);
    return n;
}

static void a_number_is_mantissa_and_exponent(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool negative, integer, wide;
        uint64_t mantissa;
        int exp10;
    } cases[] = {
        {"0", false, true, false, 0, 0},
        {"-0.00e5", false, false, false, 0, 0},
        {"81.51", false, false, false, 8151, -2},
        {"-81.510e1", true, false, false, 8151, -1},
        {"1200", false, true, false, 12, 2},
        {"0.00012", false, false, false, 12, -5},
        {"9999999999999999999", false, true, false, 9999999999999999999U, 0},
        {"10000000000000000000", false, true, false, 1, 19},
        {"10000000000000000001", false, true, true, 1000000000000000000, 1},
        {"0.99999999999999999999", false, false, true, 9999999999999999999U, -19},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct number n = parsed(cases[i].text);
        assert_int_equal(n.negative, cases[i].negative);
        assert_int_equal(n.integer, cases[i].integer);
        assert_int_equal(n.wide, cases[i].wide);
        assert_true(n.mantissa == cases[i].mantissa);
        assert_int_equal(n.exp10, cases[i].exp10);
    }
}

static void a_scan_stops_behind_the_number_or_on_the_fault(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        bool ok;
    } cases[] = {
        {"12,", 2, true},   {"-1.5e3]", 6, true}, {"012", 1, true}, {"1.", 2, false},
        {"-", 1, false},    {"-x", 1, false},     {"1e", 2, false}, {"1e+", 3, false},
        {"1.e5", 2, false}, {"+1", 0, false},     {"", 0, false},   {"1e5.5", 3, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = cases[i].text;
        struct number n;
        assert_int_equal(number_scan(&at, at + strlen(at), &n), cases[i].ok);
        assert_int_equal(at - cases[i].text, cases[i].at);
    }
}

static void scaling_is_exact_up_to_the_last_value(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int digits;
        enum number_fit fit;
        int64_t value;
    } cases[] = {
        {"0.5", 4, NUMBER_FITS, 5000},
        {"9223372036854775807", 0, NUMBER_FITS, INT64_MAX},
        {"-9223372036854775808", 0, NUMBER_FITS, INT64_MIN},
        {"9223372036854775808", 0, NUMBER_OUT_OF_RANGE, 0},
        {"-9223372036854775809", 0, NUMBER_OUT_OF_RANGE, 0},
        {"922337203685477580.7", 1, NUMBER_FITS, INT64_MAX},
        {"1e19", 0, NUMBER_OUT_OF_RANGE, 0},
        {"1e18", 0, NUMBER_FITS, 1000000000000000000},
        {"1e-1", 0, NUMBER_HAS_FRACTION, 0},
        {"1e-99999999999999999999", 4, NUMBER_HAS_FRACTION, 0},
        {"0e99999999999999999999", 4, NUMBER_FITS, 0},
        {"1234567890123456789.01", 1, NUMBER_OUT_OF_RANGE, 0},
        {"922337203685477580.71", 1, NUMBER_HAS_FRACTION, 0},
        {"1234567890123456789012", 0, NUMBER_OUT_OF_RANGE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 0;
        struct number n = parsed(cases[i].text);
        assert_int_equal(number_scaled(&n, cases[i].digits, &v), cases[i].fit);
        assert_true(v == cases[i].value);
    }
}

static void doubles_are_the_nearest(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        int fraction = (int)(seed >> 60), exponent = (int)(seed >> 33 & 1023) - 511;
        uint64_t digits = (seed >> 3) >> (seed >> 20 & 63);
        snprintf(text, sizeof text, "-%llu.%0*de%d", (unsigned long long)digits, fraction + 1,
                 (int)(seed & 0xFFFF), i % 2 ? exponent : exponent % 20);
        struct number n = parsed(text);
        double want = strtod(text, NULL);
        if (number_double(&n) != want)
            fail_msg("%s", text);
        assert_int_equal(number_in_range(&n), isfinite(want) != 0);
    }
}

static void a_range_ends_where_others_numbers_do(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool in;
    } cases[] = {
        {"9223372036854775807", true},
        {"9223372036854775808", false},
        {"-9223372036854775808", true},
        {"9223372036854775808.0", true},
        {"1.7976931348623157e308", true},
        {"1.7976931348623159e308", false},
        {"1e400", false},
        {"1e-400", true},
        {"0e400", true},
        {"1180591620717411303424", false},
        {"0.000000000000000000001e329", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct number n = parsed(cases[i].text);
        assert_int_equal(number_in_range(&n), cases[i].in);
    }
}

static void digits_of_a_wide_number_have_no_zeros_at_the_ends(void **state)
{
    (void)state;
    char digits[NUMBER_BYTES_MAX];
    struct number n = parsed("-0.00123456789012345678901230e5");
    size_t len = number_digits(&n, digits);
    assert_true(span_is(span_of(digits, len), "12345678901234567890123"));
}

static void a_literal_of_1024_bytes_is_parsed_and_one_of_1025_is_not(void **state)
{
    (void)state;
    static char text[NUMBER_BYTES_MAX + 2];
    struct number n;
    memset(text, '7', NUMBER_BYTES_MAX + 1);
    assert_true(number_parse(span_of(text, NUMBER_BYTES_MAX), &n));
    assert_false(number_parse(span_of(text, NUMBER_BYTES_MAX + 1), &n));
    assert_false(number_parse(span_of(text, 0), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_mantissa_and_exponent),
        cmocka_unit_test(a_scan_stops_behind_the_number_or_on_the_fault),
        cmocka_unit_test(scaling_is_exact_up_to_the_last_value),
        cmocka_unit_test(doubles_are_the_nearest),
        cmocka_unit_test(a_range_ends_where_others_numbers_do),
        cmocka_unit_test(digits_of_a_wide_number_have_no_zeros_at_the_ends),
        cmocka_unit_test(a_literal_of_1024_bytes_is_parsed_and_one_of_1025_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
