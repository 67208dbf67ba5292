#include "service/base/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static char buf[2048];

static struct text fresh(void)
{
    struct text t;
    memset(buf, 0, sizeof buf);
    text_init(&t, buf, sizeof buf - 1); /* the last byte stays NUL, so buf is a string */
    return t;
}

/* ---- the buffer ------------------------------------------------------------------------------ */

static void writes_follow_each_other(void **state)
{
    (void)state;
    struct text t = fresh();
    text_str(&t, "ab");
    text_char(&t, 'c');
    text_printf(&t, "%d", 4);
    text_put(&t, span_of(NULL, 0));
    assert_true(span_is(text_span(&t), "abc4"));
    assert_false(t.overflow);
}

static void exactly_the_capacity_fits(void **state)
{
    (void)state;
    char four[4];
    struct text t;
    text_init(&t, four, sizeof four);
    text_str(&t, "abcd");
    assert_false(t.overflow);
    assert_int_equal(t.len, 4);
}

static void what_does_not_fit_writes_nothing(void **state)
{
    (void)state;
    char four[4] = "....";
    struct text t;
    text_init(&t, four, sizeof four);
    text_str(&t, "abc");
    text_str(&t, "de");
    assert_true(t.overflow);
    assert_int_equal(t.len, 3);
    assert_memory_equal(four, "abc.", 4);
}

static void an_overflow_stays_set(void **state)
{
    (void)state;
    char four[4];
    struct text t;
    text_init(&t, four, sizeof four);
    text_str(&t, "abcde");
    text_str(&t, "ab");
    assert_true(t.overflow);
    assert_int_equal(t.len, 2);
}

static void a_printf_of_1023_bytes_fits_and_1024_overflow(void **state)
{
    (void)state;
    struct text t = fresh();
    text_printf(&t, "%1023s", "x");
    assert_false(t.overflow);
    assert_int_equal(t.len, 1023);
    text_printf(&t, "%1024s", "x");
    assert_true(t.overflow);
    assert_int_equal(t.len, 1023);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void check_i64(int64_t v, const char *expected)
{
    struct text t = fresh();
    text_i64(&t, v);
    assert_string_equal(buf, expected);
}

static void integers_to_both_ends_of_the_range(void **state)
{
    (void)state;
    check_i64(0, "0");
    check_i64(-1, "-1");
    check_i64(10, "10");
    check_i64(INT64_MAX, "9223372036854775807");
    check_i64(INT64_MIN, "-9223372036854775808");
}

static void check_hex(uint64_t v, int digits, const char *expected)
{
    struct text t = fresh();
    text_hex(&t, v, digits);
    assert_string_equal(buf, expected);
}

static void hex_has_exactly_the_digits_asked_for(void **state)
{
    (void)state;
    check_hex(0, 16, "0000000000000000");
    check_hex(UINT64_MAX, 16, "ffffffffffffffff");
    check_hex(0xabc, 2, "bc");
    check_hex(0xa, 1, "a");
}

static void hex_of_bytes_is_in_their_order(void **state)
{
    (void)state;
    struct text t = fresh();
    text_hex_bytes(&t, "\x00\x7f\xff", 3);
    assert_string_equal(buf, "007fff");
}

static void check_fixed(int64_t v, int64_t scale, const char *expected)
{
    struct text t = fresh();
    text_fixed(&t, v, scale);
    assert_string_equal(buf, expected);
}

static void fixed_point_without_trailing_zeros(void **state)
{
    (void)state;
    check_fixed(0, 10000, "0");
    check_fixed(9500000, 10000, "950");
    check_fixed(5000, 10000, "0.5");
    check_fixed(-5000, 10000, "-0.5");
    check_fixed(1, 10000, "0.0001");
    check_fixed(-1, 1000000, "-0.000001");
    check_fixed(10100, 10000, "1.01");
    check_fixed(7, 1, "7");
}

static void fixed_point_to_both_ends_of_the_range(void **state)
{
    (void)state;
    check_fixed(INT64_MAX, 10000, "922337203685477.5807");
    check_fixed(INT64_MIN, 10000, "-922337203685477.5808");
    check_fixed(INT64_MIN, 1, "-9223372036854775808");
    check_fixed(INT64_MAX, 1000000, "9223372036854.775807");
}

static void check_double(double v, const char *expected)
{
    struct text t = fresh();
    text_double(&t, v);
    assert_string_equal(buf, expected);
}

static void doubles_are_as_short_as_they_can_be(void **state)
{
    (void)state;
    check_double(0.1, "0.1");
    check_double(-2.5, "-2.5");
    check_double(1.0 / 3, "0.3333333333333333");
    check_double(0.1 + 0.2, "0.30000000000000004");
    check_double(5e-324, "5e-324");
    check_double(1.5e-310, "1.5e-310");
    check_double(2.2250738585072014e-308, "2.2250738585072014e-308");
    check_double(1.7976931348623157e308, "1.7976931348623157e+308");
}

static void doubles_that_are_integers_have_no_exponent_up_to_2_53(void **state)
{
    (void)state;
    check_double(0, "0");
    check_double(-0.0, "0");
    check_double(1e15, "1000000000000000");
    check_double(9007199254740992.0, "9007199254740992");
    check_double(-9007199254740992.0, "-9007199254740992");
    check_double(9007199254740994.0, "9007199254740994");
    check_double(1e17, "1e+17");
    check_double(1e300, "1e+300");
}

static void what_json_has_not_is_null(void **state)
{
    (void)state;
    check_double(NAN, "null");
    check_double(INFINITY, "null");
    check_double(-INFINITY, "null");
}

static void any_double_reads_back_as_itself(void **state)
{
    (void)state;
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        double v;
        bits = bits * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        struct text t = fresh();
        text_double(&t, v);
        assert_true(strtod(buf, NULL) == v);
    }
}

/* ---- JSON strings ---------------------------------------------------------------------------- */

static void check_json(struct span s, const char *expected)
{
    struct text t = fresh();
    text_json_string(&t, s);
    assert_string_equal(buf, expected);
}

static void json_strings_escape_what_they_must(void **state)
{
    (void)state;
    check_json(span_str(""), "\"\"");
    check_json(span_of(NULL, 0), "\"\"");
    check_json(span_str("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    check_json(span_str("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    check_json(span_of("\0\x01\x0b\x1f", 4), "\"\\u0000\\u0001\\u000b\\u001f\"");
}

static void json_strings_leave_the_rest_as_it_is(void **state)
{
    (void)state;
    check_json(span_str("\x7f\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xb3"),
               "\"\x7f\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xb3\"");
}

/* ---- time ------------------------------------------------------------------------------------ */

static void check_time(int64_t unix_ms, const char *expected)
{
    struct text t = fresh();
    text_time_ms(&t, unix_ms);
    assert_string_equal(buf, expected);
}

static void times_have_milliseconds_only_when_there_are_some(void **state)
{
    (void)state;
    check_time(0, "1970-01-01T00:00:00Z");
    check_time(1, "1970-01-01T00:00:00.001Z");
    check_time(1767614410000, "2026-01-05T12:00:10Z");
    check_time(1767614410120, "2026-01-05T12:00:10.120Z");
    check_time(951782400000, "2000-02-29T00:00:00Z");
}

static void times_before_1970_count_back(void **state)
{
    (void)state;
    check_time(-1, "1969-12-31T23:59:59.999Z");
    check_time(-1000, "1969-12-31T23:59:59Z");
    check_time(-1001, "1969-12-31T23:59:58.999Z");
}

static void times_reach_from_year_1_to_9999(void **state)
{
    (void)state;
    check_time(-62135596800000, "0001-01-01T00:00:00Z");
    check_time(253402300799999, "9999-12-31T23:59:59.999Z");
}

static void times_past_that_are_written_without_overflow(void **state)
{
    (void)state;
    check_time(INT64_MIN, "-292275055-05-16T16:47:04.192Z");
    check_time(INT64_MAX, "292278994-08-17T07:12:55.807Z");
}

static void raw_numbers_read_back(void **state)
{
    char bytes[12];
    struct text t;
    uint64_t wide = 0;
    uint32_t narrow = 0;
    (void)state;
    text_init(&t, bytes, sizeof bytes);
    text_raw(&t, &(uint64_t){UINT64_MAX - 1}, 8);
    text_raw(&t, &(uint32_t){7}, 4);
    struct span from = text_span(&t);
    assert_true(span_take_raw(&from, &wide, sizeof wide) && wide == UINT64_MAX - 1);
    assert_true(span_take_raw(&from, &narrow, sizeof narrow) && narrow == 7);
    text_raw(&t, &narrow, sizeof narrow);
    assert_true(t.overflow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_numbers_read_back),
        cmocka_unit_test(writes_follow_each_other),
        cmocka_unit_test(exactly_the_capacity_fits),
        cmocka_unit_test(what_does_not_fit_writes_nothing),
        cmocka_unit_test(an_overflow_stays_set),
        cmocka_unit_test(a_printf_of_1023_bytes_fits_and_1024_overflow),
        cmocka_unit_test(integers_to_both_ends_of_the_range),
        cmocka_unit_test(hex_has_exactly_the_digits_asked_for),
        cmocka_unit_test(hex_of_bytes_is_in_their_order),
        cmocka_unit_test(fixed_point_without_trailing_zeros),
        cmocka_unit_test(fixed_point_to_both_ends_of_the_range),
        cmocka_unit_test(doubles_are_as_short_as_they_can_be),
        cmocka_unit_test(doubles_that_are_integers_have_no_exponent_up_to_2_53),
        cmocka_unit_test(what_json_has_not_is_null),
        cmocka_unit_test(any_double_reads_back_as_itself),
        cmocka_unit_test(json_strings_escape_what_they_must),
        cmocka_unit_test(json_strings_leave_the_rest_as_it_is),
        cmocka_unit_test(times_have_milliseconds_only_when_there_are_some),
        cmocka_unit_test(times_before_1970_count_back),
        cmocka_unit_test(times_reach_from_year_1_to_9999),
        cmocka_unit_test(times_past_that_are_written_without_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
