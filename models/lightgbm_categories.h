/*
 * lightgbm_categories.h -- which inputs of a LightGBM model are categories, and their names: what
 * stands behind the trees.
 *
 *     [categorical_feature: 1,2]                               of the parameters
 *     pandas_categorical:[["FR", "GB"], [5411, 5912]]          JSON in the last line; or null
 */
#ifndef SLUICE_MODELS_LIGHTGBM_CATEGORIES_H
#define SLUICE_MODELS_LIGHTGBM_CATEGORIES_H

#include "models/lightgbm_text.h"

/*
 * Reads to the end of the file. A list's names go to the categorical inputs in order, if there are
 * as many of these as lists; else a warning says that there are not.
 * Errors: ST_INVALID, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status lightgbm_categories_read(struct lightgbm_text *t, struct model_input *inputs,
                                              int n_inputs);

#endif
