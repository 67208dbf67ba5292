/*
 * model_lightgbm.h -- the text that LightGBM saves (Booster.save_model): versions v3 and v4.
 *
 *     tree                                    the first line
 *     version=v4
 *     objective=binary sigmoid:1
 *     feature_names=amount country
 *     feature_infos=[0:950] -1:0:2            an interval; or the categories that were seen
 *     Tree=0 ...                              lightgbm_tree.h
 *     end of trees
 *     parameters: ...                         "[categorical_feature: 1]" is read of it
 *     pandas_categorical:[["FR", "GB"]]       JSON, one list for each input of pandas' category
 *
 * Of pandas' categories the file tells which columns they are of only by their order. They are
 * given to the categorical inputs in order when there are as many of these; when there are not,
 * there is a warning, and codes have no names.
 *
 * A model trained by an objective of the user's own has no objective: its score is its margin.
 * All iterations are evaluated; Booster.save_model leaves out those behind the best one.
 */
#ifndef SLUICE_MODELS_MODEL_LIGHTGBM_H
#define SLUICE_MODELS_MODEL_LIGHTGBM_H

#include "models/model_formats.h"

bool model_lightgbm_is_its(struct span bytes);

/* Errors: ST_INVALID, ST_TOO_LARGE, ST_UNSUPPORTED (objectives, linear trees), ST_NO_SPACE. */
MUST_USE enum status model_lightgbm_load(const struct model_file *file, struct model *ret_model);

#endif
