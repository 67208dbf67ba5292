#include "models/tree_shap.h"

#include "models/explain.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Forests made at random, against Shapley's sum over all subsets of inputs. */
enum {
    INPUTS = 5,
    LANES = 1 + 2 * INPUTS, /* missing left and right of each */
    DEPTH = 7,
    NODES = 4096,
    TREES = 40,
    ROWS = 8,
    SCRATCH = 4 << 20,
};

struct made {
    struct forest f;
    struct forest_node nodes[NODES];
    double covers[NODES];
    struct forest_tree trees[TREES];
    struct forest_lane lanes[LANES];
    uint64_t sets[1];
};

static uint64_t seed;

static uint32_t random_below(uint32_t n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void make_lanes(struct made *m)
{
    for (uint16_t i = 1; i < LANES; i++)
        m->lanes[i] =
            (struct forest_lane){.input = (uint16_t)((i - 1) / 2),
                                 .missing = i % 2 ? FOREST_MISSING_LEFT : FOREST_MISSING_RIGHT};
}

static void make_forest(struct made *m)
{
    memset(m, 0, sizeof *m);
    make_lanes(m);
    m->sets[0] = 0x5a5a;
    m->f = (struct forest){.nodes = m->nodes,
                           .covers = m->covers,
                           .trees = m->trees,
                           .lanes = m->lanes,
                           .sets = m->sets,
                           .n_lanes = LANES,
                           .n_outputs = 1,
                           .n_set_words = 1};
}

static void set_leaf(struct made *m, uint32_t at, double value)
{
    m->nodes[at] = (struct forest_node){.value = value, .left = at - 1};
}

static void set_split(struct made *m, uint32_t at, uint16_t lane, double threshold)
{
    struct forest_node *n = &m->nodes[at];
    *n = (struct forest_node){.threshold = threshold, .lane = lane, .left = m->f.n_nodes};
    m->f.n_nodes += 2;
}

static void set_random_split(struct made *m, uint32_t at)
{
    set_split(m, at, (uint16_t)(1 + random_below(LANES - 1)), random_below(12) / 12.0);
    if (random_below(5) == 0) {
        m->nodes[at].kind = FOREST_BY_CATEGORY;
        m->nodes[at].set.at = 0;
        m->nodes[at].set.words = 1;
    }
}

/* Its rows are shared between its children; one of them may have none. */
static uint16_t grow(struct made *m, uint32_t at, double cover, uint16_t depth)
{
    m->covers[at] = cover;
    if (depth == DEPTH || random_below(6) == 0) {
        set_leaf(m, at, random_below(2000) / 1000.0 - 1);
        return depth;
    }
    set_random_split(m, at);
    uint32_t left = m->nodes[at].left;
    double rows = cover * random_below(9) / 8;
    uint16_t l = grow(m, left, rows, (uint16_t)(depth + 1));
    uint16_t r = grow(m, left + 1, cover - rows, (uint16_t)(depth + 1));
    return l > r ? l : r;
}

static struct forest_tree *add_tree(struct made *m)
{
    struct forest_tree *t = &m->trees[m->f.n_trees++];
    *t = (struct forest_tree){.root = m->f.n_nodes++, .has_categories = true};
    return t;
}

static void grow_tree(struct made *m)
{
    struct forest_tree *t = add_tree(m);
    t->depth = grow(m, t->root, 1024, 0);
}

static void random_row(double *inputs)
{
    for (int i = 0; i < INPUTS; i++) {
        inputs[i] = random_below(3) == 0 ? random_below(16) : random_below(12) / 12.0;
        if (random_below(5) == 0)
            inputs[i] = NAN;
    }
}

/* ---- the oracle ---- */

static double mean_knowing(const struct forest *f, uint32_t at, const double *lanes, uint32_t known)
{
    const struct forest_node *n = &f->nodes[at];
    if (n->lane == 0)
        return n->value;
    if (known >> f->lanes[n->lane].input & 1)
        return mean_knowing(f, forest_step(f, at, lanes), lanes, known);
    if (f->covers[at] == 0)
        return 0;
    return (mean_knowing(f, n->left, lanes, known) * f->covers[n->left] +
            mean_knowing(f, n->left + 1, lanes, known) * f->covers[n->left + 1]) /
           f->covers[at];
}

static double all_trees_knowing(const struct forest *f, const double *lanes, uint32_t known)
{
    double sum = 0;
    for (uint32_t i = 0; i < f->n_trees; i++)
        sum += mean_knowing(f, f->trees[i].root, lanes, known);
    return sum;
}

static double factorial(int n)
{
    return tgamma(n + 1);
}

static double shapley(const struct forest *f, const double *lanes, int input)
{
    double phi = 0;
    for (uint32_t s = 0; s < 1u << INPUTS; s++) {
        int size = __builtin_popcount(s);
        if (s >> input & 1)
            continue;
        phi += factorial(size) * factorial(INPUTS - 1 - size) / factorial(INPUTS) *
               (all_trees_knowing(f, lanes, s | 1u << input) - all_trees_knowing(f, lanes, s));
    }
    return phi;
}

/* ---- tests ---- */

static char block[SCRATCH];

static void explain(const struct forest *f, const double *lanes, int n_inputs, double *sums)
{
    struct arena scratch;
    arena_init(&scratch, block, sizeof block);
    memset(sums, 0, ((size_t)n_inputs + 1) * sizeof *sums);
    assert_int_equal(tree_shap(f, lanes, n_inputs, 0, &scratch, sums), ST_OK);
    assert_int_equal(scratch.used_bytes, 0);
}

static void check_row(const struct forest *f)
{
    double inputs[INPUTS], lanes[LANES], sums[INPUTS + 1];
    random_row(inputs);
    forest_spread(f, inputs, lanes);
    explain(f, lanes, INPUTS, sums);
    for (int i = 0; i < INPUTS; i++)
        assert_true(fabs(sums[i] - shapley(f, lanes, i)) < 1e-12);
    assert_true(fabs(sums[INPUTS] - all_trees_knowing(f, lanes, 0)) < 1e-12);
}

static struct made made;

static void random_trees_have_the_shapley_values_of_all_subsets(void **state)
{
    (void)state;
    for (seed = 1; seed <= 300; seed++) {
        uint64_t s = seed;
        make_forest(&made);
        grow_tree(&made);
        for (int row = 0; row < ROWS; row++)
            check_row(&made.f);
        seed = s;
    }
}

static void many_trees_add_up(void **state)
{
    (void)state;
    seed = 7;
    make_forest(&made);
    while (made.f.n_nodes < NODES - (2 << DEPTH) && made.f.n_trees < TREES)
        grow_tree(&made);
    assert_true(made.f.n_trees > 20);
    check_row(&made.f);
}

static void a_tree_of_one_leaf_moves_nothing(void **state)
{
    (void)state;
    double sums[INPUTS + 1], lanes[LANES] = {NAN};
    make_forest(&made);
    set_leaf(&made, add_tree(&made)->root, 0.25);
    explain(&made.f, lanes, INPUTS, sums);
    for (int i = 0; i < INPUTS; i++)
        assert_true(sums[i] == 0);
    assert_true(sums[INPUTS] == 0.25);
}

static void only_trees_of_that_output_count(void **state)
{
    (void)state;
    double sums[INPUTS + 1], lanes[LANES] = {NAN};
    make_forest(&made);
    set_leaf(&made, add_tree(&made)->root, 0.25);
    struct forest_tree *other = add_tree(&made);
    set_leaf(&made, other->root, 4);
    other->output = 1;
    explain(&made.f, lanes, INPUTS, sums);
    assert_true(sums[INPUTS] == 0.25);
}

/* ---- the deepest there may be ---- */

enum { MANY = FOREST_DEPTH_MAX };

/* A chain: the row goes right at each split, by an input of its own or all by the same one. */
static void make_chain(struct made *m, bool same)
{
    static struct forest_lane lanes[MANY + 1];
    make_forest(m);
    m->f.lanes = lanes;
    m->f.n_lanes = MANY + 1;
    for (uint16_t i = 1; i <= MANY; i++)
        lanes[i] = (struct forest_lane){.input = same ? 0 : (uint16_t)(i - 1)};
    struct forest_tree *t = add_tree(m);
    uint32_t at = t->root;
    double cover = m->covers[at] = 1;
    for (uint16_t i = 1; i <= MANY; i++) {
        set_split(m, at, i, 0.5);
        set_leaf(m, m->nodes[at].left, 0);
        m->covers[m->nodes[at].left] = cover / 2;
        at = m->nodes[at].left + 1;
        m->covers[at] = cover /= 2;
    }
    set_leaf(m, at, 1);
    t->depth = MANY;
    t->n_nodes = m->f.n_nodes;
}

static void explain_chain(bool same, double *sums)
{
    double lanes[MANY + 1];
    for (int i = 0; i <= MANY; i++)
        lanes[i] = 1;
    make_chain(&made, same);
    explain(&made.f, lanes, MANY, sums);
}

static void the_deepest_tree_shares_its_leaf_among_equals(void **state)
{
    (void)state;
    double sums[MANY + 1];
    explain_chain(false, sums);
    for (int i = 0; i < MANY; i++)
        assert_true(fabs(sums[i] - 1.0 / MANY) < 1e-13);
    assert_true(sums[MANY] >= 0 && sums[MANY] < 1e-70);
}

static void an_input_on_the_whole_way_has_all(void **state)
{
    (void)state;
    double sums[MANY + 1];
    explain_chain(true, sums);
    assert_true(fabs(sums[0] - 1) < 1e-13);
    for (int i = 1; i < MANY; i++)
        assert_true(sums[i] == 0);
}

static void covers_that_are_nonsense_give_finite_numbers(void **state)
{
    (void)state;
    const double odd[] = {0, -1, 1e-308, 1e308, INFINITY, NAN};
    double inputs[INPUTS], lanes[LANES], sums[INPUTS + 1];
    for (seed = 1; seed <= 100; seed++) {
        uint64_t s = seed;
        make_forest(&made);
        grow_tree(&made);
        for (uint32_t i = 0; i < made.f.n_nodes; i++)
            made.covers[i] = odd[random_below(6)];
        random_row(inputs);
        forest_spread(&made.f, inputs, lanes);
        explain(&made.f, lanes, INPUTS, sums);
        for (int i = 0; i <= INPUTS; i++)
            assert_true(isfinite(sums[i]));
        seed = s;
    }
}

static void a_forest_without_covers_is_refused(void **state)
{
    (void)state;
    struct arena scratch;
    double sums[INPUTS + 1] = {5}, lanes[LANES] = {NAN};
    arena_init(&scratch, block, sizeof block);
    make_forest(&made);
    set_leaf(&made, add_tree(&made)->root, 0.25);
    made.f.covers = NULL;
    assert_int_equal(tree_shap(&made.f, lanes, INPUTS, 0, &scratch, sums), ST_UNSUPPORTED);
    assert_true(sums[0] == 5 && sums[INPUTS] == 0);
}

static void too_small_a_scratch_is_refused_and_given_back(void **state)
{
    (void)state;
    double sums[INPUTS + 1] = {5}, lanes[LANES] = {NAN};
    make_forest(&made);
    set_leaf(&made, add_tree(&made)->root, 0.25);
    for (size_t bytes = 0; bytes < 192; bytes += 16) {
        struct arena scratch;
        arena_init(&scratch, block, bytes);
        assert_int_equal(tree_shap(&made.f, lanes, INPUTS, 0, &scratch, sums), ST_NO_SPACE);
        assert_int_equal(scratch.used_bytes, 0);
    }
    assert_true(sums[0] == 5 && sums[INPUTS] == 0);
}

static void the_deepest_needs_the_scratch_that_is_stated(void **state)
{
    (void)state;
    double sums[MANY + 1] = {0}, lanes[MANY + 1] = {NAN};
    struct arena scratch;
    arena_init(&scratch, block, 1100 << 10);
    make_chain(&made, false);
    assert_int_equal(tree_shap(&made.f, lanes, MANY, 0, &scratch, sums), ST_OK);
    /* lanes, contributions, and what knows of each input which edge was by it */
    assert_true((1100 << 10) + (FOREST_LANES_MAX + 2 * MODEL_INPUTS_MAX) * (int)sizeof(double) <=
                EXPLAIN_SCRATCH_BYTES);
}

static void its_cost_is_its_nodes_times_its_points(void **state)
{
    (void)state;
    make_chain(&made, false);
    double nodes = made.f.trees[0].n_nodes;
    assert_true(nodes == 2 * MANY + 1);
    assert_true(tree_shap_cost(&made.f, MANY, 0) == nodes * MANY / 2);
    assert_true(tree_shap_cost(&made.f, 8, 0) == nodes * 4); /* so many inputs are on a way */
    assert_true(tree_shap_cost(&made.f, MANY, 1) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_trees_have_the_shapley_values_of_all_subsets),
        cmocka_unit_test(many_trees_add_up),
        cmocka_unit_test(a_tree_of_one_leaf_moves_nothing),
        cmocka_unit_test(only_trees_of_that_output_count),
        cmocka_unit_test(the_deepest_tree_shares_its_leaf_among_equals),
        cmocka_unit_test(an_input_on_the_whole_way_has_all),
        cmocka_unit_test(covers_that_are_nonsense_give_finite_numbers),
        cmocka_unit_test(a_forest_without_covers_is_refused),
        cmocka_unit_test(too_small_a_scratch_is_refused_and_given_back),
        cmocka_unit_test(the_deepest_needs_the_scratch_that_is_stated),
        cmocka_unit_test(its_cost_is_its_nodes_times_its_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
