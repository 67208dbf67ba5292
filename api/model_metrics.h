/*
 * model_metrics.h -- what models scored, and how far their inputs are from training, as metrics.
 *
 * Private to api/. Threads: of the worker that asks.
 */
#ifndef SLUICE_API_MODEL_METRICS_H
#define SLUICE_API_MODEL_METRICS_H

#include "api/http_worker.h"
#include "service/engine/model_table.h"

/* Inputs of all models that have samples of their own, in the ruleset's order; how many of a model
 * have drifted is told of all. A series costs its keeper some KB. */
enum { MODEL_METRICS_INPUTS_MAX = 1024 };

/* The table over all workers, as of now; model_table_fini() it. */
void http_model_table(const struct http_server *s, const struct snapshot *snap,
                      struct model_table *ret_table);

/* Nothing, where there are no models. */
void model_metrics(struct text *out, const struct model_table *t);

#endif
