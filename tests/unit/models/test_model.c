#include "models/model.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TREES = 3, LANES = 3, ROWS = 3000 /* more than are scored at once */ };

/* Tree i is of output i, and says i + 1 where input i % 2 is below 0.5. */
static struct forest_node nodes[3 * TREES];
static struct forest_tree trees[TREES];
static struct forest_lane lanes[LANES] = {
    {0, 0}, {0, FOREST_MISSING_LEFT}, {1, FOREST_MISSING_LEFT}};
static struct forest forest = {.nodes = nodes,
                               .trees = trees,
                               .lanes = lanes,
                               .n_nodes = 3 * TREES,
                               .n_trees = TREES,
                               .n_lanes = LANES,
                               .n_outputs = TREES,
                               .narrows = true};
static double base[TREES] = {0, 0.5, -0.5};

static struct model stumps(enum model_transform transform)
{
    for (uint32_t i = 0; i < TREES; i++) {
        uint32_t root = 3 * i;
        trees[i] =
            (struct forest_tree){.root = root, .n_nodes = 3, .depth = 1, .output = (uint16_t)i};
        nodes[root] =
            (struct forest_node){.threshold = 0.5, .left = root + 1, .lane = (uint16_t)(1 + i % 2)};
        nodes[root + 1] = (struct forest_node){.value = i + 1.0, .left = root};
        nodes[root + 2] = (struct forest_node){.left = root + 1};
    }
    return (struct model){.n_inputs = 2,
                          .n_outputs = TREES,
                          .transform = transform,
                          .scale = 1,
                          .base = base,
                          .forest = &forest};
}

static void margins_begin_with_the_base_and_outputs_are_transformed(void **state)
{
    (void)state;
    struct model m = stumps(MODEL_SIGMOID);
    double margins[TREES], outputs[TREES];
    model_score(&m, (double[]){0.1, 0.9}, margins, outputs);
    assert_true(margins[0] == 1 && margins[1] == 0.5 && margins[2] == 2.5);
    for (int i = 0; i < TREES; i++)
        assert_true(outputs[i] == 1 / (1 + exp(-margins[i])));
}

static void a_softmax_needs_no_room_for_margins(void **state)
{
    (void)state;
    struct model m = stumps(MODEL_SOFTMAX);
    double margins[TREES], outputs[TREES], alone[TREES];
    model_score(&m, (double[]){0.1, 0.9}, margins, outputs);
    model_score(&m, (double[]){0.1, 0.9}, NULL, alone);
    assert_memory_equal(outputs, alone, sizeof outputs);
    assert_true(fabs(outputs[0] + outputs[1] + outputs[2] - 1) < 1e-15);
}

static void rows_at_once_score_as_each_alone(void **state)
{
    (void)state;
    static double inputs[ROWS][2], margins[ROWS][TREES], outputs[ROWS][TREES];
    struct model m = stumps(MODEL_SOFTMAX);
    for (int i = 0; i < ROWS; i++) {
        inputs[i][0] = i % 3 * 0.4;
        inputs[i][1] = i % 5 ? (double)(i % 2) : (double)NAN;
    }
    model_score_rows(&m, inputs[0], ROWS, margins[0], outputs[0]);
    for (int i = 0; i < ROWS; i++) {
        double margin[TREES], output[TREES];
        model_score(&m, inputs[i], margin, output);
        assert_memory_equal(margins[i], margin, sizeof margin);
        assert_memory_equal(outputs[i], output, sizeof output);
    }
}

static void steps_are_levels_of_trees_or_inputs(void **state)
{
    (void)state;
    struct model m = stumps(MODEL_SIGMOID);
    trees[1].depth = 7;
    assert_int_equal(model_steps(&m), 1 + 7 + 1);
    struct linear linear = {0};
    m = (struct model){.linear = &linear, .n_inputs = 24};
    assert_int_equal(model_steps(&m), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(margins_begin_with_the_base_and_outputs_are_transformed),
        cmocka_unit_test(a_softmax_needs_no_room_for_margins),
        cmocka_unit_test(rows_at_once_score_as_each_alone),
        cmocka_unit_test(steps_are_levels_of_trees_or_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
