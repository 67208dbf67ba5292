#include "service/trial/backtest_report.h"

static void put_double(struct text *out, const char *name, double value)
{
    text_printf(out, ",\"%s\":", name);
    text_double(out, value);
}

static void put_count(struct text *out, const char *name, uint64_t n)
{
    text_printf(out, ",\"%s\":%llu", name, (unsigned long long)n);
}

static void put_money(struct text *out, const char *name, int64_t e4)
{
    text_printf(out, ",\"%s\":", name);
    text_fixed(out, e4, 10000);
}

static void put_rule(struct text *out, const struct rule *rule, const struct measure *m, int i)
{
    const struct measure_rule *r = &m->rules[i];
    text_str(out, i > 0 ? ",{\"rule\":" : "{\"rule\":");
    text_json_string(out, rule->id);
    text_printf(out, ",\"mode\":\"%s\"", rule_mode_text(rule->mode));
    if (rule->rollout.share_e4 != ROLLOUT_ALL_E4) {
        text_str(out, ",\"rollout\":\"");
        rollout_write(rule->rollout.share_e4, out);
        text_char(out, '"');
    }
    put_count(out, "fired", r->fired);
    put_double(out, "rate", measure_ratio(r->fired, m->counts.transactions));
    put_count(out, "true_positives", r->frauds);
    put_double(out, "precision", measure_precision(&m->counts, r->frauds, r->fired));
    put_double(out, "recall", measure_ratio(r->frauds, m->counts.frauds));
    put_count(out, "alone", r->alone);
    put_count(out, "alone_true_positives", r->alone_frauds);
    put_money(out, "caught", r->caught_e4);
    put_money(out, "disturbed", r->disturbed_e4);
    text_char(out, '}');
}

static void put_model(struct text *out, const struct bound_model *model, const struct measure *m,
                      int i)
{
    const struct measure_model *mm = &m->models[i];
    text_str(out, i > 0 ? ",{\"model\":" : "{\"model\":");
    text_json_string(out, model->name);
    text_printf(out, ",\"hash\":\"%s\",\"role\":\"%s\"", model->model.hash,
                model_role_text(model->role));
    put_count(out, "scored", mm->scored);
    put_count(out, "missing", mm->missing);
    put_count(out, "frauds", mm->frauds);
    put_double(out, "auc_roc", mm->auc_roc);
    put_double(out, "average_precision", mm->average_precision);
    put_double(out, "median", mm->median);
    put_double(out, "p95", mm->p95);
    put_double(out, "p99", mm->p99);
    if (!isnan(model->threshold)) {
        put_double(out, "threshold", model->threshold);
        put_count(out, "above", mm->above);
        put_count(out, "true_positives", mm->caught);
        put_double(out, "precision", measure_precision(&m->counts, mm->caught, mm->above));
        put_double(out, "recall", measure_ratio(mm->caught, mm->frauds));
    }
    text_char(out, '}');
}

static void put_point(struct text *out, const struct measure *m, int i)
{
    const struct measure_point *p = &m->points[i];
    text_str(out, i > 0 ? ",{\"flag_at\":" : "{\"flag_at\":");
    text_double(out, p->score);
    put_count(out, "flagged", p->flagged);
    put_double(out, "precision", measure_precision(&m->counts, p->caught, p->flagged));
    put_double(out, "recall", measure_ratio(p->caught, m->counts.frauds));
    put_money(out, "stopped", p->stopped_e4);
    text_char(out, '}');
}

static void put_counts(struct text *out, const struct measure *m)
{
    const struct measure_counts *c = &m->counts;
    put_count(out, "transactions", c->transactions);
    put_count(out, "flagged", c->flagged);
    put_double(out, "flag_rate", measure_ratio(c->flagged, c->transactions));
    put_count(out, "labelled", c->labelled);
    put_count(out, "frauds", c->frauds);
    put_count(out, "true_positives", c->caught);
    put_count(out, "false_positives", c->flagged - c->caught);
    put_double(out, "false_positives_per_day", (double)(c->flagged - c->caught) / m->days);
    put_double(out, "precision", measure_precision(c, c->caught, c->flagged));
    put_double(out, "recall", measure_ratio(c->caught, c->frauds));
    put_money(out, "fraud", c->fraud_e4);
    put_money(out, "stopped", c->stopped_e4);
    put_money(out, "disturbed", c->disturbed_e4);
    put_double(out, "auc_roc", m->auc_roc);
    put_double(out, "average_precision", m->average_precision);
}

static void put_side(struct text *out, const char *name, const struct snapshot *snap,
                     const struct backtest_side *side)
{
    const struct measure *m = &side->measure;
    text_printf(out, "\"%s\":{\"ruleset\":\"%s\",\"flag_at\":", name, snap->id_text);
    text_double(out, snap->rules->flag_at);
    put_counts(out, m);
    put_count(out, "refused", side->refused);
    text_str(out, ",\"rules\":[");
    for (int i = 0; i < m->n_rules; i++)
        put_rule(out, snap->rules->rules[i], m, i);
    text_str(out, "],\"models\":[");
    for (int i = 0; i < m->n_models; i++)
        put_model(out, &snap->models.items[i], m, i);
    text_str(out, "],\"curve\":[");
    for (int i = 0; i < m->n_points; i++)
        put_point(out, m, i);
    text_str(out, "]}");
}

static void put_shares(struct text *out, const char *name, const struct measure_shares *s)
{
    text_printf(out, "\"%s\":{\"transactions\":%llu", name, (unsigned long long)s->transactions);
    put_count(out, "frauds", s->frauds);
    put_money(out, "fraud", s->fraud_e4);
    text_char(out, '}');
}

static void put_time(struct text *out, const char *name, int64_t ms)
{
    text_printf(out, ",\"%s\":\"", name);
    text_time_ms(out, ms);
    text_char(out, '"');
}

static void put_bool(struct text *out, const char *name, bool value)
{
    text_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

static void put_history(struct text *out, const struct backtest_report *r)
{
    text_str(out, "\"history\":{\"events\":");
    text_json_string(out, span_str(r->events));
    put_count(out, "transactions", r->result->transactions);
    put_count(out, "labels", r->result->labels);
    if (r->result->baseline.measure.counts.transactions > 0) {
        put_time(out, "first", r->result->first_ms);
        put_time(out, "last", r->result->last_ms);
    }
    put_double(out, "days", r->result->baseline.measure.days);
    put_double(out, "seconds", (double)(r->result->elapsed_us / 1000) / 1000);
    put_bool(out, "several_currencies", r->result->several_currencies);
    put_bool(out, "observed_once", r->result->observed_once);
    text_char(out, '}');
}

void backtest_json(const struct backtest_report *r, struct text *out)
{
    text_char(out, '{');
    put_side(out, "candidate", r->candidate, &r->result->candidate);
    text_char(out, ',');
    put_side(out, "baseline", r->baseline, &r->result->baseline);
    text_str(out, ",\"overlap\":{");
    put_shares(out, "both", &r->result->overlap.both);
    text_char(out, ',');
    put_shares(out, "only_candidate", &r->result->overlap.only_a);
    text_char(out, ',');
    put_shares(out, "only_baseline", &r->result->overlap.only_b);
    text_str(out, "},");
    put_history(out, r);
    text_str(out, "}\n");
}
