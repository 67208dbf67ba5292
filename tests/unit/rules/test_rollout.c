#include "rules/rollout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { ACCOUNTS = 20000, SLOT = 1 };

static bool has(const struct rollout *r, int account)
{
    char id[32];
    struct cel_value row[SLOT + 1] = {{0}};
    snprintf(id, sizeof id, "a-%d", account);
    row[SLOT] = cel_string(span_str(id));
    return rollout_has(r, row);
}

static void a_share_is_a_percentage_of_two_decimals(void **state)
{
    static const struct {
        const char *text;
        int share_e4; /* -1: none */
        const char *written;
    } shares[] = {
        {"0%", 0, "0%"},         {"10%", 1000, "10%"},
        {"0.25%", 25, "0.25%"},  {"12.5%", 1250, "12.5%"},
        {"007%", 700, "7%"},     {"99.99%", 9999, "99.99%"},
        {"100%", 10000, "100%"}, {"100.00%", 10000, "100%"},
        {"100.01%", -1, NULL},   {"10", -1, NULL},
        {"%", -1, NULL},         {"", -1, NULL},
        {"-1%", -1, NULL},       {"1.234%", -1, NULL},
        {"1.%", -1, NULL},       {".5%", -1, NULL},
        {"1000%", -1, NULL},     {"10% ", -1, NULL},
        {"0,5%", -1, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(shares); i++) {
        int share = -1;
        char buf[16];
        struct text t;
        assert_int_equal(rollout_read(span_str(shares[i].text), &share), shares[i].share_e4 >= 0);
        assert_int_equal(share, shares[i].share_e4);
        if (share < 0)
            continue;
        text_init(&t, buf, sizeof buf);
        rollout_write(share, &t);
        assert_true(span_is(text_span(&t), shares[i].written));
    }
}

static void a_share_holds_about_so_many_accounts(void **state)
{
    static const int shares[] = {0, 100, 1000, 5000, 9900, ROLLOUT_ALL_E4};
    (void)state;
    for (size_t i = 0; i < COUNT(shares); i++) {
        struct rollout r = rollout_of(span_str("burst"), shares[i], SLOT);
        int in = 0, expected = ACCOUNTS * shares[i] / ROLLOUT_ALL_E4;
        for (int a = 0; a < ACCOUNTS; a++)
            in += has(&r, a);
        assert_in_range(in, expected * 0.9, expected * 1.1);
    }
}

static void whoever_is_in_stays_in_as_the_share_grows(void **state)
{
    struct rollout tenth = rollout_of(span_str("burst"), 1000, SLOT);
    struct rollout fifth = rollout_of(span_str("burst"), 2000, SLOT);
    (void)state;
    for (int a = 0; a < ACCOUNTS; a++)
        assert_true(!has(&tenth, a) || has(&fifth, a));
}

static void rules_draw_their_own_accounts(void **state)
{
    struct rollout one = rollout_of(span_str("one"), 5000, SLOT);
    struct rollout two = rollout_of(span_str("two"), 5000, SLOT);
    int both = 0;
    (void)state;
    for (int a = 0; a < ACCOUNTS; a++)
        both += has(&one, a) && has(&two, a);
    assert_in_range(both, ACCOUNTS * 0.23, ACCOUNTS * 0.27);
}

/* They are part of what a ruleset means: another release may not draw others. */
static void the_drawn_accounts_never_change(void **state)
{
    static const int in[] = {2, 9, 24, 38, 72, 76, 79, 90, 98};
    struct rollout r = rollout_of(span_str("burst"), 1000, SLOT);
    size_t n = 0;
    (void)state;
    for (int a = 0; a < 100; a++) {
        if (!has(&r, a))
            continue;
        assert_true(n < COUNT(in));
        assert_int_equal(a, in[n++]);
    }
    assert_int_equal(n, COUNT(in));
}

static void an_integer_is_the_account_of_its_digits(void **state)
{
    (void)state;
    struct rollout r = rollout_of(span_str("burst"), 5000, 0);
    for (int a = 0; a < 1000; a++) {
        char id[32];
        struct cel_value number = cel_int(a), text;
        snprintf(id, sizeof id, "%d", a);
        text = cel_string(span_str(id));
        assert_int_equal(rollout_has(&r, &number), rollout_has(&r, &text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_a_percentage_of_two_decimals),
        cmocka_unit_test(a_share_holds_about_so_many_accounts),
        cmocka_unit_test(whoever_is_in_stays_in_as_the_share_grows),
        cmocka_unit_test(rules_draw_their_own_accounts),
        cmocka_unit_test(the_drawn_accounts_never_change),
        cmocka_unit_test(an_integer_is_the_account_of_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
