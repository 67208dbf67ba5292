#include "api/rule_metrics.h"

#include "service/engine/metrics.h"

#include <math.h>
#include <stdio.h>

enum { LABELS_BYTES = 160 };

/* Whose labels: `rule="burst",mode="live"`, or `decision="flag"`. */
typedef void put_fn(struct text *out, const char *prefix, const char *whose,
                    const struct rule_labels *l);

static void put_counts(struct text *out, const char *prefix, const char *whose,
                       const struct rule_labels *l)
{
    text_printf(out, "sluice_%slabelled{%s,outcome=\"fraud\"} %lld\n", prefix, whose,
                (long long)l->fraud);
    text_printf(out, "sluice_%slabelled{%s,outcome=\"legitimate\"} %lld\n", prefix, whose,
                (long long)l->legitimate);
}

static void put_amount(struct text *out, const char *prefix, const char *whose,
                       const struct rule_money *m, const char *outcome, int64_t e4)
{
    text_printf(out, "sluice_%slabelled_amount{%s,currency=\"%.*s\",outcome=\"%s\"} ", prefix,
                whose, SPAN_ARG(m->currency), outcome);
    text_fixed(out, e4, 10000);
    text_char(out, '\n');
}

static void put_amounts(struct text *out, const char *prefix, const char *whose,
                        const struct rule_labels *l)
{
    for (int i = 0; i < l->n_money; i++) {
        put_amount(out, prefix, whose, &l->money[i], "fraud", l->money[i].fraud_e4);
        put_amount(out, prefix, whose, &l->money[i], "legitimate", l->money[i].legitimate_e4);
    }
}

/* A rule without labels has no sample. */
static void put_one(struct text *out, const struct rule_line *line, const char *mode,
                    const struct rule_labels *l, put_fn *put)
{
    char whose[LABELS_BYTES];
    if (l->fraud + l->legitimate == 0)
        return;
    snprintf(whose, sizeof whose, "rule=\"%.*s\",mode=\"%s\"", SPAN_ARG(line->id), mode);
    put(out, "rule_", whose, l);
}

static void put_rules(struct text *out, const struct rule_table *t, put_fn *put)
{
    for (int i = 0; i < t->n_current; i++) {
        put_one(out, &t->lines[i], "live", &t->lines[i].live, put);
        put_one(out, &t->lines[i], "shadow", &t->lines[i].shadow, put);
    }
}

static void put_model(struct text *out, const struct bound_model *m, const char *above,
                      const struct rule_labels *l, put_fn *put)
{
    char whose[LABELS_BYTES];
    snprintf(whose, sizeof whose, "model=\"%.*s\",hash=\"%s\",above=\"%s\"", SPAN_ARG(m->name),
             m->model.hash, above);
    put(out, "model_", whose, l);
}

/* Of models with a threshold. */
static void put_models(struct text *out, const struct rule_table *t, put_fn *put)
{
    for (int i = 0; i < t->snap->models.count; i++) {
        const struct bound_model *m = &t->snap->models.items[i];
        if (isnan(m->threshold))
            continue;
        put_model(out, m, "true", &t->models[i].above, put);
        put_model(out, m, "false", &t->models[i].below, put);
    }
}

static void put_decisions(struct text *out, const struct rule_table *t, put_fn *put)
{
    put(out, "", "decision=\"flag\"", &t->flagged);
    put(out, "", "decision=\"allow\"", &t->allowed);
}

void rule_metrics_labelled(struct text *out, const struct rule_table *t)
{
    if (t == NULL)
        return;
    metrics_type(out, "sluice_labelled", "gauge", "Transactions by what their label says");
    put_decisions(out, t, put_counts);
    metrics_type(out, "sluice_labelled_amount", "gauge", "Their amounts");
    put_decisions(out, t, put_amounts);
    metrics_type(out, "sluice_rule_labelled", "gauge",
                 "Transactions at which a rule fired, by what their label says");
    put_rules(out, t, put_counts);
    metrics_type(out, "sluice_rule_labelled_amount", "gauge", "Their amounts");
    put_rules(out, t, put_amounts);
    if (t->snap->models.count == 0)
        return;
    metrics_type(out, "sluice_model_labelled", "gauge",
                 "Transactions by the side of a model's threshold, and what their label says");
    put_models(out, t, put_counts);
    metrics_type(out, "sluice_model_labelled_amount", "gauge", "Their amounts");
    put_models(out, t, put_amounts);
}

static void put_lag_edge(struct text *out, int class)
{
    static const int edges_h[] = {
#define X(hours) hours,
        ENGINE_LAG_TABLE(X)
#undef X
    };
    if (class < ENGINE_LAG_CLASSES - 1)
        text_printf(out, "%d", edges_h[class] * 3600);
    else
        text_str(out, "+Inf");
}

void rule_metrics_lag(struct text *out, const struct http_server *s)
{
    struct lag sum = {0};
    uint64_t count = 0;
    for (int i = 0; i < s->n_workers; i++)
        lag_add(&sum, &s->workers[i]->engine->stats->label_lag);
    metrics_type(out, "sluice_label_lag_seconds", "histogram",
                 "Time from a transaction to its label, by their own timestamps");
    for (int i = 0; i < ENGINE_LAG_CLASSES; i++) {
        count += sum.classes[i];
        text_str(out, "sluice_label_lag_seconds_bucket{le=\"");
        put_lag_edge(out, i);
        text_printf(out, "\"} %llu\n", (unsigned long long)count);
    }
    text_str(out, "sluice_label_lag_seconds_sum ");
    text_fixed(out, (int64_t)sum.sum_ms, 1000);
    text_printf(out, "\nsluice_label_lag_seconds_count %llu\n", (unsigned long long)count);
}
