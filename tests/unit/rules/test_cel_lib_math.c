#include "tests/unit/rules/cel_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

FIXTURE_OF_TESTS

static void the_greatest_and_the_least_are_of_any_numbers(void **state)
{
    static const struct program programs[] = {
        {"math.greatest(5)", "5"},
        {"math.greatest(1, 2.5)", "2.5"},
        {"math.greatest(2.5, 7u, -1, count)", "11"},
        {"math.greatest([2.5, 7u, -1])", "7"},
        {"math.greatest(lists.codes)", "3"},
        {"math.greatest(codes.map(x, x * 2))", "6"},
        {"math.greatest(18446744073709551615u, -1)", "18446744073709551615"},
        {"math.least(5)", "5"},
        {"math.least(1, 2.5)", "1"},
        {"math.least(2.5, 7u, -1, count)", "-1"},
        {"math.least([2.5, 7u])", "2.5"},
        {"math.least(dyn([2.5, 7u]))", "2.5"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void of_equal_numbers_the_first_is_taken(void **state)
{
    static const struct program programs[] = {
        {"type(math.greatest(1, 1.0)) == int", "true"},
        {"type(math.greatest(1.0, 1u)) == double", "true"},
        {"type(math.least(1u, 1, 1.0)) == uint", "true"},
        {"type(math.least([1.0, 1, 1u])) == double", "true"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void what_has_no_order_has_no_greatest(void **state)
{
    static const struct program programs[] = {
        {"math.greatest(codes.filter(x, x > 9))", "error: invalid argument (the list is empty)"},
        {"math.greatest(0.0 / 0.0, 1.0)", "error: invalid argument (NaN has no order)"},
        {"math.least(1.0, 2.0, 0.0 / 0.0)", "error: invalid argument (NaN has no order)"},
        {"math.isNaN(math.least(0.0 / 0.0))", "true"},
        {"math.greatest(dyn('a'))", "error: no such overload"},
        {"math.greatest(dyn(['a', 'b']))", "error: no such overload"},
        {"math.greatest(dyn([1, 'b']))", "error: no such overload"},
        {"math.greatest(absent, 1)", "error: missing absent"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void what_is_no_number_is_refused_when_loaded(void **state)
{
    (void)state;
    assert_string_equal(fixture_diags(&f, "math.greatest(1, 'a')"),
                        "r.yaml:1:18: math.greatest() is of numbers\n"
                        "    math.greatest(1, 'a')\n"
                        "                     ^\n"
                        "as in math.greatest(1, 2.5), or of one list\n");
    assert_string_equal(fixture_diags(&f, "math.least()"),
                        "r.yaml:1:6: math.least() needs a number at least\n"
                        "    math.least()\n"
                        "         ^\n"
                        "as in math.greatest(1, 2.5)\n");
    assert_null(fixture_compile(&f, "math.least([])"));
    assert_null(fixture_compile(&f, "math.least(1, [2])"));
    assert_null(fixture_compile(&f, "math.least([[1], [2]])"));
    assert_null(fixture_compile(&f, "math.least({1: 2})"));
    assert_null(fixture_compile(&f, "math.least(currency, 1)"));
    assert_null(fixture_compile(&f, "math.least(lists.countries)"));
    assert_null(fixture_compile(&f, "math.floor(1)"));
    assert_null(fixture_compile(&f, "math.bitAnd(1, 2u)"));
}

static void doubles_are_rounded(void **state)
{
    static const struct program programs[] = {
        {"math.ceil(1.2)", "2"},
        {"math.ceil(-1.2)", "-1"},
        {"math.floor(1.2)", "1"},
        {"math.floor(-1.2)", "-2"},
        {"math.round(0.5)", "1"},
        {"math.round(-2.5)", "-3"},
        {"math.round(1.4)", "1"},
        {"math.trunc(-1.9)", "-1"},
        {"math.isInf(math.ceil(1.0 / 0.0))", "true"},
        {"math.isNaN(math.round(0.0 / 0.0))", "true"},
        {"math.floor(dyn(1))", "error: no such overload"},
        {"math.isNaN(1.5)", "false"},
        {"math.isInf(-1.0 / 0.0)", "true"},
        {"math.isFinite(amount)", "true"},
        {"math.isFinite(0.0 / 0.0) || math.isFinite(1.0 / 0.0)", "false"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void a_sign_and_a_size_keep_the_type(void **state)
{
    static const struct program programs[] = {
        {"math.abs(-5)", "5"},
        {"math.abs(5u)", "5"},
        {"math.abs(-5.5)", "5.5"},
        {"math.abs(-9223372036854775808)", "error: overflow"},
        {"math.sign(-5)", "-1"},
        {"math.sign(0)", "0"},
        {"math.sign(7u) == 1u && math.sign(0u) == 0u", "true"},
        {"math.sign(-2.5)", "-1"},
        {"type(math.sign(-0.0)) == double", "true"},
        {"math.isNaN(math.sign(0.0 / 0.0))", "true"},
        {"math.sign(dyn('a'))", "error: no such overload"},
        {"math.sqrt(81)", "9"},
        {"math.sqrt(81u)", "9"},
        {"math.sqrt(2.25)", "1.5"},
        {"math.isNaN(math.sqrt(-15))", "true"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void bits_are_those_of_twos_complement(void **state)
{
    static const struct program programs[] = {
        {"math.bitAnd(-3, -5)", "-7"},
        {"math.bitAnd(3u, 2u)", "2"},
        {"math.bitOr(4, -2)", "-2"},
        {"math.bitOr(1u, 4u)", "5"},
        {"math.bitXor(1, 3)", "2"},
        {"math.bitXor(3u, 5u)", "6"},
        {"math.bitNot(1)", "-2"},
        {"math.bitNot(0u)", "18446744073709551615"},
        {"math.bitShiftLeft(-1, 2)", "-4"},
        {"math.bitShiftLeft(1, 63)", "-9223372036854775808"},
        {"math.bitShiftLeft(1u, 64)", "0"},
        {"math.bitShiftRight(-1, 63)", "1"},
        {"math.bitShiftRight(-1024, 3)", "2305843009213693824"},
        {"math.bitShiftRight(1024u, 9223372036854775807)", "0"},
        {"math.bitShiftLeft(1, -1)", "error: invalid argument (bits are shifted by 0 or more)"},
        {"math.bitShiftRight(1u, -1)", "error: invalid argument (bits are shifted by 0 or more)"},
        {"math.bitAnd(1, dyn(2u))", "error: no such overload"},
        {"math.bitShiftLeft(dyn(1.5), 1)", "error: no such overload"},
    };
    (void)state;
    ALL_HOLD(programs);
}

static void an_inexact_number_has_no_functions(void **state)
{
    static const struct program programs[] = {
        {"math.abs(inexact)", "error: inexact"},
        {"math.greatest(inexact, 1)", "error: inexact"},
    };
    (void)state;
    ALL_HOLD(programs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_greatest_and_the_least_are_of_any_numbers),
        TEST(of_equal_numbers_the_first_is_taken),
        TEST(what_has_no_order_has_no_greatest),
        TEST(what_is_no_number_is_refused_when_loaded),
        TEST(doubles_are_rounded),
        TEST(a_sign_and_a_size_keep_the_type),
        TEST(bits_are_those_of_twos_complement),
        TEST(an_inexact_number_has_no_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
