#include "service/base/identifier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_name_is_letters_digits_and_lines_below_and_begins_with_no_digit(void **state)
{
    static const char *const names[] = {"a", "_", "Z9", "card_velocity_1h", "__"};
    static const char *const others[] = {"",         "9a",    "a-b", "a.b", "a b",
                                         "\xc3\xa4", "a\x7f", "@",   "["};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(identifier_is(span_str(names[i]), 64));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(identifier_is(span_str(others[i]), 64));
}

static void a_name_is_as_long_as_it_may_be_and_no_longer(void **state)
{
    (void)state;
    assert_true(identifier_is(span_str("abc"), 3));
    assert_false(identifier_is(span_str("abcd"), 3));
}

static void what_is_no_byte_begins_nothing(void **state)
{
    (void)state;
    assert_false(identifier_starts(-1));
    assert_false(identifier_goes_on(-1));
    assert_false(identifier_starts('0'));
    assert_true(identifier_goes_on('0'));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_letters_digits_and_lines_below_and_begins_with_no_digit),
        cmocka_unit_test(a_name_is_as_long_as_it_may_be_and_no_longer),
        cmocka_unit_test(what_is_no_byte_begins_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
