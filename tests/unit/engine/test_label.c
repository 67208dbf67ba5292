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

/* ---- what labels say of the rules that fired ---- */

static void keep_tally(struct state_op *op, enum status st)
{
    (void)op;
    assert_int_equal(st, ST_OK);
}

static int64_t counted(struct world *w, const char *row, enum tally_column column)
{
    struct tally t;
    struct state_op op = {.verb = STATE_TALLY, .tally = &t, .done = keep_tally};
    tally_init(&t);
    state_submit(w->engine.state, &op);
    int64_t n = tally_row(&t, span_str(row))[column];
    tally_fini(&t);
    return n;
}

/* Three in five minutes: the third is flagged by the rule `burst`. */
static void flag_third(struct world *w)
{
    w->engine.judges = true;
    world_score(w, world_txn_of("t-1", "a-1", "m-1", 0));
    world_score(w, world_txn_of("t-2", "a-1", "m-1", SECOND));
    world_score(w, world_txn_of("t-3", "a-1", "m-1", 2 * SECOND));
    assert_true(w->score.flagged);
}

static void a_label_counts_for_the_rules_that_fired(void **state)
{
    struct world *w = *state;
    flag_third(w);
    world_score(w, world_label("t-1", "fraud", DAY));
    world_score(w, world_label("t-3", "fraud", 2 * SECOND + 3 * DAY));
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD), 1);
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD_E4), 100000);
    assert_int_equal(counted(w, "l::burst", TALLY_LAG_MS), 3 * DAY);
    assert_int_equal(counted(w, "f::", TALLY_FRAUD), 1);
    assert_int_equal(counted(w, "a::", TALLY_FRAUD), 1);
    assert_int_equal(w->engine.stats->label_lag.classes[2], 1); /* up to a day */
    assert_int_equal(w->engine.stats->label_lag.classes[3], 1); /* up to three */
}

static void another_outcome_moves_what_was_counted(void **state)
{
    struct world *w = *state;
    flag_third(w);
    world_score(w, world_label("t-3", "fraud", DAY));
    world_score(w, world_label("t-3", "fraud", DAY));
    world_score(w, world_label("t-3", "legitimate", 2 * DAY));
    world_score(w, world_label("t-3", "declined", 3 * DAY)); /* says nothing of that */
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD), 0);
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD_E4), 0);
    assert_int_equal(counted(w, "l::burst", TALLY_LEGITIMATE), 1);
    assert_int_equal(counted(w, "l::burst", TALLY_LEGITIMATE_E4), 100000);
}

static void a_label_that_waited_counts_for_the_decision_it_waited_for(void **state)
{
    struct world *w = *state;
    w->engine.judges = true;
    assert_int_equal(world_score(w, world_label("t-3", "fraud", DAY)), SCORE_PARKED);
    flag_third(w);
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD), 1);
    world_score(w, world_label("t-3", "fraud", DAY));
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD), 1);
    assert_int_equal(w->engine.stats->labels_unattributed, 0);
}

static const char *own_label(const char *id)
{
    static char body[256];
    snprintf(body, sizeof body,
             "{\"kind\":\"label\",\"transaction_id\":\"%s\",\"outcome\":\"fraud\","
             "\"timestamp\":\"2026-01-06T12:00:02Z\","
             "\"transaction_timestamp\":\"2026-01-05T12:00:02Z\",\"terminal_id\":\"m-1\"}",
             id);
    return body;
}

static void a_label_with_keys_of_its_own_counts_too(void **state)
{
    struct world *w = *state;
    flag_third(w);
    assert_int_equal(world_score(w, own_label("t-3")), SCORE_LABELLED);
    assert_int_equal(counted(w, "l::burst", TALLY_FRAUD), 1);
}

static void a_label_of_a_forgotten_transaction_is_unattributed_once(void **state)
{
    struct world *w = *state;
    w->engine.judges = true;
    assert_int_equal(world_score(w, own_label("t-9")), SCORE_LABELLED);
    assert_int_equal(world_score(w, own_label("t-9")), SCORE_LABELLED);
    assert_int_equal(w->engine.stats->labels_unattributed, 1);
    assert_int_equal(counted(w, "f::", TALLY_FRAUD), 0);
}

static void a_shadow_rule_has_a_row_of_its_own(void **state)
{
    struct world *w = *state;
    w->engine.judges = true;
    world_score(w, world_txn("t-1", -8 * HOUR)); /* four in the morning */
    assert_true(world_says(w, "\"shadow\":[{\"rule\":\"night\""));
    world_score(w, world_label("t-1", "legitimate", DAY));
    assert_int_equal(counted(w, "s::night", TALLY_LEGITIMATE), 1);
    assert_int_equal(counted(w, "a::", TALLY_LEGITIMATE), 1);
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
        TEST(a_label_counts_for_the_rules_that_fired),
        TEST(another_outcome_moves_what_was_counted),
        TEST(a_label_that_waited_counts_for_the_decision_it_waited_for),
        TEST(a_label_with_keys_of_its_own_counts_too),
        TEST(a_label_of_a_forgotten_transaction_is_unattributed_once),
        TEST(a_shadow_rule_has_a_row_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
