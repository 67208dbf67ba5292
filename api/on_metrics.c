/* GET /metrics: what all workers counted, as Prometheus text (format 0.0.4). */
#include "api/http_worker.h"
#include "service/engine/engine_stats.h"

enum { METRICS_TEXT_BYTES = 2 << 20 }; /* RULES_MAX counters and the histograms of all routes */

static void put_type(struct text *out, const char *name, const char *type, const char *help)
{
    text_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_sample(struct text *out, const char *name, uint64_t value)
{
    text_str(out, name);
    text_char(out, ' ');
    text_i64(out, (int64_t)value);
    text_char(out, '\n');
}

static void put_seconds(struct text *out, uint64_t us)
{
    text_fixed(out, (int64_t)us, 1000000);
}

/* ---- HTTP ---- */

static const char *method_text(int route)
{
    if (route == HTTP_NO_ROUTE)
        return "other";
    switch (routes[route].method) {
    case METHOD_POST:
        return "POST";
    case METHOD_DELETE:
        return "DELETE";
    default:
        return "GET"; /* the table has no other */
    }
}

static void put_route(struct text *out, const char *name, int route)
{
    text_printf(out, "%s{method=\"%s\",route=\"%s\"", name, method_text(route),
                route == HTTP_NO_ROUTE ? "none" : routes[route].path);
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
    put_type(out, "sluice_http_requests_total", "counter",
             "HTTP requests; status none: the client left before its answer");
    for (int route = 0; route <= ROUTES; route++)
        for (int class = 0; class < HTTP_STATUS_CLASSES; class ++) {
            uint64_t n = sum_requests(s, route, class);
            if (n == 0 && class != 2)
                continue;
            put_route(out, "sluice_http_requests_total", route);
            text_printf(out, ",status=\"%s\"} %llu\n", classes[class], (unsigned long long)n);
        }
}

static uint64_t sum_bucket(const struct http_server *s, int route, int bucket)
{
    uint64_t n = 0;
    for (int i = 0; i < s->n_workers; i++)
        n += stats_get(&s->workers[i]->stats.latency[route][bucket]);
    return n;
}

static uint64_t sum_latency_us(const struct http_server *s, int route)
{
    uint64_t us = 0;
    for (int i = 0; i < s->n_workers; i++)
        us += stats_get(&s->workers[i]->stats.latency_sum_us[route]);
    return us;
}

static void put_edge(struct text *out, int class)
{
    static const uint64_t edges[] = {
#define X(us) us,
        ENGINE_LATENCY_TABLE(X)
#undef X
    };
    text_str(out, ",le=\"");
    if (class < ENGINE_LATENCY_CLASSES - 1)
        put_seconds(out, edges[class]);
    else
        text_str(out, "+Inf");
    text_str(out, "\"} ");
}

static void put_latency_of(struct text *out, const struct http_server *s, int route)
{
    uint64_t count = 0;
    for (int i = 0; i < ENGINE_LATENCY_CLASSES; i++) {
        count += sum_bucket(s, route, i);
        put_route(out, "sluice_http_request_duration_seconds_bucket", route);
        put_edge(out, i);
        text_printf(out, "%llu\n", (unsigned long long)count);
    }
    put_route(out, "sluice_http_request_duration_seconds_sum", route);
    text_str(out, "} ");
    put_seconds(out, sum_latency_us(s, route));
    text_char(out, '\n');
    put_route(out, "sluice_http_request_duration_seconds_count", route);
    text_printf(out, "} %llu\n", (unsigned long long)count);
}

static void put_latency(struct text *out, const struct http_server *s)
{
    put_type(out, "sluice_http_request_duration_seconds", "histogram",
             "Time from a request's header to the end of its answer");
    for (int route = 0; route <= ROUTES; route++)
        put_latency_of(out, s, route);
}

static void put_connections(struct text *out, const struct http_server *s)
{
    uint64_t refused = 0;
    for (int i = 0; i < s->n_workers; i++)
        refused += stats_get(&s->workers[i]->stats.connections_refused);
    put_type(out, "sluice_http_connections", "gauge", "Open connections");
    put_sample(out, "sluice_http_connections", (uint64_t)s->connections);
    put_type(out, "sluice_http_connections_refused_total", "counter",
             "Connections over limits.connections");
    put_sample(out, "sluice_http_connections_refused_total", refused);
}

static void put_streams(struct text *out, const struct http_server *s)
{
    uint64_t refused = 0, dropped = 0;
    for (int i = 0; i < s->n_workers; i++) {
        refused += stats_get(&s->workers[i]->stats.streams_refused);
        dropped += stats_get(&s->workers[i]->stats.streams_dropped);
    }
    put_type(out, "sluice_alert_streams", "gauge", "Open streams of alerts");
    put_sample(out, "sluice_alert_streams", (uint64_t)s->streams);
    put_type(out, "sluice_alert_streams_refused_total", "counter", "Streams over limits.streams");
    put_sample(out, "sluice_alert_streams_refused_total", refused);
    put_type(out, "sluice_alert_streams_dropped_total", "counter",
             "Streams ended because their client was too slow");
    put_sample(out, "sluice_alert_streams_dropped_total", dropped);
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
    put_type(out, "sluice_decisions_total", "counter", "Decisions made");
    put_sample(out, "sluice_decisions_total{decision=\"allow\"}",
               sum_engine(s, offsetof(struct engine_stats, allowed)));
    put_sample(out, "sluice_decisions_total{decision=\"flag\"}",
               sum_engine(s, offsetof(struct engine_stats, flagged)));
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
    put_type(out, "sluice_events_total", "counter", "What became of events, by engine counter");
    for (size_t i = 0; i < sizeof counters / sizeof counters[0]; i++)
        text_printf(out, "sluice_events_total{what=\"%s\"} %llu\n", counters[i].name,
                    (unsigned long long)sum_engine(s, counters[i].offset));
}

static void put_state_latency(struct text *out, const struct http_server *s)
{
    const char *name = "sluice_state_duration_seconds";
    const char *backend = s->workers[0]->engine->state->backend->name;
    uint64_t count = 0;
    put_type(out, name, "histogram", "Time until state had answered an observation");
    for (int i = 0; i < ENGINE_LATENCY_CLASSES; i++) {
        count += sum_engine(s, offsetof(struct engine_stats, state_latency) +
                                   (size_t)i * sizeof(uint64_t));
        text_printf(out, "%s_bucket{backend=\"%s\"", name, backend);
        put_edge(out, i);
        text_printf(out, "%llu\n", (unsigned long long)count);
    }
    text_printf(out, "%s_sum{backend=\"%s\"} ", name, backend);
    put_seconds(out, sum_engine(s, offsetof(struct engine_stats, state_latency_sum_us)));
    text_printf(out, "\n%s_count{backend=\"%s\"} %llu\n", name, backend, (unsigned long long)count);
}

/* ---- the ruleset ---- */

static uint64_t sum_fired(const struct http_server *s, const struct snapshot *snap, int rule)
{
    uint64_t n = 0;
    for (int i = 0; i < s->n_workers; i++) {
        const struct engine_stats *stats = s->workers[i]->engine->stats;
        if (stats_get(&stats->fired_ruleset) == snap->id)
            n += stats_get(&stats->fired[rule]);
    }
    return n;
}

/* A rule's id needs no escapes; nothing else from outside becomes a label. */
static void put_rules(struct text *out, const struct http_server *s, const struct snapshot *snap)
{
    put_type(out, "sluice_rule_fired_total", "counter", "Times a rule of this ruleset fired");
    for (int i = 0; i < snap->rules->count; i++) {
        const struct rule *rule = snap->rules->rules[i];
        text_printf(out, "sluice_rule_fired_total{rule=\"%.*s\",mode=\"%s\"} %llu\n",
                    SPAN_ARG(rule->id), rule_mode_text(rule->mode),
                    (unsigned long long)sum_fired(s, snap, rule->index));
    }
}

static void put_ruleset_info(struct text *out, const struct snapshot *snap)
{
    put_type(out, "sluice_ruleset_info", "gauge", "The ruleset that decides");
    text_printf(out, "sluice_ruleset_info{ruleset=\"%s\"} 1\n", snap->id_text);
    put_type(out, "sluice_ruleset_loaded_timestamp_seconds", "gauge", "Since when it decides");
    text_str(out, "sluice_ruleset_loaded_timestamp_seconds ");
    text_fixed(out, snap->loaded_at_ms, 1000);
    text_char(out, '\n');
    put_type(out, "sluice_build_info", "gauge", "This build");
    text_printf(out, "sluice_build_info{version=\"%s\"} 1\n", SLUICE_VERSION);
}

void on_metrics(struct request *r)
{
    const struct http_server *s = r->worker->server;
    struct text out;
    if (request_heap_text(r, METRICS_TEXT_BYTES, &out) != ST_OK)
        return;
    struct snapshot *snap = snapshot_current(r->worker->engine->snapshots);
    put_requests(&out, s);
    put_latency(&out, s);
    put_connections(&out, s);
    put_streams(&out, s);
    put_decisions(&out, s);
    put_events(&out, s);
    put_state_latency(&out, s);
    put_rules(&out, s, snap);
    put_ruleset_info(&out, snap);
    s->options.hooks.metrics(s->options.hooks.user, &out);
    snapshot_unref(snap);
    if (out.overflow)
        request_problem(r, PROBLEM_INTERNAL, "the metrics are too long");
    else
        request_reply(r, 200, "text/plain; version=0.0.4; charset=utf-8", text_span(&out));
}
