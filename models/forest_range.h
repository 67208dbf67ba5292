/*
 * forest_range.h -- what a forest can come to while inputs lie in ranges.
 *
 *     inputs    amount 10 .. 200, country 3        lanes    10 .. 200, 3
 *     a tree    amount < 100 ─┬─ 0.5               its leaves that some such row comes to:
 *                             └─ amount < 300 ...  the least and the greatest of them
 *
 * Both sums are made as forest_sum() makes its own, tree by tree and with the same rounding, so
 * that no row within the ranges has a sum outside of them. They are met where each tree can have
 * its least leaf at once; where all ranges are one value, they are that row's sum.
 *
 * Source: interval arithmetic; Moore, Kearfott, Cloud, "Introduction to Interval Analysis", 2009.
 *
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_FOREST_RANGE_H
#define SLUICE_MODELS_FOREST_RANGE_H

#include "models/forest.h"

/*
 * least[n_outputs] and most[n_outputs], to which the sums are added, while each input is between
 * lo and hi: both NaN is missing, -INFINITY to INFINITY anything, missing too. Takes from *nodes
 * what it looks at; false: there were too few. O(trees * depth) where ranges are one value, else
 * up to O(nodes).
 */
bool forest_range(const struct forest *f, const double *lo, const double *hi, double *least,
                  double *most, int64_t *nodes);

#endif
