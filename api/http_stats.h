/*
 * http_stats.h -- what one worker counts. It alone writes, with stats_add; any worker may read
 * (/metrics), with stats_get.
 */
#ifndef SLUICE_API_HTTP_STATS_H
#define SLUICE_API_HTTP_STATS_H

#include "api/route.h"
#include "service/engine/engine_stats.h"

enum {
    HTTP_STATUS_CLASSES = 6, /* status / 100; 0: the client left before its answer */
    HTTP_NO_ROUTE = ROUTES,  /* row of what found no route */
};

struct http_stats {
    uint64_t requests[ROUTES + 1][HTTP_STATUS_CLASSES];
    struct latency latency[ROUTES + 1];
    uint64_t connections_refused; /* over the limit */
    uint64_t streams_refused;     /* over the limit */
    uint64_t streams_dropped;     /* their client was too slow */
};

#endif
