#include "service/engine/model_table.h"

#include "service/engine/model_windows.h"
#include "tests/unit/engine/watched.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ENGINES = 2 };

/* Of two workers: what they counted, and nothing else. */
struct bed {
    struct snapshot *snap;
    struct engine_stats stats[ENGINES];
    struct engine engines[ENGINES];
    struct model_table table;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    assert_non_null(b);
    b->snap = watched_load(
        WATCHED_FRAUD "  next: {file: next.yaml, role: challenger, threshold: 1}\n", WATCHED_RULES);
    for (int i = 0; i < ENGINES; i++) {
        b->engines[i] = (struct engine){.stats = &b->stats[i], .windows = model_windows_new()};
        b->stats[i].fired_ruleset = b->snap->id;
        model_windows_follow(b->engines[i].windows, b->snap);
    }
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    for (int i = 0; i < ENGINES; i++)
        model_windows_free(b->engines[i].windows);
    model_table_fini(&b->table);
    snapshot_unref(b->snap);
    free(b);
    return 0;
}

static const struct model_line *make(struct bed *b)
{
    const struct engine *engines[ENGINES] = {&b->engines[0], &b->engines[1]};
    model_table_fini(&b->table);
    model_table_init(&b->table, b->snap, engines, ENGINES, 1000);
    return &b->table.lines[0];
}

static void add(struct bed *b, int engine, int rows, double amount)
{
    double inputs[2][1];
    struct model_result results[2];
    for (int i = 0; i < 2; i++)
        results[i] = watched_row(amount, inputs[i]);
    for (int i = 0; i < rows; i++)
        model_windows_add(b->engines[engine].windows, b->snap, 1000, results);
}

static void what_workers_counted_is_summed(void **state)
{
    struct bed *b = *state;
    b->stats[0].models[1] =
        (struct model_stats){.scored = 1, .missing = 2, .above = 3, .agreed = 4, .differed = 5};
    b->stats[1].models[1] = (struct model_stats){
        .scored = 10, .missing = 20, .above = 30, .agreed = 40, .differed = 50};
    make(b);
    const struct model_stats *s = &b->table.lines[1].stats;
    assert_int_equal(b->table.n, 2);
    assert_true(s->scored == 11 && s->missing == 22 && s->above == 33 && s->agreed == 44 &&
                s->differed == 55);
    assert_int_equal(b->table.lines[0].stats.scored, 0);
    b->stats[1].fired_ruleset++; /* of another ruleset */
    make(b);
    assert_int_equal(b->table.lines[1].stats.scored, 1);
}

static void windows_of_all_workers_are_one(void **state)
{
    struct bed *b = *state;
    add(b, 0, 500, 5);
    const struct model_line *line = make(b);
    assert_int_equal(line->score.psi.rows, 500);
    assert_int_equal(line->state, DRIFT_UNKNOWN);
    assert_true(isnan(line->inputs[0].psi.index) && line->inputs[0].psi.missing == 0);
    add(b, 1, 500, 15);
    line = make(b);
    assert_int_equal(line->inputs[0].psi.rows, 1000);
    assert_true(fabs(line->inputs[0].psi.index) < 1e-12);
    assert_int_equal(line->state, DRIFT_STABLE);
    assert_true(span_is(model_line_input(line, 0), "amount"));
}

static void a_model_is_as_far_as_the_worst_of_it(void **state)
{
    struct bed *b = *state;
    add(b, 0, 700, 5);
    add(b, 1, 300, 15);
    const struct model_line *line = make(b);
    double expected = 0.2 * log(0.7 / 0.5) - 0.2 * log(0.3 / 0.5);
    assert_true(fabs(line->inputs[0].psi.index - expected) < 1e-12);
    assert_int_equal(line->state, DRIFT_MOVING);
    assert_int_equal(line->n_drifted, 0);
    add(b, 1, 2000, 5);
    line = make(b);
    assert_int_equal(line->state, DRIFT_DRIFTED);
    assert_int_equal(line->n_drifted, 1);
    assert_int_equal(line->score.state, DRIFT_DRIFTED);
}

static void without_a_baseline_nothing_is_compared(void **state)
{
    struct bed *b = *state;
    add(b, 0, 2000, 5);
    make(b);
    assert_null(b->table.lines[1].inputs);
    assert_int_equal(b->table.lines[1].state, DRIFT_UNKNOWN);
    model_windows_free(b->engines[0].windows); /* an engine that does not watch them */
    b->engines[0].windows = NULL;
    assert_int_equal(make(b)->score.psi.rows, 0);
}

static void a_ruleset_without_models_has_no_lines(void **state)
{
    (void)state;
    const struct engine *none = NULL;
    const struct snapshot snap = {.id = 7};
    struct model_table t;
    model_table_init(&t, &snap, &none, 0, 1000);
    assert_int_equal(t.n, 0);
    model_table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bed, close_bed)
        TEST(what_workers_counted_is_summed),
        TEST(windows_of_all_workers_are_one),
        TEST(a_model_is_as_far_as_the_worst_of_it),
        TEST(without_a_baseline_nothing_is_compared),
        cmocka_unit_test(a_ruleset_without_models_has_no_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
