/*
 * model_xgboost.h -- XGBoost's models, as Booster.save_model() writes them: JSON or UBJSON, of
 * versions 1.6 to 3.x.
 *
 *     {"learner": {
 *         "feature_names": ["amount"], "feature_types": ["float"],         else f0, f1, ...
 *         "learner_model_param": {"base_score": "[5E-1]", "num_class": "0", "num_feature": "1"},
 *         "objective": {"name": "binary:logistic"},
 *         "gradient_booster": {"name": "gbtree",
 *             "model": {"trees": [...], "tree_info": [0, ...], "cats": {...}}}},
 *                       xgboost_tree.h   the class of each     names of categories (3.1)
 *      "version": [3, 2, 0]}
 *
 * Scored as Booster.predict() does: all rounds, whatever early stopping found best (there is a
 * warning); multi:softmax as multi:softprob. base_score is a prediction, and becomes a margin as
 * in the library, in float32: by logit for logistic objectives, by log for those that predict e^x.
 * Not read: gblinear, vector leaves, several targets, and objectives that are not in the table of
 * model_xgboost.c.
 */
#ifndef SLUICE_MODELS_MODEL_XGBOOST_H
#define SLUICE_MODELS_MODEL_XGBOOST_H

#include "models/model_formats.h"

bool model_xgboost_is_its(struct span bytes);

/* As struct model_loader has it. */
MUST_USE enum status model_xgboost_load(const struct model_file *file, struct model *ret_model);

#endif
