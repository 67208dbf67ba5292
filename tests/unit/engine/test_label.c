/* Labels: what became known later, counted at the time of the transaction it speaks of. */
#include "service/engine/score.h"

#include "service/engine/parked_sweep.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000, HOUR = 3600000, DAY = 24 * HOUR };

static int open_world(void **state)
{
    struct world *w = malloc(sizeof *w);
    world_open(w, world_ruleset, world_rules, NULL);
    *state = w;
    return 0;
}

static int close_world(void **state)
{
    world_close(*state);
    free(*state);
    return 0;
}

static double frauds_at(struct world *w, const char *id, int64_t at_ms)
{
    world_score(w, world_txn_of(id, "a-9", "m-1", at_ms));
    return world_feature(w, "terminal_frauds_30d");
}

static void a_label_is_recorded_by_what_is_remembered(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(world_score(w, world_label("t-1", "fraud", DAY)), SCORE_LABELLED);
    assert_string_equal(
        w->answer, "{\"transaction_id\":\"t-1\",\"outcome\":\"fraud\",\"status\":\"recorded\"}");
    assert_true(frauds_at(w, "t-2", DAY) == 1);
}

static void no_truth_leaks_backwards(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    world_score(w, world_label("t-1", "fraud", 2 * DAY));
    assert_true(frauds_at(w, "t-2", 2 * DAY - 1) == 0);
    assert_true(frauds_at(w, "t-3", 2 * DAY) == 1);
}

static void a_label_sent_twice_counts_once(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    world_score(w, world_label("t-1", "fraud", DAY));
    assert_int_equal(world_score(w, world_label("t-1", "fraud", DAY)), SCORE_LABELLED);
    assert_true(world_says(w, "\"status\":\"duplicate\""));
    assert_true(frauds_at(w, "t-2", DAY) == 1);
    assert_int_equal(w->engine.stats->labels_again, 1);
}

static void legitimate_takes_fraud_back(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    world_score(w, world_label("t-1", "fraud", DAY));
    world_score(w, world_label("t-1", "legitimate", 2 * DAY));
    assert_true(frauds_at(w, "t-2", 2 * DAY) == 0);
}

static void declines_count_where_they_are_asked_for(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    assert_int_equal(world_score(w, world_label("t-1", "declined", SECOND)), SCORE_LABELLED);
    world_score(w, world_txn("t-2", 2 * SECOND));
    assert_true(world_feature(w, "account_declines_1d") == 1);
}

static void an_outcome_that_nothing_counts_is_taken_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn("t-1", 0));
    assert_int_equal(world_score(w, world_label("t-1", "reversed", SECOND)), SCORE_LABELLED);
}

static void a_label_that_carries_keys_and_time_needs_no_memory(void **state)
{
    struct world *w = *state;
    assert_int_equal(world_score(w, "{\"kind\":\"label\",\"transaction_id\":\"t-1\","
                                    "\"outcome\":\"fraud\",\"timestamp\":\"2026-01-06T12:00:00Z\","
                                    "\"transaction_timestamp\":\"2026-01-05T12:00:00Z\","
                                    "\"terminal_id\":\"m-1\"}"),
                     SCORE_LABELLED);
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_true(frauds_at(w, "t-2", DAY) == 1);
}

static void a_label_known_before_its_transaction_is_refused(void **state)
{
    struct world *w = *state;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", DAY));
    assert_int_equal(world_score(w, world_label("t-1", "fraud", DAY - 1)), SCORE_REFUSED);
    assert_string_equal(w->score.error.pointer, "/timestamp");
}

static void a_label_too_far_ahead_is_refused_when_live(void **state)
{
    struct world *w = *state;
    w->score.intake.historic = false;
    assert_int_equal(world_score(w, world_label("t-1", "fraud", 300001)), SCORE_REFUSED);
    assert_string_equal(w->score.error.pointer, "/timestamp");
}

static void a_label_waits_for_its_transaction(void **state)
{
    struct world *w = *state;
    assert_int_equal(world_score(w, world_label("t-1", "fraud", DAY)), SCORE_PARKED);
    assert_true(world_says(w, "\"status\":\"parked\""));
    assert_int_equal(world_score(w, world_label("t-1", "declined", DAY)), SCORE_PARKED);
    assert_int_equal(world_score(w, world_txn_of("t-1", "a-1", "m-1", 0)), SCORE_DECIDED);
    assert_false(w->score.replayed);
    assert_true(world_feature(w, "terminal_frauds_30d") == 0);
    assert_true(frauds_at(w, "t-2", DAY) == 1);
    world_score(w, world_txn("t-3", DAY - 1));
    assert_true(world_feature(w, "account_declines_1d") == 0); /* known a moment later */
    assert_int_equal(world_score(w, world_txn_of("t-1", "a-1", "m-1", 0)), SCORE_DECIDED);
    assert_true(w->score.replayed);
}

static void a_parked_label_known_before_its_transaction_is_dropped(void **state)
{
    struct world *w = *state;
    world_score(w, world_label("t-1", "fraud", 0));
    world_score(w, world_txn_of("t-1", "a-1", "m-1", DAY));
    assert_true(frauds_at(w, "t-2", 2 * DAY) == 0);
    assert_int_equal(w->engine.stats->labels_dropped, 1);
}

static void too_many_labels_of_one_transaction_are_refused(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < STATE_PARKED_MAX; i++)
        assert_int_equal(world_score(w, world_label("t-1", "fraud", i)), SCORE_PARKED);
    assert_int_equal(world_score(w, world_label("t-1", "fraud", STATE_PARKED_MAX)), SCORE_REFUSED);
    assert_string_equal(w->score.error.pointer, "/transaction_id");
}

static void count_dead(void *user, struct span body)
{
    int *n = user;
    assert_true(span_starts(body, span_str("{\"kind\":\"label\"")));
    (*n)++;
}

static void a_label_whose_wait_has_ended_becomes_a_dead_letter(void **state)
{
    struct world *w = *state;
    uv_loop_t loop;
    int dead = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    world_score(w, world_label("t-1", "fraud", 0));
    w->engine.dead_label = count_dead;
    w->engine.user = &dead;
    w->engine.loop = &loop;
    struct parked_sweep *sweep = parked_sweep_new(&w->engine);
    w->engine.loop = NULL;
    parked_sweep_run(sweep, w->score.intake.now_ms + DAY - 1);
    assert_int_equal(dead, 0);
    parked_sweep_run(sweep, w->score.intake.now_ms + DAY);
    assert_int_equal(dead, 1);
    parked_sweep_run(sweep, w->score.intake.now_ms + 2 * DAY);
    assert_int_equal(dead, 1);
    parked_sweep_free(sweep);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_label_is_recorded_by_what_is_remembered),
        TEST(no_truth_leaks_backwards),
        TEST(a_label_sent_twice_counts_once),
        TEST(legitimate_takes_fraud_back),
        TEST(declines_count_where_they_are_asked_for),
        TEST(an_outcome_that_nothing_counts_is_taken_and_leaves_nothing),
        TEST(a_label_that_carries_keys_and_time_needs_no_memory),
        TEST(a_label_known_before_its_transaction_is_refused),
        TEST(a_label_too_far_ahead_is_refused_when_live),
        TEST(a_label_waits_for_its_transaction),
        TEST(a_parked_label_known_before_its_transaction_is_dropped),
        TEST(too_many_labels_of_one_transaction_are_refused),
        TEST(a_label_whose_wait_has_ended_becomes_a_dead_letter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
