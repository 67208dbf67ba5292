#include "rules/cel_format.h"

#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

FIXTURE_OF_TESTS

static void clauses_write_numbers(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'%d of %d'.format([1, 2u])", "1 of 2"},
        {"'%d'.format([amount])", "950.5"},
        {"'%d %d'.format([-9223372036854775808, 18446744073709551615u])",
         "-9223372036854775808 18446744073709551615"},
        {"'%f %.0f %.1f'.format([2.5, 2.5, 3])", "2.500000 2 3.0"},
        {"'%.3f'.format([-123.4999])", "-123.500"},
        {"'%e %.1e'.format([1052.032911275, 3u])", "1.052033e+03 3.0e+00"},
        {"'%f %e %d'.format([0.0 / 0.0, 1.0 / 0.0, -1.0 / 0.0])", "NaN Infinity -Infinity"},
        {"'%x %X %x %o %b'.format([-30, 30u, -9223372036854775808, -11, -5])",
         "-1e 1E -8000000000000000 -13 -101"},
        {"'%b %b %o'.format([true, 0, 0u])", "1 0 0"},
        {"'%x %X'.format(['Jo!', b'\\xff\\x00'])", "4a6f21 FF00"},
        {"'100%% of %s%%'.format([5])", "100% of 5%"},
        {"''.format([])", ""},
        {"size('%.1000f'.format([-1.7976931348623157e308]))", "1311"},
    };
    ALL_HOLD(pairs);
}

static void a_string_clause_writes_whatever_has_a_text(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'%s %s %s'.format([currency, true, null])", "EUR true null"},
        {"'%s %s %s'.format([time, duration('1h45m47s'), duration('-1500ms')])",
         "2026-01-05T12:00:10Z 6347s -1.5s"},
        {"'%s %s'.format([type(1), type(time)])", "int google.protobuf.Timestamp"},
        {"'%s'.format([['abc', 3.14, null, [9, 8], []]])", "[abc, 3.14, null, [9, 8], []]"},
        {"'%s'.format([{'b': 1, 'a': [2.0], true: 0.0 / 0.0, 10: {}, 9u: 'x'}])",
         "{10: {}, 9: x, a: [2], b: 1, true: NaN}"},
        {"'%s'.format([location])", "{lat: 50.5, lon: 4.25}"},
        {"'%s|%s'.format([b'caf\\303\\251', b'a\\xff\\xfe\\xe2\\x82b'])", "caf\u00e9|a\ufffdb"},
        {"'%s'.format([anything])", "[1, 2, 3]"},
    };
    ALL_HOLD(pairs);
}

static void a_double_has_no_exponent_and_no_needless_digit(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'%s %s %s'.format([1.0, -0.0, 100.0])", "1 -0 100"},
        {"'%s'.format([0.000000002])", "0.000000002"},
        {"'%s'.format([1e21])", "1000000000000000000000"},
        {"'%s'.format([123456.75])", "123456.75"},
        {"'%s'.format([0.1 + 0.2])", "0.30000000000000004"},
        {"size('%s'.format([5e-324]))", "326"},
        {"size('%s'.format([-1.7976931348623157e308]))", "310"},
    };
    ALL_HOLD(pairs);
}

static void what_shows_in_a_run_is_an_error_value(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"(currency + '%q').format([1])",
         "error: invalid argument a clause is one of %s %d %f %e %x %X %o %b; %% is a percent "
         "sign"},
        {"(currency + '%.d').format([1])", "error: invalid argument a precision is a number: %.2f"},
        {"(currency + '%.1001f').format([1])",
         "error: invalid argument a precision is at most 1000"},
        {"(currency + '%').format([1])", "error: invalid argument the format ends within a clause; "
                                         "%% is a percent sign"},
        {"(currency + '%s %s').format([1])",
         "error: invalid argument format has fewer values than clauses"},
        {"'%b'.format([dyn('a')])", "error: invalid argument %b takes an int, a uint or a bool"},
        {"'%s'.format([absent])", "error: missing absent"},
        {"'%s'.format([inexact])", "error: inexact"},
        {"'%s'.format(anything.map(x, 'x'))", "x"}, /* too many are fine then */
    };
    ALL_HOLD(pairs);
}

static void a_constant_format_is_looked_through_at_load(void **state)
{
    static const struct program pairs[] = {
        {"'%d'.format(['a'])", "r.yaml:1:14: %d takes an int, a uint or a double, not "
                               "string"},
        {"'%a'.format([1])", "r.yaml:1:1: a clause is one of"},
        {"'%s %s'.format([1])", "r.yaml:1:16: more clauses than values (1)"},
        {"'%s'.format([1, 2])", "r.yaml:1:17: more values (2) than clauses (1)"},
        {"'%x'.format([amount])", "%x takes an int, a uint, a string or bytes, not double"},
        {"'%o'.format([{1: 2}])", "%o takes an int or a uint, not map(int, int)"},
        {"'%s'.format(1)", "format"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const char *diags = fixture_diags(&f, pairs[i].source);
        if (strstr(diags, pairs[i].value) == NULL)
            print_error("%s\n%s", pairs[i].source, diags);
        assert_non_null(strstr(diags, pairs[i].value));
    }
}

static void a_long_answer_ends_at_the_limit(void **state)
{
    (void)state;
    const char *source = "[0,1,2,3,4,5,6,7,8,9].map(x, [0,1,2,3,4,5,6,7,8,9].map(y, "
                         "[0,1,2,3,4,5,6,7,8,9].map(z, '%.1000f'.format([amount + 1e308]))))";
    assert_string_equal(fixture_text(&f, source), "error: over the limit of steps or room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(clauses_write_numbers),
        TEST(a_string_clause_writes_whatever_has_a_text),
        TEST(a_double_has_no_exponent_and_no_needless_digit),
        TEST(what_shows_in_a_run_is_an_error_value),
        TEST(a_constant_format_is_looked_through_at_load),
        TEST(a_long_answer_ends_at_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
