/*
 * backtest_measure.h -- what decisions over a history were worth, once the truth is known.
 *
 * A transaction without a label by the end of the history counts as no fraud. Money is in 1e-4 of
 * the currency, sums stop at INT64_MAX and INT64_MIN; a history of several currencies sums their
 * numbers.
 *
 * The curve: had everything with at least this score been flagged. Its areas treat transactions
 * of one score as one step, as scikit-learn does:
 *
 *     average precision = sum over steps of (recall - recall before) * precision
 *     AUC ROC           = the trapezoids below (false positive rate, recall)
 *
 * Sources: Davis and Goadrich 2006, "The relationship between Precision-Recall and ROC curves";
 * Fawcett 2006, "An introduction to ROC analysis", algorithm 2.
 *
 * Threads: pure.
 */
#ifndef SLUICE_TRIAL_BACKTEST_MEASURE_H
#define SLUICE_TRIAL_BACKTEST_MEASURE_H

#include "service/trial/backtest_rulings.h"

#include <math.h>

enum { MEASURE_POINTS_MAX = 256 }; /* as many as a chart of 600 pixels can show */

struct measure_counts {
    uint64_t transactions, flagged;
    uint64_t frauds, caught;      /* labelled fraud; and flagged */
    uint64_t labelled;            /* fraud or legitimate */
    int64_t fraud_e4, stopped_e4; /* amounts of frauds; of those flagged */
    int64_t disturbed_e4;         /* amounts of what was flagged and was no fraud */
};

/* One rule, live or shadow, by its index. `alone`: no other rule fired. `caught_e4`: of frauds at
 * which it fired, flagged or not. */
struct measure_rule {
    uint64_t fired, frauds, alone, alone_frauds;
    int64_t caught_e4, disturbed_e4;
};

/* One model, champion or challenger, by its index, over the transactions that it scored. */
struct measure_model {
    uint64_t scored, missing; /* with a score, and without */
    uint64_t frauds;          /* of those scored */
    uint64_t above, caught;   /* scored at its threshold or over it; and fraud. 0 without one */
    double auc_roc, average_precision; /* NAN without both frauds and others */
    double median, p95, p99;           /* of its scores; NAN without any */
};

/* Flagging all with at least `score`. */
struct measure_point {
    double score;
    uint64_t flagged, caught;
    int64_t stopped_e4;
};

struct measure {
    struct measure_counts counts;
    double days;                       /* of event time, first to last, one at least */
    double auc_roc, average_precision; /* NAN without both frauds and others */
    struct measure_rule *rules;        /* [n_rules], on the heap */
    int n_rules;
    struct measure_model *models; /* [n_models], likewise */
    int n_models;
    struct measure_point points[MEASURE_POINTS_MAX]; /* from the highest score down */
    int n_points;
};

/* Two rulesets over the same events. */
struct measure_shares {
    uint64_t transactions, frauds;
    int64_t fraud_e4;
};

struct measure_overlap {
    struct measure_shares both, only_a, only_b; /* flagged by */
};

/* NAN when nothing was flagged, there was no fraud, nothing at all. */
static inline double measure_ratio(uint64_t part, uint64_t whole)
{
    return whole == 0 ? (double)NAN : (double)part / (double)whole;
}

/* Of `flagged`, the part that was fraud. NAN as above, and when no transaction at all is labelled:
 * then nobody knows. */
static inline double measure_precision(const struct measure_counts *c, uint64_t frauds,
                                       uint64_t flagged)
{
    return c->labelled == 0 ? (double)NAN : measure_ratio(frauds, flagged);
}

/* Money by what labels say, in the currency; NAN likewise. */
static inline double measure_money(const struct measure_counts *c, int64_t e4)
{
    return c->labelled == 0 ? (double)NAN : (double)e4 / 10000;
}

/*
 * `r` is settled; rules are those below n_rules; thresholds[r->n_models], NAN: that model has none.
 * O(n log n) in the transactions with a score above the lowest, and for each model in those that it
 * scored. Errors: ST_NO_SPACE, ST_CONFLICT (given up). The caller ends it with measure_fini.
 */
MUST_USE enum status measure_rulings(const struct rulings *r, int n_rules, const double *thresholds,
                                     const struct patience *p, struct measure *ret_measure);
void measure_fini(struct measure *m);

/* Of the events that both have decided. O(n). */
struct measure_overlap measure_overlap_of(const struct rulings *a, const struct rulings *b);

#endif
