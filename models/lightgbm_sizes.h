/*
 * lightgbm_sizes.h -- how much there is in LightGBM's trees, before any is read.
 *
 * Threads: pure, but for the file's list of diagnostics.
 */
#ifndef SLUICE_MODELS_LIGHTGBM_SIZES_H
#define SLUICE_MODELS_LIGHTGBM_SIZES_H

#include "models/lightgbm_text.h"

enum { LIGHTGBM_COUNT_MAX = INT32_MAX }; /* of rows and leaves: LightGBM's own type */

/* All trees together, and the largest of them. */
struct lightgbm_sizes {
    uint32_t trees, leaves;
    uint32_t leaves_most, set_words_most;
};

/* Counts from where `t` stands, before the first tree, to "end of trees". What is counted has room
 * in the file, so a claim costs no more than the file does. O(bytes).
 * Errors: ST_INVALID, ST_TOO_LARGE (limits of forest.h), each with a diagnostic. */
MUST_USE enum status lightgbm_measure(struct lightgbm_text t, struct lightgbm_sizes *ret_sizes);

#endif
