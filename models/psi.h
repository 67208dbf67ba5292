/*
 * psi.h -- how far the rows of late are from those of training: the population stability index.
 *
 *     psi = sum over bins of (q - p) ln(q / p)      p: the bin's share in training, q: of late
 *
 * The missing are a bin. A share below PSI_SHARE_LEAST counts as that, so that an empty bin weighs
 * much, and not infinitely. As banks read it: below 0.1 nothing has moved, from 0.25 on it has
 * (Siddiqi, Credit Risk Scorecards, 2006). From n rows of an unmoved population it is some
 * (bins - 1) / n, which PSI_ROWS_MIN keeps at a tenth of the first bound.
 *
 *     window   | bucket | bucket | ... PSI_BUCKETS |      each of span / PSI_BUCKETS of time; the
 *     bucket   | counts[baseline.n_counts]         |      oldest becomes the newest
 *
 * Owns:    nothing; a window lives in the arena given, and borrows its baseline.
 * Threads: one adds to a window; any may sum it meanwhile, and may miss what is just added, or, as
 *          a bucket turns over, some of it.
 */
#ifndef SLUICE_MODELS_PSI_H
#define SLUICE_MODELS_PSI_H

#include "models/baseline.h"

enum {
    PSI_BUCKETS = 24,    /* a day by hours; of a window 1/24 comes or goes at once */
    PSI_ROWS_MIN = 1000, /* below it chance alone may look like drift */
};

#define PSI_SHARE_LEAST 1e-4 /* a tenth of what one of PSI_ROWS_MIN is */

struct psi_window {
    const struct baseline *baseline;
    int64_t bucket_ms;
    int64_t began[PSI_BUCKETS]; /* in buckets since 1970, and 1; 0: it is empty */
    uint32_t *counts;           /* [PSI_BUCKETS][n_counts] */
};

/* `span_ms` is PSI_BUCKETS at least. Errors: ST_NO_SPACE. */
MUST_USE enum status psi_window_init(struct psi_window *w, const struct baseline *b,
                                     int64_t span_ms, struct arena *arena);

/* A row was scored; `now_ms` since 1970. O(inputs * bins). */
void psi_window_add(struct psi_window *w, int64_t now_ms, const double *inputs, double score);

/* Adds what came within the span before now_ms to counts[n_counts]. */
void psi_window_sum(const struct psi_window *w, int64_t now_ms, uint64_t *counts);

struct psi {
    uint64_t rows;
    double index;   /* NaN: fewer than PSI_ROWS_MIN rows */
    double missing; /* the share of late; NaN: there are no rows */
};

/* Of one distribution, from the counts of all. */
struct psi psi_of(const struct distribution *d, const uint64_t *counts);

#endif
