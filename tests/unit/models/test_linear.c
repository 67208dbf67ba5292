#include "models/linear.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double bounds[] = {18, 30}, bin_points[] = {20, 12, 5}, code_points[] = {0.25, 1.5};

static struct linear_input inputs[] = {
    {.kind = LINEAR_SLOPE, .weight = 0.5, .mean = 10, .scale = 4, .missing = NAN},
    {.kind = LINEAR_BINS,
     .n_points = 3,
     .below = bounds,
     .points = bin_points,
     .missing = 7,
     .neutral = 12},
    {.kind = LINEAR_CATEGORIES,
     .n_points = 2,
     .points = code_points,
     .missing = 3,
     .other = -1,
     .neutral = 0.25},
};

static const struct linear all = {.inputs = inputs, .n_inputs = 3};

static void a_slope_is_measured_from_its_mean_in_its_scale(void **state)
{
    (void)state;
    assert_true(linear_adds(&inputs[0], 10) == 0);
    assert_true(linear_adds(&inputs[0], 18) == 1);
    assert_true(linear_adds(&inputs[0], 2) == -1);
}

static void a_value_at_a_bins_bound_is_in_the_next_one(void **state)
{
    (void)state;
    assert_true(linear_adds(&inputs[1], -INFINITY) == 20);
    assert_true(linear_adds(&inputs[1], nextafter(18, 0)) == 20);
    assert_true(linear_adds(&inputs[1], 18) == 12);
    assert_true(linear_adds(&inputs[1], 30) == 5);
    assert_true(linear_adds(&inputs[1], INFINITY) == 5);
}

static void a_code_outside_the_table_is_another(void **state)
{
    (void)state;
    assert_true(linear_adds(&inputs[2], 0) == 0.25);
    assert_true(linear_adds(&inputs[2], 1) == 1.5);
    assert_true(linear_adds(&inputs[2], 2) == -1);
    assert_true(linear_adds(&inputs[2], -1) == -1);
    assert_true(linear_adds(&inputs[2], 1e300) == -1);
}

static void what_is_missing_adds_what_the_file_says(void **state)
{
    (void)state;
    assert_true(linear_adds(&inputs[1], NAN) == 7);
    assert_true(linear_adds(&inputs[2], NAN) == 3);
    assert_true(linear_sum(&all, (double[]){18, NAN, NAN}) == 1 + 7 + 3);
}

static void a_sum_is_missing_where_an_input_must_not_be(void **state)
{
    (void)state;
    assert_true(isnan(linear_sum(&all, (double[]){NAN, 20, 0})));
}

static void contributions_and_the_neutral_sum_make_the_sum(void **state)
{
    (void)state;
    double row[] = {18, 50, 1}, parts[3];
    linear_contributions(&all, row, parts);
    assert_true(parts[0] == 1);
    assert_true(parts[1] == 5 - 12);
    assert_true(parts[2] == 1.25);
    assert_true(linear_neutral(&all) + parts[0] + parts[1] + parts[2] == linear_sum(&all, row));
}

static void a_range_of_inputs_adds_the_least_and_the_most_of_its_rows(void **state)
{
    const double anything = INFINITY;
    double least, most;
    (void)state;
    assert_false(linear_range(&all, (double[]){2, 20, 1}, (double[]){18, 40, 1}, &least, &most));
    assert_true(least == -1 + 5 + 1.5 && most == 1 + 12 + 1.5);
    assert_false(linear_range(&all, (double[]){10, NAN, 0}, (double[]){10, NAN, 1}, &least, &most));
    assert_true(least == 0 + 7 - 1 && most == 0 + 7 + 1.5);
    /* anything is missing too */
    assert_false(linear_range(&all, (double[]){10, 18, -anything}, (double[]){10, 18, anything},
                              &least, &most));
    assert_true(least == 0 + 12 - 1 && most == 0 + 12 + 3);
    assert_true(linear_range(&all, (double[]){-anything, 18, 0}, (double[]){anything, 18, 0},
                             &least, &most));
    assert_true(isinf(least) && isinf(most));
    /* what must not be missing is */
    assert_false(linear_range(&all, (double[]){NAN, 18, 0}, (double[]){NAN, 18, 1}, &least, &most));
    assert_true(isnan(least) && isnan(most));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slope_is_measured_from_its_mean_in_its_scale),
        cmocka_unit_test(a_value_at_a_bins_bound_is_in_the_next_one),
        cmocka_unit_test(a_code_outside_the_table_is_another),
        cmocka_unit_test(what_is_missing_adds_what_the_file_says),
        cmocka_unit_test(a_sum_is_missing_where_an_input_must_not_be),
        cmocka_unit_test(contributions_and_the_neutral_sum_make_the_sum),
        cmocka_unit_test(a_range_of_inputs_adds_the_least_and_the_most_of_its_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
