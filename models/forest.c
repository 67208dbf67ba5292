#include "models/forest.h"

#include "models/forest_pack.h"

#include <float.h>
#include <math.h>

enum { SIDE_BY_SIDE = 8 }; /* enough loads under way to hide the second-level cache */

bool forest_zero_is_missing(enum forest_missing missing)
{
    return missing == FOREST_ZERO_MISSING_LEFT || missing == FOREST_ZERO_MISSING_RIGHT;
}

static bool is_missing(double x, enum forest_missing missing)
{
    return isnan(x) || (forest_zero_is_missing(missing) && fabs(x) <= FOREST_ZERO_MAX);
}

static double as_seen(double x, enum forest_missing missing)
{
    if (!is_missing(x, missing))
        return x;
    if (missing == FOREST_MISSING_IS_ZERO)
        return 0;
    return missing == FOREST_MISSING_LEFT || missing == FOREST_ZERO_MISSING_LEFT ? -INFINITY
                                                                                 : INFINITY;
}

/* Infinities are what missing values become: one that is given is as far out as a number can be. */
double forest_taken(const struct forest *f, double x)
{
    if (f->narrows)
        return (double)(float)x;
    return x > DBL_MAX ? DBL_MAX : x < -DBL_MAX ? -DBL_MAX : x;
}

double forest_seen(const struct forest *f, uint32_t lane, double x)
{
    return as_seen(forest_taken(f, x), f->lanes[lane].missing);
}

void forest_spread(const struct forest *f, const double *inputs, double *lanes)
{
    lanes[0] = NAN;
    for (uint32_t i = 1; i < f->n_lanes; i++)
        lanes[i] = forest_seen(f, i, inputs[f->lanes[i].input]);
}

/* ---- one tree, whatever it has ---- */

static bool has_category(const struct forest *f, const struct forest_node *n, double x)
{
    if (!(x >= 0 && x < FOREST_CATEGORY_MAX))
        return x < 0 && isinf(x); /* missing, and the left is for it */
    uint32_t code = (uint32_t)x;
    return code / 64 < n->set.words && (f->sets[n->set.at + code / 64] >> code % 64 & 1) != 0;
}

uint32_t forest_step(const struct forest *f, uint32_t at, const double *lanes)
{
    const struct forest_node *n = &f->nodes[at];
    double x = lanes[n->lane];
    bool left = n->kind == FOREST_BY_CATEGORY ? has_category(f, n, x) : x < n->threshold;
    return n->left + !left;
}

uint32_t forest_leaf(const struct forest *f, uint32_t tree, const double *lanes)
{
    uint32_t at = f->trees[tree].root;
    while (f->nodes[at].lane != 0)
        at = forest_step(f, at, lanes);
    return at;
}

/* ---- all of them ---- */

void forest_add(const struct forest *f, double *sum, double value)
{
    *sum = f->narrows ? (double)((float)*sum + (float)value) : *sum + value;
}

/* None of them has categories. */
static void sum_side_by_side(const struct forest *f, const struct forest_tree *t,
                             const double *lanes, double *sums)
{
    const struct forest_node *nodes = f->nodes;
    uint32_t at[SIDE_BY_SIDE];
    int depth = 0;
    for (int k = 0; k < SIDE_BY_SIDE; k++) {
        at[k] = t[k].root;
        depth = t[k].depth > depth ? t[k].depth : depth;
    }
    for (int d = 0; d < depth; d++) {
#pragma GCC unroll 8
        for (int k = 0; k < SIDE_BY_SIDE; k++) {
            const struct forest_node *n = &nodes[at[k]];
            at[k] = n->left + !(lanes[n->lane] < n->threshold);
        }
    }
    for (int k = 0; k < SIDE_BY_SIDE; k++)
        forest_add(f, &sums[t[k].output], nodes[at[k]].value);
}

static bool are_plain(const struct forest_tree *t)
{
    for (int k = 0; k < SIDE_BY_SIDE; k++)
        if (t[k].has_categories)
            return false;
    return true;
}

static void sum_group(const struct forest *f, uint32_t first, uint32_t n, const double *lanes,
                      double *sums)
{
    const struct forest_tree *t = &f->trees[first];
    if (n == SIDE_BY_SIDE)
        sum_side_by_side(f, t, lanes, sums);
    else
        forest_add(f, &sums[t->output], f->nodes[forest_leaf(f, first, lanes)].value);
}

static void sum_nodes(const struct forest *f, const double *lanes, size_t n_rows, double *sums)
{
    uint32_t n;
    for (uint32_t i = 0; i < f->n_trees; i += n) {
        n = f->n_trees - i >= SIDE_BY_SIDE && are_plain(&f->trees[i]) ? SIDE_BY_SIDE : 1;
        for (size_t row = 0; row < n_rows; row++)
            sum_group(f, i, n, lanes + row * f->n_lanes, sums + row * f->n_outputs);
    }
}

void forest_sum_rows(const struct forest *f, const double *lanes, size_t n_rows, double *sums)
{
    if (f->pack != NULL)
        forest_pack_sum(f->pack, lanes, n_rows, sums);
    else
        sum_nodes(f, lanes, n_rows, sums);
}

void forest_sum(const struct forest *f, const double *lanes, double *sums)
{
    forest_sum_rows(f, lanes, 1, sums);
}
