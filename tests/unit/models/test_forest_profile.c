#include "models/forest_profile.h"

#include "tests/unit/models/random_forest.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROOM = 1024, PLENTY = 1 << 20 };

static struct random_forest grown;
static struct forest_edge edges[ROOM];

/* Of whatever values the input has, it is within the error of what the forest says. */
static void check_input(int input, double *inputs)
{
    struct forest_profile p = {.edges = edges, .room = ROOM};
    int64_t nodes = PLENTY;
    assert_true(forest_profile_make(&grown.forest, inputs, input, 0.5, &p, &nodes));
    assert_true(p.error < 1e-4);
    assert_in_range(nodes, 0, PLENTY - 1);
    assert_true(isinf(edges[0].from) && edges[0].from < 0);
    for (int i = 0; i < 60; i++) {
        double x = i == 0 ? 0 : i == 1 ? -1e300 : i == 2 ? 1e300 : random_forest_number();
        int at = forest_profile_at(&p, forest_taken(&grown.forest, x));
        assert_true(at == 0 || edges[at].from > edges[at - 1].from);
        inputs[input] = x;
        assert_true(fabs(random_forest_sum(&grown, inputs) - edges[at].sum) <= p.error);
    }
}

static void it_is_what_the_forest_says_wherever_the_input_is(void **state)
{
    double inputs[RANDOM_FOREST_INPUTS];
    (void)state;
    for (int round = 0; round < 200; round++) {
        random_forest_grow(&grown, round % 2 == 0);
        for (int input = 0; input < RANDOM_FOREST_CATEGORY; input++) {
            random_forest_row(inputs);
            check_input(input, inputs);
        }
    }
}

static void a_category_has_none(void **state)
{
    double inputs[RANDOM_FOREST_INPUTS] = {0};
    struct forest_profile p = {.edges = edges, .room = ROOM};
    int64_t nodes = PLENTY;
    (void)state;
    do {
        random_forest_grow(&grown, true);
    } while (grown.nodes[0].kind != FOREST_BY_CATEGORY);
    assert_false(forest_profile_make(&grown.forest, inputs, RANDOM_FOREST_CATEGORY, 0, &p, &nodes));
}

/* input 0 < 1.5 ? 0 : 1, as often as there are trees, each at 1 more */
static void set_stairs(uint32_t n)
{
    random_forest_grow(&grown, false);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t root = 3 * i;
        grown.trees[i] = (struct forest_tree){.root = root, .depth = 1};
        grown.nodes[root] = (struct forest_node){.threshold = 1.5 + i, .left = root + 1, .lane = 1};
        grown.nodes[root + 1] = (struct forest_node){.value = 0, .left = root};
        grown.nodes[root + 2] = (struct forest_node){.value = 1, .left = root + 1};
    }
    grown.forest.n_trees = n;
    grown.forest.n_lanes = 2; /* to none of them zero is missing */
}

static void each_threshold_is_an_edge(void **state)
{
    double inputs[RANDOM_FOREST_INPUTS] = {0};
    struct forest_profile p = {.edges = edges, .room = ROOM};
    int64_t nodes = PLENTY;
    (void)state;
    set_stairs(4);
    assert_true(forest_profile_make(&grown.forest, inputs, 0, 10, &p, &nodes));
    assert_int_equal(p.count, 5);
    assert_true(edges[0].sum == 10 && edges[1].from == 1.5 && edges[1].sum == 11 &&
                edges[4].from == 4.5 && edges[4].sum == 14);
    assert_int_equal(forest_profile_at(&p, 1.4), 0);
    assert_int_equal(forest_profile_at(&p, 1.5), 1);
    assert_int_equal(forest_profile_at(&p, INFINITY), 4);
    assert_int_equal(PLENTY - nodes, 4);
}

static void too_little_room_or_too_few_nodes_are_told(void **state)
{
    double inputs[RANDOM_FOREST_INPUTS] = {0};
    struct forest_profile p = {.edges = edges, .room = 4};
    int64_t nodes = PLENTY;
    (void)state;
    set_stairs(8);
    assert_false(forest_profile_make(&grown.forest, inputs, 0, 10, &p, &nodes));
    p.room = ROOM;
    nodes = 8;
    assert_true(forest_profile_make(&grown.forest, inputs, 0, 10, &p, &nodes));
    assert_int_equal(nodes, 0);
    nodes = 7;
    assert_false(forest_profile_make(&grown.forest, inputs, 0, 10, &p, &nodes));
    assert_int_equal(nodes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_what_the_forest_says_wherever_the_input_is),
        cmocka_unit_test(a_category_has_none),
        cmocka_unit_test(each_threshold_is_an_edge),
        cmocka_unit_test(too_little_room_or_too_few_nodes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
