/*
 * xgboost_tree.h -- one tree of XGBoost's JSON.
 *
 *     left_children      [  1, -1, -1 ]     -1: a leaf
 *     right_children     [  2, -1, -1 ]
 *     split_indices      [  7,  0,  0 ]     the feature
 *     split_conditions   [ .5, -1, +1 ]     left is below; of a leaf its value
 *     default_left       [  1,  0,  0 ]     where a missing value goes
 *     sum_hessian        [ 90, 60, 30 ]     the cover
 *     split_type         [  0,  0,  0 ]     1: by category
 *
 *     categories_nodes [4]  categories_segments [0]  categories_sizes [2]  categories [3, 17]
 *
 * The categories of a split go right, and whatever else left; forest.h has it the other way round,
 * so the children of such a split change places.
 *
 * Threads: any.
 */
#ifndef SLUICE_MODELS_XGBOOST_TREE_H
#define SLUICE_MODELS_XGBOOST_TREE_H

#include "models/forest_build.h"

#include <jansson.h>

struct xgboost_tree {
    const json_t *json;
    uint16_t output;
    float weight; /* of its leaves: DART's */
};

/* How many nodes it says it has; 0: it does not. */
size_t xgboost_tree_nodes(const json_t *tree);

/* The next tree of the forest. An input that it splits by category becomes one in inputs[n].
 * Errors: as forest_build_tree(); ST_UNSUPPORTED; with a diagnostic. */
MUST_USE enum status xgboost_tree_read(const struct xgboost_tree *tree, struct forest_build *b,
                                       struct model_input *inputs);

#endif
