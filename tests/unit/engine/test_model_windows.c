#include "service/engine/model_windows.h"

#include "tests/unit/engine/watched.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { COUNTS = 6 }; /* amount: two bins and the missing; the score likewise */

#define DAY_MS INT64_C(86400000)

static struct model_windows *windows;

static int open_windows(void **state)
{
    (void)state;
    windows = model_windows_new();
    return 0;
}

static int close_windows(void **state)
{
    (void)state;
    model_windows_free(windows);
    return 0;
}

static void add(const struct snapshot *snap, int64_t now_ms, double amount)
{
    double inputs[MODELS_MAX][1];
    struct model_result results[MODELS_MAX];
    for (int i = 0; i < snap->models.count; i++)
        results[i] = watched_row(amount, inputs[i]);
    model_windows_add(windows, snap, now_ms, results);
}

/* Rows of the snapshot's model by that name. */
static uint64_t rows(const struct snapshot *snap, const char *name, int64_t now_ms)
{
    const struct bound_model *m =
        &snap->models.items[model_set_find(&snap->models, span_str(name))];
    uint64_t counts[COUNTS] = {0};
    model_windows_sum(windows, m, now_ms, counts);
    assert_int_equal(counts[0] + counts[1] + counts[2], counts[3] + counts[4] + counts[5]);
    return counts[0] + counts[1] + counts[2];
}

static void a_row_counts_in_the_bins_of_inputs_and_score(void **state)
{
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    const uint64_t expected[COUNTS] = {1, 2, 1, 1, 2, 1};
    uint64_t counts[COUNTS] = {0};
    model_windows_follow(windows, s);
    add(s, 1000, 5);
    add(s, 1000, 15);
    add(s, 1001, 25);
    add(s, 1002, NAN);
    model_windows_sum(windows, &s->models.items[0], 1002, counts);
    assert_memory_equal(counts, expected, sizeof counts);
    snapshot_unref(s);
}

static void rows_leave_with_their_window(void **state)
{
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    model_windows_follow(windows, s);
    add(s, 0, 5);
    assert_int_equal(rows(s, "fraud", DAY_MS - 1), 1);
    assert_int_equal(rows(s, "fraud", DAY_MS), 0);
    snapshot_unref(s);
}

static void another_rule_keeps_the_window_though_the_ruleset_goes(void **state)
{
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    model_windows_follow(windows, s);
    add(s, 0, 5);
    struct snapshot *other =
        watched_load(WATCHED_FRAUD, "rules:\n  - {id: a, when: models.fraud > 0.5, score: 1}\n");
    assert_true(other->id != s->id);
    snapshot_unref(s); /* and with it its baseline */
    model_windows_follow(windows, other);
    add(other, 1, 5);
    assert_int_equal(rows(other, "fraud", 1), 2);
    snapshot_unref(other);
}

static void another_model_baseline_window_or_name_begins_anew(void **state)
{
    static const char *const others[] = {
        "  fraud: {file: next.yaml, baseline: b.json}\n",
        "  fraud: {file: fraud.yaml, baseline: c.json}\n",
        "  fraud: {file: fraud.yaml, baseline: b.json, drift: {window: 2d}}\n",
        "  later: {file: fraud.yaml, baseline: b.json}\n",
    };
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct snapshot *other = watched_load(others[i], WATCHED_RULES);
        model_windows_follow(windows, s);
        add(s, 0, 5);
        model_windows_follow(windows, other);
        assert_int_equal(rows(other, i == 3 ? "later" : "fraud", 0), 0);
        assert_int_equal(rows(s, "fraud", 0), 0); /* gone */
        snapshot_unref(other);
    }
    snapshot_unref(s);
}

static void bounds_that_are_moved_keep_the_window(void **state)
{
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    struct snapshot *other = watched_load(
        "  fraud: {file: fraud.yaml, baseline: b.json, drift: {psi: 0.5}}\n", WATCHED_RULES);
    model_windows_follow(windows, s);
    add(s, 0, 5);
    model_windows_follow(windows, other);
    assert_int_equal(rows(other, "fraud", 0), 1);
    snapshot_unref(s);
    snapshot_unref(other);
}

static void a_model_keeps_its_window_in_another_place(void **state)
{
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD "  bare: {file: next.yaml}\n", WATCHED_RULES);
    struct snapshot *other = watched_load(
        "  bare: {file: next.yaml}\n  new: {file: next.yaml, baseline: b.json}\n" WATCHED_FRAUD,
        WATCHED_RULES);
    model_windows_follow(windows, s);
    add(s, 0, 5);
    model_windows_follow(windows, other);
    add(other, 0, 5);
    assert_int_equal(rows(other, "fraud", 0), 2);
    assert_int_equal(rows(other, "new", 0), 1);
    snapshot_unref(s);
    snapshot_unref(other);
}

static void a_row_of_a_ruleset_that_is_active_no_more_is_not_counted(void **state)
{
    (void)state;
    struct snapshot *s = watched_load(WATCHED_FRAUD, WATCHED_RULES);
    struct snapshot *other =
        watched_load("  fraud: {file: next.yaml, baseline: b.json}\n", WATCHED_RULES);
    add(s, 0, 5); /* nothing is followed yet */
    model_windows_follow(windows, other);
    add(s, 0, 5);
    assert_int_equal(rows(other, "fraud", 0), 0);
    assert_int_equal(rows(s, "fraud", 0), 0);
    snapshot_unref(s);
    snapshot_unref(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_windows, close_windows)
        TEST(a_row_counts_in_the_bins_of_inputs_and_score),
        TEST(rows_leave_with_their_window),
        TEST(another_rule_keeps_the_window_though_the_ruleset_goes),
        TEST(another_model_baseline_window_or_name_begins_anew),
        TEST(bounds_that_are_moved_keep_the_window),
        TEST(a_model_keeps_its_window_in_another_place),
        TEST(a_row_of_a_ruleset_that_is_active_no_more_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
