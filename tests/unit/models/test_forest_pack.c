#include "models/forest_pack.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    TREES = 3 * FOREST_PACK_TREES + 5,
    NODES_MAX = 64 * 1024,
    INPUTS = 5,                      /* the last one is of categories */
    LANES = 1 + 2 * INPUTS,          /* missing to the left, missing to the right */
    THRESHOLD_LANES = LANES - 1 - 2, /* those before the last two, from 1 */
    SET_WORDS = 1024,                /* the longest there can be */
    DEPTH_MAX = 40,
    ROWS = 500,
};

static struct forest_node nodes[NODES_MAX];
static struct forest_tree trees[TREES];
static struct forest_lane lanes[LANES];
static uint64_t sets[SET_WORDS];
static struct arena *arena;

static uint32_t next_random(void)
{
    static uint32_t seed = 7;
    seed = seed * 1664525 + 1013904223;
    return seed >> 8;
}

/* Few values, so that thresholds are met exactly; the ends, and both zeros. */
static double any_number(void)
{
    static const double some[] = {0.0,      -0.0,    1e-40,    -1e-40,    FLT_MAX,
                                  -FLT_MAX, FLT_MIN, INFINITY, -INFINITY, 0.1};
    uint32_t r = next_random();
    return r % 4 == 0 ? some[r / 4 % 10] : (double)(r / 4 % 16) / 8 - 1;
}

static double any_threshold(void)
{
    double t = any_number();
    return isfinite(t) ? t : 0.3;
}

/* As a row has it: a code, one that no set knows, none. */
static double any_code(void)
{
    static const double some[] = {NAN, -1, INFINITY, -INFINITY, 1e9, 0.5, 65535, 65536};
    uint32_t r = next_random();
    return r % 4 == 0 ? some[r / 4 % 8] : (double)(r / 4 % 200);
}

static void set_leaf(const struct forest *f, uint32_t at)
{
    double value = any_number();
    value = isfinite(value) ? value : -0.5;
    value = f->narrows ? (double)(float)value : value / 3;
    nodes[at] = (struct forest_node){.value = value, .left = at - 1};
}

static void set_split(struct forest *f, struct forest_tree *t, uint32_t at)
{
    uint32_t r = next_random();
    struct forest_node *n = &nodes[at];
    *n = (struct forest_node){.threshold = any_threshold(),
                              .left = f->n_nodes,
                              .lane = (uint16_t)(1 + r % THRESHOLD_LANES)};
    f->n_nodes += 2;
    if (f->n_set_words == 0 || r / 64 % 3 != 0)
        return;
    n->kind = FOREST_BY_CATEGORY;
    n->lane = (uint16_t)(LANES - 1 - r / 256 % 2);
    n->set.at = r / 512 % 8;
    n->set.words = r / 4096 % 4;
    t->has_categories = true;
}

/* The nodes from `root` that are not yet set become splits, so many, or leaves. Of those that are
 * unbalanced one child goes on. */
static void grow(struct forest *f, struct forest_tree *t, int depth, bool balanced)
{
    uint32_t from = f->n_nodes, open = 1;
    *t = (struct forest_tree){.root = from, .depth = (uint16_t)depth};
    f->n_nodes++;
    for (int d = 0; d < depth; d++) {
        uint32_t next = f->n_nodes, split = balanced ? open : 1;
        for (uint32_t i = 0; i < open; i++, from++) {
            if (i < split)
                set_split(f, t, from);
            else
                set_leaf(f, from);
        }
        open = f->n_nodes - next;
    }
    while (from < f->n_nodes)
        set_leaf(f, from++);
    t->n_nodes = f->n_nodes - t->root;
}

struct kind {
    bool narrows, has_sets;
};

static const struct kind kinds[] = {{true, false}, {true, true}, {false, true}};
enum { KINDS = sizeof kinds / sizeof *kinds };

static struct forest grown_as(struct kind kind, uint32_t n_trees, uint16_t n_outputs)
{
    struct forest f = {.nodes = nodes,
                       .trees = trees,
                       .lanes = lanes,
                       .n_trees = n_trees,
                       .n_lanes = LANES,
                       .n_outputs = n_outputs,
                       .sets = sets,
                       .n_set_words = kind.has_sets ? SET_WORDS : 0,
                       .narrows = kind.narrows};
    for (int i = 0; i < SET_WORDS; i++)
        sets[i] = (uint64_t)next_random() << 40 ^ (uint64_t)next_random() << 20 ^ next_random();
    for (uint16_t i = 1; i < LANES; i++)
        lanes[i] = (struct forest_lane){(uint16_t)((i - 1) / 2),
                                        i % 2 ? FOREST_MISSING_LEFT : FOREST_MISSING_RIGHT};
    for (uint32_t i = 0; i < n_trees; i++) {
        bool balanced = i % 3 != 0;
        grow(&f, &trees[i], (int)(next_random() % (balanced ? 9 : DEPTH_MAX)), balanced);
        trees[i].output = (uint16_t)(i % n_outputs);
    }
    return f;
}

static struct forest grown(uint32_t n_trees, uint16_t n_outputs)
{
    return grown_as(kinds[0], n_trees, n_outputs);
}

static void any_row(double *inputs)
{
    for (int i = 0; i < INPUTS - 1; i++)
        inputs[i] = next_random() % 5 == 0 ? NAN : any_number();
    inputs[INPUTS - 1] = any_code();
}

static void sum_alone(const struct forest *f, const double *spread, double *sums)
{
    for (uint32_t i = 0; i < f->n_trees; i++) {
        double *sum = &sums[f->trees[i].output];
        double value = f->nodes[forest_leaf(f, i, spread)].value;
        *sum = f->narrows ? (double)((float)*sum + (float)value) : *sum + value;
    }
}

/* Of few trees, perhaps none is by categories. */
static bool is_worth_it(const struct forest *f)
{
    bool has_sets = false;
    for (uint32_t i = 0; i < f->n_trees; i++)
        has_sets |= f->trees[i].has_categories;
    return f->narrows || has_sets;
}

static void assert_same_sums(const struct forest *f)
{
    const struct forest_pack *pack = forest_pack(f, arena);
    assert_int_equal(pack != NULL, is_worth_it(f));
    if (pack == NULL)
        return;
    for (int row = 0; row < ROWS; row++) {
        double inputs[INPUTS], spread[LANES], sums[3] = {0.25, 0, -1}, want[3] = {0.25, 0, -1};
        any_row(inputs);
        forest_spread(f, inputs, spread);
        forest_pack_sum(pack, spread, 1, sums);
        sum_alone(f, spread, want);
        assert_memory_equal(sums, want, sizeof sums);
    }
}

static void sums_are_those_of_the_nodes_to_the_bit(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        for (uint32_t n = 0; n <= TREES; n += n < 3 ? 1 : 7) {
            struct forest f = grown_as(kinds[kind], n, 1);
            assert_same_sums(&f);
            arena_reset(arena);
        }
}

static void each_output_has_its_own_trees(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        struct forest f = grown_as(kinds[kind], TREES, 3);
        assert_same_sums(&f);
        arena_reset(arena);
    }
}

/* More of them than are taken at once. */
static void rows_at_once_have_the_sums_of_each_alone(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static double spread[MANY][LANES], sums[MANY][3];
    struct forest f = grown_as(kinds[2], TREES, 3);
    const struct forest_pack *pack = forest_pack(&f, arena);
    for (int row = 0; row < MANY; row++) {
        double inputs[INPUTS];
        any_row(inputs);
        forest_spread(&f, inputs, spread[row]);
        sums[row][1] = row;
    }
    forest_pack_sum(pack, spread[0], MANY, sums[0]);
    for (int row = 0; row < MANY; row++) {
        double want[3] = {0, row, 0};
        forest_pack_sum(pack, spread[row], 1, want);
        assert_memory_equal(sums[row], want, sizeof want);
    }
}

static void a_threshold_between_two_float32_is_kept(void **state)
{
    (void)state;
    struct forest f = grown(1, 1);
    double spread[LANES] = {NAN}, least = (double)nextafterf(0.1f, 0), sum = 0;
    f.n_nodes = 0;
    grow(&f, &trees[0], 1, true);
    nodes[0].threshold = nextafter(0.1f, 0); /* just below the float32 next to 0.1 */
    nodes[1].value = 1;
    nodes[2].value = 2;
    const struct forest_pack *pack = forest_pack(&f, arena);
    spread[nodes[0].lane] = (double)0.1f;
    forest_pack_sum(pack, spread, 1, &sum);
    assert_true(sum == 2);
    spread[nodes[0].lane] = least;
    forest_pack_sum(pack, spread, 1, &sum);
    assert_true(sum == 3);
}

static const double leaf_values[] = {1, 2};

/* A tree of one split at the root, and leaves 1 and 2. */
static void grow_stump(struct forest *f, struct forest_tree *t)
{
    grow(f, t, 1, true);
    t->has_categories = false;
    nodes[t->root].kind = FOREST_BY_THRESHOLD;
    nodes[t->root].lane = 1;
    for (int i = 0; i < 2; i++)
        nodes[nodes[t->root].left + (uint32_t)i].value = leaf_values[i];
}

static void grow_by_set(struct forest *f, struct forest_tree *t)
{
    grow_stump(f, t);
    t->has_categories = true;
    nodes[t->root].kind = FOREST_BY_CATEGORY;
    nodes[t->root].lane = LANES - 1;
    nodes[t->root].set.at = nodes[t->root].set.words = 0;
}

/* Of both zeros, of the ends, and of numbers next to each other. */
static void thresholds_that_are_no_float32_are_kept(void **state)
{
    (void)state;
    static const double some[] = {-DBL_MAX, -1e-310, 0.0, -0.0, 0.1, INFINITY, 0x1.fffffffffffffp0};
    struct forest f = grown_as(kinds[2], 2, 1);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        f.n_nodes = 0;
        grow_stump(&f, &trees[0]);
        grow_by_set(&f, &trees[1]);
        nodes[0].threshold = some[i];
        const struct forest_pack *pack = forest_pack(&f, arena);
        assert_non_null(pack);
        for (int step = -1; step <= 1; step++) {
            double spread[LANES] = {NAN}, sum = 0;
            double x = step == 0 ? some[i] : nextafter(some[i], step < 0 ? -INFINITY : INFINITY);
            spread[1] = x;
            forest_pack_sum(pack, spread, 1, &sum);
            assert_true(sum == (x < some[i] ? 1 : 2) + 2);
        }
    }
}

/* What bisection costs would not come back. */
static void what_is_neither_float32_nor_by_categories_has_no_packed_form(void **state)
{
    (void)state;
    struct forest f = grown_as((struct kind){false, false}, 3, 1);
    assert_null(forest_pack(&f, arena));
    assert_int_equal(arena->used_bytes, 0);
}

static void a_lane_of_both_kinds_has_no_packed_form(void **state)
{
    (void)state;
    struct forest f = grown(1, 1);
    f.n_nodes = 0;
    grow(&f, &trees[0], 2, true);
    nodes[0].lane = nodes[1].lane = 1;
    nodes[0].kind = FOREST_BY_CATEGORY;
    nodes[0].set.at = nodes[0].set.words = 0;
    assert_null(forest_pack(&f, arena));
    assert_int_equal(arena->used_bytes, 0);
}

/* Each set is kept as long as its lane's longest. */
static void sets_over_the_limit_have_no_packed_form(void **state)
{
    (void)state;
    enum { WORDS = 2 * SET_WORDS + 1, MOST = FOREST_PACK_SET_WORDS_MAX / WORDS };
    struct forest f = grown_as(kinds[1], 1, 1);
    f.n_nodes = 0;
    grow(&f, &trees[0], 12, true);
    for (uint32_t i = 0; i < MOST + 1; i++) {
        nodes[i] = (struct forest_node){
            .left = nodes[i].left, .lane = LANES - 1, .kind = FOREST_BY_CATEGORY};
        nodes[i].set.words = i == 0 ? SET_WORDS : 0;
    }
    for (uint32_t i = MOST + 1; i < f.n_nodes; i++)
        nodes[i].kind = FOREST_BY_THRESHOLD, nodes[i].lane = nodes[i].lane > 0 ? 1 : 0;
    assert_null(forest_pack(&f, arena));
    nodes[MOST].kind = FOREST_BY_THRESHOLD;
    nodes[MOST].lane = 1;
    assert_non_null(forest_pack(&f, arena));
}

/* The left spine of a balanced tree: a child further off than 16 bits say. */
static void a_child_too_far_off_has_no_packed_form(void **state)
{
    (void)state;
    struct forest f = grown(1, 1);
    f.n_nodes = 0;
    grow(&f, &trees[0], 1, true);
    nodes[0].left = UINT16_MAX - 1;
    assert_non_null(forest_pack(&f, arena));
    nodes[0].left = UINT16_MAX;
    assert_null(forest_pack(&f, arena));
}

static void without_room_there_is_no_packed_form(void **state)
{
    (void)state;
    struct forest f = grown(TREES, 1);
    char block[256];
    struct arena small;
    arena_init(&small, block, sizeof block);
    assert_null(forest_pack(&f, &small));
    assert_int_equal(small.used_bytes, 0);
}

static void forest_sum_walks_the_packed_form(void **state)
{
    (void)state;
    struct forest f = grown(TREES, 1);
    double spread[LANES] = {NAN}, sum = 0, want = 0;
    f.pack = forest_pack(&f, arena);
    forest_pack_sum(f.pack, spread, 1, &want);
    nodes[trees[0].root].threshold = 1e30; /* of the nodes alone */
    forest_sum(&f, spread, &sum);
    assert_true(sum == want);
}

static int reset(void **state)
{
    (void)state;
    arena_reset(arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(sums_are_those_of_the_nodes_to_the_bit, reset),
        cmocka_unit_test_setup(each_output_has_its_own_trees, reset),
        cmocka_unit_test_setup(rows_at_once_have_the_sums_of_each_alone, reset),
        cmocka_unit_test_setup(a_threshold_between_two_float32_is_kept, reset),
        cmocka_unit_test_setup(thresholds_that_are_no_float32_are_kept, reset),
        cmocka_unit_test_setup(what_is_neither_float32_nor_by_categories_has_no_packed_form, reset),
        cmocka_unit_test_setup(a_lane_of_both_kinds_has_no_packed_form, reset),
        cmocka_unit_test_setup(sets_over_the_limit_have_no_packed_form, reset),
        cmocka_unit_test_setup(a_child_too_far_off_has_no_packed_form, reset),
        cmocka_unit_test_setup(without_room_there_is_no_packed_form, reset),
        cmocka_unit_test_setup(forest_sum_walks_the_packed_form, reset),
    };
    arena = arena_new(64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(arena);
    return failed;
}
