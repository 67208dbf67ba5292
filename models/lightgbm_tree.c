#include "models/lightgbm_tree.h"

#include "service/base/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

/* kZeroThreshold, which LightGBM writes as 1e-35f and compares as a double. */
#define ZERO_MAX ((double)1e-35f)

enum { BY_CATEGORY = 1, DEFAULT_LEFT = 2, MISSING_SHIFT = 2, DECISION_MAX = 11 };
enum { MISSING_NONE, MISSING_ZERO, MISSING_NAN };
enum { COUNT_MAX = INT32_MAX, SET_BITS = 32 };

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

/* One tree while it is read. */
struct tree {
    struct lightgbm_builder *b;
    struct lightgbm_value values[KEYS];
    char of[24]; /* "tree 4: " */
    int line;
    uint32_t n_leaves, n_splits, n_sets;
    double *numbers[KEYS]; /* of scratch; NULL: not read */
    uint32_t *set_at;      /* [n_sets] in forest.sets */
    uint32_t *at;          /* [n_splits] where in the forest; 0: it has no parent yet */
    bool *has_parent;      /* [n_leaves] */
    uint16_t *depth;       /* [n_splits] */
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
    return (struct diag_at){.file = tree->b->file->name, .line = line};
}

static enum status read_whole(struct tree *tree, enum key key, double most, uint32_t if_absent,
                              uint32_t *ret_v)
{
    double v = if_absent;
    if (tree->values[key].line != 0) {
        struct lightgbm_range range = {0, most, true};
        enum status st =
            lightgbm_numbers(tree->b->file, tree->of, keys[key], &tree->values[key], range, 1, &v);
        if (st != ST_OK)
            return st;
    }
    *ret_v = (uint32_t)v;
    return ST_OK;
}

/* ---- how large all are ---- */

static enum status complain_of_size(const struct lightgbm_text *t, const char *what, int most)
{
    diag_error(t->file->diags, (struct diag_at){.file = t->file->name, .line = t->line}, NULL,
               "more than %d %s", most, what);
    return ST_TOO_LARGE;
}

static enum status measure_leaves(const struct lightgbm_text *t, struct span value,
                                  struct lightgbm_sizes *sizes)
{
    struct lightgbm_value v = {.text = value, .line = t->line, .col = sizeof "num_leaves="};
    double leaves;
    enum status st = lightgbm_numbers(t->file, "", "num_leaves", &v,
                                      (struct lightgbm_range){1, COUNT_MAX, true}, 1, &leaves);
    if (st != ST_OK)
        return st;
    if (leaves > (double)t->rest.len / 2) { /* so a claim costs no more than its file */
        diag_error(t->file->diags, (struct diag_at){.file = t->file->name, .line = t->line},
                   "is it whole?", "num_leaves is %.0f, and the file has no room for them", leaves);
        return ST_INVALID;
    }
    if (leaves > FOREST_NODES_MAX / 2 - sizes->leaves) /* n leaves are 2n - 1 nodes */
        return complain_of_size(t, "nodes in all trees", FOREST_NODES_MAX);
    sizes->leaves += (uint32_t)leaves;
    sizes->leaves_most = leaves > sizes->leaves_most ? (uint32_t)leaves : sizes->leaves_most;
    return ST_OK;
}

static enum status measure_line(const struct lightgbm_text *t, struct span line,
                                struct lightgbm_sizes *sizes)
{
    struct span leaves = span_str("num_leaves="), words = span_str("cat_threshold=");
    if (span_starts(line, span_str("Tree=")) && ++sizes->trees > FOREST_TREES_MAX)
        return complain_of_size(t, "trees", FOREST_TREES_MAX);
    if (span_starts(line, words)) {
        uint32_t n = (uint32_t)lightgbm_count(line); /* the file is not that large */
        sizes->set_words += n;
        sizes->set_words_most = n > sizes->set_words_most ? n : sizes->set_words_most;
    }
    if (!span_starts(line, leaves))
        return ST_OK;
    return measure_leaves(t, span_of(line.base + leaves.len, line.len - leaves.len), sizes);
}

enum status lightgbm_measure(struct lightgbm_text t, struct lightgbm_sizes *ret_sizes)
{
    struct lightgbm_sizes sizes = {0};
    struct span line;
    while (lightgbm_line(&t, &line)) {
        if (span_is(line, "end of trees")) {
            *ret_sizes = sizes;
            return ST_OK;
        }
        enum status st = measure_line(&t, line, &sizes);
        if (st != ST_OK)
            return st;
    }
    diag_error(t.file->diags, (struct diag_at){.file = t.file->name, .line = t.line},
               "is it whole?", "the file ends without \"end of trees\"");
    return ST_INVALID;
}

size_t lightgbm_scratch_bytes(const struct lightgbm_sizes *sizes)
{
    /* Ten arrays of doubles at most, and the beginning of each aligned. */
    return (KEYS + 3) * 64 + ((size_t)sizes->leaves_most + 1) * (KEYS + 3) * sizeof(double) +
           (size_t)sizes->set_words_most * sizeof(double);
}

/* ---- its numbers ---- */

static enum status read_array(struct tree *tree, enum key key, struct lightgbm_range range,
                              size_t n)
{
    double *numbers = arena_must(tree->b->scratch, n * sizeof *numbers);
    if (tree->values[key].line == 0) {
        diag_error(tree->b->file->diags, at_line(tree, key), NULL, "%s%s is missing", tree->of,
                   keys[key]);
        return ST_INVALID;
    }
    enum status st =
        lightgbm_numbers(tree->b->file, tree->of, keys[key], &tree->values[key], range, n, numbers);
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
        {SPLIT_FEATURE, n, {0, tree->b->n_inputs - 1, true}},
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
        {LEAF_COUNT, tree->n_leaves, {0, COUNT_MAX, true}},
        {INTERNAL_COUNT, tree->n_splits, {1, COUNT_MAX, true}},
    };
    if (tree->n_splits == 0)
        return ST_OK;
    if (tree->values[LEAF_COUNT].line == 0 || tree->values[INTERNAL_COUNT].line == 0) {
        tree->b->has_covers = false;
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
    diag_error(tree->b->file->diags, at_line(tree, CAT_BOUNDARIES), NULL,
               "%scat_boundaries must begin with 0 and not fall", tree->of);
    return ST_INVALID;
}

static enum status read_sets(struct tree *tree)
{
    const struct array bounds = {CAT_BOUNDARIES, tree->n_sets + 1, {0, COUNT_MAX, true}};
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
    if (want == (double)there)
        return read_arrays(tree, &words, 1);
    diag_error(tree->b->file->diags, at_line(tree, CAT_THRESHOLD), NULL,
               "%scat_threshold has %zu numbers, and cat_boundaries ends with %.0f", tree->of,
               there, want);
    return ST_INVALID;
}

static enum status read_sizes(struct tree *tree)
{
    uint32_t is_linear;
    enum status st = read_whole(tree, IS_LINEAR, 1, 0, &is_linear);
    if (st == ST_OK && is_linear) {
        diag_error(tree->b->file->diags, at_line(tree, IS_LINEAR), "train without linear_tree",
                   "%slinear trees are not read", tree->of);
        st = ST_UNSUPPORTED;
    }
    if (st == ST_OK)
        st = read_whole(tree, NUM_LEAVES, COUNT_MAX, 0, &tree->n_leaves);
    if (st == ST_OK && tree->n_leaves == 0) {
        diag_error(tree->b->file->diags, at_line(tree, NUM_LEAVES), NULL, "%snum_leaves is missing",
                   tree->of);
        st = ST_INVALID;
    }
    if (st != ST_OK)
        return st;
    tree->n_splits = tree->n_leaves - 1;
    return read_whole(tree, NUM_CAT, tree->n_splits, 0, &tree->n_sets);
}

/* ---- lanes, thresholds and sets ---- */

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

static uint16_t lane_of(struct lightgbm_builder *b, uint16_t input, enum forest_missing missing)
{
    uint16_t *lane = &b->lane_of[input][missing];
    if (*lane == 0) {
        *lane = (uint16_t)b->forest->n_lanes++;
        b->forest->lanes[*lane] =
            (struct forest_lane){.input = input, .missing = (uint16_t)missing};
    }
    return *lane;
}

/* `x <= t` as `x < ret`. LightGBM takes an |x| up to ZERO_MAX for 0, so a threshold among those
 * parts either them all from what is below, or from what is above. */
static double bound_of(double t)
{
    if (t >= -ZERO_MAX && t < 0)
        return -ZERO_MAX;
    return nextafter(t >= 0 && t < ZERO_MAX ? ZERO_MAX : t, INFINITY);
}

static size_t set_words(const struct tree *tree, uint32_t set)
{
    const double *bounds = tree->numbers[CAT_BOUNDARIES];
    return (size_t)(bounds[set + 1] - bounds[set]);
}

/* A code past all that a forest knows. */
static bool is_past_codes(size_t word, uint32_t bits)
{
    return bits != 0 && word >= FOREST_CATEGORY_MAX / SET_BITS;
}

static enum status put_set(struct tree *tree, uint32_t set)
{
    struct forest *f = tree->b->forest;
    size_t from = (size_t)tree->numbers[CAT_BOUNDARIES][set], n = set_words(tree, set);
    tree->set_at[set] = f->n_set_words;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)tree->numbers[CAT_THRESHOLD][from + i];
        if (is_past_codes(i, bits)) {
            diag_error(tree->b->file->diags, at_line(tree, CAT_THRESHOLD),
                       "number the categories from 0, or let pandas do it",
                       "%sa category of %zu or more, and codes are below %d", tree->of,
                       i * SET_BITS, FOREST_CATEGORY_MAX);
            return ST_TOO_LARGE;
        }
        f->sets[f->n_set_words + i / 2] |= (uint64_t)bits << i % 2 * SET_BITS;
    }
    f->n_set_words += (uint32_t)(n + 1) / 2;
    return ST_OK;
}

static enum status put_sets(struct tree *tree)
{
    tree->set_at = arena_must(tree->b->scratch, (tree->n_sets + 1) * sizeof *tree->set_at);
    for (uint32_t i = 0; i < tree->n_sets; i++) {
        enum status st = put_set(tree, i);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status make_category_split(struct tree *tree, uint32_t split, uint16_t input,
                                       struct forest_node *node)
{
    double set = tree->numbers[THRESHOLD][split];
    if (!(set >= 0 && set < tree->n_sets && set == trunc(set))) {
        diag_error(tree->b->file->diags, at_line(tree, THRESHOLD), NULL,
                   "%ssplit %u is by set %.17g of categories, and num_cat is %u", tree->of, split,
                   set, tree->n_sets);
        return ST_INVALID;
    }
    node->kind = FOREST_BY_CATEGORY;
    node->set.at = tree->set_at[(uint32_t)set];
    node->set.words = (uint32_t)(set_words(tree, (uint32_t)set) + 1) / 2;
    tree->b->inputs[input].is_category = true;
    tree->b->forest->trees[tree->b->forest->n_trees].has_categories = true;
    return ST_OK;
}

/* ---- its nodes ---- */

static enum status complain_of_child(const struct tree *tree, enum key key, uint32_t split,
                                     double child, const char *what)
{
    diag_error(tree->b->file->diags, at_line(tree, key), NULL, "%ssplit %u has %s %.0f, %s",
               tree->of, split, keys[key], child, what);
    return ST_INVALID;
}

static enum status place_split(struct tree *tree, enum key key, uint32_t split, uint32_t at)
{
    double v = tree->numbers[key][split];
    uint32_t child = (uint32_t)v;
    if (child <= split)
        return complain_of_child(tree, key, split, v, "which is not behind it");
    if (tree->at[child] != 0)
        return complain_of_child(tree, key, split, v, "which has a parent");
    tree->at[child] = at;
    tree->depth[child] = (uint16_t)(tree->depth[split] + 1);
    return ST_OK;
}

static enum status place_leaf(struct tree *tree, enum key key, uint32_t split, uint32_t at)
{
    struct forest *f = tree->b->forest;
    double v = tree->numbers[key][split];
    uint32_t leaf = (uint32_t)(-v - 1);
    if (tree->has_parent[leaf])
        return complain_of_child(tree, key, split, v, "which has a parent");
    tree->has_parent[leaf] = true;
    f->nodes[at] = (struct forest_node){.value = tree->numbers[LEAF_VALUE][leaf], .left = at - 1};
    if (tree->numbers[LEAF_COUNT] != NULL)
        f->covers[at] = tree->numbers[LEAF_COUNT][leaf];
    return ST_OK;
}

static enum status place(struct tree *tree, enum key key, uint32_t split, uint32_t at)
{
    return tree->numbers[key][split] >= 0 ? place_split(tree, key, split, at)
                                          : place_leaf(tree, key, split, at);
}

/* The node of a split, whose children are put behind all that is there. */
static enum status make_split(struct tree *tree, uint32_t split)
{
    struct forest *f = tree->b->forest;
    struct forest_tree *out = &f->trees[f->n_trees];
    int decision = (int)tree->numbers[DECISION_TYPE][split];
    uint16_t input = (uint16_t)tree->numbers[SPLIT_FEATURE][split];
    struct forest_node *node = &f->nodes[tree->at[split]];
    *node = (struct forest_node){.threshold = bound_of(tree->numbers[THRESHOLD][split]),
                                 .left = f->n_nodes,
                                 .lane = lane_of(tree->b, input, missing_of(decision))};
    if (tree->numbers[INTERNAL_COUNT] != NULL)
        f->covers[tree->at[split]] = tree->numbers[INTERNAL_COUNT][split];
    if (tree->depth[split] >= out->depth)
        out->depth = (uint16_t)(tree->depth[split] + 1);
    f->n_nodes += 2;
    enum status st = ST_OK;
    if (decision & BY_CATEGORY)
        st = make_category_split(tree, split, input, node);
    if (st == ST_OK)
        st = place(tree, LEFT_CHILD, split, node->left);
    return st == ST_OK ? place(tree, RIGHT_CHILD, split, node->left + 1) : st;
}

/* Each split has a parent before it; as each has two children, all leaves have one then too. */
static enum status check_split(const struct tree *tree, uint32_t split)
{
    if (split > 0 && tree->at[split] == 0) {
        diag_error(tree->b->file->diags, at_line(tree, LEFT_CHILD), NULL,
                   "%ssplit %u has no parent before it", tree->of, split);
        return ST_INVALID;
    }
    if (tree->depth[split] >= FOREST_DEPTH_MAX) {
        diag_error(tree->b->file->diags, at_line(tree, LEFT_CHILD), "train with max_depth",
                   "%sit is deeper than %d splits", tree->of, FOREST_DEPTH_MAX);
        return ST_TOO_LARGE;
    }
    return ST_OK;
}

static enum status make_splits(struct tree *tree)
{
    tree->at = arena_must(tree->b->scratch, tree->n_splits * sizeof *tree->at);
    tree->depth = arena_must(tree->b->scratch, tree->n_splits * sizeof *tree->depth);
    tree->has_parent = arena_must(tree->b->scratch, tree->n_leaves * sizeof *tree->has_parent);
    tree->at[0] = tree->b->forest->n_nodes++;
    for (uint32_t i = 0; i < tree->n_splits; i++) {
        enum status st = check_split(tree, i);
        if (st == ST_OK)
            st = make_split(tree, i);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status make_nodes(struct tree *tree)
{
    struct forest *f = tree->b->forest;
    uint32_t root = f->n_nodes;
    struct forest_tree *out = &f->trees[f->n_trees];
    *out = (struct forest_tree){.root = root,
                                .n_nodes = 2 * tree->n_leaves - 1,
                                .output = (uint16_t)(f->n_trees % f->n_outputs)};
    if (tree->n_splits > 0) {
        enum status st = make_splits(tree);
        if (st != ST_OK)
            return st;
    } else {
        f->nodes[root] =
            (struct forest_node){.value = tree->numbers[LEAF_VALUE][0], .left = root - 1};
        f->covers[root] = 1; /* all of them: the file need not say how many */
        f->n_nodes++;
    }
    f->n_trees++;
    return ST_OK;
}

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
    return st == ST_OK ? put_sets(tree) : st;
}

/* "Tree=4", which must be the fourth. */
static enum status begin(struct tree *tree, struct lightgbm_text *t)
{
    struct span line = {0};
    char want[24];
    uint32_t number = tree->b->forest->n_trees;
    CHECK(lightgbm_line(t, &line));
    tree->line = t->line;
    snprintf(tree->of, sizeof tree->of, "tree %u: ", number);
    snprintf(want, sizeof want, "Tree=%u", number);
    if (span_is(line, want))
        return ST_OK;
    diag_error(tree->b->file->diags, (struct diag_at){.file = tree->b->file->name, .line = t->line},
               NULL, "%s must stand here", want);
    return ST_INVALID;
}

enum status lightgbm_tree_read(struct lightgbm_builder *b, struct lightgbm_text *t)
{
    struct tree tree = {.b = b};
    arena_reset(b->scratch);
    enum status st = begin(&tree, t);
    if (st == ST_OK)
        st = keep_lines(t, tree.values);
    if (st == ST_OK)
        st = read_sizes(&tree);
    if (st == ST_OK)
        st = read_numbers(&tree);
    return st == ST_OK ? make_nodes(&tree) : st;
}
