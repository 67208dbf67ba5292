#include "service/engine/decision.h"

#include "service/base/check.h"
#include "service/engine/explain.h"

#include <math.h>

static void put(struct text *out, const char *name, struct span value)
{
    text_str(out, name);
    text_json_string(out, value);
}

static void write_hit(const struct hit *h, enum decision_detail detail, struct text *out)
{
    const struct span none = {0};
    put(out, "{\"rule\":", h->rule->id);
    put(out, ",\"title\":", detail > DECISION_BARE ? h->rule->title : none);
    text_str(out, ",\"score\":");
    text_double(out, h->score);
    text_str(out, ",\"severity\":\"");
    text_str(out, rule_severity_text(h->rule->severity));
    text_char(out, '"');
    put(out, ",\"reason\":", detail > DECISION_BARE ? h->reason : none);
    text_char(out, '}');
}

/* "name":[...], and how many of the `n` are not in it: they count all the same. */
static void write_hits(const char *name, const struct hit *h, int n, enum decision_detail detail,
                       struct text *out)
{
    text_str(out, ",\"");
    text_str(out, name);
    text_str(out, "\":[");
    for (const struct hit *first = h; h != NULL; h = h->next) {
        if (h != first)
            text_char(out, ',');
        write_hit(h, detail, out);
    }
    text_char(out, ']');
    if (n <= DECISION_REASONS_MAX)
        return;
    text_str(out, ",\"");
    text_str(out, name);
    text_str(out, "_omitted\":");
    text_i64(out, n - DECISION_REASONS_MAX);
}

/* Of an alert only those that may decide: a challenger's are for who asks. */
static bool shows_reasons(const struct bound_model *m, enum decision_detail detail)
{
    return detail >= DECISION_RULES || (detail == DECISION_FEATURES && m->role == MODEL_CHAMPION);
}

static void write_model(const struct decision *d, const struct snapshot *snap, int i,
                        enum decision_detail detail, struct text *out)
{
    const struct bound_model *m = &snap->models.items[i];
    const struct model_result *r = &d->models[i];
    put(out, "{\"name\":", m->name);
    put(out, ",\"hash\":", span_of(m->model.hash, 16));
    text_str(out, ",\"role\":\"");
    text_str(out, model_role_text(m->role));
    text_str(out, "\",\"score\":");
    text_double(out, r->score);
    if (!isnan(r->score) && !isnan(m->threshold))
        text_str(out, r->score >= m->threshold ? ",\"above\":true" : ",\"above\":false");
    if (r->n_missing > 0)
        text_printf(out, ",\"missing\":%d", r->n_missing);
    if (r->is_inexact)
        text_str(out, ",\"inexact\":true");
    if (d->attributions != NULL && shows_reasons(m, detail))
        attribution_write(snap, m, &d->attributions[i], detail == DECISION_EXPLAINED, out);
    text_char(out, '}');
}

static void write_models(const struct decision *d, const struct snapshot *snap,
                         enum decision_detail detail, struct text *out)
{
    text_str(out, ",\"models\":[");
    for (int i = 0; i < snap->models.count; i++) {
        if (i > 0)
            text_char(out, ',');
        write_model(d, snap, i, detail, out);
    }
    text_char(out, ']');
}

static void write_number(int32_t scale, int64_t i64, double f64, struct text *out)
{
    if (scale > 0)
        text_fixed(out, i64, scale);
    else
        text_double(out, f64);
}

static void write_bound(const char *name, bool unbounded, int32_t scale, int64_t i64, double f64,
                        struct text *out)
{
    if (unbounded)
        return;
    text_str(out, name);
    write_number(scale, i64, f64, out);
}

/* The members of the union are read as the scale says. */
void decision_write_feature(const struct window_value *v, struct text *out)
{
    text_str(out, "{\"value\":");
    if (v->missing)
        text_str(out, "null");
    else
        write_number(v->scale, v->value.i64, v->value.f64, out);
    text_str(out, v->exact ? ",\"exact\":true" : ",\"exact\":false");
    if (!v->exact && !v->missing) {
        write_bound(",\"lo\":", v->unbounded_lo, v->scale, v->lo.i64, v->lo.f64, out);
        write_bound(",\"hi\":", v->unbounded_hi, v->scale, v->hi.i64, v->hi.f64, out);
    }
    text_str(out, v->uncovered ? ",\"covered\":false}" : "}");
}

static void write_features(const struct feature_set *set, const struct window_value *values,
                           struct text *out)
{
    text_str(out, ",\"features\":{");
    for (int i = 0; i < set->n_features; i++) {
        if (i > 0)
            text_char(out, ',');
        text_json_string(out, set->features[i].name);
        text_char(out, ':');
        decision_write_feature(&values[i], out);
    }
    text_char(out, '}');
}

static const char *degraded_text(const struct decision *d)
{
    if (d->without_state)
        return "[\"state\"]";
    return d->is_incomplete ? "[\"state_incomplete\"]" : "[]";
}

static void write_at(const struct decision *d, const struct snapshot *snap,
                     struct span transaction_id, const struct window_value *values,
                     enum decision_detail detail, struct text *out)
{
    put(out, "{\"transaction_id\":", transaction_id);
    text_str(out,
             d->flag ? ",\"decision\":\"flag\",\"score\":" : ",\"decision\":\"allow\",\"score\":");
    text_double(out, d->score);
    write_hits("reasons", d->hits.fired, d->hits.n_fired, detail, out);
    if (d->hits.n_shadow > 0)
        write_hits("shadow", d->hits.shadow, d->hits.n_shadow, detail, out);
    if (snap->models.count > 0)
        write_models(d, snap, detail, out);
    if (detail >= DECISION_FEATURES)
        write_features(&snap->features, values, out);
    if (detail >= DECISION_RULES)
        explain_write(d, snap, detail == DECISION_EXPLAINED, out);
    text_str(out, ",\"ruleset\":\"");
    text_put(out, span_of(snap->decided_by, 16));
    text_str(out, "\",\"degraded\":");
    text_str(out, degraded_text(d));
    text_char(out, '}');
}

void decision_write(const struct decision *d, const struct snapshot *snap,
                    struct span transaction_id, const struct window_value *values,
                    enum decision_detail detail, struct text *out)
{
    const size_t start = out->len;
    for (int level = (int)detail; level >= DECISION_BARE; level--) {
        out->len = start;
        out->overflow = false;
        write_at(d, snap, transaction_id, values, (enum decision_detail)level, out);
        if (!out->overflow)
            return;
    }
    CHECK(!out->overflow);
}
