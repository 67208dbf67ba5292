/*
 * drift.h -- from where on the rows of late are no longer those that a model was trained on.
 *
 *     drift: {window: 1d, psi: 0.25, missing: 0.1}
 *
 *     index    0 ........ 0.1 ........ psi ........     of one input, or of the score (psi.h)
 *              stable     moving       drifted
 *
 *     missing  its share of late is another than in training by `missing` or more: drifted, too
 *
 * Owns:    nothing.
 * Threads: any.
 */
#ifndef SLUICE_MODELS_DRIFT_H
#define SLUICE_MODELS_DRIFT_H

#include "models/psi.h"
#include "service/base/shape.h"

#define DRIFT_WINDOW_MIN_MS INT64_C(60000)              /* 2.5 s a bucket: sooner is no trend */
#define DRIFT_WINDOW_MAX_MS (30 * INT64_C(86400000))    /* what moves slower is for retraining */
#define DRIFT_WINDOW_DEFAULT_MS (1 * INT64_C(86400000)) /* day and night are in it */
#define DRIFT_PSI_MOVING 0.1
#define DRIFT_PSI_DEFAULT 0.25
#define DRIFT_PSI_MAX 20.0 /* two shares that changed places wholly have 18.4 */
#define DRIFT_MISSING_DEFAULT 0.1

/* In ascending order of concern. X(name, text) */
#define DRIFT_STATE_TABLE(X)                                       \
    X(DRIFT_UNKNOWN, "unknown") /* fewer than PSI_ROWS_MIN rows */ \
    X(DRIFT_STABLE, "stable")                                      \
    X(DRIFT_MOVING, "moving")                                      \
    X(DRIFT_DRIFTED, "drifted")

enum drift_state {
#define X(name, text) name,
    DRIFT_STATE_TABLE(X)
#undef X
};

struct drift_bounds {
    int64_t window_ms; /* how far back the rows of late go */
    double psi;        /* drifted from this index on */
    double missing;    /* or from this change of the missing share on */
};

extern const struct shape drift_shape;

/*
 * `node` is what stands behind `drift:` in `file`; NULL: what holds by default.
 * Errors: ST_INVALID, with a diagnostic.
 */
MUST_USE enum status drift_load(const struct yaml_file *file, const struct yaml_node *node,
                                struct diag_list *diags, struct drift_bounds *ret_bounds);

/* Of one distribution, `d` in training. */
enum drift_state drift_state_of(const struct drift_bounds *bounds, const struct distribution *d,
                                const struct psi *psi);

const char *drift_state_text(enum drift_state state);

#endif
