/* What is kept of a history, and which label is the truth. */
#include "service/trial/backtest_rulings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void put(struct rulings *t, uint64_t hash, int64_t ts_ms, int n_fired)
{
    static const int fired[] = {7, 3, 5};
    struct ruling e = {.txn_hash = hash, .n_fired = (uint16_t)n_fired};
    assert_int_equal(rulings_add(t, &e, ts_ms, fired), ST_OK);
}

static void entries_keep_their_order_and_their_rules(void **state)
{
    struct rulings t = {0};
    (void)state;
    put(&t, 1, 500, 2);
    put(&t, 2, 400, 0);
    put(&t, 3, 900, 3);
    assert_int_equal(t.n_entries, 3);
    assert_int_equal(t.entries[2].txn_hash, 3);
    assert_int_equal(t.n_fired, 5);
    assert_int_equal(t.fired[0], 7);
    assert_int_equal(t.fired[4], 5);
    assert_int_equal(t.first_ms, 400);
    assert_int_equal(t.last_ms, 900);
    rulings_fini(&t);
}

static void entries_get_the_truth_of_their_labels(void **state)
{
    struct rulings t = {0};
    (void)state;
    for (uint64_t hash = 1; hash <= 3; hash++)
        put(&t, hash, 0, 0);
    assert_int_equal(truths_add(&t.truths, 1, OUTCOME_LEGITIMATE, 20), ST_OK);
    assert_int_equal(truths_add(&t.truths, 2, OUTCOME_FRAUD, 10), ST_OK);
    assert_int_equal(truths_add(&t.truths, 99, OUTCOME_FRAUD, 10), ST_OK); /* of nobody here */
    assert_int_equal(rulings_settle(&t, NULL), ST_OK);
    assert_int_equal(t.entries[0].truth, TRUTH_LEGITIMATE);
    assert_int_equal(t.entries[1].truth, TRUTH_FRAUD);
    assert_int_equal(t.entries[2].truth, TRUTH_UNKNOWN);
    rulings_fini(&t);
}

static void what_stands_before_an_event_is_forgotten(void **state)
{
    struct rulings t = {0};
    (void)state;
    rulings_keep_from(&t, 5);
    for (uint32_t event = 1; event <= 4; event++) {
        struct ruling e = {.txn_hash = event, .event = 2 * event, .n_fired = 1};
        assert_int_equal(rulings_add(&t, &e, 0, (const int[]){(int)event}), ST_OK);
    }
    rulings_keep_from(&t, 5);
    assert_int_equal(t.n_entries, 2);
    assert_int_equal(t.entries[0].txn_hash, 3);
    assert_int_equal(t.n_fired, 2);
    assert_int_equal(t.fired[0], 3);
    rulings_keep_from(&t, 100);
    assert_int_equal(t.n_entries, 0);
    rulings_fini(&t);
}

static void scores_stand_beside_their_entries(void **state)
{
    struct rulings t = {.n_models = 2};
    (void)state;
    for (uint32_t event = 1; event <= 2000; event++) {
        struct ruling e = {.txn_hash = event, .event = event};
        assert_int_equal(rulings_add(&t, &e, 0, NULL), ST_OK);
        assert_int_equal(rulings_score(&t, (const double[]){event, -(double)event}), ST_OK);
    }
    assert_true(t.scores[2 * 1999] == 2000 && t.scores[2 * 1999 + 1] == -2000);
    rulings_keep_from(&t, 1999);
    assert_int_equal(t.n_entries, 2);
    assert_true(t.scores[0] == 1999 && t.scores[3] == -2000);
    rulings_fini(&t);
}

static void scores_over_their_limit_are_refused(void **state)
{
    struct rulings t = {
        .n_models = 4, .n_entries = RULINGS_SCORES_MAX / 4 + 1, .cap_scores = RULINGS_SCORES_MAX};
    (void)state;
    assert_int_equal(rulings_score(&t, (const double[]){1, 2, 3, 4}), ST_TOO_LARGE);
    assert_null(t.scores);
}

static void an_empty_tally_settles(void **state)
{
    struct rulings t = {0};
    (void)state;
    assert_int_equal(rulings_settle(&t, NULL), ST_OK);
    rulings_fini(&t);
}

/* Pages that are never touched cost nothing: a rulings that says it is full is. */
static void what_is_over_a_limit_is_refused_and_changes_nothing(void **state)
{
    struct rulings t = {.n_entries = RULINGS_ENTRIES_MAX, .cap_entries = RULINGS_ENTRIES_MAX};
    struct ruling e = {.txn_hash = 1};
    (void)state;
    assert_int_equal(rulings_add(&t, &e, 0, NULL), ST_TOO_LARGE);
    assert_int_equal(t.n_entries, RULINGS_ENTRIES_MAX);
    t = (struct rulings){.n_fired = RULINGS_FIRED_MAX, .cap_fired = RULINGS_FIRED_MAX};
    e.n_fired = 1;
    assert_int_equal(rulings_add(&t, &e, 0, (const int[]){1}), ST_TOO_LARGE);
    assert_int_equal(t.n_entries, 0);
    t.n_fired = 0;
    rulings_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_keep_their_order_and_their_rules),
        cmocka_unit_test(entries_get_the_truth_of_their_labels),
        cmocka_unit_test(what_stands_before_an_event_is_forgotten),
        cmocka_unit_test(scores_stand_beside_their_entries),
        cmocka_unit_test(scores_over_their_limit_are_refused),
        cmocka_unit_test(an_empty_tally_settles),
        cmocka_unit_test(what_is_over_a_limit_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
