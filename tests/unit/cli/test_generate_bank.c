#include "service/cli/generate_bank.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DAYS = 60 };

static const uint32_t none = 0;

static uint32_t all(void)
{
    uint32_t frauds = 0;
    assert_int_equal(bank_frauds_of(span_str("all"), &frauds), ST_OK);
    return frauds;
}

static struct bank *bank_of(uint32_t frauds)
{
    return bank_new(&(struct bank_options){
        .world = {.seed = 11, .accounts = 2000, .terminals = 4000}, .frauds = frauds});
}

/* How many bookings of each scenario there are in some days. */
static void count(uint32_t frauds, size_t ret_counts[BANK_N_SCENARIOS])
{
    struct bank *b = bank_of(frauds);
    for (int day = 0; day < DAYS; day++) {
        const struct booking *k = NULL;
        size_t n = bank_next_day(b, &k);
        for (size_t i = 0; i < n; i++)
            ret_counts[k[i].scenario]++;
    }
    bank_free(b);
}

static void a_day_is_in_order_of_time(void **state)
{
    (void)state;
    struct bank *b = bank_of(all());
    for (int day = 0; day < DAYS; day++) {
        const struct booking *k = NULL;
        size_t n = bank_next_day(b, &k);
        for (size_t i = 1; i < n; i++) {
            assert_true(k[i - 1].second <= k[i].second);
            assert_true(k[i].second < 86400);
        }
    }
    bank_free(b);
}

static void every_scenario_takes_place(void **state)
{
    (void)state;
    size_t seen[BANK_N_SCENARIOS] = {0};
    count(all(), seen);
    for (size_t s = 0; s < BANK_N_SCENARIOS; s++)
        if (seen[s] == 0)
            fail_msg("there is no %s", bank_scenario_name((enum bank_scenario)s));
}

static void of_the_six_frauds_only_those_asked_for_take_place(void **state)
{
    (void)state;
    size_t seen[BANK_N_SCENARIOS] = {0};
    count(1u << BANK_STRUCTURING, seen);
    for (size_t s = BANK_CARD_TESTING; s < BANK_N_SCENARIOS; s++)
        assert_true((seen[s] > 0) == (s == BANK_STRUCTURING));
}

/* The next one, from that place on, that is none of the six frauds. */
static const struct booking *next_other(const struct booking *k, size_t n, size_t *i)
{
    while (*i < n && k[*i].scenario >= BANK_CARD_TESTING)
        ++*i;
    return *i < n ? &k[*i] : NULL;
}

static void same_but_for_order(const struct booking *a, const struct booking *b)
{
    struct booking x = *a, y = *b;
    x.serial = y.serial = 0;
    assert_int_equal(x.second, y.second);
    assert_int_equal(x.scenario, y.scenario);
    assert_int_equal(x.cents, y.cents);
    assert_int_equal(x.account.number, y.account.number);
    assert_int_equal(x.terminal.number, y.terminal.number);
    assert_int_equal(x.device.number, y.device.number);
    assert_int_equal(x.payee.number, y.payee.number);
    assert_int_equal(x.ip, y.ip);
    assert_int_equal(x.password_changed_s, y.password_changed_s);
}

/* Shops that will be fronts sell honestly first: there are more honest bookings with a bust-out. */
static void a_fraud_changes_nothing_of_what_is_honest(void **state)
{
    (void)state;
    struct bank *with = bank_of(all() & ~(1u << BANK_MERCHANT_BUST_OUT)), *without = bank_of(none);
    for (int day = 0; day < DAYS; day++) {
        const struct booking *a = NULL, *b = NULL;
        size_t n_a = bank_next_day(with, &a), n_b = bank_next_day(without, &b), i = 0;
        for (size_t j = 0; j < n_b; j++, i++) {
            const struct booking *honest = next_other(a, n_a, &i);
            assert_non_null(honest);
            same_but_for_order(honest, &b[j]);
        }
        assert_null(next_other(a, n_a, &i));
    }
    bank_free(with);
    bank_free(without);
}

static void the_bookings_of_a_case_share_its_number(void **state)
{
    (void)state;
    struct bank *b = bank_of(all());
    for (int day = 0; day < DAYS; day++) {
        const struct booking *k = NULL;
        size_t n = bank_next_day(b, &k);
        for (size_t i = 0; i < n; i++)
            assert_true((k[i].fraud_case > 0) == (k[i].scenario >= BANK_CARD_TESTING));
    }
    bank_free(b);
}

static void only_a_refund_is_below_zero(void **state)
{
    (void)state;
    struct bank *b = bank_of(all());
    for (int day = 0; day < DAYS; day++) {
        const struct booking *k = NULL;
        size_t n = bank_next_day(b, &k);
        for (size_t i = 0; i < n; i++) {
            assert_int_not_equal(k[i].cents, 0);
            assert_true((k[i].cents < 0) == (k[i].operation == OPERATION_REFUND));
        }
    }
    bank_free(b);
}

static void frauds_are_read_by_their_names(void **state)
{
    (void)state;
    uint32_t frauds = 9;
    assert_int_equal(bank_frauds_of(span_str("none"), &frauds), ST_OK);
    assert_int_equal(frauds, 0);
    assert_int_equal(bank_frauds_of(span_str("structuring,card-testing"), &frauds), ST_OK);
    assert_int_equal(frauds, 1u << BANK_STRUCTURING | 1u << BANK_CARD_TESTING);
}

static void what_is_no_fraud_is_refused_and_leaves_ret_alone(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", ",", "structuring,", "salary", "handbook-large", "structuring, card-testing", "All"};
    uint32_t frauds = 9;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(bank_frauds_of(span_str(wrong[i]), &frauds), ST_INVALID);
    assert_int_equal(frauds, 9);
}

static void the_smallest_bank_works(void **state)
{
    (void)state;
    struct bank *b = bank_new(&(struct bank_options){
        .world = {.seed = 1, .accounts = 1, .terminals = 1}, .frauds = all()});
    const struct booking *k = NULL;
    size_t n = 0;
    for (int day = 0; day < 200; day++)
        n += bank_next_day(b, &k);
    assert_true(n > 0);
    bank_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_day_is_in_order_of_time),
        cmocka_unit_test(every_scenario_takes_place),
        cmocka_unit_test(of_the_six_frauds_only_those_asked_for_take_place),
        cmocka_unit_test(a_fraud_changes_nothing_of_what_is_honest),
        cmocka_unit_test(the_bookings_of_a_case_share_its_number),
        cmocka_unit_test(only_a_refund_is_below_zero),
        cmocka_unit_test(frauds_are_read_by_their_names),
        cmocka_unit_test(what_is_no_fraud_is_refused_and_leaves_ret_alone),
        cmocka_unit_test(the_smallest_bank_works),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
