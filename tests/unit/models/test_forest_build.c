#include "models/forest_build.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NODES = 2 * FOREST_DEPTH_MAX + 8, INPUTS = 2 };

static struct diag_list diags;
static struct arena *arena;
static struct model_file file = {.name = "fraud.json", .diags = &diags};
static struct forest_branch branches[NODES];

static int set_up(void **state)
{
    (void)state;
    diags = (struct diag_list){0};
    file.arena = arena = arena_new(1 << 20);
    memset(branches, 0, sizeof branches);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static bool branch_of(void *of, uint32_t id, struct forest_branch *ret_branch)
{
    *ret_branch = ((struct forest_branch *)of)[id];
    return true;
}

static void set_leaf(uint32_t id, double value)
{
    branches[id] = (struct forest_branch){.is_leaf = true, .value = value, .cover = value};
}

static void set_split(uint32_t id, double threshold, uint32_t left, uint32_t right)
{
    branches[id] = (struct forest_branch){
        .value = threshold, .cover = threshold, .left = left, .right = right};
}

/* The branches as one tree of a forest. */
static enum status build(uint32_t n_nodes, struct forest **ret_forest)
{
    struct forest_build b;
    struct forest_source source = {.of = branches, .branch = branch_of, .n_nodes = n_nodes};
    enum status st = forest_build_init(&b, &file, INPUTS, 1, n_nodes, true);
    if (st == ST_OK)
        st = forest_build_tree(&b, &source);
    if (st == ST_OK)
        st = forest_build_done(&b, ret_forest);
    forest_build_fini(&b);
    return st;
}

static double value_at(const struct forest *f, double x, double y)
{
    double lanes[FOREST_LANES_MAX];
    forest_spread(f, (double[]){x, y}, lanes);
    return f->nodes[forest_leaf(f, 0, lanes)].value;
}

static void nodes_in_any_order_become_pairs_behind_their_parent(void **state)
{
    (void)state;
    struct forest *f;
    set_split(0, 5, 4, 1);
    set_leaf(1, 3);
    set_leaf(2, 2);
    set_leaf(3, 1);
    set_split(4, 2, 3, 2);
    assert_int_equal(build(5, &f), ST_OK);
    assert_int_equal(f->n_nodes, 5);
    assert_int_equal(f->trees[0].depth, 2);
    assert_int_equal(f->nodes[0].left, 1);
    assert_int_equal(f->nodes[1].left, 3);
    assert_true(f->covers[2] == 3 && f->covers[3] == 1);
    assert_true(value_at(f, 1, 0) == 1 && value_at(f, 3, 0) == 2 && value_at(f, 9, 0) == 3);
}

static void splits_that_see_an_input_alike_share_its_lane(void **state)
{
    (void)state;
    struct forest *f;
    set_split(0, 5, 1, 2);
    set_split(1, 2, 3, 4);
    set_split(2, 7, 5, 6);
    branches[2].missing = FOREST_MISSING_RIGHT;
    for (uint32_t i = 3; i < 7; i++)
        set_leaf(i, i);
    assert_int_equal(build(7, &f), ST_OK);
    assert_int_equal(f->n_lanes, 3);
    assert_int_equal(f->nodes[0].lane, f->nodes[1].lane);
    assert_int_equal(f->lanes[f->nodes[2].lane].missing, FOREST_MISSING_RIGHT);
    assert_true(value_at(f, NAN, 0) == 3);
}

static void sets_of_categories_are_kept(void **state)
{
    (void)state;
    struct forest *f;
    uint64_t set[2] = {1, 1u << 6};
    set_split(0, 0, 1, 2);
    branches[0].input = 1;
    branches[0].set = set;
    branches[0].set_words = 2;
    set_leaf(1, 1);
    set_leaf(2, 2);
    assert_int_equal(build(3, &f), ST_OK);
    set[0] = 0;
    assert_true(f->trees[0].has_categories);
    assert_true(value_at(f, 0, 0) == 1 && value_at(f, 0, 70) == 1 && value_at(f, 0, 71) == 2);
}

static void check_refused(uint32_t n_nodes, const char *message)
{
    struct forest *untouched = NULL;
    assert_int_not_equal(build(n_nodes, &untouched), ST_OK);
    assert_null(untouched);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].message, message);
}

static void a_loop_is_refused(void **state)
{
    (void)state;
    set_split(0, 5, 1, 2);
    set_split(1, 2, 0, 2);
    set_leaf(2, 2);
    check_refused(3, "tree 0, node 1: it leads to node 0, which has a parent already");
}

static void a_child_that_is_none_is_refused(void **state)
{
    (void)state;
    set_split(0, 5, 1, 3);
    set_leaf(1, 1);
    set_leaf(2, 2);
    check_refused(3, "tree 0, node 0: it leads to node 3, and there are 3");
}

static void a_tree_without_nodes_is_refused(void **state)
{
    (void)state;
    check_refused(0, "tree 0, node 0: it leads to node 0, and there are 0");
}

/* A split at each even node, each with a leaf on its left. */
static uint32_t set_chain(uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        set_split(2 * i, 5, 2 * i + 1, 2 * i + 2);
        set_leaf(2 * i + 1, 1);
    }
    set_leaf(2 * depth, 2);
    return 2 * depth + 1;
}

static void depth_is_limited(void **state)
{
    (void)state;
    struct forest *f;
    assert_int_equal(build(set_chain(FOREST_DEPTH_MAX), &f), ST_OK);
    assert_int_equal(f->trees[0].depth, FOREST_DEPTH_MAX);
    check_refused(set_chain(FOREST_DEPTH_MAX + 1), "tree 0, node 513: more than 256 splits deep");
}

static void trees_and_nodes_are_limited(void **state)
{
    (void)state;
    struct forest_build b;
    assert_int_equal(forest_build_init(&b, &file, INPUTS, FOREST_TREES_MAX + 1, 1, false),
                     ST_TOO_LARGE);
    forest_build_fini(&b);
    assert_string_equal(diags.items[0].message, "20001 trees, and 20000 are the most");
    assert_int_equal(forest_build_init(&b, &file, INPUTS, 1, FOREST_NODES_MAX + 1, false),
                     ST_TOO_LARGE);
    forest_build_fini(&b);
    assert_string_equal(diags.items[1].message, "2097153 nodes, and 2097152 are the most");
}

static void sets_are_limited(void **state)
{
    (void)state;
    static uint64_t set[FOREST_SET_WORDS_MAX / 2 + 1];
    set_split(0, 0, 1, 2);
    set_split(2, 0, 3, 4);
    branches[0].set = branches[2].set = set;
    branches[0].set_words = FOREST_SET_WORDS_MAX / 2;
    branches[2].set_words = FOREST_SET_WORDS_MAX / 2 + 1;
    set_leaf(1, 1);
    check_refused(5,
                  "tree 0, node 2: the sets of categories are more than 33554432 bytes together");
}

static void an_arena_that_is_full_is_said(void **state)
{
    (void)state;
    struct forest *untouched = NULL;
    arena_must(arena, (1 << 20) - 64);
    set_leaf(0, 1);
    assert_int_equal(build(1, &untouched), ST_NO_SPACE);
    assert_null(untouched);
    assert_string_equal(diags.items[0].message, "there is no memory left for its trees");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(nodes_in_any_order_become_pairs_behind_their_parent),
        TEST(splits_that_see_an_input_alike_share_its_lane),
        TEST(sets_of_categories_are_kept),
        TEST(a_loop_is_refused),
        TEST(a_child_that_is_none_is_refused),
        TEST(a_tree_without_nodes_is_refused),
        TEST(depth_is_limited),
        TEST(trees_and_nodes_are_limited),
        TEST(sets_are_limited),
        TEST(an_arena_that_is_full_is_said),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
