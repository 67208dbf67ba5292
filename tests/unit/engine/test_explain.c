/* Why a decision is what it is: rules, values, counterfactuals, as they are written. */
#include "service/engine/explain.h"

#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char ruleset[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true}\n"
    "  account_id:     {type: string, required: true}\n"
    "  amount:         {type: decimal, required: true}\n"
    "  timestamp:      {type: timestamp, required: true}\n"
    "  currency:       {type: string}\n"
    "  note:           {type: string, max: 500}\n"
    "  place:          {type: geo}\n"
    "  secret:         {type: string, private: true}\n"
    "derived:\n"
    "  is_large: amount > 1000.0\n"
    "features:\n"
    "  count: {by: account_id, aggregate: count, windows: [5m]}\n"
    "  avg: {by: account_id, aggregate: avg, of: amount, windows: [1d], delay: 1d}\n"
    "  spent: {by: account_id, aggregate: sum, of: amount, windows: [1h]}\n"
    "  large: {by: account_id, aggregate: count, where: is_large, windows: [1h]}\n"
    "lists: {watched: [XX]}\n"
    "flag_at: 70\n"
    "rules: [rules.yaml]\n";

static void says(const char *rules, const char *fields, const char *expected)
{
    struct world w;
    char body[1024];
    world_open(&w, ruleset, rules, NULL);
    snprintf(body, sizeof body,
             "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":950.50%s,"
             "\"timestamp\":\"2026-01-05T12:00:00Z\"}",
             fields);
    assert_int_equal(world_score(&w, body), SCORE_DECIDED);
    if (!world_says(&w, expected))
        print_error("%s\n    does not say\n%s\n", w.answer, expected);
    assert_true(world_says(&w, expected));
    world_close(&w);
}

static void a_rule_tells_the_values_that_it_read(void **state)
{
    (void)state;
    says("rules:\n  - {id: a, when: count_5m > 4 && amount > 500.0 && is_large, score: 80}\n", "",
         "\"rules\":[{\"rule\":\"a\",\"result\":\"not_fired\",\"values\":{\"count_5m\":1,"
         "\"amount\":950.5,\"is_large\":false}}]");
    says("rules:\n  - {id: a, when: avg_1d > 4.0 || currency in lists.watched, score: 80}\n", "",
         "\"missing\":\"avg_1d\",\"values\":{\"avg_1d\":null,\"currency\":null}}]");
    says("rules:\n  - {id: a, when: timestamp.getHours() == 12 && place.lat > 0.0, score: 80}\n",
         ",\"place\":{\"lat\":50.5,\"lon\":4}",
         "\"values\":{\"timestamp\":\"2026-01-05T12:00:00Z\",\"place\":\"");
    says("rules:\n  - {id: a, when: 'true', score: 1}\n", "",
         "\"result\":\"fired\",\"values\":{}}]");
}

static void a_name_that_rules_share_is_told_in_each(void **state)
{
    (void)state;
    says("rules:\n  - {id: a, when: amount > 500.0 && currency == 'EUR', score: 80}\n"
         "  - {id: b, when: currency == 'USD' || count_5m > 3 || amount > 2.0, score: 80}\n",
         ",\"currency\":\"E\\\"R\"",
         "\"values\":{\"amount\":950.5,\"currency\":\"E\\\"R\"}},{\"rule\":\"b\","
         "\"result\":\"fired\",\"values\":{\"currency\":\"E\\\"R\",\"count_5m\":1,"
         "\"amount\":950.5}}]");
}

static void private_fields_are_left_out_and_texts_are_cut(void **state)
{
    (void)state;
    says("rules:\n  - {id: a, when: secret == 'x' || note == 'y', score: 80}\n",
         ",\"secret\":\"hidden\",\"note\":\"0123456789012345678901234567890123456789"
         "01234567890123456789012\xc3\xa9 and more\"",
         "\"values\":{\"note\":\"012345678901234567890123456789012345678901234567890123456789012"
         "\"}}]");
}

static void the_values_of_a_rule_are_limited(void **state)
{
    static char when[2048], rules[4096], expected[64];
    struct world w;
    int n = 0;
    (void)state;
    for (int i = 0; i < EXPLAIN_VALUES_MAX + 4; i++)
        n += snprintf(when + n, sizeof when - (size_t)n, "%sf%d > %d", i > 0 ? " || " : "", i, i);
    static char wide[8192];
    int at = snprintf(wide, sizeof wide,
                      "schema:\n"
                      "  transaction_id: {type: string, required: true}\n"
                      "  account_id:     {type: string, required: true}\n"
                      "  amount:         {type: decimal, required: true}\n"
                      "  timestamp:      {type: timestamp, required: true}\n");
    for (int i = 0; i < EXPLAIN_VALUES_MAX + 4; i++)
        at += snprintf(wide + at, sizeof wide - (size_t)at, "  f%d: {type: integer}\n", i);
    snprintf(wide + at, sizeof wide - (size_t)at, "flag_at: 70\nrules: [rules.yaml]\n");
    snprintf(rules, sizeof rules, "rules:\n  - {id: a, when: '%s', score: 1}\n", when);
    snprintf(expected, sizeof expected, "\"f%d\":null}}]", EXPLAIN_VALUES_MAX - 1);
    world_open(&w, wide, rules, NULL);
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(world_says(&w, expected));
    world_close(&w);
}

static void what_would_have_turned_it_is_told_in_words(void **state)
{
    (void)state;
    says("rules:\n  - {id: a, when: amount > 500.0, score: 80}\n", "",
         ",\"counterfactual\":[{\"name\":\"amount\",\"value\":950.5,\"would_allow\":\"<= 500\","
         "\"text\":\"allowed if amount <= 500 (it is 950.5)\"}],\"ruleset\"");
    says("rules:\n  - {id: a, when: count_5m > 2 && count_5m < 5, score: 80}\n", "",
         "[{\"name\":\"count_5m\",\"value\":1,\"would_flag\":\"= 3\","
         "\"text\":\"flagged if count_5m were 3 (it is 1)\"}]");
    says("rules:\n  - {id: a, when: 'true', score: 80}\n", "", ",\"counterfactual\":[],");
    says("rules:\n  - {id: a, score: 80, when: int(amount) * int(amount) % 1000000 == count_5m + "
         "5}\n",
         "", "],\"counterfactual_incomplete\":true,\"ruleset\"");
}

/* Values go first, then rules: what an analyst would miss least. */
static void what_has_no_room_goes_level_by_level(void **state)
{
    static char rules[800 * 96];
    struct world w;
    (void)state;
    for (int n = 300; n <= 800; n += 500) {
        int at = snprintf(rules, sizeof rules, "rules:\n");
        for (int i = 0; i < n; i++)
            at += snprintf(rules + at, sizeof rules - (size_t)at,
                           "  - {id: r%d, when: amount > 5000.0 && count_5m > 3, score: 80}\n", i);
        world_open(&w, ruleset, rules, NULL);
        assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
        assert_int_equal(world_says(&w, "\"values\""), n == 300);
        assert_true(world_says(&w, "\"result\":\"not_fired\"") && world_says(&w, "counterfactual"));
        world_close(&w);
    }
}

/* A stream tells what each rule came to; why is for who asks about one transaction. */
static void the_results_alone_come_without_values(void **state)
{
    struct world w;
    (void)state;
    world_open(&w, ruleset, "rules:\n  - {id: a, when: amount > 5.0, score: 80}\n", NULL);
    w.score.intake.detail = DECISION_RULES;
    assert_int_equal(world_score(&w, world_txn("t-1", 0)), SCORE_DECIDED);
    assert_true(world_says(&w, "\"rules\":[{\"rule\":\"a\",\"result\":\"fired\"}],\"ruleset\""));
    world_close(&w);
}

static void it_tells_of_features_that_a_change_would_move(void **state)
{
    (void)state;
    static const char would[] =
        "\"name\":\"amount\",\"value\":950.5,\"would_flag\":\">= 1000.0001\","
        "\"text\":\"flagged if amount >= 1000.0001 (it is 950.5)%s}";
    static const char *const others[] = {"spent_1h < 0.0", "large_1h > 5",
                                         "avg_1d < 0.0 && count_5m > 9", "count_5m > 9"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char rules[512], expected[512];
        snprintf(rules, sizeof rules,
                 "rules:\n  - {id: a, when: amount > 1000.0, score: 80}\n"
                 "  - {id: b, when: %s, score: 1}\n",
                 others[i]);
        snprintf(expected, sizeof expected, would,
                 i < 2 ? ", features as they are\",\"features_as_they_are\":true" : "\"");
        says(rules, "", expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_of_features_that_a_change_would_move),
        cmocka_unit_test(a_rule_tells_the_values_that_it_read),
        cmocka_unit_test(a_name_that_rules_share_is_told_in_each),
        cmocka_unit_test(private_fields_are_left_out_and_texts_are_cut),
        cmocka_unit_test(the_values_of_a_rule_are_limited),
        cmocka_unit_test(what_would_have_turned_it_is_told_in_words),
        cmocka_unit_test(what_has_no_room_goes_level_by_level),
        cmocka_unit_test(the_results_alone_come_without_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
