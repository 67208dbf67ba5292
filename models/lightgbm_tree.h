/*
 * lightgbm_tree.h -- one tree of LightGBM's text, made into nodes of a forest.
 *
 *     its splits    s0  s1 ... s(n-2)   a child c >= 0 is split c, which is behind its parent
 *     its leaves    l0  l1 ... l(n-1)   a child c < 0 is leaf -c - 1
 *
 *     decision_type  | missing 2 bits | default left | by category |    missing: none, zero, NaN
 *
 * By threshold: x <= threshold goes left. LightGBM takes |x| <= 1e-35 (as float32) for 0 in each
 * row first, and, where nothing was missing when it was trained, NaN too. By category: who is in
 * the set goes left; what is missing, negative or past the set goes right.
 *
 * Sources: LightGBM's include/LightGBM/tree.h (Decision), src/io/tree.cpp (Tree from text), and
 * src/application/predictor.hpp (kZeroThreshold).
 */
#ifndef SLUICE_MODELS_LIGHTGBM_TREE_H
#define SLUICE_MODELS_LIGHTGBM_TREE_H

#include "models/lightgbm_text.h"

enum { LIGHTGBM_LANES = 5 }; /* of an input at most: one for each enum forest_missing */

/* How much a file's trees have of each, all and the largest of them. */
struct lightgbm_sizes {
    uint32_t trees, leaves, set_words;
    uint32_t leaves_most, set_words_most;
};

/* Where trees are put. The forest's arrays are as large as the sizes say; covers too. */
struct lightgbm_builder {
    const struct model_file *file;
    struct model_input *inputs; /* one that is split by category becomes one */
    int n_inputs;
    struct forest *forest;
    struct arena *scratch;               /* of lightgbm_scratch_bytes(); reset for each tree */
    uint16_t (*lane_of)[LIGHTGBM_LANES]; /* [n_inputs], by enum forest_missing; 0: none yet */
    bool has_covers;                     /* so far: every tree told its counts */
};

/* Counts from where `t` stands, before the first tree, to "end of trees".
 * Errors: ST_INVALID, ST_TOO_LARGE, each with a diagnostic. */
MUST_USE enum status lightgbm_measure(struct lightgbm_text t, struct lightgbm_sizes *ret_sizes);

size_t lightgbm_scratch_bytes(const struct lightgbm_sizes *sizes);

/* The tree whose line "Tree=" is the next one, as the next of the forest.
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_UNSUPPORTED (linear trees), each with a diagnostic. */
MUST_USE enum status lightgbm_tree_read(struct lightgbm_builder *b, struct lightgbm_text *t);

#endif
