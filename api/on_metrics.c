/* GET /metrics: what all workers counted, as Prometheus text (format 0.0.4). */
#include "api/model_metrics.h"
#include "api/rule_board.h"
#include "api/rule_metrics.h"
#include "api/score_metrics.h"
#include "service/engine/metrics.h"

#include <stdio.h>

enum {
    METRICS_TEXT_BYTES = 8 << 20, /* RULES_MAX rules with labels, and histograms of all routes */
    LABELS_BYTES = 128,
};

/* ---- HTTP ---- */

static const char *method_text(int route)
{
    if (route == HTTP_NO_ROUTE)
        return "other";
    switch (routes[route].method) {
    case METHOD_POST:
        return "POST";
    case METHOD_PUT:
        return "PUT";
    case METHOD_DELETE:
        return "DELETE";
    default:
        return "GET"; /* the table has no other */
    }
}

static const char *route_labels(int route, char labels[LABELS_BYTES])
{
    snprintf(labels, LABELS_BYTES, "method=\"%s\",route=\"%s\"", method_text(route),
             route == HTTP_NO_ROUTE ? "none" : routes[route].path);
    return labels;
}

static uint64_t sum_requests(const struct http_server *s, int route, int class)
{
    uint64_t n = 0;
    for (int i = 0; i < s->n_workers; i++)
        n += stats_get(&s->workers[i]->stats.requests[route][class]);
    return n;
}

static void put_requests(struct text *out, const struct http_server *s)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    metrics_type(out, "sluice_http_requests_total", "counter",
                 "HTTP requests; status none: the client left before its answer");
    char labels[LABELS_BYTES];
    for (int route = 0; route <= ROUTES; route++)
        for (int class = 0; class < HTTP_STATUS_CLASSES; class ++) {
            uint64_t n = sum_requests(s, route, class);
            if (n > 0 || class == 2)
                text_printf(out, "sluice_http_requests_total{%s,status=\"%s\"} %llu\n",
                            route_labels(route, labels), classes[class], (unsigned long long)n);
        }
}

static void put_latency_of(struct text *out, const struct http_server *s, const char *name,
                           int route)
{
    char labels[LABELS_BYTES];
    struct latency total = {0};
    for (int i = 0; i < s->n_workers; i++)
        latency_add(&total, &s->workers[i]->stats.latency[route]);
    metrics_latency(out, name, route_labels(route, labels), &total);
}

static void put_latency(struct text *out, const struct http_server *s)
{
    const char *name = "sluice_http_request_duration_seconds";
    metrics_type(out, name, "histogram", "Time from a request's header to the end of its answer");
    for (int route = 0; route <= ROUTES; route++)
        put_latency_of(out, s, name, route);
}

static uint64_t sum_http(const struct http_server *s, size_t offset)
{
    uint64_t n = 0;
    for (int i = 0; i < s->n_workers; i++) {
        const char *stats = (const char *)&s->workers[i]->stats;
        n += stats_get((const uint64_t *)(const void *)(stats + offset));
    }
    return n;
}

static void put_connections(struct text *out, const struct http_server *s)
{
    metrics_value(out, "sluice_http_connections", "gauge", "Open connections",
                  (uint64_t)s->connections);
    metrics_value(out, "sluice_http_connections_refused_total", "counter",
                  "Connections over limits.connections",
                  sum_http(s, offsetof(struct http_stats, connections_refused)));
}

static void put_streams(struct text *out, const struct http_server *s)
{
    metrics_value(out, "sluice_alert_streams", "gauge", "Open streams of alerts",
                  (uint64_t)s->streams);
    metrics_value(out, "sluice_alert_streams_refused_total", "counter",
                  "Streams over limits.streams",
                  sum_http(s, offsetof(struct http_stats, streams_refused)));
    metrics_value(out, "sluice_alert_streams_dropped_total", "counter",
                  "Streams ended because their client was too slow",
                  sum_http(s, offsetof(struct http_stats, streams_dropped)));
}

/* ---- the engine ---- */

static uint64_t sum_engine(const struct http_server *s, size_t offset)
{
    uint64_t n = 0;
    for (int i = 0; i < s->n_workers; i++) {
        const char *stats = (const char *)s->workers[i]->engine->stats;
        n += stats_get((const uint64_t *)(const void *)(stats + offset));
    }
    return n;
}

static void put_decisions(struct text *out, const struct http_server *s)
{
    metrics_type(out, "sluice_decisions_total", "counter", "Decisions made");
    text_printf(out, "sluice_decisions_total{decision=\"allow\"} %llu\n",
                (unsigned long long)sum_engine(s, offsetof(struct engine_stats, allowed)));
    text_printf(out, "sluice_decisions_total{decision=\"flag\"} %llu\n",
                (unsigned long long)sum_engine(s, offsetof(struct engine_stats, flagged)));
}

static void put_events(struct text *out, const struct http_server *s)
{
    static const struct {
        const char *name;
        const char *help;
        size_t offset;
    } counters[] = {
#define X(member, text) {#member, text, offsetof(struct engine_stats, member)},
        ENGINE_STATS_TABLE(X)
#undef X
    };
    metrics_type(out, "sluice_events_total", "counter", "What became of events, by engine counter");
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        text_printf(out, "sluice_events_total{what=\"%s\"} %llu\n", counters[i].name,
                    (unsigned long long)sum_engine(s, counters[i].offset));
}

static void put_state_latency(struct text *out, const struct http_server *s)
{
    const char *name = "sluice_state_duration_seconds";
    char labels[LABELS_BYTES];
    struct latency total = {0};
    for (int i = 0; i < s->n_workers; i++)
        latency_add(&total, &s->workers[i]->engine->stats->state_latency);
    snprintf(labels, sizeof labels, "backend=\"%s\"", s->workers[0]->engine->state->backend->name);
    metrics_type(out, name, "histogram", "Time until state had answered an observation");
    metrics_latency(out, name, labels, &total);
}

/* ---- the ruleset ---- */

/* Of a counter by rule, which stands at `offset` of struct engine_stats. */
static uint64_t sum_rule(const struct http_server *s, const struct snapshot *snap, size_t offset,
                         const struct rule *rule)
{
    uint64_t n = 0;
    for (int i = 0; i < s->n_workers; i++) {
        const struct engine_stats *stats = s->workers[i]->engine->stats;
        const char *counters = (const char *)stats + offset;
        if (stats_get(&stats->fired_ruleset) == snap->id)
            n += stats_get((const uint64_t *)(const void *)counters + rule->index);
    }
    return n;
}

/* A rule's id needs no escapes; nothing else from outside becomes a label. */
static void put_fired(struct text *out, const struct rule *rule, enum rule_mode mode, uint64_t n)
{
    text_printf(out, "sluice_rule_fired_total{rule=\"%.*s\",mode=\"%s\"} %llu\n",
                SPAN_ARG(rule->id), rule_mode_text(mode), (unsigned long long)n);
}

static void put_rules(struct text *out, const struct http_server *s, const struct snapshot *snap)
{
    metrics_type(out, "sluice_rule_fired_total", "counter", "Times a rule of this ruleset fired");
    for (int i = 0; i < snap->rules->count; i++) {
        const struct rule *rule = snap->rules->rules[i];
        uint64_t fired = sum_rule(s, snap, offsetof(struct engine_stats, fired), rule);
        uint64_t held = sum_rule(s, snap, offsetof(struct engine_stats, held), rule);
        put_fired(out, rule, rule->mode, fired);
        if (rule->rollout.share_e4 < ROLLOUT_ALL_E4)
            put_fired(out, rule, RULE_SHADOW, held);
    }
}

/* Of rules whose condition has a threshold that can be moved. */
static void put_near_misses(struct text *out, const struct http_server *s,
                            const struct snapshot *snap)
{
    metrics_type(out, "sluice_rule_near_misses_total", "counter",
                 "Times a rule of this ruleset stopped just under its threshold");
    for (int i = 0; i < snap->rules->count; i++) {
        const struct rule *rule = snap->rules->rules[i];
        if (!rule_has_near(rule) || rule->mode == RULE_OFF)
            continue;
        uint64_t n = sum_rule(s, snap, offsetof(struct engine_stats, near), rule);
        text_printf(out, "sluice_rule_near_misses_total{rule=\"%.*s\"} %llu\n", SPAN_ARG(rule->id),
                    (unsigned long long)n);
    }
}

static void put_ruleset_info(struct text *out, const struct snapshot *snap)
{
    metrics_type(out, "sluice_ruleset_info", "gauge", "The ruleset that decides");
    text_printf(out, "sluice_ruleset_info{ruleset=\"%s\",decided_by=\"%s\"} 1\n", snap->id_text,
                snap->decided_by);
    metrics_type(out, "sluice_ruleset_loaded_timestamp_seconds", "gauge", "Since when it decides");
    text_str(out, "sluice_ruleset_loaded_timestamp_seconds ");
    text_fixed(out, snap->loaded_at_ms, 1000);
    text_char(out, '\n');
    metrics_type(out, "sluice_build_info", "gauge", "This build");
    text_printf(out, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
}

/* With what labels say, when the state does. */
static void show(struct request *r, const struct rule_table *t)
{
    const struct http_server *s = r->worker->server;
    struct text out;
    if (request_heap_text(r, METRICS_TEXT_BYTES, &out) != ST_OK)
        return;
    struct snapshot *snap = snapshot_current(r->worker->engine->snapshots);
    struct model_table models;
    http_model_table(s, snap, &models);
    put_requests(&out, s);
    put_latency(&out, s);
    put_connections(&out, s);
    put_streams(&out, s);
    put_decisions(&out, s);
    put_events(&out, s);
    put_state_latency(&out, s);
    put_rules(&out, s, snap);
    put_near_misses(&out, s, snap);
    model_metrics(&out, &models);
    rule_metrics_labelled(&out, t);
    rule_metrics_lag(&out, s);
    score_metrics(&out, s, snap);
    put_ruleset_info(&out, snap);
    s->options.hooks.metrics(s->options.hooks.user, &out);
    model_table_fini(&models);
    snapshot_unref(snap);
    if (out.overflow)
        request_problem(r, PROBLEM_INTERNAL, "the metrics are too long");
    else
        request_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", text_span(&out));
}

void on_metrics(struct request *r)
{
    rule_board_ask(r, show);
}
