#include "service/cli/generate_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct world_options small = {.seed = 11, .accounts = 500, .terminals = 1000};

/* All of some days, checked one by one. */
static void for_days(struct world *w, int days, void (*look)(const struct payment *, size_t))
{
    for (int day = 0; day < days; day++) {
        const struct payment *payments = NULL;
        size_t n = world_next_day(w, &payments);
        look(payments, n);
    }
}

static void in_order(const struct payment *p, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        assert_true(p[i - 1].second <= p[i].second);
        if (p[i - 1].second == p[i].second)
            assert_true(p[i - 1].account <= p[i].account);
    }
}

static void a_day_is_in_order_of_time_then_of_account(void **state)
{
    (void)state;
    struct world *w = world_new(&small);
    for_days(w, 40, in_order);
    world_free(w);
}

static void in_range(const struct payment *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_true(p[i].account < small.accounts);
        assert_true(p[i].terminal < small.terminals);
        assert_true(p[i].second > 0 && p[i].second < 86400);
        assert_true(p[i].cents >= 1);
        assert_true(p[i].country < 100 && p[i].trade < 100);
        assert_true(p[i].fraud <= WORLD_LEAKED);
    }
}

static void every_field_is_in_its_range(void **state)
{
    (void)state;
    struct world *w = world_new(&small);
    for_days(w, 40, in_range);
    world_free(w);
}

static void large_is_fraud(const struct payment *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true(p[i].cents <= 22000 || p[i].fraud != WORLD_HONEST);
}

static void every_amount_over_220_is_fraud(void **state)
{
    (void)state;
    struct world *w = world_new(&small);
    for_days(w, 40, large_is_fraud);
    world_free(w);
}

static void one_seed_makes_one_world(void **state)
{
    (void)state;
    struct world *a = world_new(&small), *b = world_new(&small);
    for (int day = 0; day < 10; day++) {
        const struct payment *of_a = NULL, *of_b = NULL;
        size_t n = world_next_day(a, &of_a);
        assert_int_equal(world_next_day(b, &of_b), n);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(of_a[i].account, of_b[i].account);
            assert_int_equal(of_a[i].terminal, of_b[i].terminal);
            assert_int_equal(of_a[i].second, of_b[i].second);
            assert_int_equal(of_a[i].cents, of_b[i].cents);
            assert_int_equal(of_a[i].fraud, of_b[i].fraud);
        }
    }
    world_free(a);
    world_free(b);
}

static void all_three_scenarios_take_place(void **state)
{
    (void)state;
    struct world *w =
        world_new(&(struct world_options){.seed = 2, .accounts = 5000, .terminals = 10000});
    size_t seen[4] = {0};
    for (int day = 0; day < 30; day++) {
        const struct payment *payments = NULL;
        size_t n = world_next_day(w, &payments);
        for (size_t i = 0; i < n; i++)
            seen[payments[i].fraud]++;
    }
    assert_true(seen[WORLD_LARGE] > 0 && seen[WORLD_TERMINAL] > 0 && seen[WORLD_LEAKED] > 0);
    assert_true(seen[WORLD_HONEST] >
                50 * (seen[WORLD_LARGE] + seen[WORLD_TERMINAL] + seen[WORLD_LEAKED]));
    world_free(w);
}

static void an_account_far_from_all_terminals_pays_at_the_nearest(void **state)
{
    (void)state;
    struct world *w = world_new(&(struct world_options){.seed = 3, .accounts = 50, .terminals = 1});
    const struct payment *payments = NULL;
    size_t n = 0;
    for (int day = 0; day < 5; day++) {
        n += world_next_day(w, &payments);
    }
    assert_true(n > 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_in_order_of_time_then_of_account),
        cmocka_unit_test(every_field_is_in_its_range),
        cmocka_unit_test(every_amount_over_220_is_fraud),
        cmocka_unit_test(one_seed_makes_one_world),
        cmocka_unit_test(all_three_scenarios_take_place),
        cmocka_unit_test(an_account_far_from_all_terminals_pays_at_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
