/*
 * bound_model.h -- a model that is fed from the row.
 *
 *     row      | amount | is_night | category | account_tx_count_1d | ...
 *                  └──────────┬────────┴──── by slot, found once at load (model_bind.h)
 *     inputs   [n_inputs] f64 ┴─> model_score() ──> outputs ──> one of them, calibrated: the score
 *
 * What a value of the row is to a model:
 *
 *     int, double     the number            timestamp   seconds since 1970
 *     bool            0, 1                  duration    seconds
 *     string          its category's code; one that the model does not know is missing to
 *                     trees, as their trainers have it, and -1 to tables, which have an `other`
 *     an inexact one  what the feature says it is, and the result tells that it was inexact
 *     missing, error  NaN: missing
 *
 * Owns:    nothing; it lives in its snapshot's arena. Read-only.
 * Threads: any; evaluating allocates nothing and takes no lock.
 */
#ifndef SLUICE_ENGINE_BOUND_MODEL_H
#define SLUICE_ENGINE_BOUND_MODEL_H

#include "models/calibration.h"
#include "models/categories.h"
#include "models/drift.h"
#include "rules/cel_bounds.h"
#include "rules/template.h"
#include "service/base/hash.h"
#include "service/state/window.h"

/* X(name, text) */
#define MODEL_ROLE_TABLE(X)       \
    X(MODEL_CHAMPION, "champion") \
    X(MODEL_CHALLENGER, "challenger")

enum model_role {
#define X(name, text) name,
    MODEL_ROLE_TABLE(X)
#undef X
};

/* Where the value of an input comes from. */
struct model_source {
    struct span name;                        /* in the ruleset */
    int slot;                                /* of the row */
    int feature;                             /* its index; -1: it is none */
    const struct model_category *categories; /* [n_categories], sorted by name; NULL: numbers */
    int n_categories;
    double unknown; /* what a category is that is none of them */
};

/* Why a score is not explained. X(name, text) */
#define MODEL_UNEXPLAINED_TABLE(X)                                                         \
    X(MODEL_IS_EXPLAINED, "")                                                              \
    X(MODEL_WITHOUT_COUNTS, "without_counts") /* its file says of no node how many came */ \
    X(MODEL_TOO_LARGE, "too_large")           /* it would take too long */

enum model_unexplained {
#define X(name, text) name,
    MODEL_UNEXPLAINED_TABLE(X)
#undef X
};

/* What a score's reasons are (model_reasons.h). */
struct model_reasons {
    const struct template *const *texts; /* [n_inputs], each NULL for its own; NULL: so are all */
    int max;                             /* of one score */
    double least;                        /* share of what raised the score */
    enum model_unexplained unexplained;
};

struct bound_model {
    struct span name;
    struct diag_at at; /* of its name in the ruleset file */
    struct model model;
    struct span content; /* its file's bytes */
    enum model_role role;
    int challenges;    /* a challenger: the champion's index; else -1 */
    int output;        /* which of the model's is the score */
    bool is_judged_by; /* some live rule reads its score */
    struct calibration calibration;
    double threshold;                /* alone it would flag from here on; NaN: it has none */
    const struct baseline *baseline; /* how its training rows were; NULL: nobody says */
    struct span baseline_content;    /* that file's bytes; empty: there is none */
    char baseline_hash[HASH_ID_DIGITS + 1];
    struct drift_bounds drift;          /* with a baseline */
    const struct model_source *sources; /* [model.n_inputs] */
    struct model_reasons reasons;
};

/* What it said of one row. */
struct model_result {
    double score;         /* NaN: none */
    double output;        /* the same before its calibration */
    const double *inputs; /* [model.n_inputs] what it was given */
    int n_missing;        /* inputs that were */
    bool is_inexact;      /* some input was */
};

/*
 * inputs[model.n_inputs], from a row. `values`, in the order of features, say what an inexact one
 * is; NULL: such a one is missing. Of the result only n_missing and is_inexact are set.
 */
void bound_model_gather(const struct bound_model *m, const struct cel_value *row,
                        const struct window_value *values, double *inputs,
                        struct model_result *result);

/* The score of inputs[model.n_inputs]; NaN: none. O(trees * depth). */
double bound_model_evaluate(const struct bound_model *m, const double *inputs);

/* Gathered into inputs[model.n_inputs], which the result then points to, and evaluated.
 * O(inputs + trees * depth). */
void bound_model_score(const struct bound_model *m, const struct cel_value *row,
                       const struct window_value *values, double *inputs,
                       struct model_result *ret_result);

/* What the score can be at least and at most; bytes and such are as of any number. */
struct cel_bounds bound_model_bounds(const struct bound_model *m);

const char *model_role_text(enum model_role role);

#endif
