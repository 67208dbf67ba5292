#include "models/forest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { TREES = 11, LANES = 6, SET = 1 };

/* Input 0 is split at 0.5, and input 1 by category; a lane for each way a missing value goes. */
static struct forest_node nodes[TREES * 5];
static struct forest_tree trees[TREES];
static struct forest_lane lanes[LANES] = {{0, 0},
                                          {0, FOREST_MISSING_LEFT},
                                          {0, FOREST_MISSING_RIGHT},
                                          {0, FOREST_MISSING_IS_ZERO},
                                          {0, FOREST_ZERO_MISSING_RIGHT},
                                          {1, FOREST_MISSING_LEFT}};
static uint64_t sets[SET] = {1u << 3 | 1u << 5};

static void set_leaf(uint32_t at, double value)
{
    nodes[at] = (struct forest_node){.value = value, .left = at - 1};
}

/* lane < 0.5 ? 1 : 2 */
static void set_stump(uint32_t tree, uint16_t lane)
{
    uint32_t root = tree * 5;
    trees[tree] = (struct forest_tree){.root = root, .n_nodes = 3, .depth = 1};
    nodes[root] = (struct forest_node){.threshold = 0.5, .left = root + 1, .lane = lane};
    set_leaf(root + 1, 1);
    set_leaf(root + 2, 2);
}

static struct forest stumps(uint32_t n, uint16_t lane)
{
    for (uint32_t i = 0; i < n; i++)
        set_stump(i, lane);
    return (struct forest){.nodes = nodes,
                           .trees = trees,
                           .lanes = lanes,
                           .sets = sets,
                           .n_nodes = TREES * 5,
                           .n_trees = n,
                           .n_lanes = LANES,
                           .n_outputs = 1,
                           .n_set_words = SET};
}

static double sum_of(const struct forest *f, double x, double category)
{
    double spread[LANES], sum = 0;
    forest_spread(f, (double[]){x, category}, spread);
    forest_sum(f, spread, &sum);
    return sum;
}

static void a_value_below_goes_left_and_an_equal_one_right(void **state)
{
    (void)state;
    struct forest f = stumps(1, 1);
    assert_true(sum_of(&f, 0.4, 0) == 1);
    assert_true(sum_of(&f, 0.5, 0) == 2);
}

static void a_missing_value_goes_where_its_split_says(void **state)
{
    (void)state;
    struct forest f = stumps(1, 1);
    assert_true(sum_of(&f, NAN, 0) == 1);
    f = stumps(1, 2);
    assert_true(sum_of(&f, NAN, 0) == 2);
    f = stumps(1, 3);
    assert_true(sum_of(&f, NAN, 0) == 1);
}

static void an_infinite_value_is_no_missing_one(void **state)
{
    (void)state;
    struct forest f = stumps(1, 2);
    nodes[0].threshold = INFINITY; /* all there is, but for what is missing */
    assert_true(sum_of(&f, INFINITY, 0) == 1);
    assert_true(sum_of(&f, NAN, 0) == 2);
    nodes[0] = (struct forest_node){
        .set = {.at = 0, .words = 1}, .left = 1, .lane = 5, .kind = FOREST_BY_CATEGORY};
    trees[0].has_categories = true;
    assert_true(sum_of(&f, 0, -INFINITY) == 2);
}

static void zero_is_missing_where_a_split_says_so(void **state)
{
    (void)state;
    struct forest f = stumps(1, 4);
    assert_true(sum_of(&f, 0.0, 0) == 2);
    assert_true(sum_of(&f, (double)1e-35f, 0) == 2);
    assert_true(sum_of(&f, 0.1, 0) == 1);
    f = stumps(1, 1);
    assert_true(sum_of(&f, 0.0, 0) == 1);
}

static void trees_side_by_side_and_the_rest_are_all_summed(void **state)
{
    (void)state;
    struct forest f = stumps(TREES, 1);
    assert_true(sum_of(&f, 0.4, 0) == TREES);
    assert_true(sum_of(&f, 0.6, 0) == 2 * TREES);
}

static void trees_of_unlike_depths_are_walked_together(void **state)
{
    (void)state;
    struct forest f = stumps(8, 1);
    nodes[2] = (struct forest_node){.threshold = 0.9, .left = 3, .lane = 2};
    set_leaf(3, 10);
    set_leaf(4, 20);
    trees[0].depth = 2;
    assert_true(sum_of(&f, 0.4, 0) == 8);
    assert_true(sum_of(&f, 0.6, 0) == 10 + 7 * 2);
    assert_true(sum_of(&f, 0.95, 0) == 20 + 7 * 2);
}

static void rows_at_once_have_the_sums_of_each_alone(void **state)
{
    (void)state;
    enum { ROWS = 5 };
    struct forest f = stumps(TREES, 1);
    double spread[ROWS][LANES], sums[ROWS] = {0, 10, 20, 30, 40};
    for (int row = 0; row < ROWS; row++)
        forest_spread(&f, (double[]){row % 2 ? 0.6 : 0.4, 0}, spread[row]);
    forest_sum_rows(&f, spread[0], ROWS, sums);
    for (int row = 0; row < ROWS; row++)
        assert_true(sums[row] == 10 * row + (row % 2 ? 2 * TREES : TREES));
}

static void a_category_goes_left_when_its_bit_is_set(void **state)
{
    (void)state;
    struct forest f = stumps(8, 1);
    nodes[0] = (struct forest_node){
        .set = {.at = 0, .words = 1}, .left = 1, .lane = 5, .kind = FOREST_BY_CATEGORY};
    trees[0].has_categories = true;
    assert_true(sum_of(&f, 0.4, 3) == 1 + 7);
    assert_true(sum_of(&f, 0.4, 5) == 1 + 7);
    assert_true(sum_of(&f, 0.4, 4) == 2 + 7);
    assert_true(sum_of(&f, 0.4, 64) == 2 + 7);  /* past its words */
    assert_true(sum_of(&f, 0.4, 1e9) == 2 + 7); /* past all codes */
    assert_true(sum_of(&f, 0.4, -1) == 2 + 7);
    assert_true(sum_of(&f, 0.4, NAN) == 1 + 7);
}

static void narrow_inputs_are_float32_as_is_the_sum(void **state)
{
    (void)state;
    struct forest f = stumps(2, 1);
    double above = nextafter(0.5, 0.0); /* 0.5 as float32 */
    assert_true(sum_of(&f, above, 0) == 2);
    f.narrows = true;
    assert_true(sum_of(&f, above, 0) == 4);
    set_leaf(2, 16777216.0);
    set_leaf(7, 1.0);
    assert_true(sum_of(&f, 0.6, 0) == 16777216.0); /* 2^24 + 1 is none */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_below_goes_left_and_an_equal_one_right),
        cmocka_unit_test(a_missing_value_goes_where_its_split_says),
        cmocka_unit_test(an_infinite_value_is_no_missing_one),
        cmocka_unit_test(zero_is_missing_where_a_split_says_so),
        cmocka_unit_test(trees_side_by_side_and_the_rest_are_all_summed),
        cmocka_unit_test(trees_of_unlike_depths_are_walked_together),
        cmocka_unit_test(rows_at_once_have_the_sums_of_each_alone),
        cmocka_unit_test(a_category_goes_left_when_its_bit_is_set),
        cmocka_unit_test(narrow_inputs_are_float32_as_is_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
