#include "models/drift.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char block[64 << 10];
static struct diag_list diags;
static struct drift_bounds bounds;

static enum status load(const char *yaml)
{
    struct arena arena;
    struct yaml_file file;
    arena_init(&arena, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    memset(&bounds, 0, sizeof bounds);
    assert_int_equal(yaml_parse("r.yaml", span_str(yaml), &arena, &diags, &file), ST_OK);
    return drift_load(&file, yaml_get(file.root, "drift"), &diags, &bounds);
}

static void expect_refused(const char *yaml, int col, const char *message)
{
    assert_int_equal(load(yaml), ST_INVALID);
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.items[0].message, message);
    assert_int_equal(diags.items[0].col, col);
    assert_int_equal(bounds.window_ms, 0);
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    assert_int_equal(load("a: 1"), ST_OK);
    assert_int_equal(bounds.window_ms, 86400000);
    assert_true(bounds.psi == 0.25 && bounds.missing == 0.1);
    assert_int_equal(load("drift: {window: 6h, psi: 0.5}"), ST_OK);
    assert_int_equal(bounds.window_ms, 6 * 3600000);
    assert_true(bounds.psi == 0.5 && bounds.missing == 0.1);
    assert_int_equal(load("drift: {missing: 1}"), ST_OK);
    assert_true(bounds.missing == 1);
}

static void a_window_has_a_least_and_a_most(void **state)
{
    (void)state;
    assert_int_equal(load("drift: {window: 1m}"), ST_OK);
    assert_int_equal(load("drift: {window: 30d}"), ST_OK);
    expect_refused("drift: {window: 59s}", 17, "the window is from 1m to 30d");
    expect_refused("drift: {window: 31d}", 17, "the window is from 1m to 30d");
}

static void a_bound_is_above_nothing_and_can_be_reached(void **state)
{
    (void)state;
    assert_int_equal(load("drift: {psi: 20}"), ST_OK);
    expect_refused("drift: {psi: 0}", 14, "it has to be above 0, and at most 20");
    expect_refused("drift: {psi: 20.1}", 14, "it has to be above 0, and at most 20");
    expect_refused("drift: {psi: .nan}", 14, "expected a number");
    expect_refused("drift: {missing: -0.1}", 18, "it has to be above 0, and at most 1");
    expect_refused("drift: {missing: 1.1}", 18, "it has to be above 0, and at most 1");
}

static void a_misspelt_key_is_told(void **state)
{
    (void)state;
    expect_refused("drift: {pis: 0.1}", 9, "unknown key 'pis'");
    expect_refused("drift: 0.1", 8, "expected a mapping of 'key: value'");
}

static enum drift_state state_of(double index, double missing)
{
    static const struct distribution d = {.n_bins = 1, .shares = {0.8, 0.2}};
    static const struct drift_bounds at = {.psi = 0.25, .missing = 0.1};
    const struct psi psi = {.rows = 1000, .index = index, .missing = missing};
    return drift_state_of(&at, &d, &psi);
}

static void an_index_below_a_tenth_is_stable_and_from_the_bound_on_drifted(void **state)
{
    (void)state;
    assert_int_equal(state_of(NAN, 0.2), DRIFT_UNKNOWN);
    assert_int_equal(state_of(0, 0.2), DRIFT_STABLE);
    assert_int_equal(state_of(0.0999, 0.2), DRIFT_STABLE);
    assert_int_equal(state_of(0.1, 0.2), DRIFT_MOVING);
    assert_int_equal(state_of(0.2499, 0.2), DRIFT_MOVING);
    assert_int_equal(state_of(0.25, 0.2), DRIFT_DRIFTED);
}

static void more_missing_or_less_than_in_training_is_drift(void **state)
{
    (void)state;
    assert_int_equal(state_of(0.01, 0.29), DRIFT_STABLE);
    assert_int_equal(state_of(0.01, 0.31), DRIFT_DRIFTED);
    assert_int_equal(state_of(0.01, 0.09), DRIFT_DRIFTED);
    assert_int_equal(state_of(NAN, 1), DRIFT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(a_window_has_a_least_and_a_most),
        cmocka_unit_test(a_bound_is_above_nothing_and_can_be_reached),
        cmocka_unit_test(a_misspelt_key_is_told),
        cmocka_unit_test(an_index_below_a_tenth_is_stable_and_from_the_bound_on_drifted),
        cmocka_unit_test(more_missing_or_less_than_in_training_is_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
