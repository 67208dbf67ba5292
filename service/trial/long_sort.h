/*
 * long_sort.h -- qsort over so much that one may want to give it up.
 *
 *     | piece | piece | piece | piece |      each by qsort
 *     |     merged    |     merged    |
 *     |             sorted            |      between any two it is asked
 *
 * Threads: pure.
 */
#ifndef SLUICE_TRIAL_LONG_SORT_H
#define SLUICE_TRIAL_LONG_SORT_H

#include "service/base/status.h"
#include "service/trial/patience.h"

/*
 * Sort `n` items of `size` bytes in place; equal ones in any order. Takes as much memory again when
 * there are more than PATIENCE_STEPS. O(n log n). Errors: ST_CONFLICT (given up; they then stand in
 * any order, perhaps not all of them), ST_NO_SPACE.
 */
MUST_USE enum status long_sort(void *items, size_t n, size_t size,
                               int (*compare)(const void *, const void *),
                               const struct patience *p);

#endif
