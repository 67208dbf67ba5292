/*
 * model_range.h -- what one of a model's outputs can be while inputs lie in ranges.
 *
 *     inputs[n] lo .. hi ──> margins[k] least .. most ──transform──> output lo .. hi
 *
 * No row within the ranges has an output outside of it. It is close where inputs are few or their
 * ranges are: of a linear model it is met, and of trees forest_range.h tells.
 *
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_MODEL_RANGE_H
#define SLUICE_MODELS_MODEL_RANGE_H

#include "models/model.h"

struct model_range {
    double lo, hi;    /* NaN: there is no output, whatever the inputs are */
    bool may_be_none; /* some input may be missing that must not be */
};

/*
 * While each input is between lo[n_inputs] and hi[n_inputs]: both NaN is missing, -INFINITY to
 * INFINITY anything, missing too. Takes from *nodes what it looks at of trees; false: there were
 * too few.
 */
bool model_range(const struct model *m, int output, const double *lo, const double *hi,
                 int64_t *nodes, struct model_range *ret_range);

/* The same of margins between least[n_outputs] and most[n_outputs]. */
struct model_range model_range_of_margins(const struct model *m, int output, const double *least,
                                          const double *most);

#endif
