/* The decision's bytes. */
#include "service/engine/decision.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *feature_text(struct window_value v)
{
    static char bytes[256];
    struct text out;
    text_init(&out, bytes, sizeof bytes - 1);
    decision_write_feature(&v, &out);
    bytes[out.len] = '\0';
    return bytes;
}

static void a_feature_says_how_sure_it_is(void **state)
{
    (void)state;
    struct window_value v = {.exact = true, .scale = 1, .value = {.i64 = 11}};
    assert_string_equal(feature_text(v), "{\"value\":11,\"exact\":true}");
    v = (struct window_value){
        .scale = 1, .value = {.i64 = 11}, .lo = {.i64 = 9}, .hi = {.i64 = 12}};
    assert_string_equal(feature_text(v), "{\"value\":11,\"exact\":false,\"lo\":9,\"hi\":12}");
    v.unbounded_hi = true;
    assert_string_equal(feature_text(v), "{\"value\":11,\"exact\":false,\"lo\":9}");
    v = (struct window_value){.exact = true, .scale = 10000, .value = {.i64 = 9500}};
    assert_string_equal(feature_text(v), "{\"value\":0.95,\"exact\":true}");
    v = (struct window_value){.exact = true, .value = {.f64 = 1.5}};
    assert_string_equal(feature_text(v), "{\"value\":1.5,\"exact\":true}");
    v = (struct window_value){.missing = true, .exact = true};
    assert_string_equal(feature_text(v), "{\"value\":null,\"exact\":true}");
    v = (struct window_value){.missing = true};
    assert_string_equal(feature_text(v), "{\"value\":null,\"exact\":false}");
}

/* A snapshot of `n` rules that all fire, with titles of `title_bytes`. */
static void open_with_rules(struct world *w, int n, int title_bytes)
{
    size_t cap = (size_t)n * (2 * (size_t)title_bytes + 200) + 100;
    char *rules = malloc(cap), title[300];
    memset(title, 't', sizeof title);
    title[title_bytes] = '\0';
    size_t at = (size_t)snprintf(rules, cap, "rules:\n");
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(rules + at, cap - at,
                               "  - {id: r%d, title: \"%s\", when: amount > 0.0, score: 1,\n"
                               "     reason: \"%s\"}\n",
                               i, title, title);
    world_open(w, world_ruleset, rules, NULL);
    free(rules);
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

static void reasons_are_limited_and_the_score_is_not(void **state)
{
    (void)state;
    struct world w;
    open_with_rules(&w, DECISION_REASONS_MAX + 10, 10);
    w.score.intake.detail = DECISION_PLAIN;
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_int_equal(count(w.answer, "\"rule\":"), DECISION_REASONS_MAX);
    assert_true(world_says(&w, "\"score\":42,"));
    assert_true(world_says(&w, "}],\"reasons_omitted\":10,\"ruleset\""));
    world_close(&w);
}

static void as_many_rules_as_there_may_be_can_fire_at_once(void **state)
{
    (void)state;
    for (int explain = 0; explain < 2; explain++) {
        struct world w;
        open_with_rules(&w, RULES_MAX, 250); /* their reasons together are twice the arena */
        w.score.intake.detail = explain == 1 ? DECISION_EXPLAINED : DECISION_PLAIN;
        assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
        assert_true(world_says(&w, "\"score\":2000,"));
        assert_true(world_says(&w, "\"reasons_omitted\":1968,"));
        assert_int_equal(w.engine.stats->fired[RULES_MAX - 1], 1);
        world_close(&w);
    }
}

static void shadow_reasons_are_limited_on_their_own(void **state)
{
    (void)state;
    struct world w;
    char rules[8192];
    size_t at = (size_t)snprintf(rules, sizeof rules, "rules:\n");
    for (int i = 0; i < DECISION_REASONS_MAX + 2; i++)
        at += (size_t)snprintf(rules + at, sizeof rules - at,
                               "  - {id: s%d, when: 'true', score: 1, mode: shadow}\n", i);
    world_open(&w, world_ruleset, rules, NULL);
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(world_says(&w, "\"reasons\":[],\"shadow\":[{"));
    assert_true(world_says(&w, "}],\"shadow_omitted\":2,"));
    assert_false(world_says(&w, "reasons_omitted"));
    world_close(&w);
}

static void what_does_not_fit_goes_and_the_decision_stays(void **state)
{
    (void)state;
    struct world w;
    open_with_rules(&w, 1500, 10); /* each rule's result alone would fill the answer */
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(w.score.flagged);
    assert_int_equal(count(w.answer, "\"rule\":"), DECISION_REASONS_MAX);
    assert_true(world_says(&w, "\"features\""));
    assert_false(world_says(&w, "\"rules\":["));
    assert_true(world_says(&w, "\"degraded\":[]}"));
    world_close(&w);
}

static void a_rule_says_whether_something_was_missing_or_went_wrong(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, world_ruleset,
               "rules:\n"
               "  - {id: a, when: terminal_id == 'm-1', score: 1}\n"
               "  - {id: b, when: 'true', score: '1 / (size(account_id) - size(account_id))'}\n"
               "  - {id: c, when: amount > 0.0, score: 1}\n"
               "  - {id: d, when: amount < 0.0, score: 1}\n"
               "  - {id: e, when: amount < 0.0, score: 1, mode: off}\n",
               NULL);
    w.score.intake.detail = DECISION_EXPLAINED;
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(world_says(&w,
                           "\"rules\":["
                           "{\"rule\":\"a\",\"result\":\"missing\",\"missing\":\"terminal_id\","
                           "\"values\":{\"terminal_id\":null}},"
                           "{\"rule\":\"b\",\"result\":\"error\",\"error\":\"division by zero\","
                           "\"values\":{}},"
                           "{\"rule\":\"c\",\"result\":\"fired\",\"values\":{\"amount\":10}},"
                           "{\"rule\":\"d\",\"result\":\"not_fired\","
                           "\"values\":{\"amount\":10}}],\"counterfactual\":[]"));
    world_close(&w);
}

static void an_id_is_escaped(void **state)
{
    (void)state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, NULL);
    world_score(&w, "{\"transaction_id\":\"t\\\"\\\\\\n\",\"account_id\":\"a\",\"amount\":1,"
                    "\"timestamp\":\"2026-01-05T12:00:00Z\"}");
    assert_true(world_says(&w, "{\"transaction_id\":\"t\\\"\\\\\\n\","));
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_feature_says_how_sure_it_is),
        cmocka_unit_test(reasons_are_limited_and_the_score_is_not),
        cmocka_unit_test(as_many_rules_as_there_may_be_can_fire_at_once),
        cmocka_unit_test(shadow_reasons_are_limited_on_their_own),
        cmocka_unit_test(what_does_not_fit_goes_and_the_decision_stays),
        cmocka_unit_test(a_rule_says_whether_something_was_missing_or_went_wrong),
        cmocka_unit_test(an_id_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
