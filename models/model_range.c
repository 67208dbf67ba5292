#include "models/model_range.h"

#include "models/forest_range.h"

#include <math.h>

/* exp and what is made of it may fall by a few units in the last place where it should rise. */
static const double rounded_off = 1e-14;

struct model_range model_range_of_margins(const struct model *m, int output, const double *least,
                                          const double *most)
{
    double margins[FOREST_OUTPUTS_MAX], outputs[FOREST_OUTPUTS_MAX];
    struct model_range range;
    /* An output rises with its own margin, and falls with the others or stays. */
    for (int i = 0; i < m->n_outputs; i++)
        margins[i] = i == output ? least[i] : most[i];
    model_outputs(m, margins, outputs);
    range.lo = outputs[output] - fabs(outputs[output]) * rounded_off;
    for (int i = 0; i < m->n_outputs; i++)
        margins[i] = i == output ? most[i] : least[i];
    model_outputs(m, margins, outputs);
    range.hi = outputs[output] + fabs(outputs[output]) * rounded_off;
    range.may_be_none = false;
    return range;
}

static bool range_trees(const struct model *m, const double *lo, const double *hi, double *least,
                        double *most, int64_t *nodes)
{
    for (int i = 0; i < m->n_outputs; i++)
        least[i] = most[i] = model_sum_begin(m, i);
    if (!forest_range(m->forest, lo, hi, least, most, nodes))
        return false;
    for (int i = 0; i < m->n_outputs; i++) {
        least[i] = model_sum_end(m, i, least[i]);
        most[i] = model_sum_end(m, i, most[i]);
    }
    return true;
}

bool model_range(const struct model *m, int output, const double *lo, const double *hi,
                 int64_t *nodes, struct model_range *ret_range)
{
    double least[FOREST_OUTPUTS_MAX], most[FOREST_OUTPUTS_MAX];
    bool may_be_none = false;
    if (m->linear != NULL) {
        may_be_none = linear_range(m->linear, lo, hi, least, most);
        least[0] += m->base[0];
        most[0] += m->base[0];
    } else if (!range_trees(m, lo, hi, least, most, nodes)) {
        return false;
    }
    *ret_range = model_range_of_margins(m, output, least, most);
    ret_range->may_be_none = may_be_none;
    return true;
}
