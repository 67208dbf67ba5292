#include "models/explain.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TREES = 4, OUTPUTS = 2, INPUTS = 2 };

/* Stumps: tree 0 and 2 by input 0 for output 0, the others by input 1 for output 1. */
static struct forest_node nodes[TREES * 3];
static double covers[TREES * 3];
static struct forest_tree trees[TREES];
static struct forest_lane lanes[] = {{0, 0}, {0, FOREST_MISSING_LEFT}, {1, FOREST_MISSING_RIGHT}};
static const struct forest forest = {.nodes = nodes,
                                     .covers = covers,
                                     .trees = trees,
                                     .lanes = lanes,
                                     .n_nodes = TREES * 3,
                                     .n_trees = TREES,
                                     .n_lanes = 3,
                                     .n_outputs = OUTPUTS};
static double base[OUTPUTS] = {-1, 5};
static char block[4096];

static struct model make_model(bool averages)
{
    for (uint32_t t = 0, at = 0; t < TREES; t++, at += 3) {
        uint16_t output = t % OUTPUTS;
        trees[t] = (struct forest_tree){.root = at, .n_nodes = 3, .depth = 1, .output = output};
        nodes[at] =
            (struct forest_node){.threshold = 0.5, .left = at + 1, .lane = (uint16_t)(output + 1)};
        nodes[at + 1] = (struct forest_node){.value = 1, .left = at};
        nodes[at + 2] = (struct forest_node){.value = 3, .left = at + 1};
        covers[at] = 4;
        covers[at + 1] = 3;
        covers[at + 2] = 1;
    }
    return (struct model){.n_inputs = INPUTS,
                          .n_outputs = OUTPUTS,
                          .base = base,
                          .averages = averages,
                          .forest = &forest};
}

static void explain(const struct model *m, const double *inputs, int output, double *sums)
{
    struct arena scratch;
    arena_init(&scratch, block, sizeof block);
    assert_int_equal(model_explain(m, inputs, output, &scratch, sums), ST_OK);
    assert_int_equal(scratch.used_bytes, 0);
}

static void assert_near(double x, double expected)
{
    assert_true(fabs(x - expected) < 1e-14);
}

static void contributions_are_those_of_one_output_and_begin_at_its_base(void **state)
{
    (void)state;
    struct model m = make_model(false);
    double sums[INPUTS + 1];
    explain(&m, (double[]){0.7, 0.7}, 0, sums);
    assert_near(sums[0], 3);
    assert_near(sums[1], 0);
    assert_near(sums[2], 3 - 1);
    explain(&m, (double[]){0.7, 0.3}, 1, sums);
    assert_near(sums[0], 0);
    assert_near(sums[1], -1);
    assert_near(sums[2], 3 + 5);
}

static void a_missing_value_contributes_as_the_way_it_takes(void **state)
{
    (void)state;
    struct model m = make_model(false);
    double sums[INPUTS + 1];
    explain(&m, (double[]){NAN, NAN}, 0, sums);
    assert_near(sums[0], -1);
    explain(&m, (double[]){NAN, NAN}, 1, sums);
    assert_near(sums[1], 3);
}

static void where_trees_are_averaged_so_are_contributions(void **state)
{
    (void)state;
    struct model m = make_model(true);
    double sums[INPUTS + 1], margins[OUTPUTS], outputs[OUTPUTS];
    for (int k = 0; k < OUTPUTS; k++) {
        const double inputs[] = {0.7, 0.3};
        model_score(&m, inputs, margins, outputs);
        explain(&m, inputs, k, sums);
        assert_near(sums[0] + sums[1] + sums[2], margins[k]);
    }
}

static void a_linear_model_says_what_is_beyond_the_usual(void **state)
{
    (void)state;
    double points[] = {1, 4}, below[] = {10}, intercept = 0.5, sums[INPUTS + 1], margin, score;
    struct linear_input in[] = {
        {.kind = LINEAR_SLOPE, .weight = 2, .mean = 3, .scale = 4, .missing = 7},
        {.kind = LINEAR_BINS, .n_points = 2, .below = below, .points = points, .neutral = 2}};
    struct linear linear = {.inputs = in, .n_inputs = INPUTS};
    struct model m = {.n_inputs = INPUTS, .n_outputs = 1, .base = &intercept, .linear = &linear};
    explain(&m, (double[]){5, 10}, 0, sums);
    assert_near(sums[0], 1);
    assert_near(sums[1], 4 - 2);
    assert_near(sums[2], 0.5 + 2);
    model_score(&m, (double[]){NAN, 9}, &margin, &score);
    explain(&m, (double[]){NAN, 9}, 0, sums);
    assert_near(sums[0] + sums[1] + sums[2], margin);
}

static void a_failure_leaves_contributions_and_gives_the_scratch_back(void **state)
{
    (void)state;
    struct model m = make_model(false);
    double sums[INPUTS + 1] = {7, 7, 7};
    for (size_t bytes = 0; bytes < 256; bytes += 16) {
        struct arena scratch;
        arena_init(&scratch, block, bytes);
        assert_int_equal(model_explain(&m, (double[]){0, 0}, 0, &scratch, sums), ST_NO_SPACE);
        assert_int_equal(scratch.used_bytes, 0);
    }
    assert_true(sums[0] == 7 && sums[1] == 7 && sums[2] == 7);
}

static void a_model_without_covers_is_not_explained(void **state)
{
    (void)state;
    struct model m = make_model(false);
    struct forest bare = forest;
    struct arena scratch;
    double sums[INPUTS + 1] = {7, 7, 7};
    bare.covers = NULL;
    m.forest = &bare;
    arena_init(&scratch, block, sizeof block);
    assert_int_equal(model_explain(&m, (double[]){0, 0}, 0, &scratch, sums), ST_UNSUPPORTED);
    assert_true(sums[0] == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contributions_are_those_of_one_output_and_begin_at_its_base),
        cmocka_unit_test(a_missing_value_contributes_as_the_way_it_takes),
        cmocka_unit_test(where_trees_are_averaged_so_are_contributions),
        cmocka_unit_test(a_linear_model_says_what_is_beyond_the_usual),
        cmocka_unit_test(a_failure_leaves_contributions_and_gives_the_scratch_back),
        cmocka_unit_test(a_model_without_covers_is_not_explained),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
