#include "models/explain.h"

#include "models/tree_shap.h"

#include <string.h>

bool model_has_counts(const struct model *m)
{
    return m->forest == NULL || m->forest->covers != NULL;
}

double model_explain_cost(const struct model *m, int output)
{
    return m->forest != NULL ? tree_shap_cost(m->forest, m->n_inputs, (uint32_t)output) : 0;
}

static void explain_linear(const struct model *m, const double *inputs, double *sums)
{
    linear_contributions(m->linear, inputs, sums);
    sums[m->n_inputs] = linear_neutral(m->linear);
}

static enum status explain_forest(const struct model *m, const double *inputs, int output,
                                  struct arena *scratch, double *sums)
{
    void *lanes;
    enum status st = arena_alloc(scratch, m->forest->n_lanes * sizeof(double), &lanes);
    if (st != ST_OK)
        return st;
    forest_spread(m->forest, inputs, lanes);
    st = tree_shap(m->forest, lanes, m->n_inputs, (uint32_t)output, scratch, sums);
    for (int i = 0; i <= m->n_inputs && m->averages; i++)
        sums[i] = sums[i] * m->n_outputs / m->forest->n_trees;
    return st;
}

enum status model_explain(const struct model *m, const double *inputs, int output,
                          struct arena *scratch, double *contributions)
{
    size_t mark = scratch->used_bytes, size_bytes = ((size_t)m->n_inputs + 1) * sizeof(double);
    void *mem;
    enum status st = arena_alloc(scratch, size_bytes, &mem);
    double *sums = mem;
    if (st == ST_OK && m->linear != NULL)
        explain_linear(m, inputs, sums);
    else if (st == ST_OK)
        st = explain_forest(m, inputs, output, scratch, sums);
    if (st == ST_OK) {
        sums[m->n_inputs] += m->base[output];
        memcpy(contributions, sums, size_bytes);
    }
    scratch->used_bytes = mark;
    return st;
}
