/*
 * watched.h -- rulesets with models that have a baseline, for the tests of what is counted by it.
 *
 *     amount   | x <= 10 | the rest |     of each half of the rows, and none missing
 *     score    | x <= 0.5 | the rest |    likewise; it is amount / 20
 */
#ifndef SLUICE_TESTS_ENGINE_WATCHED_H
#define SLUICE_TESTS_ENGINE_WATCHED_H

#include "service/engine/model_table.h"

/* What `models:` holds, and the rows of `fraud.yaml`; `next.yaml` is another model of the same
 * input. The files are gone again when it returns; snapshot_unref() it. */
struct snapshot *watched_load(const char *models, const char *rules);

#define WATCHED_FRAUD "  fraud: {file: fraud.yaml, baseline: b.json}\n"
#define WATCHED_RULES "rules: []\n"

/* A row of such a model: it was given this amount. inputs[1] is written. */
struct model_result watched_row(double amount, double *inputs);

#endif
