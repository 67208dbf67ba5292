/*
 * calibration.h -- from a model's score to a probability, as it was fitted on rows kept aside.
 *
 *     calibration: none
 *     calibration: {platt: {a: -6.1, b: 3.2}}                       1 / (1 + e^(a * score + b))
 *     calibration: {isotonic: {x: [0.1, 0.4, 0.9], y: [0.01, 0.2, 0.8]}}
 *
 *     y |        .-----        straight between the points,
 *       |     .-'              and level before the first and behind the last
 *       |----'
 *       +---|----|---> x
 *
 * The names are scikit-learn's: a and b are `a_` and `b_` of CalibratedClassifierCV's calibrators
 * (Platt 1999), x and y are `X_thresholds_` and `y_thresholds_` of an IsotonicRegression. A higher
 * score never becomes a lower probability: a is below 0, x ascends, y does not fall.
 *
 * Owns:    nothing; points live in the arena given to calibration_load. Read-only afterwards.
 * Threads: any.
 */
#ifndef SLUICE_MODELS_CALIBRATION_H
#define SLUICE_MODELS_CALIBRATION_H

#include "service/base/shape.h"

enum { CALIBRATION_POINTS_MAX = 4096 }; /* scikit-learn leaves some hundreds of a million rows */

enum calibration_kind { CALIBRATION_NONE, CALIBRATION_PLATT, CALIBRATION_ISOTONIC };

struct calibration {
    enum calibration_kind kind;
    double a, b;
    double *x, *y; /* [n_points] */
    int n_points;
};

extern const struct shape calibration_shape;

/*
 * `node` is what stands behind `calibration:` in `file`; NULL: none. O(points).
 * Errors: ST_INVALID, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status calibration_load(const struct yaml_file *file, const struct yaml_node *node,
                                      struct arena *arena, struct diag_list *diags,
                                      struct calibration *ret_calibration);

/* The probability, 0 to 1; the score itself with CALIBRATION_NONE; NaN of NaN. O(log points). */
double calibration_apply(const struct calibration *c, double score);

#endif
