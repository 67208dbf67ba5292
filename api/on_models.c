/* GET /v1/models: what each model scored, what labels say of that, and how far its inputs are from
 * those of training. */
#include "api/model_metrics.h"
#include "api/rule_board.h"

#include <math.h>

enum { MODELS_TEXT_BYTES = 8 << 20 }; /* MODELS_MAX models of MODEL_INPUTS_MAX inputs, escaped */

static void put_text(struct text *out, const char *name, struct span value)
{
    text_str(out, name);
    text_json_string(out, value);
}

static void put_count(struct text *out, const char *name, uint64_t n)
{
    text_printf(out, "%s%llu", name, (unsigned long long)n);
}

/* null where there is none. */
static void put_number(struct text *out, const char *name, double x)
{
    text_str(out, name);
    text_double(out, x);
}

/* ---- drift ---- */

static void put_drift_of(struct text *out, const struct model_drift *d)
{
    put_number(out, "\"psi\":", d->psi.index);
    put_number(out, ",\"missing\":", d->psi.missing);
    put_number(out, ",\"missing_in_training\":", d->trained->shares[d->trained->n_bins]);
    put_text(out, ",\"state\":", span_str(drift_state_text(d->state)));
    text_char(out, '}');
}

static void put_inputs(struct text *out, const struct model_line *line)
{
    text_str(out, ",\"inputs\":[");
    for (int i = 0; i < line->model->model.n_inputs; i++) {
        int input = line->worst_first[i];
        text_str(out, i > 0 ? "," : "");
        put_text(out, "{\"input\":", model_line_input(line, input));
        text_char(out, ',');
        put_drift_of(out, &line->inputs[input]);
    }
    text_char(out, ']');
}

static void put_drift(struct text *out, const struct model_line *line)
{
    const struct drift_bounds *bounds = &line->model->drift;
    text_str(out, ",\"drift\":{\"window_s\":");
    text_fixed(out, bounds->window_ms, 1000);
    put_count(out, ",\"rows\":", line->score.psi.rows);
    put_text(out, ",\"state\":", span_str(drift_state_text(line->state)));
    put_number(out, ",\"psi_bound\":", bounds->psi);
    put_number(out, ",\"missing_bound\":", bounds->missing);
    text_str(out, ",\"score\":{");
    put_drift_of(out, &line->score);
    put_inputs(out, line);
    text_char(out, '}');
}

/* ---- models ---- */

/* On both sides of its threshold. */
static void put_labels(struct text *out, const struct rule_model *m)
{
    double precision = 0, recall = 0;
    bool has_precision = rule_model_precision(m, &precision);
    bool has_recall = rule_model_recall(m, &recall);
    rule_board_put_labels(out, ",\"labels\":{\"above\":", &m->above);
    rule_board_put_labels(out, ",\"below\":", &m->below);
    rule_board_put_share(out, "},\"precision\":", has_precision, precision);
    rule_board_put_share(out, ",\"recall\":", has_recall, recall);
}

/* `labelled` may be NULL: nobody knows. */
static void put_model(struct text *out, const struct model_table *t, const struct model_line *line,
                      const struct rule_model *labelled)
{
    const struct bound_model *m = line->model;
    put_text(out, "{\"name\":", m->name);
    put_text(out, ",\"hash\":", span_str(m->model.hash));
    put_text(out, ",\"format\":", span_str(model_format_text(m->model.format)));
    put_text(out, ",\"objective\":", m->model.objective);
    put_text(out, ",\"role\":", span_str(model_role_text(m->role)));
    if (m->challenges >= 0)
        put_text(out, ",\"challenges\":", t->lines[m->challenges].model->name);
    put_number(out, ",\"threshold\":", m->threshold);
    put_count(out, ",\"scored\":", line->stats.scored);
    put_count(out, ",\"missing\":", line->stats.missing);
    put_count(out, ",\"above\":", line->stats.above);
    if (m->challenges >= 0) {
        put_count(out, ",\"agreed\":", line->stats.agreed);
        put_count(out, ",\"differed\":", line->stats.differed);
    }
    put_count(out, ",\"inputs\":", (uint64_t)m->model.n_inputs);
    if (labelled != NULL && !isnan(m->threshold))
        put_labels(out, labelled);
    if (line->inputs != NULL)
        put_drift(out, line);
    text_char(out, '}');
}

static void put_table(struct text *out, const struct model_table *t, const struct rule_table *rules)
{
    put_text(out, "{\"ruleset\":", span_str(t->snap->id_text));
    text_str(out, ",\"since\":\"");
    text_time_ms(out, t->snap->loaded_at_ms);
    text_str(out, "\",\"models\":[");
    for (int i = 0; i < t->n; i++) {
        text_str(out, i > 0 ? "," : "");
        put_model(out, t, &t->lines[i], rules != NULL ? &rules->models[i] : NULL);
    }
    text_str(out, "]}");
}

/* With what labels say, when the state does. */
static void show(struct request *r, const struct rule_table *rules)
{
    struct text out;
    struct model_table table;
    if (request_heap_text(r, MODELS_TEXT_BYTES, &out) != ST_OK)
        return;
    struct snapshot *now = snapshot_current(r->worker->engine->snapshots);
    const struct snapshot *snap = rules != NULL ? rules->snap : now;
    http_model_table(r->worker->server, snap, &table);
    put_table(&out, &table, rules);
    model_table_fini(&table);
    snapshot_unref(now);
    if (out.overflow)
        request_problem(r, PROBLEM_INTERNAL, "the models are too many to show");
    else
        request_reply(r, 200, "application/json", text_span(&out));
}

void on_models(struct request *r)
{
    rule_board_ask(r, show);
}
