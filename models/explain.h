/*
 * explain.h -- how much each input moved a model's margin.
 *
 *     contributions[n_inputs + 1]   | input 0 | input 1 | ... | the margin when nothing is known |
 *                                   `------------- their sum is the margin -------------------'
 *
 * Of trees: exact Shapley values (tree_shap.h), the same that XGBoost's pred_contribs and
 * LightGBM's pred_contrib give; where LightGBM's random forest averages its trees, and its
 * pred_contrib does not, we do, for the sum is the margin. Of an isolation forest: of its
 * paths, below zero (model_isolation.h), so what made a row odd is above zero. Of linear models and
 * scorecards: what an input adds beyond what it adds when it is as usual (linear.h); NaN where it
 * is missing and must not be.
 *
 * Threads: pure; the scratch is the caller's.
 */
#ifndef SLUICE_MODELS_EXPLAIN_H
#define SLUICE_MODELS_EXPLAIN_H

#include "models/model.h"

/* Of its scratch, at most: the deepest trees there may be, FOREST_LANES_MAX, MODEL_INPUTS_MAX. */
enum { EXPLAIN_SCRATCH_BYTES = 1200 << 10 };

/* false: a file of trees that does not say how many rows came to each node. */
bool model_has_counts(const struct model *m);

/* Steps that one output's contributions take, some 4 ns each; 0 of a linear model. O(trees). */
double model_explain_cost(const struct model *m, int output);

/*
 * Fills contributions[n_inputs + 1] for one output, below m->n_outputs. The scratch is used and
 * given back. O(model_explain_cost).
 * Errors: ST_UNSUPPORTED: !model_has_counts(). ST_NO_SPACE.
 * Contributions are then untouched.
 */
MUST_USE enum status model_explain(const struct model *m, const double *inputs, int output,
                                   struct arena *scratch, double *contributions);

#endif
