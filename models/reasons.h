/*
 * reasons.h -- which inputs raised a score the most.
 *
 *     contributions   | amount 1.2 | age -0.4 | country 0.3 | hour 0.1 | ... |
 *     of the raising    75 %                    19 %          6 %
 *     least 10 %    ──> amount, country
 *
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_REASONS_H
#define SLUICE_MODELS_REASONS_H

#include "models/model.h"

enum { REASONS_MAX = 16 }; /* of one row: nobody reads more */

struct reason {
    int input;
    double raised; /* the margin, with which the score rises: above 0 */
    double share;  /* of what all inputs raised together: above 0, at most 1 */
};

/*
 * Fills reasons[n_max] with those that raised the score the most, the first the most, equal ones in
 * the order of inputs, and says how many: none whose share is below `least_share`.
 * `contributions` are model_explain's; one that is not finite is passed over. n_max is at most
 * REASONS_MAX. O(inputs * n_max).
 */
int reasons_top(const struct model *m, const double *contributions, double least_share, int n_max,
                struct reason *reasons);

#endif
