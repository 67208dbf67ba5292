#include "service/base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct span none = {NULL, 0};

static void spans_are_equal_by_their_bytes(void **state)
{
    (void)state;
    assert_true(span_eq(span_of("abc", 2), span_str("ab")));
    assert_false(span_eq(span_str("ab"), span_str("abc")));
    assert_false(span_eq(span_str("ab"), span_str("ac")));
    assert_true(span_eq(none, span_str("")));
    assert_true(span_is(span_of("a\0b", 1), "a"));
    assert_false(span_is(span_of("a\0b", 3), "a"));
}

static void order_is_that_of_unsigned_bytes_with_prefixes_first(void **state)
{
    (void)state;
    assert_true(span_cmp(span_str("a"), span_str("b")) < 0);
    assert_true(span_cmp(span_str("\xff"), span_str("a")) > 0);
    assert_true(span_cmp(span_str("a"), span_str("ab")) < 0);
    assert_true(span_cmp(span_str("ab"), span_str("a")) > 0);
    assert_int_equal(span_cmp(none, span_str("")), 0);
    assert_true(span_cmp(none, span_str("a")) < 0);
}

static void every_span_starts_with_nothing_and_with_itself(void **state)
{
    (void)state;
    assert_true(span_starts(span_str("abc"), span_str("ab")));
    assert_true(span_starts(span_str("abc"), span_str("abc")));
    assert_true(span_starts(span_str("abc"), none));
    assert_true(span_starts(none, none));
    assert_false(span_starts(span_str("ab"), span_str("abc")));
    assert_false(span_starts(none, span_str("a")));
}

static void a_blank_line_holds_blanks_tabs_and_a_carriage_return_alone(void **state)
{
    (void)state;
    assert_true(span_is_blank(none));
    assert_true(span_is_blank(span_str(" \t \r")));
    assert_false(span_is_blank(span_str(" x ")));
    assert_false(span_is_blank(span_str("\f")));
    assert_false(span_is_blank(span_of("\0", 1)));
}

static void what_is_taken_is_taken_from_the_front(void **state)
{
    struct span from = span_str("abcdef"), part = none;
    char bytes[2];
    (void)state;
    assert_true(span_take(&from, 3, &part));
    assert_true(span_is(part, "abc"));
    assert_true(span_take_raw(&from, bytes, sizeof bytes));
    assert_memory_equal(bytes, "de", 2);
    assert_true(span_is(from, "f"));
}

static void what_is_not_there_is_not_taken_and_nothing_changes(void **state)
{
    struct span from = span_str("a"), part = none;
    char bytes[2] = "x";
    (void)state;
    assert_false(span_take(&from, 2, &part));
    assert_false(span_take_raw(&from, bytes, sizeof bytes));
    assert_true(span_is(from, "a"));
    assert_null(part.base);
    assert_int_equal(bytes[0], 'x');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_are_equal_by_their_bytes),
        cmocka_unit_test(order_is_that_of_unsigned_bytes_with_prefixes_first),
        cmocka_unit_test(every_span_starts_with_nothing_and_with_itself),
        cmocka_unit_test(what_is_taken_is_taken_from_the_front),
        cmocka_unit_test(what_is_not_there_is_not_taken_and_nothing_changes),
        cmocka_unit_test(a_blank_line_holds_blanks_tabs_and_a_carriage_return_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
