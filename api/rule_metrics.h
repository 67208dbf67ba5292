/*
 * rule_metrics.h -- what labels say of rules and decisions, as metrics.
 *
 * Gauges: a later label takes an earlier one back. With Redis they are those of all instances.
 *
 * Private to api/. Threads: of the worker that asks.
 */
#ifndef SLUICE_API_RULE_METRICS_H
#define SLUICE_API_RULE_METRICS_H

#include "api/http_worker.h"
#include "service/engine/rule_table.h"

/* Of `t`; NULL: the state has not said, and they are left out. */
void rule_metrics_labelled(struct text *out, const struct rule_table *t);

/* How long the labels took that this process has counted. */
void rule_metrics_lag(struct text *out, const struct http_server *s);

#endif
