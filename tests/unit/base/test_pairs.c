#include "service/base/pairs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static enum status set(char *pairs, size_t cap, const char *name, const char *value)
{
    return pairs_set(pairs, cap, span_str(name), span_str(value));
}

static void they_come_back_in_their_order(void **state)
{
    char pairs[64] = "";
    const char *at = pairs;
    struct span name, value;
    (void)state;
    assert_int_equal(set(pairs, sizeof pairs, "a", "1=2"), ST_OK);
    assert_int_equal(set(pairs, sizeof pairs, "b", ""), ST_OK);
    assert_true(pairs_next(&at, &name, &value));
    assert_true(span_is(name, "a") && span_is(value, "1=2"));
    assert_true(pairs_next(&at, &name, &value));
    assert_true(span_is(name, "b") && value.len == 0);
    assert_false(pairs_next(&at, &name, &value));
}

static void a_name_set_again_has_its_last_value_alone(void **state)
{
    char pairs[64] = "";
    (void)state;
    assert_int_equal(set(pairs, sizeof pairs, "a", "1"), ST_OK);
    assert_int_equal(set(pairs, sizeof pairs, "ab", "2"), ST_OK);
    assert_int_equal(set(pairs, sizeof pairs, "a", "3"), ST_OK);
    assert_string_equal(pairs, "ab=2\na=3\n");
}

static void what_could_be_read_as_another_pair_is_refused(void **state)
{
    char pairs[64] = "";
    (void)state;
    assert_int_equal(set(pairs, sizeof pairs, "", "1"), ST_INVALID);
    assert_int_equal(set(pairs, sizeof pairs, "a=b", "1"), ST_INVALID);
    assert_int_equal(set(pairs, sizeof pairs, "a\nb", "1"), ST_INVALID);
    assert_int_equal(set(pairs, sizeof pairs, "a", "1\nb=2"), ST_INVALID);
    assert_string_equal(pairs, "");
}

static void what_does_not_fit_is_not_there(void **state)
{
    char pairs[8] = "";
    (void)state;
    assert_int_equal(set(pairs, sizeof pairs, "a", "12345"), ST_NO_SPACE);
    assert_string_equal(pairs, "");
    assert_int_equal(set(pairs, sizeof pairs, "a", "1234"), ST_OK);
    assert_string_equal(pairs, "a=1234\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(they_come_back_in_their_order),
        cmocka_unit_test(a_name_set_again_has_its_last_value_alone),
        cmocka_unit_test(what_could_be_read_as_another_pair_is_refused),
        cmocka_unit_test(what_does_not_fit_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
