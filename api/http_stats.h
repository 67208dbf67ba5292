/*
 * http_stats.h -- what one worker counts. It alone writes; any worker may read (/metrics).
 */
#ifndef SLUICE_API_HTTP_STATS_H
#define SLUICE_API_HTTP_STATS_H

#include "api/route.h"

#include <stdatomic.h>
#include <stdint.h>

/* Upper edges of the latency histogram in microseconds; a last bucket takes the rest. */
#define HTTP_BUCKET_TABLE(X)                                                                       \
    X(50) X(100) X(250) X(500) X(1000) X(2500) X(5000) X(10000) X(25000) X(50000) X(100000)        \
    X(250000) X(1000000)

enum {
    HTTP_STATUS_CLASSES = 6, /* 0 of 5xx is never used; index is status / 100 */
#define X(us) +1
    HTTP_BUCKETS = 0 HTTP_BUCKET_TABLE(X),
#undef X
    HTTP_NO_ROUTE = ROUTES, /* row of what found no route */
};

typedef _Atomic uint64_t http_count;

struct http_stats {
    http_count requests[ROUTES + 1][HTTP_STATUS_CLASSES];
    http_count latency_buckets[ROUTES + 1][HTTP_BUCKETS + 1];
    http_count latency_us_sum[ROUTES + 1];
    http_count connections;         /* open now */
    http_count connections_refused; /* over the limit */
};

/* One writer: no lock prefix is needed. */
static inline void http_count_add(http_count *c, uint64_t n)
{
    uint64_t v = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, v + n, memory_order_relaxed);
}

static inline uint64_t http_count_get(const http_count *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

#endif
