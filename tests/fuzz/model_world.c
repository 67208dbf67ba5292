#include "tests/fuzz/model_world.h"

#include "models/explain.h"
#include "service/base/check.h"

#include <math.h>

enum { SCRATCH_BYTES = 16 << 20 };

static const double values[] = {NAN, 0,    -1,  1,   2,        2.5,       33,   64,
                                1e5, 1e18, 0.5, 950, INFINITY, -INFINITY, 1e-36};
enum { VALUES = sizeof values / sizeof *values };

/* ---- what the forest is ---- */

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
    CHECK(t->output < f->n_outputs && t->depth <= FOREST_DEPTH_MAX && t->n_nodes > 0);
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

static void check_forest(const struct model *m)
{
    const struct forest *f = m->forest;
    CHECK(m->n_inputs >= 0 && m->n_inputs <= MODEL_INPUTS_MAX);
    CHECK(m->n_outputs >= 1 && m->n_outputs <= FOREST_OUTPUTS_MAX && f->n_trees > 0);
    CHECK(f->n_lanes <= FOREST_LANES_MAX);
    for (uint32_t i = 1; i < f->n_lanes; i++)
        CHECK(f->lanes[i].input < m->n_inputs);
    for (uint32_t i = 0; i < f->n_trees; i++)
        check_tree(f, &f->trees[i]);
    for (int i = 0; i < m->n_inputs; i++)
        CHECK(model_input_find(m, m->inputs[i].name) == i);
}

/* ---- what it answers ---- */

static double plus(const struct forest *f, double sum, double value)
{
    return f->narrows ? (double)((float)sum + (float)value) : sum + value;
}

static void sum_one_by_one(const struct model *m, const double *row, double *sums)
{
    static double lanes[FOREST_LANES_MAX];
    const struct forest *f = m->forest;
    for (int i = 0; i < m->n_outputs; i++)
        sums[i] = m->base[i];
    forest_spread(f, row, lanes);
    for (uint32_t i = 0; i < f->n_trees; i++) {
        double *sum = &sums[f->trees[i].output];
        *sum = plus(f, *sum, f->nodes[forest_leaf(f, i, lanes)].value);
    }
}

/* Covers that a mutation made up need not add up: nothing is promised then but an end. */
static void explain(const struct model *m, const double *row)
{
    static char block[SCRATCH_BYTES];
    static double contributions[MODEL_INPUTS_MAX + 1];
    struct arena scratch;
    arena_init(&scratch, block, sizeof block);
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

void model_world_check(const struct model *m)
{
    static double row[MODEL_INPUTS_MAX];
    check_forest(m);
    for (int k = 0; k < VALUES; k++) {
        for (int i = 0; i < m->n_inputs; i++)
            row[i] = values[(k + i * 7) % VALUES];
        try_row(m, row);
    }
}

bool model_world_load(const char *name, struct span bytes, struct arena *arena,
                      struct model *ret_model)
{
    static struct diag_list diags;
    memset(&diags, 0, sizeof diags);
    enum status st = model_load(name, bytes, arena, &diags, ret_model);
    CHECK((st == ST_OK) == (diags.errors == 0));
    return st == ST_OK;
}
