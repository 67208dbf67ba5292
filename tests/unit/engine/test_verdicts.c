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
}

static void other_names_are_not_ours(void **state)
{
    (void)state;
    static const char *const others[] = {"", "l", "l:", "l:EUR", "x::", "ll:EUR:a"};
    struct verdict_row row;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(verdict_row_read(span_str(others[i]), &row));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_arena, close_arena)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_becomes_a_row_for_each_of_its_rules),
        TEST(a_claim_of_an_older_sluice_has_no_amount),
        TEST(what_has_no_readable_answer_has_no_verdict),
        TEST(without_room_there_is_none_either),
        TEST(a_row_is_read_as_it_was_written),
        TEST(other_names_are_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
