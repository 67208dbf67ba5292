/*
 * xgboost_inputs.h -- the features of XGBoost's JSON: their names, types and categories.
 *
 *     "feature_names": ["amount", "country"]     none: f0, f1, ...
 *     "feature_types": ["float", "c"]            c: its value is a category's code
 *     "cats": {"enc": [{"offsets": [], "values": []},                    none
 *                      {"offsets": [0, 2, 4], "values": [68, 69, 70, 82]},    DE FR, as bytes
 *                      {"type": 15, "values": [10, 20]}]}                     numbers
 *
 * Threads: any.
 */
#ifndef SLUICE_MODELS_XGBOOST_INPUTS_H
#define SLUICE_MODELS_XGBOOST_INPUTS_H

#include "models/model_formats.h"

#include <jansson.h>

/*
 * The n inputs of "learner", in the file's arena.
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_NO_SPACE, with a diagnostic.
 */
MUST_USE enum status xgboost_inputs_read(const struct model_file *file, const json_t *learner,
                                         size_t n, struct model_input **ret_inputs);

/*
 * The same inputs get the names of their categories from "cats", which may be NULL; with a warning
 * none where one is not ASCII, for XGBoost may have cut it. Errors: the same.
 */
MUST_USE enum status xgboost_inputs_name_categories(const struct model_file *file,
                                                    const json_t *cats, struct model_input *inputs,
                                                    size_t n);

#endif
