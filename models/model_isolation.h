/*
 * model_isolation.h -- scikit-learn's isolation forest: how odd a row is, without labels.
 *
 *     {"format": "sluice.isolation_forest/1",
 *      "max_samples": 256,                        rows that each tree was given
 *      "features": ["amount", "hour"],
 *      "trees": [{"left":    [1, -1, -1],         -1: a leaf; node 0 is the root
 *                 "right":   [2, -1, -1],
 *                 "feature": [0, -2, -2],
 *                 "threshold":    [17.5, -2, -2], left: the float32 of the input is not above
 *                 "missing_left": [1, 0, 0],
 *                 "samples":      [256, 255, 1]}]}
 *
 * models/train/export_isolation.py writes it; format stands first. The path to a leaf counts its
 * splits, and for the rows that were not told apart there the splits that would take on average,
 * c(n) (Liu, Ting and Zhou 2008, equation 1):
 *
 *     margin = -sum of paths         score = 2^(margin / (trees * c(max_samples)))
 *
 * The score is that of the paper, scikit-learn's -score_samples(): near 1 is odd, 0.5 and below is
 * usual. The margin is below zero so that it rises with the score, as any model's does.
 */
#ifndef SLUICE_MODELS_MODEL_ISOLATION_H
#define SLUICE_MODELS_MODEL_ISOLATION_H

#include "models/model_formats.h"

enum { MODEL_ISOLATION_SAMPLES_MAX = 1 << 30 };

bool model_isolation_is_its(struct span bytes);

/* As struct model_loader has it. */
MUST_USE enum status model_isolation_load(const struct model_file *file, struct model *ret_model);

#endif
