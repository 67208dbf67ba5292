/*
 * score_metrics.h -- how the scores of each model are spread, as a histogram.
 *
 * Private to api/. Threads: of the worker that asks.
 */
#ifndef SLUICE_API_SCORE_METRICS_H
#define SLUICE_API_SCORE_METRICS_H

#include "api/http_worker.h"

/* Nothing, where the ruleset has no models. */
void score_metrics(struct text *out, const struct http_server *s, const struct snapshot *snap);

#endif
