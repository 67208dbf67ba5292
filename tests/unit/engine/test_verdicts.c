#include "service/engine/verdicts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { ARENA_BYTES = 64 << 10, HOUR_MS = 3600000 };

static int open_arena(void **state)
{
    *state = arena_new(ARENA_BYTES);
    return 0;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static struct claim decided(const char *answer)
{
    return (struct claim){.state = 'd', .ts_ms = 1000, .rest = span_str(answer)};
}

static void an_answer_becomes_a_row_for_each_of_its_rules(void **state)
{
    static const char *const rows[] = {"f:EUR:", "l:EUR:burst", "l:EUR:large", "s:EUR:night"};
    char room[CLAIM_AMOUNT_BYTES];
    struct state_verdict v;
    struct claim c = decided(
        "{\"transaction_id\":\"t-\\\",\\\"reasons\\\":[\",\"decision\":\"flag\",\"score\":80,"
        "\"reasons\":[{\"rule\":\"burst\",\"title\":\"{\\\"rule\\\":\\\"x\\\"}\"},"
        "{\"rule\":\"large\",\"reason\":\",\\\"shadow\\\":[\"}],"
        "\"shadow\":[{\"rule\":\"night\"}],\"shadow_omitted\":1,"
        "\"features\":{\"n\":{\"value\":1}},\"rules\":[{\"rule\":\"off\"}],"
        "\"ruleset\":\"9f2c41d07be83a56\",\"degraded\":[]}");
    claim_add_amount(&c, 815100, span_str("EUR"), room);
    assert_int_equal(verdict_of(&c, OUTCOME_FRAUD, 1000 + HOUR_MS, *state, &v), ST_OK);
    assert_true(v.verdict.is_fraud);
    assert_int_equal(v.verdict.known_at_ms, 1000 + HOUR_MS);
    assert_int_equal(v.verdict.lag_ms, HOUR_MS);
    assert_int_equal(v.amount_e4, 815100);
    assert_int_equal(v.n_rows, sizeof rows / sizeof rows[0]);
    for (int i = 0; i < v.n_rows; i++)
        assert_true(span_is(v.rows[i], rows[i]));
}

#define ANSWER(models)                                                             \
    "{\"transaction_id\":\"t\",\"decision\":\"allow\",\"score\":0,\"reasons\":[]," \
    "\"models\":[" models "],\"ruleset\":\"9f2c41d07be83a56\",\"degraded\":[]}"
#define MODEL(name, score, more) \
    "{\"name\":\"" name          \
    "\",\"hash\":\"00112233445566ff\",\"role\":\"champion\",\"score\":" score more "}"

static void expect_rows(struct arena *arena, const char *answer, const char *const *rows, int n)
{
    struct state_verdict v;
    struct claim c = decided(answer);
    assert_int_equal(verdict_of(&c, OUTCOME_FRAUD, 500, arena, &v), ST_OK);
    assert_int_equal(v.n_rows, n);
    for (int i = 0; i < n; i++)
        assert_true(span_is(v.rows[i], rows[i]));
}

static void a_model_has_a_row_by_the_side_of_its_threshold(void **state)
{
    static const char *const rows[] = {"a::", "m::fraud@00112233445566ff",
                                       "n::next@00112233445566ff"};
    expect_rows(*state,
                ANSWER(MODEL("fraud", "0.93", ",\"above\":true,\"missing\":2") "," MODEL(
                    "next", "-1.5e-7", ",\"above\":false")),
                rows, 3);
}

static void a_model_without_a_threshold_or_a_score_has_none(void **state)
{
    static const char *const rows[] = {"a::"};
    expect_rows(*state, ANSWER(MODEL("fraud", "0.93", "")), rows, 1);
    expect_rows(*state, ANSWER(MODEL("fraud", "null", "")), rows, 1);
    expect_rows(*state, ANSWER(), rows, 1);
}

/* What an answer may say of a model besides, and an input may be called anything. */
static void what_else_is_said_of_a_model_is_no_side(void **state)
{
    static const char *const rows[] = {"a::", "n::next@00112233445566ff"};
    expect_rows(*state,
                ANSWER(MODEL("fraud", "0.93", ",\"contributions\":{\"above\":1}") "," MODEL(
                    "next", "0.1",
                    ",\"above\":false,\"reasons\":[{\"name\":\"above\",\"text\":"
                    "\"\\\",\\\"above\\\":true\"}]")),
                rows, 2);
}

static void a_model_of_an_answer_that_is_not_ours_is_passed_over(void **state)
{
    static const char *const rows[] = {"a::"};
    static const char *const answers[] = {
        ANSWER("{\"name\":\"fraud\",\"hash\":\"0011\",\"role\":\"champion\",\"score\":1,\"above\":"
               "true}"),
        ANSWER("{\"name\":\"fraud\",\"above\":true}"),
        ANSWER(MODEL("m0000000000000000000000000000000000000000000000000000000000000000", "1",
                     ",\"above\":true")),
    };
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        expect_rows(*state, answers[i], rows, 1);
}

static void so_many_models_have_rows_and_no_more(void **state)
{
    char answer[8192];
    struct text t;
    struct state_verdict v;
    text_init(&t, answer, sizeof answer - 1);
    text_str(&t, "{\"transaction_id\":\"t\",\"decision\":\"allow\",\"score\":0,\"reasons\":[],"
                 "\"models\":[");
    for (int i = 0; i <= MODELS_MAX; i++)
        text_str(&t, i > 0 ? "," MODEL("m", "1", ",\"above\":true")
                           : MODEL("m", "1", ",\"above\":true"));
    text_str(&t, "],\"ruleset\":\"9f2c41d07be83a56\",\"degraded\":[]}");
    answer[t.len] = '\0';
    struct claim c = decided(answer);
    assert_int_equal(verdict_of(&c, OUTCOME_FRAUD, 500, *state, &v), ST_OK);
    assert_int_equal(v.n_rows, 1 + MODELS_MAX);
}

static void a_claim_of_an_older_sluice_has_no_amount(void **state)
{
    struct state_verdict v;
    struct claim c =
        decided("{\"transaction_id\":\"t\",\"decision\":\"allow\",\"score\":0,\"reasons\":[],"
                "\"ruleset\":\"9f2c41d07be83a56\",\"degraded\":[]}");
    assert_int_equal(verdict_of(&c, OUTCOME_LEGITIMATE, 500, *state, &v), ST_OK);
    assert_int_equal(v.amount_e4, 0);
    assert_int_equal(v.verdict.lag_ms, 0); /* it seems to come before its transaction */
    assert_int_equal(v.n_rows, 1);
    assert_true(span_is(v.rows[0], "a::"));
}

static void what_has_no_readable_answer_has_no_verdict(void **state)
{
    char long_id[TALLY_NAME_MAX + 64];
    const char *const broken[] = {"", "[]", "{}",
                                  "{\"transaction_id\":\"t\",\"decision\":\"flag\"}", long_id};
    snprintf(long_id, sizeof long_id,
             "{\"a\":0,\"decision\":\"flag\",\"reasons\":[{\"rule\":\"%0100d\"}]}", 7);
    struct state_verdict v = {.n_rows = 42};
    struct claim c = decided("{\"a\":0,\"decision\":\"allow\",\"reasons\":[]}");
    c.state = 'u';
    assert_int_equal(verdict_of(&c, OUTCOME_FRAUD, 1, *state, &v), ST_NOT_FOUND);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        c = decided(broken[i]);
        assert_int_equal(verdict_of(&c, OUTCOME_FRAUD, 1, *state, &v), ST_CORRUPT);
    }
    assert_int_equal(v.n_rows, 42);
}

static void without_room_there_is_none_either(void **state)
{
    (void)state;
    struct arena *small = arena_new(TALLY_NAMES_MAX * sizeof(struct span) + 64);
    struct state_verdict v;
    struct claim c = decided("{\"a\":0,\"decision\":\"allow\",\"reasons\":[]}");
    assert_int_equal(verdict_of(&c, OUTCOME_FRAUD, 1, small, &v), ST_NO_SPACE);
    arena_free(small);
}

static void a_row_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct verdict_row row = {0};
    assert_true(verdict_row_read(span_str("l:EUR:account-burst"), &row));
    assert_int_equal(row.kind, VERDICT_ROW_LIVE);
    assert_true(span_is(row.currency, "EUR"));
    assert_true(span_is(row.rule, "account-burst"));
    assert_true(verdict_row_read(span_str("a::"), &row));
    assert_int_equal(row.kind, VERDICT_ROW_ALLOWED);
    assert_int_equal(row.currency.len, 0);
    assert_int_equal(row.rule.len, 0);
    assert_true(verdict_row_read(span_str("n:EUR:fraud@00112233445566ff"), &row));
    assert_int_equal(row.kind, VERDICT_ROW_BELOW);
    assert_true(span_is(row.model, "fraud"));
    assert_true(span_is(row.hash, "00112233445566ff"));
    assert_int_equal(row.rule.len, 0);
}

static void other_names_are_not_ours(void **state)
{
    (void)state;
    static const char *const others[] = {"", "l", "l:", "l:EUR", "x::", "ll:EUR:a", "m:EUR:fraud"};
    struct verdict_row row;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(verdict_row_read(span_str(others[i]), &row));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_becomes_a_row_for_each_of_its_rules),
        TEST(a_model_has_a_row_by_the_side_of_its_threshold),
        TEST(a_model_without_a_threshold_or_a_score_has_none),
        TEST(what_else_is_said_of_a_model_is_no_side),
        TEST(a_model_of_an_answer_that_is_not_ours_is_passed_over),
        TEST(so_many_models_have_rows_and_no_more),
        TEST(a_claim_of_an_older_sluice_has_no_amount),
        TEST(what_has_no_readable_answer_has_no_verdict),
        TEST(without_room_there_is_none_either),
        TEST(a_row_is_read_as_it_was_written),
        TEST(other_names_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
