/*
 * cel_range.h -- arithmetic and comparison of inexact numbers.
 *
 *     [9, 12] > 8    true        [9, 12] + 1      [10, 13]
 *     [9, 12] > 10   inexact     100 / [9, 12]    [8, 11]        1 / [-1, 1]   inexact
 *
 * Doubles are widened outward by one unit in the last place, so that the true result stays within.
 *
 * Source: Moore, Kearfott, Cloud, "Introduction to Interval Analysis" (2009), chapter 2.
 */
#ifndef SLUICE_RULES_CEL_RANGE_H
#define SLUICE_RULES_CEL_RANGE_H

#include "rules/cel_ops.h"

/* One of `a` and `b` at least is a range; neither is an error. */
struct cel_value cel_range_arithmetic(enum cel_arithmetic op, const struct cel_value *a,
                                      const struct cel_value *b);
struct cel_value cel_range_compare(enum cel_comparison op, const struct cel_value *a,
                                   const struct cel_value *b);
struct cel_value cel_range_equals(const struct cel_value *a, const struct cel_value *b);
struct cel_value cel_range_negate(const struct cel_value *a);

#endif
