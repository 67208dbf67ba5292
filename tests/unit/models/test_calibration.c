#include "models/calibration.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BLOCK_BYTES = 8 << 20, FILE_BYTES = 256 << 10 };

static char block[BLOCK_BYTES];
static struct arena arena;
static struct diag_list diags;
static struct calibration calibration;

static enum status load(const char *yaml)
{
    struct yaml_file file;
    arena_init(&arena, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    memset(&calibration, 0, sizeof calibration);
    assert_int_equal(yaml_parse("r.yaml", span_str(yaml), &arena, &diags, &file), ST_OK);
    return calibration_load(&file, yaml_get(file.root, "calibration"), &arena, &diags,
                            &calibration);
}

static double apply(double score)
{
    return calibration_apply(&calibration, score);
}

static void expect_refused(const char *yaml, int col, const char *message)
{
    assert_int_equal(load(yaml), ST_INVALID);
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.items[0].message, message);
    assert_int_equal(diags.items[0].col, col);
    assert_int_equal(calibration.kind, CALIBRATION_NONE);
}

static void without_one_a_score_stays_as_it_is(void **state)
{
    (void)state;
    assert_int_equal(load("a: 1"), ST_OK);
    assert_true(apply(17) == 17);
    assert_int_equal(load("calibration: none"), ST_OK);
    assert_true(apply(-0.5) == -0.5);
    assert_true(isnan(apply(NAN)));
}

static void platt_is_a_logistic_curve_that_rises(void **state)
{
    (void)state;
    assert_int_equal(load("calibration: {platt: {a: -2, b: 1}}"), ST_OK);
    assert_true(apply(0.5) == 0.5);
    assert_true(apply(1) == 1 / (1 + exp(-1)));
    assert_true(apply(1e308) == 1);
    assert_true(apply(-1e308) == 0);
    assert_true(isnan(apply(NAN)));
}

#define TABLE "calibration: {isotonic: {x: [0.25, 0.5, 1, 3], y: [0.125, 0.25, 0.25, 0.75]}}"

static void isotonic_is_straight_between_points_and_level_outside(void **state)
{
    (void)state;
    assert_int_equal(load(TABLE), ST_OK);
    assert_true(apply(-INFINITY) == 0.125);
    assert_true(apply(0.25) == 0.125);
    assert_true(apply(0.375) == 0.1875);
    assert_true(apply(0.75) == 0.25);
    assert_true(apply(2) == 0.5);
    assert_true(apply(3) == 0.75);
    assert_true(apply(INFINITY) == 0.75);
    assert_true(isnan(apply(NAN)));
}

static void a_single_point_is_level(void **state)
{
    (void)state;
    assert_int_equal(load("calibration: {isotonic: {x: [0.5], y: [0.25]}}"), ST_OK);
    assert_true(apply(0) == 0.25);
    assert_true(apply(0.5) == 0.25);
    assert_true(apply(1) == 0.25);
}

static void a_higher_score_is_no_lower_probability(void **state)
{
    (void)state;
    assert_int_equal(load("calibration: {isotonic: {x: [0.1, 0.3, 0.7, 0.9], "
                          "y: [0.1, 0.3, 0.3, 0.97]}}"),
                     ST_OK);
    double before = 0;
    for (double score = 0; score < 1; score += 1.0 / 4096) {
        assert_true(apply(score) >= before);
        before = apply(score);
    }
    assert_true(apply(nextafter(0.9, 0)) <= 0.97);
}

static void what_would_fall_is_refused(void **state)
{
    (void)state;
    expect_refused("calibration: {platt: {a: 2, b: 1}}", 26,
                   "`a` must be below 0: a higher score would be a lower probability");
    expect_refused("calibration: {platt: {a: 0, b: 1}}", 26,
                   "`a` must be below 0: a higher score would be a lower probability");
    expect_refused("calibration: {isotonic: {x: [1, 1], y: [0, 1]}}", 33,
                   "`x` ascends: this is not above the one before");
    expect_refused("calibration: {isotonic: {x: [1, 2], y: [1, 0]}}", 44,
                   "`y` does not fall: this is below the one before");
}

static void what_is_no_calibration_is_refused(void **state)
{
    (void)state;
    const char *either = "a calibration is `none`, or has `platt` or `isotonic`";
    expect_refused("calibration: beta", 14, either);
    expect_refused("calibration: []", 14, either);
    expect_refused("calibration: {platt: {a: -1, b: 0}, isotonic: {x: [0], y: [0]}}", 14, either);
    expect_refused("calibration: {platt: {a: -1}}", 22, "`b` is missing here");
    expect_refused("calibration: {platt: {a: -1, b: 0, c: 1}}", 36, "unknown key 'c'");
    expect_refused("calibration: {isotonic: {x: [0], y: []}}", 37,
                   "expected a list of 1 to 4096 numbers");
    expect_refused("calibration: {isotonic: {x: [0], y: [0, 1]}}", 37,
                   "`x` and `y` have as many numbers as each other");
    expect_refused("calibration: {isotonic: {x: [0], y: [1.5]}}", 38, "a probability is 0 to 1");
    expect_refused("calibration: {isotonic: {x: [0], y: [nan]}}", 38, "expected a number");
}

static const char *table_of(int n)
{
    static char yaml[FILE_BYTES];
    struct text t;
    text_init(&t, yaml, sizeof yaml - 1);
    text_str(&t, "calibration: {isotonic: {x: [-1");
    for (int i = 0; i < n - 1; i++)
        text_printf(&t, ", %d", i);
    text_str(&t, "], y: [0");
    for (int i = 0; i < n - 1; i++)
        text_printf(&t, ", %d.0e-4", i);
    text_str(&t, "]}}");
    assert_false(t.overflow);
    yaml[t.len] = '\0';
    return yaml;
}

static void a_table_has_at_most_4096_points(void **state)
{
    (void)state;
    assert_int_equal(load(table_of(CALIBRATION_POINTS_MAX)), ST_OK);
    assert_true(fabs(apply(2000.5) - 0.20005) < 1e-15);
    expect_refused(table_of(CALIBRATION_POINTS_MAX + 1), 29,
                   "expected a list of 1 to 4096 numbers");
}

static void a_full_arena_refuses_and_leaves_the_calibration_alone(void **state)
{
    (void)state;
    struct yaml_file file;
    struct arena small;
    char bytes[24];
    assert_int_equal(load(TABLE), ST_OK);
    calibration.kind = CALIBRATION_NONE;
    arena_init(&small, bytes, sizeof bytes);
    assert_int_equal(yaml_parse("r.yaml", span_str(TABLE), &arena, &diags, &file), ST_OK);
    assert_int_equal(
        calibration_load(&file, yaml_get(file.root, "calibration"), &small, &diags, &calibration),
        ST_NO_SPACE);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(calibration.kind, CALIBRATION_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_one_a_score_stays_as_it_is),
        cmocka_unit_test(platt_is_a_logistic_curve_that_rises),
        cmocka_unit_test(isotonic_is_straight_between_points_and_level_outside),
        cmocka_unit_test(a_single_point_is_level),
        cmocka_unit_test(a_higher_score_is_no_lower_probability),
        cmocka_unit_test(what_would_fall_is_refused),
        cmocka_unit_test(what_is_no_calibration_is_refused),
        cmocka_unit_test(a_table_has_at_most_4096_points),
        cmocka_unit_test(a_full_arena_refuses_and_leaves_the_calibration_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
