#include "rules/cel_library.h"

#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void a_quoted_text_is_its_literal(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"strings.quote('')", "\"\""},
        {"strings.quote('a \"b\" \\\\ c')", "\"a \\\"b\\\" \\\\ c\""},
        {"strings.quote('\\a\\b\\f\\n\\r\\t\\v')", "\"\\a\\b\\f\\n\\r\\t\\v\""},
        {"strings.quote('\\u00e9\\U0001F600\\'')", "\"\u00e9\U0001F600'\""},
        {"size(strings.quote('a\\x00b'))", "5"},
    };
    ALL_HOLD(pairs);
}

static void positions_count_code_points(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'ta\\u00a9oo'.indexOf('o')", "3"},        {"'ta\\u00a9oo'.indexOf('o', 4)", "4"},
        {"'ta\\u00a9oo'.lastIndexOf('o')", "4"},    {"'ta\\u00a9oo'.lastIndexOf('o', 3)", "3"},
        {"'ta\\u00a9oo'.charAt(2)", "\u00a9"},      {"'ta\\u00a9oo'.charAt(5)", ""},
        {"'ta\\u00a9oo'.substring(2)", "\u00a9oo"}, {"'ta\\u00a9oo'.substring(2, 3)", "\u00a9"},
    };
    ALL_HOLD(pairs);
}

static void a_search_from_behind_the_end_finds_nothing(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'tacocat'.indexOf('a', 30)", "-1"},
        {"'tacocat'.indexOf('', 30)", "7"},
        {"'tacocat'.charAt(7).indexOf('')", "0"},
        {"'tacocat'.indexOf('a', -1)", "error: index out of bounds"},
        {"'tacocat'.lastIndexOf('a', 30)", "-1"},
        {"'tacocat'.lastIndexOf('', 3)", "3"},
        {"'tacocat'.lastIndexOf('a', -1)", "error: index out of bounds"},
        {"'tacocat'.charAt(8)", "error: index out of bounds"},
        {"'tacocat'.substring(4, 3)", "error: index out of bounds"},
        {"'tacocat'.substring(-1)", "error: index out of bounds"},
    };
    ALL_HOLD(pairs);
}

static void parts_are_replaced_split_and_joined(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"'hello'.replace('l', 'L', 1)", "heLlo"},
        {"'ab'.replace('', '-')", "-a-b-"},
        {"'ab'.replace('', '-', 2)", "-a-b"},
        {"'a,b,c'.split(',')", "[a, b, c]"},
        {"'a,b,c'.split(',', 2)", "[a, b,c]"},
        {"'a,b,c'.split(',', 0)", "[]"},
        {"'ab'.split('')", "[a, b]"},
        {"''.split('')", "[]"},
        {"''.split(',')", "[]"},
        {"['a', 'b'].join()", "ab"},
        {"['a', 'b'].join('\\u00a9')", "a\u00a9b"},
        {"[].join(',')", ""},
        {"'\\u00a0 a b\\u3000\\n'.trim()", "a b"},
        {"'a\\u00a9B'.reverse()", "B\u00a9a"},
        {"'a\\u00c9B'.lowerAscii()", "a\u00c9b"},
        {"'a\\u00e9B'.upperAscii()", "A\u00e9B"},
    };
    ALL_HOLD(pairs);
}

static void a_pattern_may_be_made_at_load_or_while_a_rule_runs(void **state)
{
    (void)state;
    static const struct program pairs[] = {
        {"currency.matches('^[A-Z]{3}$')", "true"},
        {"matches('Stra\u00dfe', r'^\\p{L}+$')", "true"},
        {"'EUR'.matches(currency)", "true"},
        {"''.matches('')", "true"},
        {"'x'.matches(currency + ')')",
         "error: invalid argument invalid pattern at character 1: unexpected ): EUR)"},
        {"'x'.matches(currency + '[a')",
         "error: invalid argument invalid pattern at character 4: missing ]: [a"},
        {"'x'.matches(currency + r'\\pL{50}')", "error: over the limit of steps or room"},
        {"[1, 2, 3, 4, 5].exists(i, 'x'.matches(currency + r'\\pL'))",
         "error: over the limit of steps or room"},
    };
    ALL_HOLD(pairs);
}

static void a_constant_that_is_no_pattern_is_refused_at_load(void **state)
{
    (void)state;
    const char *diags = fixture_diags(&f, "currency.matches('\u00e9[a')");
    assert_non_null(strstr(diags, "r.yaml:1:18: invalid pattern at character 2: missing ]: [a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quoted_text_is_its_literal),
        TEST(positions_count_code_points),
        TEST(a_search_from_behind_the_end_finds_nothing),
        TEST(parts_are_replaced_split_and_joined),
        TEST(a_pattern_may_be_made_at_load_or_while_a_rule_runs),
        TEST(a_constant_that_is_no_pattern_is_refused_at_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
