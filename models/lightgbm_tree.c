#include "models/lightgbm_tree.h"

#include "models/lightgbm_sizes.h"
#include "service/base/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* kZeroThreshold, which LightGBM writes as 1e-35f and compares as a double. */
#define ZERO_MAX ((double)1e-35f)

enum { BY_CATEGORY = 1, DEFAULT_LEFT = 2, MISSING_SHIFT = 2, DECISION_MAX = 11 };
enum { MISSING_NONE, MISSING_ZERO, MISSING_NAN };
enum { SET_BITS = 32, SET_WORDS_MAX = FOREST_CATEGORY_MAX / 64 };

/* A tree's lines that are read. X(name, key) */
#define KEY_TABLE(X)                    \
    X(NUM_LEAVES, "num_leaves")         \
    X(NUM_CAT, "num_cat")               \
    X(SPLIT_FEATURE, "split_feature")   \
    X(THRESHOLD, "threshold")           \
    X(DECISION_TYPE, "decision_type")   \
    X(LEFT_CHILD, "left_child")         \
    X(RIGHT_CHILD, "right_child")       \
    X(LEAF_VALUE, "leaf_value")         \
    X(LEAF_COUNT, "leaf_count")         \
    X(INTERNAL_COUNT, "internal_count") \
    X(CAT_BOUNDARIES, "cat_boundaries") \
    X(CAT_THRESHOLD, "cat_threshold")   \
    X(IS_LINEAR, "is_linear")

enum key {
#define X(name, key) name,
    KEY_TABLE(X)
#undef X
        KEYS
};

static const char *const keys[] = {
#define X(name, key) key,
    KEY_TABLE(X)
#undef X
        NULL};

/* One tree while it is read. Its nodes are numbered: its splits first, its leaves behind them. */
struct tree {
    struct lightgbm_trees *trees;
    const struct model_file *file;
    struct lightgbm_value values[KEYS];
    char of[24]; /* "tree 4: " */
    int line;
    uint32_t n_leaves, n_splits, n_sets;
    double *numbers[KEYS];       /* of scratch; NULL: not read */
    uint64_t set[SET_WORDS_MAX]; /* of the split that is made now */
};

/* ---- its lines ---- */

static bool ends_tree(struct span line)
{
    return span_starts(line, span_str("Tree=")) || span_is(line, "end of trees");
}

/* Up to the next tree, or the end of all. */
static enum status keep_lines(struct lightgbm_text *t, struct lightgbm_value *values)
{
    struct lightgbm_text next = *t;
    struct span line;
    while (lightgbm_line(&next, &line) && !ends_tree(line)) {
        enum status st = lightgbm_keep(&next, line, keys, values);
        if (st != ST_OK)
            return st;
        *t = next;
    }
    return ST_OK;
}

static struct diag_at at_line(const struct tree *tree, enum key key)
{
    int line = tree->values[key].line != 0 ? tree->values[key].line : tree->line;
    return (struct diag_at){.file = tree->file->name, .line = line};
}

static enum status read_whole(struct tree *tree, enum key key, double most, uint32_t if_absent,
                              uint32_t *ret_v)
{
    double v = if_absent;
    if (tree->values[key].line != 0) {
        struct lightgbm_range range = {0, most, true};
        enum status st =
            lightgbm_numbers(tree->file, tree->of, keys[key], &tree->values[key], range, 1, &v);
        if (st != ST_OK)
            return st;
    }
    *ret_v = (uint32_t)v;
    return ST_OK;
}

/* ---- its numbers ---- */

static enum status read_array(struct tree *tree, enum key key, struct lightgbm_range range,
                              size_t n)
{
    double *numbers = arena_must(tree->trees->scratch, n * sizeof *numbers);
    if (tree->values[key].line == 0) {
        diag_error(tree->file->diags, at_line(tree, key), NULL, "%s%s is missing", tree->of,
                   keys[key]);
        return ST_INVALID;
    }
    enum status st =
        lightgbm_numbers(tree->file, tree->of, keys[key], &tree->values[key], range, n, numbers);
    if (st == ST_OK)
        tree->numbers[key] = numbers;
    return st;
}

struct array {
    enum key key;
    size_t n;
    struct lightgbm_range range;
};

static enum status read_arrays(struct tree *tree, const struct array *arrays, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum status st = read_array(tree, arrays[i].key, arrays[i].range, arrays[i].n);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status read_splits(struct tree *tree)
{
    double leaves = tree->n_leaves;
    size_t n = tree->n_splits;
    const struct array arrays[] = {
        {SPLIT_FEATURE, n, {0, (double)tree->trees->build->n_inputs - 1, true}},
        {THRESHOLD, n, {-DBL_MAX, INFINITY, false}},
        {DECISION_TYPE, n, {0, DECISION_MAX, true}},
        {LEFT_CHILD, n, {-leaves, leaves - 2, true}},
        {RIGHT_CHILD, n, {-leaves, leaves - 2, true}},
    };
    return n == 0 ? ST_OK : read_arrays(tree, arrays, sizeof arrays / sizeof arrays[0]);
}

/* What TreeSHAP weighs by; not all have them. */
static enum status read_counts(struct tree *tree)
{
    const struct array arrays[] = {
        {LEAF_COUNT, tree->n_leaves, {0, LIGHTGBM_COUNT_MAX, true}},
        {INTERNAL_COUNT, tree->n_splits, {1, LIGHTGBM_COUNT_MAX, true}},
    };
    if (tree->n_splits == 0)
        return ST_OK;
    if (tree->values[LEAF_COUNT].line == 0 || tree->values[INTERNAL_COUNT].line == 0) {
        tree->trees->has_covers = false;
        return ST_OK;
    }
    return read_arrays(tree, arrays, sizeof arrays / sizeof arrays[0]);
}

/* Each set's words begin where the one before it ends. */
static enum status check_boundaries(const struct tree *tree)
{
    const double *bounds = tree->numbers[CAT_BOUNDARIES];
    bool ok = bounds[0] == 0;
    for (uint32_t i = 0; i < tree->n_sets; i++)
        ok = ok && bounds[i] <= bounds[i + 1];
    if (ok)
        return ST_OK;
    diag_error(tree->file->diags, at_line(tree, CAT_BOUNDARIES), NULL,
               "%scat_boundaries must begin with 0 and not fall", tree->of);
    return ST_INVALID;
}

/* What is past the last code of a forest's is 0. */
static enum status check_codes(const struct tree *tree, uint32_t set)
{
    size_t from = (size_t)tree->numbers[CAT_BOUNDARIES][set];
    size_t end = (size_t)tree->numbers[CAT_BOUNDARIES][set + 1];
    for (size_t i = FOREST_CATEGORY_MAX / SET_BITS; from + i < end; i++) {
        if (tree->numbers[CAT_THRESHOLD][from + i] == 0)
            continue;
        diag_error(tree->file->diags, at_line(tree, CAT_THRESHOLD),
                   "number the categories from 0, or let pandas do it",
                   "%sa category of %zu or more, and codes are below %d", tree->of, i * SET_BITS,
                   FOREST_CATEGORY_MAX);
        return ST_TOO_LARGE;
    }
    return ST_OK;
}

static enum status read_sets(struct tree *tree)
{
    const struct array bounds = {CAT_BOUNDARIES, tree->n_sets + 1, {0, LIGHTGBM_COUNT_MAX, true}};
    if (tree->n_sets == 0)
        return ST_OK;
    enum status st = read_arrays(tree, &bounds, 1);
    if (st == ST_OK)
        st = check_boundaries(tree);
    if (st != ST_OK)
        return st;
    size_t there = lightgbm_count(tree->values[CAT_THRESHOLD].text);
    double want = tree->numbers[CAT_BOUNDARIES][tree->n_sets];
    const struct array words = {CAT_THRESHOLD, there, {0, UINT32_MAX, true}};
    if (want == (double)there) {
        st = read_arrays(tree, &words, 1);
        for (uint32_t i = 0; i < tree->n_sets && st == ST_OK; i++)
            st = check_codes(tree, i);
        return st;
    }
    diag_error(tree->file->diags, at_line(tree, CAT_THRESHOLD), NULL,
               "%scat_threshold has %zu numbers, and cat_boundaries ends with %.0f", tree->of,
               there, want);
    return ST_INVALID;
}

static enum status read_sizes(struct tree *tree)
{
    uint32_t is_linear;
    enum status st = read_whole(tree, IS_LINEAR, 1, 0, &is_linear);
    if (st == ST_OK && is_linear) {
        diag_error(tree->file->diags, at_line(tree, IS_LINEAR), "train without linear_tree",
                   "%slinear trees are not read", tree->of);
        st = ST_UNSUPPORTED;
    }
    if (st == ST_OK)
        st = read_whole(tree, NUM_LEAVES, LIGHTGBM_COUNT_MAX, 0, &tree->n_leaves);
    if (st == ST_OK && tree->n_leaves == 0) {
        diag_error(tree->file->diags, at_line(tree, NUM_LEAVES), NULL, "%snum_leaves is missing",
                   tree->of);
        st = ST_INVALID;
    }
    if (st != ST_OK)
        return st;
    tree->n_splits = tree->n_leaves - 1;
    return read_whole(tree, NUM_CAT, tree->n_splits, 0, &tree->n_sets);
}

/* ---- its shape ---- */

static enum status complain_of_child(const struct tree *tree, enum key key, uint32_t split,
                                     const char *what)
{
    diag_error(tree->file->diags, at_line(tree, key), NULL, "%ssplit %u has %s %.0f, %s", tree->of,
               split, keys[key], tree->numbers[key][split], what);
    return ST_INVALID;
}

/* Its number among the nodes. */
static uint32_t child_of(const struct tree *tree, enum key key, uint32_t split)
{
    double child = tree->numbers[key][split];
    return child >= 0 ? (uint32_t)child : tree->n_splits + (uint32_t)(-child - 1);
}

/* `depth` of each node: 0 until it has a parent. */
static enum status check_child(const struct tree *tree, enum key key, uint32_t split,
                               uint16_t *depth)
{
    uint32_t child = child_of(tree, key, split);
    if (child <= split)
        return complain_of_child(tree, key, split, "which is not behind it");
    if (depth[child] != 0)
        return complain_of_child(tree, key, split, "which has a parent");
    depth[child] = (uint16_t)(depth[split] + 1);
    return ST_OK;
}

static enum status check_split(const struct tree *tree, uint32_t split, uint16_t *depth)
{
    if (split > 0 && depth[split] == 0) {
        diag_error(tree->file->diags, at_line(tree, LEFT_CHILD), NULL,
                   "%ssplit %u has no parent before it", tree->of, split);
        return ST_INVALID;
    }
    if (depth[split] >= FOREST_DEPTH_MAX) {
        diag_error(tree->file->diags, at_line(tree, LEFT_CHILD), "train with max_depth",
                   "%sit is deeper than %d splits", tree->of, FOREST_DEPTH_MAX);
        return ST_TOO_LARGE;
    }
    enum status st = check_child(tree, LEFT_CHILD, split, depth);
    return st == ST_OK ? check_child(tree, RIGHT_CHILD, split, depth) : st;
}

/* Each split has one parent, before it; as each has two children, so have all leaves then. It is
 * asked before nodes are made, for what is wrong can be shown in its line. */
static enum status check_shape(const struct tree *tree)
{
    uint32_t n_nodes = tree->n_splits + tree->n_leaves;
    uint16_t *depth = arena_must(tree->trees->scratch, n_nodes * sizeof *depth);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < tree->n_splits && st == ST_OK; i++)
        st = check_split(tree, i, depth);
    return st;
}

static enum status check_set_of(const struct tree *tree, uint32_t split)
{
    double set = tree->numbers[THRESHOLD][split];
    if (set >= 0 && set < tree->n_sets && set == trunc(set))
        return ST_OK;
    diag_error(tree->file->diags, at_line(tree, THRESHOLD), NULL,
               "%ssplit %u is by set %.17g of categories, and num_cat is %u", tree->of, split, set,
               tree->n_sets);
    return ST_INVALID;
}

static bool is_by_category(const struct tree *tree, uint32_t split)
{
    return (int)tree->numbers[DECISION_TYPE][split] & BY_CATEGORY;
}

static enum status check_sets(const struct tree *tree)
{
    enum status st = ST_OK;
    for (uint32_t i = 0; i < tree->n_splits && st == ST_OK; i++)
        if (is_by_category(tree, i))
            st = check_set_of(tree, i);
    return st;
}

/* ---- its nodes ---- */

static enum forest_missing missing_of(int decision)
{
    static const enum forest_missing right[] = {FOREST_MISSING_IS_ZERO, FOREST_ZERO_MISSING_RIGHT,
                                                FOREST_MISSING_RIGHT};
    static const enum forest_missing left[] = {FOREST_MISSING_IS_ZERO, FOREST_ZERO_MISSING_LEFT,
                                               FOREST_MISSING_LEFT};
    if (decision & BY_CATEGORY)
        return FOREST_MISSING_RIGHT;
    return (decision & DEFAULT_LEFT ? left : right)[decision >> MISSING_SHIFT];
}

/* `x <= t` as `x < ret`. LightGBM takes an |x| up to ZERO_MAX for 0, so a threshold among those
 * parts either them all from what is below, or from what is above. */
static double bound_of(double t)
{
    if (t >= -ZERO_MAX && t < 0)
        return -ZERO_MAX;
    return nextafter(t >= 0 && t < ZERO_MAX ? ZERO_MAX : t, INFINITY);
}

/* Its words of 32 bits become those of a forest; behind the last code they are 0. */
static void put_set(struct tree *tree, uint32_t set, struct forest_branch *branch)
{
    const double *bounds = tree->numbers[CAT_BOUNDARIES];
    const double *words = tree->numbers[CAT_THRESHOLD] + (size_t)bounds[set];
    size_t n = (size_t)(bounds[set + 1] - bounds[set]);
    n = n < 2 * SET_WORDS_MAX ? n : 2 * SET_WORDS_MAX;
    memset(tree->set, 0, (n + 1) / 2 * sizeof *tree->set);
    for (size_t i = 0; i < n; i++)
        tree->set[i / 2] |= (uint64_t)words[i] << i % 2 * SET_BITS;
    branch->set = tree->set;
    branch->set_words = (uint32_t)(n + 1) / 2;
}

static void make_split(struct tree *tree, uint32_t split, struct forest_branch *branch)
{
    int decision = (int)tree->numbers[DECISION_TYPE][split];
    double threshold = tree->numbers[THRESHOLD][split];
    branch->input = (uint16_t)tree->numbers[SPLIT_FEATURE][split];
    branch->missing = missing_of(decision);
    branch->left = child_of(tree, LEFT_CHILD, split);
    branch->right = child_of(tree, RIGHT_CHILD, split);
    if (tree->numbers[INTERNAL_COUNT] != NULL)
        branch->cover = tree->numbers[INTERNAL_COUNT][split];
    if (is_by_category(tree, split)) {
        tree->trees->inputs[branch->input].is_category = true;
        put_set(tree, (uint32_t)threshold, branch);
    } else {
        branch->value = bound_of(threshold);
    }
}

static void make_leaf(const struct tree *tree, uint32_t leaf, struct forest_branch *branch)
{
    branch->is_leaf = true;
    branch->value = tree->numbers[LEAF_VALUE][leaf];
    branch->cover = 1; /* of a leaf alone: all of them, and the file need not say how many */
    if (tree->numbers[LEAF_COUNT] != NULL)
        branch->cover = tree->numbers[LEAF_COUNT][leaf];
}

static bool make_branch(void *of, uint32_t id, struct forest_branch *ret_branch)
{
    struct tree *tree = of;
    if (id < tree->n_splits)
        make_split(tree, id, ret_branch);
    else
        make_leaf(tree, id - tree->n_splits, ret_branch);
    return true;
}

static enum status make_nodes(struct tree *tree)
{
    struct forest_build *b = tree->trees->build;
    struct forest_source source = {.of = tree,
                                   .branch = make_branch,
                                   .n_nodes = tree->n_splits + tree->n_leaves,
                                   .output =
                                       (uint16_t)(b->forest->n_trees % tree->trees->n_outputs)};
    return forest_build_tree(b, &source);
}

/* ---- all of it ---- */

static enum status read_numbers(struct tree *tree)
{
    const struct array leaves = {LEAF_VALUE, tree->n_leaves, {-DBL_MAX, DBL_MAX, false}};
    enum status st = read_arrays(tree, &leaves, 1);
    if (st == ST_OK)
        st = read_splits(tree);
    if (st == ST_OK)
        st = read_counts(tree);
    if (st == ST_OK)
        st = read_sets(tree);
    if (st == ST_OK)
        st = check_shape(tree);
    return st == ST_OK ? check_sets(tree) : st;
}

/* "Tree=4", which must be the fourth. */
static enum status begin(struct tree *tree, struct lightgbm_text *t)
{
    struct span line = {0};
    char want[24];
    uint32_t number = tree->trees->build->forest->n_trees;
    CHECK(lightgbm_line(t, &line));
    tree->line = t->line;
    snprintf(tree->of, sizeof tree->of, "tree %u: ", number);
    snprintf(want, sizeof want, "Tree=%u", number);
    if (span_is(line, want))
        return ST_OK;
    diag_error(tree->file->diags, (struct diag_at){.file = tree->file->name, .line = t->line}, NULL,
               "%s must stand here", want);
    return ST_INVALID;
}

size_t lightgbm_scratch_bytes(const struct lightgbm_sizes *sizes)
{
    /* Ten arrays of doubles at most and one of depths, and the beginning of each aligned. */
    return (KEYS + 3) * 64 + ((size_t)sizes->leaves_most + 1) * (KEYS + 3) * sizeof(double) +
           (size_t)sizes->set_words_most * sizeof(double);
}

enum status lightgbm_tree_read(struct lightgbm_trees *trees, struct lightgbm_text *t)
{
    struct tree tree = {.trees = trees, .file = trees->build->file};
    arena_reset(trees->scratch);
    enum status st = begin(&tree, t);
    if (st == ST_OK)
        st = keep_lines(t, tree.values);
    if (st == ST_OK)
        st = read_sizes(&tree);
    if (st == ST_OK)
        st = read_numbers(&tree);
    return st == ST_OK ? make_nodes(&tree) : st;
}
