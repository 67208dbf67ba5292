#include "models/forest_range.h"

#include "tests/unit/models/random_forest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PLENTY = 1 << 20 };

static struct random_forest grown;

static void range(const double *lo, const double *hi, double *least, double *most)
{
    int64_t nodes = PLENTY;
    *least = *most = 0.5;
    assert_true(forest_range(&grown.forest, lo, hi, least, most, &nodes));
    assert_in_range(nodes, 0, PLENTY - 1);
}

static void one_row_is_its_own_sum(void **state)
{
    double inputs[RANDOM_FOREST_INPUTS], least, most;
    (void)state;
    for (int round = 0; round < 400; round++) {
        random_forest_grow(&grown, round % 2 == 0);
        random_forest_row(inputs);
        range(inputs, inputs, &least, &most);
        assert_true(least == most && least == random_forest_sum(&grown, inputs));
    }
}

/* One that lies in the ranges; anything may be missing. */
static void pick(const double *lo, const double *hi, double *inputs)
{
    for (int i = 0; i < RANDOM_FOREST_INPUTS; i++) {
        double v = i == RANDOM_FOREST_CATEGORY ? random_forest_below(8) : random_forest_number();
        inputs[i] = isnan(lo[i]) ? NAN : v < lo[i] ? lo[i] : v > hi[i] ? hi[i] : v;
        if (isinf(lo[i]) && random_forest_below(2) == 0)
            inputs[i] = NAN;
    }
}

static void no_row_within_is_outside(void **state)
{
    double lo[RANDOM_FOREST_INPUTS], hi[RANDOM_FOREST_INPUTS], inputs[RANDOM_FOREST_INPUTS];
    (void)state;
    for (int round = 0; round < 200; round++) {
        double least, most;
        random_forest_grow(&grown, round % 2 == 0);
        random_forest_row(lo);
        memcpy(hi, lo, sizeof hi);
        for (int i = 0; i < 2; i++) {
            int input = random_forest_below(RANDOM_FOREST_INPUTS);
            bool is_any = random_forest_below(4) == 0 || !isfinite(lo[input]);
            hi[input] = is_any ? INFINITY : lo[input] + random_forest_below(6);
            lo[input] = is_any ? -INFINITY : lo[input];
        }
        range(lo, hi, &least, &most);
        for (int row = 0; row < 60; row++) {
            pick(lo, hi, inputs);
            double sum = random_forest_sum(&grown, inputs);
            assert_true(least <= sum && sum <= most);
        }
    }
}

/* input 0 < 10 ? (input 0 < 5 ? 1 : 2) : (input 0 < 15 ? 3 : 4), of one tree */
static void what_a_split_leaves_of_a_range_goes_on(void **state)
{
    double least, most;
    (void)state;
    random_forest_grow(&grown, false);
    grown.forest.n_trees = 1;
    const double thresholds[] = {10, 5, 15};
    for (uint32_t i = 0; i < 3; i++)
        grown.nodes[i] =
            (struct forest_node){.threshold = thresholds[i], .left = 2 * i + 1, .lane = 1};
    for (uint32_t i = 3; i < 7; i++)
        grown.nodes[i] = (struct forest_node){.value = i - 2, .left = i - 1};
    range((double[]){6, 0, 0, 0}, (double[]){12, 0, 0, 0}, &least, &most);
    assert_true(least == 2.5 && most == 3.5);
    range((double[]){6, 0, 0, 0}, (double[]){9, 0, 0, 0}, &least, &most);
    assert_true(least == 2.5 && most == 2.5);
    range((double[]){-INFINITY, 0, 0, 0}, (double[]){INFINITY, 0, 0, 0}, &least, &most);
    assert_true(least == 1.5 && most == 4.5);
}

static void too_few_nodes_are_told(void **state)
{
    double inputs[RANDOM_FOREST_INPUTS] = {0}, least = 0, most = 0;
    int64_t nodes = 3;
    (void)state;
    do {
        random_forest_grow(&grown, true);
    } while (grown.nodes[0].lane == 0);
    assert_false(forest_range(&grown.forest, inputs, inputs, &least, &most, &nodes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row_is_its_own_sum),
        cmocka_unit_test(no_row_within_is_outside),
        cmocka_unit_test(what_a_split_leaves_of_a_range_goes_on),
        cmocka_unit_test(too_few_nodes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
