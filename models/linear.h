/*
 * linear.h -- one number for each input, and their sum: linear models and scorecards.
 *
 *     a slope       weight * (x - mean) / scale
 *     bins          points[i] of the first with x < below[i]; the last takes the rest
 *     categories    points[code]; a code that there is none of: `other`
 *
 *     an input that is missing (NaN) adds its `missing`, which is NaN where it must not be
 *
 * A contribution is what an input adds less what it adds when it is as usual: a slope at its mean
 * adds 0, bins and categories their `neutral`. The margin is base + linear_neutral() + the sum of
 * contributions. For independent inputs, and neutral the mean, these are their Shapley values
 * (Lundberg and Lee 2017, corollary 1).
 *
 * Owns:    nothing; its arrays live in the arena of who built it. Read-only once built.
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_LINEAR_H
#define SLUICE_MODELS_LINEAR_H

#include <stdbool.h>

enum { LINEAR_BINS_MAX = 256 }; /* of one input; scorecards have five to ten */

enum linear_kind { LINEAR_SLOPE, LINEAR_BINS, LINEAR_CATEGORIES };

struct linear_input {
    enum linear_kind kind;
    int n_points;
    double weight, mean, scale;
    double *below;  /* [n_points - 1], ascending */
    double *points; /* [n_points] of bins or codes */
    double missing, other, neutral;
};

struct linear {
    struct linear_input *inputs; /* [n_inputs], as those of the model */
    int n_inputs;
};

/* What one input adds for `x`. O(bins). */
double linear_adds(const struct linear_input *in, double x);

/* The sum over inputs[n_inputs] (NaN: missing); NaN: one is missing that must not be. */
double linear_sum(const struct linear *l, const double *inputs);

/*
 * The least and the greatest sum while each input is between lo[n_inputs] and hi[n_inputs]: both
 * NaN is missing, -INFINITY to INFINITY anything, missing too. Both are sums of some row. true: one
 * may be missing that must not be; NaN, and false: one is. O(inputs * bins).
 */
bool linear_range(const struct linear *l, const double *lo, const double *hi, double *ret_least,
                  double *ret_most);

/* The sum when each input is as usual. */
double linear_neutral(const struct linear *l);

/* contributions[n_inputs] of one row. */
void linear_contributions(const struct linear *l, const double *inputs, double *contributions);

#endif
