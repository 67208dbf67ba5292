#include "api/model_metrics.h"

#include "service/base/clock.h"
#include "service/engine/metrics.h"

#include <math.h>

void http_model_table(const struct http_server *s, const struct snapshot *snap,
                      struct model_table *ret_table)
{
    const struct engine *engines[HTTP_WORKERS_MAX];
    model_table_init(ret_table, snap, engines, http_engines(s, engines), clock_wall_ms());
}

/* ---- what was scored ---- */

static void put_scored(struct text *out, const struct model_table *t)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } rows[] = {
        {"sluice_model_scored_total", "Scores of a model of this ruleset",
         offsetof(struct model_stats, scored)},
        {"sluice_model_missing_total", "Decisions at which a model had no score",
         offsetof(struct model_stats, missing)},
        {"sluice_model_above_total", "Scores of a model at its threshold or over it",
         offsetof(struct model_stats, above)},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        metrics_type(out, rows[k].name, "counter", rows[k].help);
        for (int i = 0; i < t->n; i++) {
            const char *stats = (const char *)&t->lines[i].stats;
            const struct bound_model *m = t->lines[i].model;
            text_printf(
                out, "%s{model=\"%.*s\",hash=\"%s\"} %llu\n", rows[k].name, SPAN_ARG(m->name),
                m->model.hash,
                (unsigned long long)*(const uint64_t *)(const void *)(stats + rows[k].offset));
        }
    }
}

static void put_pair(struct text *out, const struct bound_model *champion,
                     const struct bound_model *challenger, const char *agree, uint64_t n)
{
    text_printf(out,
                "sluice_model_agreement_total{champion=\"%.*s\",challenger=\"%.*s\",agree=\"%s\"} "
                "%llu\n",
                SPAN_ARG(champion->name), SPAN_ARG(challenger->name), agree, (unsigned long long)n);
}

static void put_agreement(struct text *out, const struct model_table *t)
{
    metrics_type(
        out, "sluice_model_agreement_total", "counter",
        "Decisions by whether a challenger and its champion are on one side of their thresholds");
    for (int i = 0; i < t->n; i++) {
        const struct model_line *line = &t->lines[i];
        if (line->model->challenges < 0)
            continue;
        const struct bound_model *champion = t->lines[line->model->challenges].model;
        put_pair(out, champion, line->model, "true", line->stats.agreed);
        put_pair(out, champion, line->model, "false", line->stats.differed);
    }
}

/* ---- drift ---- */

/* Of a model, or of one of its inputs. A number that is none has no sample. */
static void put_number(struct text *out, const char *name, const struct bound_model *m,
                       const struct span *input, double value)
{
    if (isnan(value))
        return;
    text_printf(out, "%s{model=\"%.*s\"", name, SPAN_ARG(m->name));
    if (input != NULL) {
        text_str(out, ",input=\"");
        metrics_label(out, *input);
        text_char(out, '"');
    }
    text_str(out, "} ");
    metrics_number(out, value);
    text_char(out, '\n');
}

static double rows_of(const struct model_line *line)
{
    return (double)line->score.psi.rows;
}

static double score_psi_of(const struct model_line *line)
{
    return line->score.psi.index;
}

static double drifted_of(const struct model_line *line)
{
    return isnan(line->score.psi.index) ? (double)NAN : line->n_drifted;
}

static void put_of_models(struct text *out, const struct model_table *t)
{
    static const struct {
        const char *name, *help;
        double (*value)(const struct model_line *line);
    } gauges[] = {
        {"sluice_model_window_rows", "Transactions of late whose inputs to a model are compared",
         rows_of},
        {"sluice_model_score_psi", "Population stability index of a model's score", score_psi_of},
        {"sluice_model_drifted_inputs", "Inputs of a model that are past a bound of its `drift:`",
         drifted_of},
    };
    for (size_t k = 0; k < sizeof gauges / sizeof *gauges; k++) {
        metrics_type(out, gauges[k].name, "gauge", gauges[k].help);
        for (int i = 0; i < t->n; i++)
            if (t->lines[i].inputs != NULL)
                put_number(out, gauges[k].name, t->lines[i].model, NULL,
                           gauges[k].value(&t->lines[i]));
    }
}

static double psi_of_input(const struct model_drift *d)
{
    return d->psi.index;
}

static double missing_of_input(const struct model_drift *d)
{
    return d->psi.missing;
}

static void put_inputs(struct text *out, const struct model_table *t, const char *name,
                       double (*value)(const struct model_drift *d))
{
    int room = MODEL_METRICS_INPUTS_MAX;
    for (int i = 0; i < t->n; i++) {
        const struct model_line *line = &t->lines[i];
        for (int k = 0; line->inputs != NULL && k < line->model->model.n_inputs && room > 0; k++) {
            struct span input = model_line_input(line, k);
            put_number(out, name, line->model, &input, value(&line->inputs[k]));
            room--;
        }
    }
}

static void put_of_inputs(struct text *out, const struct model_table *t)
{
    metrics_type(out, "sluice_model_input_psi", "gauge",
                 "Population stability index of an input of a model");
    put_inputs(out, t, "sluice_model_input_psi", psi_of_input);
    metrics_type(out, "sluice_model_input_missing_ratio", "gauge",
                 "Share of transactions of late at which an input of a model was missing");
    put_inputs(out, t, "sluice_model_input_missing_ratio", missing_of_input);
}

static bool has_baseline(const struct model_table *t)
{
    for (int i = 0; i < t->n; i++)
        if (t->lines[i].inputs != NULL)
            return true;
    return false;
}

/* ---- all of it ---- */

void model_metrics(struct text *out, const struct model_table *t)
{
    if (t->n == 0)
        return;
    put_scored(out, t);
    put_agreement(out, t);
    if (!has_baseline(t))
        return;
    put_of_models(out, t);
    put_of_inputs(out, t);
}
