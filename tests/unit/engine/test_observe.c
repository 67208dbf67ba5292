/* Observing when the state is slow, away, or shared with another attempt at the same
 * transaction. */
#include "service/engine/steps.h"

#include "service/base/clock.h"
#include "tests/unit/engine/far_state.h"
#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { DEADLINE_MS = 20 };

struct bed {
    uv_loop_t loop;
    struct far_state *far;
    struct world w;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->far = far_state_new();
    world_open_state(&b->w, world_ruleset, world_rules, &b->far->state, &b->loop);
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    b->far->is_away = true;
    far_state_fail(b->far);
    world_close(&b->w);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    free(b);
    return 0;
}

static void start(struct bed *b, const char *body)
{
    b->w.score.intake.deadline_us = clock_mono_us() + DEADLINE_MS * 1000;
    world_start(&b->w, body);
}

/* Turns of the loop until `flag`, for a second at most. */
static void run_until(struct bed *b, const bool *flag)
{
    int64_t until_us = clock_mono_us() + 1000000;
    while (!*flag && clock_mono_us() < until_us) {
        uv_run(&b->loop, UV_RUN_NOWAIT);
        usleep(500);
    }
    assert_true(*flag);
}

static void nothing_is_answered_before_the_state_has(void **state)
{
    struct bed *b = *state;
    b->far->is_holding = true;
    start(b, world_txn("t-1", 0));
    far_state_answer(b->far);  /* the layouts, and observing */
    assert_true(b->w.is_done); /* an allow does not wait to be settled */
    assert_false(b->w.is_released);
    assert_false(b->w.score.degraded);
    far_state_answer(b->far);
    assert_true(b->w.is_released);
}

static void a_flag_waits_until_it_is_settled(void **state)
{
    struct bed *b = *state;
    start(b, world_txn("t-1", 0));
    start(b, world_txn("t-2", 1));
    b->far->is_holding = true;
    start(b, world_txn("t-3", 2));
    far_state_answer(b->far);
    assert_false(b->w.is_done);
    far_state_answer(b->far);
    assert_true(b->w.is_done);
    assert_true(b->w.score.flagged);
    assert_true(b->w.is_released);
}

static void at_the_deadline_it_is_decided_without_state(void **state)
{
    struct bed *b = *state;
    b->far->is_holding = true;
    start(b, world_txn("t-1", 0));
    run_until(b, &b->w.is_done);
    assert_int_equal(b->w.score.kind, SCORE_DECIDED);
    assert_true(b->w.score.degraded);
    assert_true(world_says(&b->w, "\"degraded\":[\"state\"]"));
    assert_true(isnan(world_feature(&b->w, "account_tx_count_1d")));
    assert_false(b->w.is_released);
    assert_int_equal(b->w.engine.stats->deadlines, 1);
}

static void what_the_deadline_answered_is_kept_when_the_reply_comes_late(void **state)
{
    struct bed *b = *state;
    char first[sizeof b->w.answer];
    b->far->is_holding = true;
    start(b, world_txn("t-1", 0));
    run_until(b, &b->w.is_done);
    strcpy(first, b->w.answer);
    far_state_answer(b->far);
    far_state_answer(b->far);
    assert_true(b->w.is_released);
    b->far->is_holding = false;
    start(b, world_txn("t-1", 0));
    assert_true(b->w.score.replayed);
    assert_string_equal(b->w.answer, first);
    start(b, world_txn("t-2", 1));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 2);
}

static void at_the_deadline_it_is_refused_when_that_is_configured(void **state)
{
    struct bed *b = *state;
    b->w.engine.options.on_unavailable = ON_UNAVAILABLE_REJECT;
    b->far->is_holding = true;
    start(b, world_txn("t-1", 0));
    run_until(b, &b->w.is_done);
    assert_int_equal(b->w.score.kind, SCORE_UNAVAILABLE);
    far_state_answer(b->far);
    assert_true(b->w.is_released);
    b->far->is_holding = false;
    start(b, world_txn("t-1", 0)); /* the claim stands undecided: it is waited for, then decided */
    run_until(b, &b->w.is_released);
    assert_int_equal(b->w.score.kind, SCORE_DECIDED);
    assert_false(b->w.score.degraded);
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 1);
}

static void a_label_is_unavailable_at_its_deadline(void **state)
{
    struct bed *b = *state;
    b->far->is_holding = true;
    start(b, world_label("t-1", "fraud", 0));
    run_until(b, &b->w.is_done);
    assert_int_equal(b->w.score.kind, SCORE_UNAVAILABLE);
    far_state_answer(b->far);
    far_state_answer(b->far);
    assert_true(b->w.is_released);
}

static void without_state_it_is_degraded_or_refused_as_configured(void **state)
{
    struct bed *b = *state;
    b->far->is_away = true;
    start(b, world_txn("t-1", 0));
    assert_true(b->w.is_released);
    assert_true(b->w.score.degraded);
    b->w.engine.options.on_unavailable = ON_UNAVAILABLE_REJECT;
    start(b, world_txn("t-2", 0));
    assert_int_equal(b->w.score.kind, SCORE_UNAVAILABLE);
    start(b, world_label("t-1", "fraud", 0));
    assert_int_equal(b->w.score.kind, SCORE_UNAVAILABLE);
}

static void a_rule_that_needs_no_state_still_flags_without_it(void **state)
{
    struct bed *b = *state;
    b->far->is_away = true;
    start(b, "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":1,"
             "\"timestamp\":\"2026-01-05T12:00:00Z\",\"country\":\"KP\"}");
    assert_true(b->w.score.flagged);
    assert_true(b->w.score.degraded);
}

/* Another process's attempt: it has observed and not decided. */
static void begin_elsewhere(struct bed *b, struct world *other, struct far_state **ret_far)
{
    struct far_state *far = far_state_beside(b->far);
    world_open_state(other, world_ruleset, world_rules, &far->state, &b->loop);
    far->is_holding = true;
    world_start(other, world_txn("t-1", 0));
    far_state_answer(far); /* told, and not settled: as if it died, or is slow */
    *ret_far = far;
}

static void another_attempts_decision_is_waited_for(void **state)
{
    struct bed *b = *state;
    struct world other;
    struct far_state *far;
    begin_elsewhere(b, &other, &far);
    start(b, world_txn("t-1", 0));
    assert_false(b->w.is_done);
    far_state_answer(far); /* settled */
    run_until(b, &b->w.is_done);
    assert_true(b->w.score.replayed);
    assert_string_equal(b->w.answer, other.answer);
    assert_true(b->w.is_released);
    world_close(&other);
}

static void a_dead_attempts_decision_is_made_as_it_would_have_made_it(void **state)
{
    struct bed *b = *state;
    struct world other;
    struct far_state *far;
    begin_elsewhere(b, &other, &far);
    char theirs[sizeof other.answer];
    strcpy(theirs, other.answer);
    far->is_away = true;
    far_state_fail(far);
    start(b, world_txn("t-2", 1)); /* comes in between, and is not seen by t-1 */
    start(b, world_txn("t-1", 0));
    run_until(b, &b->w.is_released);
    assert_string_equal(b->w.answer, theirs);
    start(b, world_txn("t-3", 2));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 3);
    world_close(&other);
}

/* One that claimed and recorded t-1, answered, and died before its decision was kept. */
static void leave_undecided(struct bed *b)
{
    b->far->is_holding = true;
    start(b, world_txn("t-1", 0));
    far_state_answer(b->far); /* the layouts, and observing */
    far_state_fail(b->far);
    assert_true(b->w.is_released);
    b->far->is_holding = false;
}

static void a_retry_of_one_that_died_counts_once_after_both_have_folded(void **state)
{
    enum { BEFORE = 700, AFTER = 500 };
    struct bed *b = *state;
    char id[16];
    leave_undecided(b);
    for (int i = 1; i <= BEFORE + AFTER; i++) {
        b->w.score.intake.deadline_us = 0;
        if (i == BEFORE)
            world_start(&b->w, world_txn("t-1", 0));
        assert_true(b->w.is_released);
        snprintf(id, sizeof id, "u-%d", i);
        world_start(&b->w, world_txn(id, i));
        assert_true(b->w.is_released);
    }
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 1 + BEFORE + AFTER);
}

static void the_deadline_holds_while_the_other_attempt_is_looked_for(void **state)
{
    struct bed *b = *state;
    leave_undecided(b);
    start(b, world_txn("t-1", 0));
    b->far->is_holding = true; /* the next look leaves, and is not answered */
    run_until(b, &b->w.is_done);
    assert_int_equal(b->w.score.kind, SCORE_DECIDED);
    assert_false(b->w.is_released);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_answered_before_the_state_has),
        TEST(a_flag_waits_until_it_is_settled),
        TEST(at_the_deadline_it_is_decided_without_state),
        TEST(what_the_deadline_answered_is_kept_when_the_reply_comes_late),
        TEST(at_the_deadline_it_is_refused_when_that_is_configured),
        TEST(a_label_is_unavailable_at_its_deadline),
        TEST(without_state_it_is_degraded_or_refused_as_configured),
        TEST(a_rule_that_needs_no_state_still_flags_without_it),
        TEST(another_attempts_decision_is_waited_for),
        TEST(a_dead_attempts_decision_is_made_as_it_would_have_made_it),
        TEST(a_retry_of_one_that_died_counts_once_after_both_have_folded),
        TEST(the_deadline_holds_while_the_other_attempt_is_looked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
