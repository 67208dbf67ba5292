/* What would have turned a decision; each is tried, and what is nearer is tried too. */
#include "service/engine/counterfactual.h"

#include "tests/unit/engine/counterfactual_bed.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void expect(const char *rules, const char *expected)
{
    struct counterfactual_bed b;
    counterfactual_bed_open(&b, NULL, rules);
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), expected);
    counterfactual_bed_close(&b);
}

#define RULE(id, when, score) "  - {id: " id ", when: \"" when "\", score: " score "}\n"

static void a_flag_tells_what_would_have_allowed_it(void **state)
{
    (void)state;
    expect("rules:\n" RULE("a", "n_1h > 4", "80"), "n_1h<=4");
    expect("rules:\n" RULE("a", "n_1h >= 4", "80"), "n_1h<=3");
    expect("rules:\n" RULE("a", "amount > 500.0", "80"), "amount<=500");
    expect("rules:\n" RULE("a", "amount >= 500.0", "80"), "amount<=499.9999");
    expect("rules:\n" RULE("a", "amount < 1000.0", "80"), "amount>=1000");
    expect("rules:\n" RULE("a", "n_1h > 4 && amount > 900.0", "80"), "amount<=900 n_1h<=4");
    /* no single one */
    expect("rules:\n" RULE("a", "n_1h > 4", "80") RULE("b", "amount > 5.0", "80"), "");
}

static void an_allow_tells_what_would_have_flagged_it(void **state)
{
    (void)state;
    expect("rules:\n" RULE("a", "n_1h > 10", "80"), "n_1h>=11");
    expect("rules:\n" RULE("a", "amount > 1000.0", "80"), "amount>=1000.0001");
    expect("rules:\n" RULE("a", "amount > 0.5 && n_1d > 100", "80"), "n_1d>=101");
    expect("rules:\n" RULE("a", "n_1h > 5", "40") RULE("b", "n_1d > 30", "30"), "n_1d>=31");
    expect("rules:\n" RULE("a", "n_1h > 10", "60"), "");
    expect("rules:\n" RULE("a", "n_1h > 10 && n_1d > 30", "80"), "");
    expect("rules:\n" RULE("a", "n_1h > 7 && n_1h < 10", "80"), "n_1h=8");
    expect("rules:\n" RULE("a", "n_1h < 2", "80") RULE("b", "n_1h > 100", "80"), "n_1h<=1");
}

static void what_is_computed_is_looked_through_by_halves(void **state)
{
    (void)state;
    expect("rules:\n" RULE("a", "amount > avg_1d * 4.0", "80"), "amount<=400 avg_1d>=237.5");
    expect("rules:\n" RULE("a", "n_1h * 7 > 20 * 5", "80"), "n_1h>=15");
    expect("rules:\n" RULE("a", "amount > 0.0", "amount / 100.0"), "amount>=7000");
}

/* Of eight digits there are more up to 10^11 than an int64 counts. */
static void a_tiny_value_is_looked_through_up_to_the_far_end(void **state)
{
    struct counterfactual_bed b;
    (void)state;
    counterfactual_bed_open(&b, NULL, "rules:\n" RULE("a", "avg_1d * 2.0 > 120000000000.0", "80"));
    b.cells[counterfactual_bed_slot(&b, "avg_1d")] = cel_double(0.0005);
    counterfactual_bed_find(&b);
    assert_int_equal(b.found.count, 1);
    assert_false(b.found.is_cut);
    assert_int_equal(b.found.items[0].sign, '>');
    assert_true(fabs(b.found.items[0].would.f64 - 6e10) < 0.001);
    counterfactual_bed_close(&b);
}

static void derived_fields_follow(void **state)
{
    (void)state;
    expect("rules:\n" RULE("a", "is_large", "80"), "amount>=1000.0001");
    expect("rules:\n" RULE("a", "half > 475.5", "80"), "amount>=951.0001");
    /* the label would have to be kept */
    expect("rules:\n" RULE("a", "label == '4' || items > 4", "80"), "");
}

static void what_is_no_quantity_is_not_changed(void **state)
{
    (void)state;
    expect("rules:\n" RULE("a", "mcc == 5411", "80") RULE("b", "mcc > 6000", "0"), "");
    expect("rules:\n" RULE("a", "mcc in [5411, 5412]", "80"), "");
    expect("rules:\n" RULE("a", "secret > 2", "80"), "");
    expect("rules:\n  - {id: a, when: items > 2, score: 80, mode: shadow}\n", "");
    expect("rules:\n  - {id: a, when: items > 2, score: 80, rollout: 0%}\n", "");
}

/* Money has four digits; an average may have more. */
static void what_is_told_of_money_can_be_sent(void **state)
{
    (void)state;
    expect("rules:\n" RULE("a", "amount > 0.123456", "80"), "amount<=0.1234");
    expect("rules:\n" RULE("a", "amount >= 0.123456", "80"), "amount<=0.1234");
    expect("rules:\n" RULE("a", "amount < 1000.123456", "80"), "amount>=1000.1235");
    expect("rules:\n" RULE("a", "amount * 3.0 > 1.0", "80"), "amount<=0.3333");
    expect("rules:\n" RULE("a", "avg_1d > 0.123456", "80"), "avg_1d<=0.123456");
}

static void forced_decisions_count(void **state)
{
    (void)state;
    expect("rules:\n  - {id: a, when: n_1h > 4, decision: flag}\n", "n_1h<=4");
    expect("rules:\n  - {id: a, when: n_1h > 4, decision: flag}\n"
           "  - {id: b, when: n_1d > 30, decision: allow, override: true}\n",
           "n_1h<=4 n_1d>=31");
    expect("rules:\n  - {id: a, when: n_1h > 4, decision: allow}\n" RULE("b", "n_1d > 4", "80"),
           "n_1h<=4");
}

static void what_is_missing_or_inexact_is_not_changed(void **state)
{
    struct counterfactual_bed b;
    (void)state;
    counterfactual_bed_open(
        &b, NULL, "rules:\n" RULE("a", "n_1h > 10", "80") RULE("b", "amount > 2000.0", "80"));
    b.cells[counterfactual_bed_slot(&b, "n_1h")] = (struct cel_value){.kind = CEL_MISSING};
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), "amount>=2000.0001");
    b.cells[counterfactual_bed_slot(&b, "n_1h")] = cel_range_int(3, 7);
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), "amount>=2000.0001");
    counterfactual_bed_close(&b);
}

static void the_nearest_few_are_told(void **state)
{
    struct counterfactual_bed b;
    char rules[1024] = {0};
    struct text t;
    (void)state;
    text_init(&t, rules, sizeof rules - 1);
    text_str(&t, "rules:\n" RULE("a", "n_1h > 7", "80") RULE("b", "n_1d > 21", "80")
                     RULE("c", "avg_1d > 500.0", "80") RULE("d", "amount > 960.0", "80")
                         RULE("e", "items > 9", "80"));
    counterfactual_bed_open(&b, NULL, rules);
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b),
                        "amount>=960.0001 n_1d>=22 n_1h>=8 items>=10 avg_1d>=500.0001");
    assert_int_equal(b.found.count, COUNTERFACTUALS_MAX);
    counterfactual_bed_close(&b);
}

/* ---- over whatever rules --------------------------------------------------------------------- */

static uint64_t seed = 99;

static int below(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

static const char *any_name(void)
{
    static const char *const names[] = {"n_1h", "n_1d", "items"};
    return names[below(3)];
}

static void put_comparison(struct text *out)
{
    static const char *const signs[] = {">", ">=", "<", "<="};
    const char *name = any_name(), *sign = signs[below(4)];
    int n = 2 + below(30);
    switch (below(8)) {
    case 0:
        text_printf(out, "%s * 3 %s %s + %d", name, sign, any_name(), n);
        return;
    case 1:
        text_printf(out, "(%s > %d ? %s : %d) %s %d", name, n, any_name(), below(40), sign,
                    2 + below(30));
        return;
    case 2:
        text_printf(out, "!(%s %s %d)", name, sign, n);
        return;
    case 3:
        text_printf(out, "(%s + %s) %% %d == 1", name, any_name(), 2 + below(5));
        return;
    default:
        text_printf(out, "%s %s %d", name, sign, n);
    }
}

static void put_rules(struct text *out)
{
    static const char *const words[] = {" && ", " || "};
    text_str(out, "rules:\n");
    for (int i = 0; i < 5; i++) {
        text_printf(out, "  - {id: r%d, when: \"", i);
        put_comparison(out);
        text_str(out, words[below(2)]);
        put_comparison(out);
        text_printf(out, "\", score: %d}\n", below(100) - 20);
    }
}

static bool turns(struct counterfactual_bed *b, int slot, int64_t v, bool was)
{
    return counterfactual_bed_turns(b, slot, cel_int(v), was);
}

static double change(int64_t is, int64_t would)
{
    return counterfactual_bed_change((double)is, (double)would);
}

/* Of all whole numbers from 0 (or below, for a field) to 150. */
static void check_name(struct counterfactual_bed *b, const char *name, bool was)
{
    int slot = counterfactual_bed_slot(b, name);
    int64_t is = b->cells[slot].i64;
    double nearest = INFINITY;
    const struct counterfactual *c = counterfactual_bed_of(b, slot);
    for (int64_t v = strcmp(name, "items") == 0 ? -150 : 0; v <= 150; v++) {
        if (v != is && turns(b, slot, v, was))
            nearest = fmin(nearest, change(is, v));
    }
    assert_int_equal(c != NULL, isfinite(nearest));
    if (c == NULL)
        return;
    assert_true(turns(b, slot, c->would.i64, was));
    assert_true(change(is, c->would.i64) == nearest);
    int64_t far = c->would.i64 > is ? 1000000 : strcmp(name, "items") == 0 ? -1000000 : 0;
    assert_int_equal(c->sign != '=', far == c->would.i64 || turns(b, slot, far, was));
}

static void each_is_true_and_none_is_nearer(void **state)
{
    int n_found = 0, n_cut = 0;
    (void)state;
    for (int round = 0; round < 60; round++) {
        struct counterfactual_bed b;
        char rules[2048] = {0};
        struct text t;
        text_init(&t, rules, sizeof rules - 1);
        put_rules(&t);
        counterfactual_bed_open(&b, NULL, rules);
        for (int row = 0; row < 8; row++) {
            b.cells[counterfactual_bed_slot(&b, "n_1h")] = cel_int(below(40));
            b.cells[counterfactual_bed_slot(&b, "n_1d")] = cel_int(below(40));
            b.cells[counterfactual_bed_slot(&b, "items")] = cel_int(below(40));
            counterfactual_bed_find(&b);
            bool was = b.hits.flag;
            n_found += b.found.count;
            n_cut += b.found.is_cut;
            if (b.found.is_cut)
                continue;
            check_name(&b, "n_1h", was);
            check_name(&b, "n_1d", was);
            check_name(&b, "items", was);
        }
        counterfactual_bed_close(&b);
    }
    assert_true(n_found > 200 && n_cut < 120);
}

/* No number turns it, but no stretch of numbers says so: the search goes up to its limit. */
static void a_search_that_was_cut_says_so(void **state)
{
    struct counterfactual_bed b;
    (void)state;
    counterfactual_bed_open(&b, NULL, "rules:\n" RULE("a", "items % 7 == secret + 20", "80"));
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), "");
    assert_true(b.found.is_cut);
    counterfactual_bed_close(&b);
}

static void a_thousand_rules_over_one_name_are_searched_to_the_end(void **state)
{
    enum { RULES = 1000 };
    static char rules[RULES * 64];
    struct counterfactual_bed b;
    struct text t;
    (void)state;
    text_init(&t, rules, sizeof rules - 1);
    text_str(&t, "rules:\n");
    for (int i = 0; i < RULES; i++)
        text_printf(&t, "  - {id: r%d, when: n_1h > %d && amount > %d.5, score: 80}\n", i, 10 + i,
                    10 + i);
    rules[t.len] = '\0';
    counterfactual_bed_open(&b, NULL, rules);
    counterfactual_bed_find(&b);
    assert_string_equal(counterfactual_bed_told(&b), "n_1h>=11");
    assert_false(b.found.is_cut);
    counterfactual_bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flag_tells_what_would_have_allowed_it),
        cmocka_unit_test(an_allow_tells_what_would_have_flagged_it),
        cmocka_unit_test(what_is_computed_is_looked_through_by_halves),
        cmocka_unit_test(a_tiny_value_is_looked_through_up_to_the_far_end),
        cmocka_unit_test(derived_fields_follow),
        cmocka_unit_test(what_is_no_quantity_is_not_changed),
        cmocka_unit_test(what_is_told_of_money_can_be_sent),
        cmocka_unit_test(forced_decisions_count),
        cmocka_unit_test(what_is_missing_or_inexact_is_not_changed),
        cmocka_unit_test(the_nearest_few_are_told),
        cmocka_unit_test(each_is_true_and_none_is_nearer),
        cmocka_unit_test(a_search_that_was_cut_says_so),
        cmocka_unit_test(a_thousand_rules_over_one_name_are_searched_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
