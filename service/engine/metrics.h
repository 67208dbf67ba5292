/*
 * metrics.h -- what was counted, as Prometheus text (format 0.0.4).
 *
 *     # HELP name help
 *     # TYPE name gauge
 *     name 17
 *
 * Threads: pure; what is read may be counted on meanwhile (stats_add).
 */
#ifndef SLUICE_ENGINE_METRICS_H
#define SLUICE_ENGINE_METRICS_H

#include "service/base/text.h"
#include "service/engine/engine_stats.h"

/* The first two lines. `type`: counter, gauge or histogram. */
void metrics_type(struct text *out, const char *name, const char *type, const char *help);

/* All three. */
void metrics_value(struct text *out, const char *name, const char *type, const char *help,
                   uint64_t value);

/* A label's value, without its quotes: \\, " and newlines are escaped. */
void metrics_label(struct text *out, struct span value);

/* A sample's value, in Prometheus's words where it is not finite: +Inf, -Inf, NaN. */
void metrics_number(struct text *out, double value);

/* A histogram's samples, behind metrics_type(). `labels`: "", or such as `route="/livez"`. */
void metrics_latency(struct text *out, const char *name, const char *labels,
                     const struct latency *l);

#endif
