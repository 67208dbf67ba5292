#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void a_set_contains_all_of_another(void **state)
{
    static const struct program programs[] = {
        {"sets.contains([], [])", "true"},
        {"sets.contains([], [1])", "false"},
        {"sets.contains([1, 2, 3], [])", "true"},
        {"sets.contains([1, 2, 3], [3, 1, 1])", "true"},
        {"sets.contains([1, 2, 3], [1, 4])", "false"},
        {"sets.contains([1, 2.0, 3u], [1.0, 2u, 3])", "true"},
        {"sets.contains([[1], [2, 3]], [[2, 3.0]])", "true"},
        {"sets.contains(lists.codes, [count - 10])", "true"},
        {"sets.contains([1, absent], [1])", "error: missing absent"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void sets_are_equivalent_that_contain_each_other(void **state)
{
    static const struct program programs[] = {
        {"sets.equivalent([], [])", "true"},
        {"sets.equivalent([1], [1, 1])", "true"},
        {"sets.equivalent([1], [1u, 1.0])", "true"},
        {"sets.equivalent([1, 2, 3], [3u, 2.0, 1])", "true"},
        {"sets.equivalent([1, 2], [1])", "false"},
        {"sets.equivalent([1], [1, 2])", "false"},
        {"sets.equivalent([], [1])", "false"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void sets_intersect_that_share_a_member(void **state)
{
    static const struct program programs[] = {
        {"sets.intersects([], [])", "false"},
        {"sets.intersects([1], [])", "false"},
        {"sets.intersects([1], [1, 2])", "true"},
        {"sets.intersects([1, 2], [3, 4])", "false"},
        {"sets.intersects([[1], [2, 3]], [[1, 2], [2, 3.0]])", "true"},
        {"sets.intersects([merchant.country, 'ZZ'], lists.countries)", "true"},
        {"sets.intersects(lists.countries, ['ZZ', merchant.country])", "true"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void sets_of_unlike_types_are_refused(void **state)
{
    (void)state;
    assert_null(fixture_compile(&f, "sets.contains([1], ['a'])"));
    assert_null(fixture_compile(&f, "sets.contains(lists.codes, lists.countries)"));
    assert_null(fixture_compile(&f, "sets.intersects([1])"));
    assert_string_equal(fixture_text(&f, "sets.contains(dyn([1]), ['a'])"), "false");
    assert_string_equal(fixture_text(&f, "sets.contains(dyn('a'), [1])"),
                        "error: no such overload");
}

static void sets_pay_for_what_they_look_at(void **state)
{
    (void)state;
    assert_string_equal(fixture_text(&f, "cel.bind(l, lists.range(1000), sets.contains(l, l))"),
                        "error: over the limit of steps or room");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_set_contains_all_of_another),      TEST(sets_are_equivalent_that_contain_each_other),
        TEST(sets_intersect_that_share_a_member), TEST(sets_of_unlike_types_are_refused),
        TEST(sets_pay_for_what_they_look_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
