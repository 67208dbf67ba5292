#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void parts_are_taken_by_position(void **state)
{
    static const struct program programs[] = {
        {"[1, 2, 3, 4].slice(1, 3)", "[2, 3]"},
        {"[1, 2, 3, 4].slice(0, 4)", "[1, 2, 3, 4]"},
        {"[1, 2].slice(2, 2)", "[]"},
        {"[].slice(0, 0)", "[]"},
        {"[1, 2].slice(1, 3)", "error: index out of bounds"},
        {"[1, 2].slice(-1, 1)", "error: index out of bounds"},
        {"[1, 2].slice(0, -1)", "error: index out of bounds"},
        {"[1, 2].slice(2, 1)", "error: index out of bounds"},
        {"lists.codes.slice(1, 3) + [9]", "[2, 3, 9]"},
        {"2 in lists.codes.slice(0, 1)", "false"},
        {"[1, 2, 3].first()", "optional.of(1)"},
        {"[1, 2, 3].last().value()", "3"},
        {"[].first()", "optional.none()"},
        {"[].last()", "optional.none()"},
        {"['a'].last().orValue('b')", "a"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void lists_are_made_of_others(void **state)
{
    static const struct program programs[] = {
        {"lists.range(5)", "[0, 1, 2, 3, 4]"},
        {"lists.range(0)", "[]"},
        {"lists.range(-1)", "error: invalid argument (a list has 0 items or more)"},
        {"lists.range(9223372036854775807)", "error: over the limit of steps or room"},
        {"[5, 3, 1, 2].reverse()", "[2, 1, 3, 5]"},
        {"[].reverse()", "[]"},
        {"'ab'.reverse()", "ba"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void lists_in_lists_are_flattened_by_levels(void **state)
{
    static const struct program programs[] = {
        {"[1, [2, 3], [4]].flatten()", "[1, 2, 3, 4]"},
        {"[1, [2, [3, 4]]].flatten()", "[1, 2, [3, 4]]"},
        {"[1, 2, [], [], [3, 4]].flatten()", "[1, 2, 3, 4]"},
        {"[[], [[]]].flatten()", "[[]]"},
        {"[1, [2, [3, [4]]]].flatten(2)", "[1, 2, 3, [4]]"},
        {"[1, [2, [3, [4]]]].flatten(9223372036854775807)", "[1, 2, 3, 4]"},
        {"[1, [2, [3, [4]]]].flatten(0)", "[1, [2, [3, [4]]]]"},
        {"[[1], [2]].flatten().map(x, x + 1)", "[2, 3]"},
        {"dyn([1, 2]).flatten()", "[1, 2]"},
        {"[].flatten(1)", "[]"},
        {"[[1]].flatten(-1)", "error: invalid argument (lists are flattened by 0 levels or more)"},
    };
    (void)state;
    ALL_HOLD(programs);
    assert_null(fixture_compile(&f, "lists.codes.flatten()"));
}

static void flattening_pays_for_every_level(void **state)
{
    (void)state;
    assert_string_equal(
        fixture_text(&f, "cel.bind(a, lists.range(40), cel.bind(b, a.map(x, a), cel.bind(c,"
                         " a.map(x, b), a.map(x, c).flatten(9))))"),
        "error: over the limit of steps or room");
}

static void items_of_one_type_are_sorted(void **state)
{
    static const struct program programs[] = {
        {"[].sort()", "[]"},
        {"[1].sort()", "[1]"},
        {"[4, 3, 2, 1].sort()", "[1, 2, 3, 4]"},
        {"[3, -1, 9223372036854775807, -9223372036854775808].sort()",
         "[-9223372036854775808, -1, 3, 9223372036854775807]"},
        {"[2u, 1u].sort()", "[1, 2]"},
        {"[2.5, -1.0, 1.0 / 0.0, 0.0].sort().slice(0, 3)", "[-1, 0, 2.5]"},
        {"['d', 'b', 'c', 'a', ''].sort()", "[, a, b, c, d]"},
        {"[b'b', b'a'].sort() == [b'a', b'b']", "true"},
        {"[true, false].sort()", "[false, true]"},
        {"[duration('2s'), duration('1s')].sort() == [duration('1s'), duration('2s')]", "true"},
        {"[timestamp(2), timestamp(1)].sort() == [timestamp(1), timestamp(2)]", "true"},
        {"lists.range(1000).map(x, x * 7919 % 1000).sort() == lists.range(1000)", "true"},
        {"dyn([1, 'b']).sort()", "error: no such overload"},
        {"[dyn(1), dyn(1.0)].sort()", "error: no such overload"},
        {"dyn([[1]]).sort()", "error: no such overload"},
        {"dyn([null]).sort()", "error: no such overload"},
        {"[0.0 / 0.0, 1.0].sort()", "error: invalid argument (NaN has no order)"},
        {"dyn('ab').sort()", "error: no such overload"},
    };
    (void)state;
    ALL_HOLD(programs);
    assert_null(fixture_compile(&f, "[[1, 2]].sort()"));
    assert_null(fixture_compile(&f, "'ab'.sort()"));
}

static void items_are_sorted_by_a_key_and_equal_ones_stay(void **state)
{
    static const struct program programs[] = {
        {"['ccc', 'a', 'bb'].sortBy(s, size(s))", "[a, bb, ccc]"},
        {"['b1', 'a2', 'c1', 'd2', 'e1'].sortBy(s, s.substring(1))", "[b1, c1, e1, a2, d2]"},
        {"[1, 2, 3].sortBy(x, -x)", "[3, 2, 1]"},
        {"lists.codes.sortBy(x, x % 2 == 0)", "[1, 3, 2]"},
        {"[].sortBy(x, x)", "[]"},
        {"[1, 2].map(x, x * count).sortBy(y, -y).map(z, z + 1)", "[23, 12]"},
        {"[[3, 1], [2, 4]].sortBy(l, l.sortBy(x, x)[0])", "[[3, 1], [2, 4]]"},
        {"[[3, 2], [1, 4]].sortBy(l, l.sortBy(x, x)[0]).map(l, l.sortBy(x, -x))",
         "[[4, 1], [3, 2]]"},
        {"[{'n': 'x', 's': 2}, {'n': 'y', 's': 1}].sortBy(p, p.s).map(p, p.n)", "[y, x]"},
        {"[1, 0].sortBy(x, 1 / x)", "error: division by zero"},
        {"[1, 2].sortBy(x, dyn([x]))", "error: no such overload"},
        {"dyn({'a': 1}).sortBy(k, k)", "error: no such overload"},
    };
    (void)state;
    ALL_HOLD(programs);
    assert_null(fixture_compile(&f, "[1].sortBy(x, [x])"));
    assert_null(fixture_compile(&f, "[1].sortBy(1, 2)"));
    assert_null(fixture_compile(&f, "['a'].sortBy(x, 1)[0] + 1"));
}

static void each_item_is_kept_once(void **state)
{
    static const struct program programs[] = {
        {"[1, 2, 2, 3, 3, 3].distinct()", "[1, 2, 3]"},
        {"['b', 'b', 'c', 'a', 'c'].distinct()", "[b, c, a]"},
        {"[1, 'b', 2, 'b'].distinct()", "[1, b, 2]"},
        {"[1, 1.0, 1u, 2u, 2].distinct()", "[1, 2]"},
        {"[[1], [1.0], [2], [1]].distinct()", "[[1], [2]]"},
        {"[null, null].distinct()", "[null]"},
        {"size([0.0 / 0.0, 0.0 / 0.0].distinct())", "2"},
        {"[0.0, -0.0].distinct()", "[0]"},
        {"[].distinct()", "[]"},
        {"size(lists.range(900).map(x, x % 7).distinct())", "7"},
        {"lists.range(900).map(x, x % 7).distinct()", "[0, 1, 2, 3, 4, 5, 6]"},
    };
    (void)state;
    ALL_HOLD(programs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_are_taken_by_position),
        TEST(lists_are_made_of_others),
        TEST(lists_in_lists_are_flattened_by_levels),
        TEST(flattening_pays_for_every_level),
        TEST(items_of_one_type_are_sorted),
        TEST(items_are_sorted_by_a_key_and_equal_ones_stay),
        TEST(each_item_is_kept_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
