#include "service/engine/explain.h"

#include "rules/cel_utf8.h"

#include <math.h>

enum { SENTENCE_BYTES = 512 }; /* a name, two values, and words */

static void put(struct text *out, const char *name, struct span value)
{
    text_str(out, name);
    text_json_string(out, value);
}

/* ---- values ---------------------------------------------------------------------------------- */

static struct span name_of(const struct snapshot *s, int slot)
{
    if (slot < s->schema.count)
        return s->schema.fields[slot].name;
    if (slot >= s->row_features)
        return s->features.features[slot - s->row_features].name;
    return s->derived[slot - s->row_derived].name;
}

/* A field that is not private, a derived field, a feature or a model. */
static bool is_shown(const struct snapshot *s, int slot)
{
    if (slot < s->schema.count)
        return !s->schema.fields[slot].private;
    return (slot >= s->row_derived && slot < s->row_covered) || slot >= s->row_models;
}

static void write_double(double v, struct text *out)
{
    if (isfinite(v))
        text_double(out, v);
    else
        text_str(out, "null");
}

static void write_range(const struct cel_value *v, struct text *out)
{
    text_str(out, "{\"lo\":");
    if (v->is_int)
        text_i64(out, v->lo_i64);
    else
        write_double(v->lo, out);
    text_str(out, ",\"hi\":");
    if (v->is_int)
        text_i64(out, v->hi_i64);
    else
        write_double(v->hi, out);
    text_char(out, '}');
}

/* What has no JSON of its own, as it reads in a reason. */
static void write_as_text(struct cel_value v, struct text *out)
{
    char buf[4 * EXPLAIN_TEXT_MAX];
    struct text t;
    text_init(&t, buf, sizeof buf);
    cel_value_write(v, &t);
    text_json_string(out, cel_utf8_cut(text_span(&t), EXPLAIN_TEXT_MAX));
}

static void write_value(const struct cel_value *v, struct text *out)
{
    switch ((enum cel_kind)v->kind) {
    case CEL_BOOL:
        text_str(out, v->flag ? "true" : "false");
        return;
    case CEL_INT:
        text_i64(out, v->i64);
        return;
    case CEL_DOUBLE:
        write_double(v->f64, out);
        return;
    case CEL_STRING:
        text_json_string(out, cel_utf8_cut(v->text, EXPLAIN_TEXT_MAX));
        return;
    case CEL_RANGE:
        write_range(v, out);
        return;
    case CEL_MISSING:
    case CEL_NULL:
    case CEL_ERROR:
        text_str(out, "null");
        return;
    default:
        write_as_text(*v, out);
    }
}

/* Where a name with its value stands in the answer already: many rules read the same ones, and a
 * copy costs a fiftieth of a number's digits. */
struct pair {
    uint32_t at, bytes; /* 0 bytes: not yet */
};

struct pairs {
    struct pair
        of[SCHEMA_FIELDS_MAX + LISTS_MAX + SNAPSHOT_DERIVED_MAX + 2 * FEATURES_MAX + MODELS_MAX];
};

static void write_name(const struct snapshot *s, int slot, struct text *out)
{
    if (slot < s->row_models) {
        text_json_string(out, name_of(s, slot));
        return;
    }
    text_str(out, "\"models.");
    text_put(out, s->models.items[slot - s->row_models].name); /* letters, digits and _ */
    text_char(out, '"');
}

static void write_pair(const struct decision *d, const struct snapshot *snap, int slot,
                       struct pair *pair, struct text *out)
{
    if (pair->bytes > 0) {
        text_put(out, span_of(out->base + pair->at, pair->bytes));
        return;
    }
    size_t at = out->len;
    write_name(snap, slot, out);
    text_char(out, ':');
    write_value(&d->row[slot], out);
    *pair = (struct pair){(uint32_t)at, (uint32_t)(out->len - at)};
}

static void write_values(const struct decision *d, const struct snapshot *snap,
                         const struct cel_program *when, struct pairs *pairs, struct text *out)
{
    int n = 0;
    text_str(out, ",\"values\":{");
    for (int i = 0; i < when->n_reads && n < EXPLAIN_VALUES_MAX; i++) {
        int slot = when->reads[i];
        if (!is_shown(snap, slot))
            continue;
        if (n++ > 0)
            text_char(out, ',');
        write_pair(d, snap, slot, &pairs->of[slot], out);
    }
    text_char(out, '}');
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void write_result(const struct rule *rule, const struct rule_result *r, struct text *out)
{
    text_str(out, "{\"rule\":\"");
    text_put(out, rule->id); /* nothing in an id needs an escape */
    text_char(out, '"');
    if (r->outcome == RULE_MISSING)
        put(out, ",\"result\":\"missing\",\"missing\":", r->why);
    else if (r->outcome == RULE_ERROR)
        put(out, ",\"result\":\"error\",\"error\":", r->why);
    else
        text_str(out,
                 r->outcome == RULE_FIRED ? ",\"result\":\"fired\"" : ",\"result\":\"not_fired\"");
    if (r->is_near)
        text_str(out, ",\"near_miss\":true");
}

static void write_rules(const struct decision *d, const struct snapshot *snap, bool with_values,
                        struct text *out)
{
    const struct rule_result *results = d->hits.results;
    struct pairs pairs = {0};
    bool first = true;
    text_str(out, ",\"rules\":[");
    for (int i = 0; i < snap->rules->count && !out->overflow; i++) {
        const struct rule *rule = snap->rules->rules[i];
        if (results[i].outcome == RULE_NOT_RUN)
            continue;
        if (!first)
            text_char(out, ',');
        first = false;
        write_result(rule, &results[i], out);
        if (with_values)
            write_values(d, snap, rule->when, &pairs, out);
        text_char(out, '}');
    }
    text_char(out, ']');
}

/* ---- counterfactuals ------------------------------------------------------------------------- */

/* As it reads in a sentence. */
static void write_plain(struct cel_value v, struct text *out)
{
    if (v.kind != CEL_STRING) {
        write_value(&v, out);
        return;
    }
    text_char(out, '"');
    text_put(out, cel_utf8_cut(v.text, EXPLAIN_TEXT_MAX));
    text_char(out, '"');
}

/* "<= 4" */
static void write_would(const struct counterfactual *c, struct text *out)
{
    text_str(out, c->sign == '<' ? "<= " : c->sign == '>' ? ">= " : "= ");
    write_plain(c->would, out);
}

/* "allowed if channel were "pos" (it is "online")" */
static void write_sentence(const struct counterfactual *c, struct span name, bool flag,
                           struct text *out)
{
    text_str(out, flag ? "allowed if " : "flagged if ");
    text_put(out, name);
    text_str(out, c->sign == '=' ? " were " : c->sign == '<' ? " <= " : " >= ");
    write_plain(c->would, out);
    text_str(out, " (it is ");
    write_plain(c->is, out);
    text_str(out, c->moves_features ? "), features as they are" : ")");
}

static void write_counterfactual(const struct counterfactual *c, struct span name, bool flag,
                                 struct text *out)
{
    char would[SENTENCE_BYTES], sentence[SENTENCE_BYTES];
    struct text w, t;
    text_init(&w, would, sizeof would);
    text_init(&t, sentence, sizeof sentence);
    write_would(c, &w);
    write_sentence(c, name, flag, &t);
    put(out, "{\"name\":", name);
    text_str(out, ",\"value\":");
    write_value(&c->is, out);
    put(out, flag ? ",\"would_allow\":" : ",\"would_flag\":", text_span(&w));
    put(out, ",\"text\":", text_span(&t));
    text_str(out, c->moves_features ? ",\"features_as_they_are\":true}" : "}");
}

static void write_counterfactuals(const struct decision *d, const struct snapshot *snap,
                                  struct text *out)
{
    text_str(out, ",\"counterfactual\":[");
    for (int i = 0; i < d->counterfactuals.count; i++) {
        const struct counterfactual *c = &d->counterfactuals.items[i];
        if (i > 0)
            text_char(out, ',');
        write_counterfactual(c, name_of(snap, c->slot), d->flag, out);
    }
    text_char(out, ']');
    if (d->counterfactuals.is_cut)
        text_str(out, ",\"counterfactual_incomplete\":true");
}

void explain_write(const struct decision *d, const struct snapshot *snap, bool with_values,
                   struct text *out)
{
    write_rules(d, snap, with_values, out);
    if (d->is_explained)
        write_counterfactuals(d, snap, out);
}
