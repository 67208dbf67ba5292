/*
 * model.h -- a trained scorer, read from the trainer's own file: numbers in, a score out.
 *
 *     inputs[n] f64, NaN missing ──> margin[k] ──transform──> output[k] ──class──> score
 *
 *     fraud.json fraud.ubj   XGBoost                         model_xgboost.h
 *     fraud.txt              LightGBM                        model_lightgbm.h
 *     fraud.yaml             linear, scorecard               model_linear.h
 *     fraud.forest.json      isolation forest                model_isolation.h
 *
 * The file is told by its bytes. It is checked whole when it is loaded: every index, every split;
 * whatever it holds, evaluating reads only what is its own. The numbers are the trainer's own to
 * the last digits: float32 where XGBoost has that, in its order.
 *
 * Owns:    everything lives in the arena given to model_load. Read-only afterwards.
 * Threads: any; evaluating allocates nothing and takes no lock.
 */
#ifndef SLUICE_MODELS_MODEL_H
#define SLUICE_MODELS_MODEL_H

#include "models/forest.h"
#include "models/linear.h"
#include "service/base/diag.h"

enum {
    MODEL_FILE_MAX = 64 << 20, /* bytes: a thousand trees of depth 8 as JSON are half of it */
    MODEL_INPUTS_MAX = 512,
    MODEL_INPUT_NAME_MAX = 128,
    MODEL_CATEGORIES_MAX = 4096, /* of one input, by name */
};

/* X(name, text) */
#define MODEL_FORMAT_TABLE(X)       \
    X(MODEL_XGBOOST, "xgboost")     \
    X(MODEL_LIGHTGBM, "lightgbm")   \
    X(MODEL_LINEAR, "linear")       \
    X(MODEL_SCORECARD, "scorecard") \
    X(MODEL_ISOLATION, "isolation_forest")

enum model_format {
#define X(name, text) name,
    MODEL_FORMAT_TABLE(X)
#undef X
};

/* From the margins to the outputs; an output never falls as its margin rises. X(name, text) */
#define MODEL_TRANSFORM_TABLE(X)                                  \
    X(MODEL_IDENTITY, "identity")                                 \
    X(MODEL_SIGMOID, "sigmoid") /* 1 / (1 + e^-(scale * x)) */    \
    X(MODEL_SOFTMAX, "softmax")                                   \
    X(MODEL_EXP, "exp")         /* e^x: counts, gamma, tweedie */ \
    X(MODEL_SQUARE, "square")   /* sign(x) * x^2: of roots */     \
    X(MODEL_ANOMALY, "anomaly") /* 2^(x / scale): isolation forest's paths, below zero */

enum model_transform {
#define X(name, text) name,
    MODEL_TRANSFORM_TABLE(X)
#undef X
};

struct model_input {
    struct span name;
    bool is_category;        /* its value is a code, a whole number from 0 */
    struct span *categories; /* the names of codes 0 to n-1, where the file has them; else NULL.
                              * A number that has a code is named as JSON writes it: "5411" */
    int n_categories;
};

struct model {
    enum model_format format;
    struct span objective; /* as the file says it: "binary:logistic" */
    struct model_input *inputs;
    int n_inputs;
    int n_outputs;
    enum model_transform transform;
    double scale;
    double *base;                /* [n_outputs] what the margins begin with */
    bool averages;               /* the sum of trees is divided by their number (random forests) */
    const struct forest *forest; /* of one of these; the other is NULL */
    const struct linear *linear;
    char hash[17]; /* 16 hex: first 64 bits of the file's SHA-256 */
};

/*
 * Load the bytes of a file, named `name` in diagnostics. O(bytes).
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_UNSUPPORTED, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status model_load(const char *name, struct span bytes, struct arena *arena,
                                struct diag_list *diags, struct model *ret_model);

/* margins[n_outputs] and outputs[n_outputs] of one row; `margins` may be NULL. NaN: none, an input
 * is missing that must not be. */
void model_score(const struct model *m, const double *inputs, double *margins, double *outputs);

/* The two ends of that, for who sums trees another way: what the sum of one output's trees begins
 * with, its margin, and outputs[n_outputs] from margins[n_outputs]. */
double model_sum_begin(const struct model *m, int output);
double model_sum_end(const struct model *m, int output, double sum);
void model_outputs(const struct model *m, const double *margins, double *outputs);

/* model_score() of many rows, one behind the other in each array, and quicker. */
void model_score_rows(const struct model *m, const double *inputs, size_t n_rows, double *margins,
                      double *outputs);

/* The input of that name; -1: there is none. */
int model_input_find(const struct model *m, struct span name);

/* The one that was perhaps meant; -1: none is near. */
int model_input_nearest(const struct model *m, struct span wrong);

/* What stands for a category that an input has none of: to trees it is missing, as the libraries
 * have it of data frames; to a linear model it is another one, -1. */
double model_other_category(const struct model *m);

/* What evaluating it takes at most: a step is a level of a tree, or an input of a linear model or a
 * scorecard, and takes one to two nanoseconds. O(trees). */
int64_t model_steps(const struct model *m);

const char *model_format_text(enum model_format format);
const char *model_transform_text(enum model_transform transform);

#endif
