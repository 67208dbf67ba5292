/*
 * lightgbm_tree.h -- one tree of LightGBM's text, as it becomes one of a forest.
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

#include "models/forest_build.h"
#include "models/lightgbm_sizes.h"

/* The trees of a file, and what they are put into. */
struct lightgbm_trees {
    struct forest_build *build;
    struct model_input *inputs; /* one that is split by category becomes one */
    struct arena *scratch;      /* of lightgbm_scratch_bytes(); reset for each tree */
    uint32_t n_outputs;         /* trees go to them in turn */
    bool has_covers;            /* so far: every tree told its counts */
};

size_t lightgbm_scratch_bytes(const struct lightgbm_sizes *sizes);

/* The tree whose line "Tree=" is the next one, as the next of the forest.
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_UNSUPPORTED (linear trees), each with a diagnostic. */
MUST_USE enum status lightgbm_tree_read(struct lightgbm_trees *trees, struct lightgbm_text *t);

#endif
