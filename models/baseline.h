/*
 * baseline.h -- how a model's inputs and its score were distributed in training.
 *
 *     {"format": "sluice.baseline/1", "model_sha256": "39d8aeba...",
 *      "inputs": {"amount": {"edges": [9.5, 40], "shares": [0.3, 0.5, 0.1], "missing": 0.1,
 *                            "meaning": "9f2c41d07be83a56"}, ...},
 *      "score":  {"edges": [...], "shares": [...], "missing": 0}}
 *
 * The score is the model's own output, before a calibration of the ruleset's. A meaning, which may
 * be left out, is what the ruleset's name stood for in training (engine/meaning.h).
 *
 *     bins     | x <= 9.5 | x <= 40 | the rest | missing |      shares of all rows: their sum is 1
 *     counts   | first .. |         |          |         |      of all distributions, one array
 *
 * Owns:    nothing; it lives in the arena given. Read-only once loaded.
 * Threads: any.
 */
#ifndef SLUICE_MODELS_BASELINE_H
#define SLUICE_MODELS_BASELINE_H

#include "models/model_formats.h"

enum {
    BASELINE_BINS_MAX = 32,      /* of one distribution, the missing aside; deciles are 10 */
    BASELINE_FILE_MAX = 4 << 20, /* bytes: the most inputs with the most bins are 1 MiB */
    BASELINE_MEANING_DIGITS = 16,
};

struct distribution {
    int n_bins;                           /* 1 at least */
    int first;                            /* its first count, of n_bins + 1 */
    double edges[BASELINE_BINS_MAX - 1];  /* [n_bins - 1], ascending; a bin has its upper one */
    double shares[BASELINE_BINS_MAX + 1]; /* [n_bins], and of the missing */
    char meaning[BASELINE_MEANING_DIGITS + 1]; /* hex; "": it is not said */
};

struct baseline {
    struct distribution *of; /* [n]: the model's inputs in their order, and the score */
    int n;
    int n_counts; /* of all: n_bins + 1 of each */
};

/*
 * Load the baseline of `model`. O(bytes).
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_NO_SPACE, each with a diagnostic; an input of the model that
 * is not there is one, and so is a name that is no input, and a `model_sha256`, which may be left
 * out, of another file. After an error some of the arena may be used.
 */
MUST_USE enum status baseline_load(const struct model_file *file, const struct model *model,
                                   struct baseline *ret_baseline);

/* The bin of x, from 0; n_bins: it is missing (NaN). */
int distribution_bin(const struct distribution *d, double x);

#endif
