/*
 * window.h -- the aggregates, and the value of one of them: exact, or honest about it.
 *
 * A window W with delay D at time t covers t - D - W < ts <= t - D, in milliseconds.
 */
#ifndef SLUICE_STATE_WINDOW_H
#define SLUICE_STATE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

/* X(name, text, what `of` must be: '-' nothing, 'n' a number, 'v' any value, 'g' a place, is the
 * value an int) */
#define AGGREGATE_TABLE(X)                             \
    X(AGG_COUNT, "count", '-', true)                   \
    X(AGG_SUM, "sum", 'n', false)                      \
    X(AGG_AVG, "avg", 'n', false)                      \
    X(AGG_MIN, "min", 'n', false)                      \
    X(AGG_MAX, "max", 'n', false)                      \
    X(AGG_STDDEV, "stddev", 'n', false)                \
    X(AGG_DISTINCT, "distinct", 'v', true)             \
    X(AGG_SINCE_LAST, "since_last", '-', false)        \
    X(AGG_SINCE_FIRST, "since_first", '-', false)      \
    X(AGG_IS_NEW, "is_new", 'v', true) /* 1 or 0 */    \
    X(AGG_FRAUD_COUNT, "fraud_count", '-', true)       \
    X(AGG_FRAUD_RATE, "fraud_rate", '-', false)        \
    X(AGG_DECLINE_COUNT, "decline_count", '-', true)   \
    X(AGG_REVERSAL_COUNT, "reversal_count", '-', true) \
    X(AGG_SPEED_KMH, "speed_kmh", 'g', false)

enum aggregate {
#define X(name, text, of, is_int) name,
    AGGREGATE_TABLE(X)
#undef X
        AGGREGATES,
};

/*
 * A feature's value. `scale` > 0: fixed point, the i64 members in units of 1/scale (a count
 * has scale 1); scale 0: the f64 members. Exact: lo == value == hi. A bound that is not
 * known is unbounded_lo / unbounded_hi, and lo / hi is then the widest number.
 */
struct window_value {
    bool missing;
    bool maybe_missing; /* inexact, and the true value may be missing */
    bool exact;
    bool unbounded_lo, unbounded_hi;
    bool uncovered; /* the window begins before the logs have what the feature reads */
    int32_t scale;
    union {
        int64_t i64;
        double f64;
    } value, lo, hi;
};

/* The member as the nearest double. */
double window_value_double(const struct window_value *v);
double window_lo_double(const struct window_value *v);
double window_hi_double(const struct window_value *v);

#endif
