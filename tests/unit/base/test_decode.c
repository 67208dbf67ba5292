#include "service/base/decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_hex_digit_has_a_value_in_either_case_and_nothing_else_has(void **state)
{
    (void)state;
    for (int c = -1; c < 256; c++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF";
        const char *at = c > 0 ? strchr(digits, c) : NULL;
        assert_int_equal(decode_hex_digit(c), at ? (int)((at - digits) % 16) : -1);
    }
}

static void digits_are_a_number_up_to_64_bits(void **state)
{
    uint64_t v = 0;
    (void)state;
    assert_true(decode_u64(span_str("18446744073709551615"), 10, &v));
    assert_true(v == UINT64_MAX);
    assert_true(decode_u64(span_str("000000000000000000000007"), 10, &v));
    assert_true(v == 7);
    assert_true(decode_u64(span_str("FFFFFFFFffffffff"), 16, &v));
    assert_true(v == UINT64_MAX);
    assert_true(decode_u64(span_str("377"), 8, &v));
    assert_true(v == 255);
}

static void what_is_no_number_of_64_bits_is_refused_and_the_output_is_untouched(void **state)
{
    static const char *const wrong[] = {
        "", "-1", "+1", " 1", "1 ", "1a", "0x1", "18446744073709551616", "99999999999999999999"};
    uint64_t v = 5;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(decode_u64(span_str(wrong[i]), 10, &v));
    assert_false(decode_u64(span_str("8"), 8, &v));
    assert_false(decode_u64(span_str("10000000000000000"), 16, &v));
    assert_true(v == 5);
}

static bool percent(const char *raw, size_t cap, struct text *ret_out)
{
    static char bytes[32];
    text_init(ret_out, bytes, cap);
    return decode_percent(span_str(raw), ret_out);
}

static void a_percent_and_two_hex_digits_are_one_byte(void **state)
{
    struct text out;
    (void)state;
    assert_true(percent("a%2Fb%c3%A9%00", 6, &out));
    assert_true(span_eq(text_span(&out), span_of("a/b\xc3\xa9", 6)));
    assert_true(percent("", 0, &out));
    assert_int_equal(out.len, 0);
}

static void a_percent_without_two_hex_digits_is_refused(void **state)
{
    static const char *const wrong[] = {"%", "%4", "a%4g", "%%41", "%-1", "% 1"};
    struct text out;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(percent(wrong[i], 32, &out));
}

static void without_room_decoding_says_so(void **state)
{
    struct text out;
    (void)state;
    assert_false(percent("abc", 2, &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hex_digit_has_a_value_in_either_case_and_nothing_else_has),
        cmocka_unit_test(digits_are_a_number_up_to_64_bits),
        cmocka_unit_test(what_is_no_number_of_64_bits_is_refused_and_the_output_is_untouched),
        cmocka_unit_test(a_percent_and_two_hex_digits_are_one_byte),
        cmocka_unit_test(a_percent_without_two_hex_digits_is_refused),
        cmocka_unit_test(without_room_decoding_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
