#include "service/engine/cofire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct cofire c, d; /* too large for a stack */

static int reset(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    memset(&d, 0, sizeof d);
    return 0;
}

#define FIRE(cofire, ruleset, ...)                           \
    cofire_note(cofire, ruleset, (const int[]){__VA_ARGS__}, \
                (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

/* Is `other` left of those that fire with `index`? */
static bool is_covered(int index, int other)
{
    uint16_t with[COFIRE_MAX] = {0};
    bool has_fired = false;
    cofire_join(&c, index, &has_fired, with);
    cofire_join(&d, index, &has_fired, with);
    for (int i = 0; i < COFIRE_MAX; i++)
        if (with[i] == other + 1)
            return true;
    return false;
}

static void a_rule_that_always_has_company_is_covered_by_it(void **state)
{
    (void)state;
    FIRE(&c, 1, 3, 5, 9);
    FIRE(&c, 1, 5);
    FIRE(&c, 1, 3, 5);
    assert_int_equal(c.transactions, 3);
    assert_true(is_covered(3, 5));
    assert_false(is_covered(3, 9));
    assert_false(is_covered(5, 3));
    assert_true(is_covered(9, 3));
    assert_false(is_covered(7, 5)); /* it has never fired */
}

static void a_candidate_does_not_come_back(void **state)
{
    (void)state;
    FIRE(&c, 1, 3, 5);
    FIRE(&c, 1, 3);
    FIRE(&c, 1, 3, 5);
    assert_false(is_covered(3, 5));
}

static void another_ruleset_starts_from_zero(void **state)
{
    (void)state;
    FIRE(&c, 1, 3, 5);
    FIRE(&c, 2, 3);
    assert_int_equal(c.transactions, 1);
    assert_false(is_covered(3, 5));
}

static void what_loops_counted_apart_holds_for_all_of_them(void **state)
{
    (void)state;
    FIRE(&c, 1, 3, 5, 6);
    assert_true(is_covered(3, 5));
    FIRE(&d, 1, 3, 6);
    assert_false(is_covered(3, 5));
    assert_true(is_covered(3, 6));
}

static void only_the_first_companions_are_candidates(void **state)
{
    (void)state;
    FIRE(&c, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    assert_true(is_covered(0, COFIRE_MAX));
    assert_false(is_covered(0, COFIRE_MAX + 1));
    assert_true(is_covered(9, 0));
}

static void the_last_of_all_rules_is_counted_too(void **state)
{
    (void)state;
    FIRE(&c, 1, RULES_MAX - 2, RULES_MAX - 1);
    assert_true(is_covered(RULES_MAX - 2, RULES_MAX - 1));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, reset)
    const struct CMUnitTest tests[] = {
        TEST(a_rule_that_always_has_company_is_covered_by_it),
        TEST(a_candidate_does_not_come_back),
        TEST(another_ruleset_starts_from_zero),
        TEST(what_loops_counted_apart_holds_for_all_of_them),
        TEST(only_the_first_companions_are_candidates),
        TEST(the_last_of_all_rules_is_counted_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
