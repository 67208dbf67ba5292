/*
 * fuzz_model_lightgbm.c -- any text is a LightGBM model, or is refused with a reason.
 *
 * Of what is loaded each index lies in its array, and each node but the roots has one parent. It
 * answers for any row, the same when trees are walked one by one, and can be explained.
 */
#include "tests/fuzz/fuzz.h"

#include "models/explain.h"
#include "models/model_lightgbm.h"
#include "service/base/check.h"

#include <math.h>

enum { BLOCK_BYTES = 32 << 20, SCRATCH_BYTES = 8 << 20 };

static char block[BLOCK_BYTES], scratch_block[SCRATCH_BYTES];
static struct arena arena, scratch;
static struct diag_list diags;

static const double values[] = {NAN, 0,    -1,  1,   2,        2.5,       33,   64,
                                1e5, 1e18, 0.5, 950, INFINITY, -INFINITY, 1e-36};
enum { VALUES = sizeof values / sizeof *values };

/* ---- what is promised of a forest ---- */

static void check_node(const struct forest *f, const struct forest_tree *t, uint32_t at)
{
    const struct forest_node *n = &f->nodes[at];
    CHECK(n->lane < f->n_lanes);
    if (n->lane == 0) {
        CHECK(n->left + 1 == at && isfinite(n->value));
        return;
    }
    CHECK(n->left > at && n->left + 1 < t->root + t->n_nodes);
    if (n->kind == FOREST_BY_CATEGORY)
        CHECK(t->has_categories && n->set.at + (uint64_t)n->set.words <= f->n_set_words);
    else
        CHECK(!isnan(n->threshold));
}

/* Children stand side by side, two for each split: as many as there are nodes, but for the root. */
static void check_tree(const struct forest *f, const struct forest_tree *t)
{
    static bool has_parent[FOREST_NODES_MAX];
    CHECK(t->output < f->n_outputs && t->depth <= FOREST_DEPTH_MAX);
    CHECK(t->root + (uint64_t)t->n_nodes <= f->n_nodes);
    memset(has_parent + t->root, 0, t->n_nodes);
    for (uint32_t at = t->root; at < t->root + t->n_nodes; at++) {
        check_node(f, t, at);
        CHECK(at == t->root || has_parent[at]);
        if (f->nodes[at].lane == 0)
            continue;
        CHECK(!has_parent[f->nodes[at].left]);
        has_parent[f->nodes[at].left] = has_parent[f->nodes[at].left + 1] = true;
    }
}

static void check_model(const struct model *m)
{
    const struct forest *f = m->forest;
    CHECK(m->n_inputs >= 1 && m->n_inputs <= MODEL_INPUTS_MAX);
    CHECK(m->n_outputs >= 1 && m->n_outputs <= FOREST_OUTPUTS_MAX && f->n_trees > 0);
    CHECK(f->n_lanes <= FOREST_LANES_MAX);
    for (uint32_t i = 1; i < f->n_lanes; i++)
        CHECK(f->lanes[i].input < m->n_inputs);
    for (uint32_t i = 0; i < f->n_trees; i++)
        check_tree(f, &f->trees[i]);
    for (int i = 0; i < m->n_inputs; i++)
        CHECK(model_input_find(m, m->inputs[i].name) == i); /* no name twice */
}

/* ---- what it answers ---- */

static void sum_one_by_one(const struct model *m, const double *row, double *sums)
{
    static double lanes[FOREST_LANES_MAX];
    memset(sums, 0, (size_t)m->n_outputs * sizeof *sums);
    forest_spread(m->forest, row, lanes);
    for (uint32_t i = 0; i < m->forest->n_trees; i++)
        sums[m->forest->trees[i].output] +=
            m->forest->nodes[forest_leaf(m->forest, i, lanes)].value;
}

/* Counts that a mutation made up need not add up: nothing is promised then but an end. */
static void explain(const struct model *m, const double *row)
{
    static double contributions[MODEL_INPUTS_MAX + 1];
    arena_init(&scratch, scratch_block, sizeof scratch_block);
    enum status st = model_explain(m, row, 0, &scratch, contributions);
    CHECK(st == ST_OK || (st == ST_UNSUPPORTED && m->forest->covers == NULL));
}

static void try_row(const struct model *m, const double *row)
{
    double margins[FOREST_OUTPUTS_MAX], outputs[FOREST_OUTPUTS_MAX], sums[FOREST_OUTPUTS_MAX];
    model_score(m, row, margins, outputs);
    sum_one_by_one(m, row, sums);
    for (int i = 0; i < m->n_outputs && !m->averages; i++)
        CHECK(margins[i] == sums[i] || isnan(sums[i]));
    for (int i = 0; i < m->n_outputs && m->transform == MODEL_SIGMOID; i++)
        CHECK(isnan(outputs[i]) || (outputs[i] >= 0 && outputs[i] <= 1));
    explain(m, row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static double row[MODEL_INPUTS_MAX];
    struct model model;
    arena_init(&arena, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    enum status st = model_load("fuzz.txt", span_of(data, size), &arena, &diags, &model);
    CHECK((st == ST_OK) == (diags.errors == 0));
    if (st != ST_OK || model.format != MODEL_LIGHTGBM)
        return 0;
    check_model(&model);
    for (int k = 0; k < VALUES; k++) {
        for (int i = 0; i < model.n_inputs; i++)
            row[i] = values[(k + i * 7) % VALUES];
        try_row(&model, row);
    }
    return 0;
}

/* ---- where mutations start ---- */

#define HEAD(classes, objective)                                                                   \
    "tree\nversion=v4\nnum_class=" classes "\nnum_tree_per_iteration=" classes "\nlabel_index=0\n" \
    "max_feature_idx=1\nobjective=" objective "\nfeature_names=amount country\n"                   \
    "feature_infos=[0:950] -1:2:0:1\n\n"
#define SPLITS(number)                                                                          \
    "Tree=" number "\nnum_leaves=4\nnum_cat=1\nsplit_feature=0 1 0\nthreshold=0.5 0 inf\n"      \
    "decision_type=10 1 8\nleft_child=2 -2 -1\nright_child=1 -3 -4\nleaf_value=1 0.1 -2e-1 3\n" \
    "leaf_count=30 20 10 5\ninternal_count=65 30 35\ncat_boundaries=0 2\ncat_threshold=4 2\n"   \
    "is_linear=0\nshrinkage=1\n\n\n"
#define LEAF(number) "Tree=" number "\nnum_leaves=1\nnum_cat=0\nleaf_value=0.25\nshrinkage=1\n\n\n"
#define TAIL                                                                       \
    "end of trees\n\nparameters:\n[categorical_feature: 1]\nend of parameters\n\n" \
    "pandas_categorical:[[\"FR\", \"GB\", 5411, true]]\n"

static const char *const files[] = {
    HEAD("1", "binary sigmoid:1") SPLITS("0") LEAF("1") TAIL,
    HEAD("1", "regression sqrt") SPLITS("0") SPLITS("1") "end of trees\n",
    HEAD("2", "multiclass num_class:2\naverage_output") SPLITS("0") SPLITS("1") TAIL,
    HEAD("1", "poisson") SPLITS("0") SPLITS("1") SPLITS("2") SPLITS("3") SPLITS("4") SPLITS("5")
        SPLITS("6") SPLITS("7") SPLITS("8") TAIL,
};

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    struct text t;
    if (i >= sizeof files / sizeof *files)
        return SIZE_MAX;
    text_init(&t, buf, cap);
    text_str(&t, files[i]);
    return t.len;
}

const char *fuzz_word(size_t i)
{
    static const char *const words[] = {
        "Tree=",
        "num_leaves=",
        "num_cat=",
        "\nthreshold=",
        "decision_type=",
        "left_child=",
        "right_child=",
        "leaf_value=",
        "leaf_count=",
        "internal_count=",
        "is_linear=1",
        "cat_boundaries=",
        "cat_threshold=",
        "end of trees\n",
        "average_output\n",
        " -1",
        " 4294967295",
        " 1e308",
        " inf",
        "split_feature=",
        " 65536",
        "sigmoid:0.5",
        "multiclassova",
        "1 2 3",
        "\n\n",
        "tweedie",
        "version=v3\n",
        "num_class=3\n",
        "max_feature_idx=511",
    };
    return i < sizeof words / sizeof *words ? words[i] : NULL;
}
