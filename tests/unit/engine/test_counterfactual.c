/* What would have turned a decision; each is tried, and what is nearer is tried too. */
#include "service/engine/counterfactual.h"

#include "service/engine/decide.h"
#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { RUN_BYTES = 1 << 20 };

static const char ruleset[] = "schema:\n"
                              "  transaction_id: {type: string, required: true}\n"
                              "  account_id:     {type: string, required: true}\n"
                              "  amount:         {type: decimal, required: true}\n"
                              "  timestamp:      {type: timestamp, required: true}\n"
                              "  mcc:            {type: integer}\n"
                              "  items:          {type: integer}\n"
                              "  secret:         {type: integer, private: true}\n"
                              "derived:\n"
                              "  is_large: amount > 1000.0\n"
                              "  half: amount / 2.0\n"
                              "  label: string(items)\n"
                              "features:\n"
                              "  n: {by: account_id, aggregate: count, windows: [1h, 1d]}\n"
                              "  avg: {by: account_id, aggregate: avg, of: amount, windows: [1d]}\n"
                              "flag_at: 70\n"
                              "rules: [rules.yaml]\n";

struct bed {
    struct world world;
    struct snapshot *snap;
    struct cel_value cells[512];
    struct arena *scratch, *arena;
    struct row row;
    struct hits hits;
    struct counterfactuals found;
    char text[2048];
};

static int slot_of(const struct bed *b, const char *name)
{
    const struct cel_name *found = cel_env_find(&b->snap->env, span_str(name));
    assert_non_null(found);
    return found->slot;
}

static void set_derived(struct bed *b)
{
    for (int i = 0; i < b->snap->n_derived; i++) {
        arena_reset(b->scratch);
        b->cells[b->snap->row_derived + i] =
            cel_run(b->snap->derived[i].program, b->cells, b->scratch);
    }
}

static bool flags(struct bed *b, bool explain)
{
    arena_reset(b->arena);
    arena_reset(b->scratch);
    assert_int_equal(rules_run(b->snap->rules, b->cells, explain, b->scratch, b->arena, &b->hits),
                     ST_OK);
    return b->hits.flag;
}

static void open_rules(struct bed *b, const char *rules)
{
    *b = (struct bed){0};
    world_open(&b->world, ruleset, rules, NULL);
    b->snap = snapshot_current(b->world.snapshots);
    b->scratch = arena_new(ROW_SCRATCH_BYTES);
    b->arena = arena_new(RUN_BYTES);
    b->row = (struct row){b->cells, b->arena, b->scratch};
    b->cells[slot_of(b, "account_id")] = cel_string(span_str("a-1"));
    b->cells[slot_of(b, "amount")] = cel_double(950);
    b->cells[slot_of(b, "mcc")] = cel_int(5411);
    b->cells[slot_of(b, "items")] = cel_int(3);
    b->cells[slot_of(b, "secret")] = cel_int(3);
    b->cells[slot_of(b, "n_1h")] = cel_int(6);
    b->cells[slot_of(b, "n_1d")] = cel_int(20);
    b->cells[slot_of(b, "avg_1d")] = cel_double(100);
}

static void close_rules(struct bed *b)
{
    snapshot_unref(b->snap);
    arena_free(b->scratch);
    arena_free(b->arena);
    world_close(&b->world);
}

static void find(struct bed *b)
{
    struct cel_value before[512];
    set_derived(b);
    flags(b, true);
    memcpy(before, b->cells, sizeof before);
    counterfactual_find(b->snap, &b->row, &b->hits, &b->found);
    for (int i = 0; i < b->snap->row_covered; i++) {
        assert_int_equal(before[i].kind, b->cells[i].kind);
        assert_int_equal(before[i].i64, b->cells[i].i64);
    }
}

static void write_number(struct cel_value v, struct text *out)
{
    cel_value_write(v, out);
}

/* "n_1h<=4 amount>=1000.0001" */
static const char *told(struct bed *b)
{
    struct text t;
    memset(b->text, 0, sizeof b->text);
    text_init(&t, b->text, sizeof b->text - 1);
    for (int i = 0; i < b->found.count; i++) {
        const struct counterfactual *c = &b->found.items[i];
        struct span name = {0};
        for (int k = 0; k < b->snap->env.n_names; k++) {
            if (b->snap->env.names[k].slot == c->slot)
                name = b->snap->env.names[k].name;
        }
        text_str(&t, i > 0 ? " " : "");
        text_put(&t, name);
        text_str(&t, c->sign == '<' ? "<=" : c->sign == '>' ? ">=" : "=");
        write_number(c->would, &t);
    }
    return b->text;
}

static void expect(const char *rules, const char *expected)
{
    struct bed b;
    open_rules(&b, rules);
    find(&b);
    assert_string_equal(told(&b), expected);
    close_rules(&b);
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
    struct bed b;
    (void)state;
    open_rules(&b, "rules:\n" RULE("a", "avg_1d * 2.0 > 120000000000.0", "80"));
    b.cells[slot_of(&b, "avg_1d")] = cel_double(0.0005);
    find(&b);
    assert_int_equal(b.found.count, 1);
    assert_false(b.found.is_cut);
    assert_int_equal(b.found.items[0].sign, '>');
    assert_true(fabs(b.found.items[0].would.f64 - 6e10) < 0.001);
    close_rules(&b);
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
    struct bed b;
    (void)state;
    open_rules(&b, "rules:\n" RULE("a", "n_1h > 10", "80") RULE("b", "amount > 2000.0", "80"));
    b.cells[slot_of(&b, "n_1h")] = (struct cel_value){.kind = CEL_MISSING};
    find(&b);
    assert_string_equal(told(&b), "amount>=2000.0001");
    b.cells[slot_of(&b, "n_1h")] = cel_range_int(3, 7);
    find(&b);
    assert_string_equal(told(&b), "amount>=2000.0001");
    close_rules(&b);
}

static void the_nearest_few_are_told(void **state)
{
    struct bed b;
    char rules[1024] = {0};
    struct text t;
    (void)state;
    text_init(&t, rules, sizeof rules - 1);
    text_str(&t, "rules:\n" RULE("a", "n_1h > 7", "80") RULE("b", "n_1d > 21", "80")
                     RULE("c", "avg_1d > 500.0", "80") RULE("d", "amount > 960.0", "80")
                         RULE("e", "items > 9", "80"));
    open_rules(&b, rules);
    find(&b);
    assert_string_equal(told(&b), "amount>=960.0001 n_1d>=22 n_1h>=8 items>=10 avg_1d>=500.0001");
    assert_int_equal(b.found.count, COUNTERFACTUALS_MAX);
    close_rules(&b);
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

/* Would it have been the other decision with this number? */
static bool turns(struct bed *b, int slot, int64_t v, bool was)
{
    struct cel_value before = b->cells[slot];
    b->cells[slot] = cel_int(v);
    set_derived(b);
    bool turned = flags(b, false) != was;
    b->cells[slot] = before;
    set_derived(b);
    return turned;
}

static double change(int64_t is, int64_t would)
{
    if ((is < 0 && would > 0) || (is > 0 && would < 0))
        return 1 + (double)llabs(would) / (double)(llabs(would) + llabs(is));
    return fabs((double)(would - is)) / fmax(fabs((double)would), fabs((double)is));
}

/* Of all whole numbers from 0 (or below, for a field) to 150. */
static void check_name(struct bed *b, const char *name, bool was)
{
    int slot = slot_of(b, name);
    int64_t is = b->cells[slot].i64;
    double nearest = INFINITY;
    const struct counterfactual *c = NULL;
    for (int i = 0; i < b->found.count; i++)
        c = b->found.items[i].slot == slot ? &b->found.items[i] : c;
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
        struct bed b;
        char rules[2048] = {0};
        struct text t;
        text_init(&t, rules, sizeof rules - 1);
        put_rules(&t);
        open_rules(&b, rules);
        for (int row = 0; row < 8; row++) {
            b.cells[slot_of(&b, "n_1h")] = cel_int(below(40));
            b.cells[slot_of(&b, "n_1d")] = cel_int(below(40));
            b.cells[slot_of(&b, "items")] = cel_int(below(40));
            find(&b);
            bool was = b.hits.flag;
            n_found += b.found.count;
            n_cut += b.found.is_cut;
            if (b.found.is_cut)
                continue;
            check_name(&b, "n_1h", was);
            check_name(&b, "n_1d", was);
            check_name(&b, "items", was);
        }
        close_rules(&b);
    }
    assert_true(n_found > 200 && n_cut < 120);
}

/* No number turns it, but no stretch of numbers says so: the search goes up to its limit. */
static void a_search_that_was_cut_says_so(void **state)
{
    struct bed b;
    (void)state;
    open_rules(&b, "rules:\n" RULE("a", "items % 7 == secret + 20", "80"));
    find(&b);
    assert_string_equal(told(&b), "");
    assert_true(b.found.is_cut);
    close_rules(&b);
}

static void a_thousand_rules_over_one_name_are_searched_to_the_end(void **state)
{
    enum { RULES = 1000 };
    static char rules[RULES * 64];
    struct bed b;
    struct text t;
    (void)state;
    text_init(&t, rules, sizeof rules - 1);
    text_str(&t, "rules:\n");
    for (int i = 0; i < RULES; i++)
        text_printf(&t, "  - {id: r%d, when: n_1h > %d && amount > %d.5, score: 80}\n", i, 10 + i,
                    10 + i);
    rules[t.len] = '\0';
    open_rules(&b, rules);
    find(&b);
    assert_string_equal(told(&b), "n_1h>=11");
    assert_false(b.found.is_cut);
    close_rules(&b);
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
        cmocka_unit_test(forced_decisions_count),
        cmocka_unit_test(what_is_missing_or_inexact_is_not_changed),
        cmocka_unit_test(the_nearest_few_are_told),
        cmocka_unit_test(each_is_true_and_none_is_nearer),
        cmocka_unit_test(a_search_that_was_cut_says_so),
        cmocka_unit_test(a_thousand_rules_over_one_name_are_searched_to_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
