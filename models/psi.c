#include "models/psi.h"

#include "service/base/check.h"

#include <math.h>

/* ---- the window ---- */

enum status psi_window_init(struct psi_window *w, const struct baseline *b, int64_t span_ms,
                            struct arena *arena)
{
    void *counts;
    CHECK(span_ms >= PSI_BUCKETS);
    enum status st =
        arena_alloc(arena, (size_t)PSI_BUCKETS * (size_t)b->n_counts * sizeof *w->counts, &counts);
    if (st != ST_OK)
        return st;
    *w = (struct psi_window){.baseline = b, .bucket_ms = span_ms / PSI_BUCKETS, .counts = counts};
    return ST_OK;
}

static uint32_t *counts_of(const struct psi_window *w, int bucket)
{
    return w->counts + (size_t)bucket * (size_t)w->baseline->n_counts;
}

/* Taken out before it is emptied: what it counted is not of the time that it will be. */
static void turn_over(struct psi_window *w, int bucket, int64_t began)
{
    uint32_t *counts = counts_of(w, bucket);
    __atomic_store_n(&w->began[bucket], 0, __ATOMIC_RELEASE);
    for (int i = 0; i < w->baseline->n_counts; i++)
        __atomic_store_n(&counts[i], 0, __ATOMIC_RELAXED);
    __atomic_store_n(&w->began[bucket], began, __ATOMIC_RELEASE);
}

static void count(uint32_t *counts, const struct distribution *d, double x)
{
    uint32_t *c = &counts[d->first + distribution_bin(d, x)];
    __atomic_store_n(c, *c + (*c < UINT32_MAX), __ATOMIC_RELAXED);
}

void psi_window_add(struct psi_window *w, int64_t now_ms, const double *inputs, double score)
{
    const struct baseline *b = w->baseline;
    int64_t began = now_ms / w->bucket_ms + 1;
    int bucket = (int)(began % PSI_BUCKETS);
    CHECK(now_ms >= 0);
    if (w->began[bucket] != began)
        turn_over(w, bucket, began);
    for (int i = 0; i < b->n - 1; i++)
        count(counts_of(w, bucket), &b->of[i], inputs[i]);
    count(counts_of(w, bucket), &b->of[b->n - 1], score);
}

void psi_window_sum(const struct psi_window *w, int64_t now_ms, uint64_t *counts)
{
    int64_t last = now_ms / w->bucket_ms + 1;
    for (int k = 0; k < PSI_BUCKETS; k++) {
        const uint32_t *from = counts_of(w, k);
        int64_t began = __atomic_load_n(&w->began[k], __ATOMIC_ACQUIRE);
        if (began == 0 || began > last || began <= last - PSI_BUCKETS)
            continue;
        for (int i = 0; i < w->baseline->n_counts; i++)
            counts[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
    }
}

/* ---- the index ---- */

static double moved(double before, double of_late)
{
    double p = before > PSI_SHARE_LEAST ? before : PSI_SHARE_LEAST;
    double q = of_late > PSI_SHARE_LEAST ? of_late : PSI_SHARE_LEAST;
    return (q - p) * log(q / p);
}

struct psi psi_of(const struct distribution *d, const uint64_t *counts)
{
    const uint64_t *own = counts + d->first;
    struct psi psi = {.index = NAN, .missing = NAN};
    double index = 0;
    for (int i = 0; i <= d->n_bins; i++)
        psi.rows += own[i];
    if (psi.rows == 0)
        return psi;
    for (int i = 0; i <= d->n_bins; i++)
        index += moved(d->shares[i], (double)own[i] / (double)psi.rows);
    psi.missing = (double)own[d->n_bins] / (double)psi.rows;
    if (psi.rows >= PSI_ROWS_MIN)
        psi.index = index;
    return psi;
}
