#include "service/engine/attribution.h"

#include "rules/cel_utf8.h"
#include "service/base/check.h"

#include <math.h>

/* What the steps for one row share. */
struct finder {
    const struct snapshot *snap;
    const struct row *row;
    const struct window_value *values;
    struct arena *room;
};

/* ---- the text of an input that the ruleset has none for ---- */

/* What a person reads of it; a small one would be nothing. */
static void write_number(double v, struct text *out)
{
    if (fabs(v) >= 0.001 && fabs(v) < 1e11)
        text_fixed(out, llround(v * 10000), 10000);
    else
        text_double(out, v);
}

static void write_value(const struct cel_value *cell, double input, struct text *out)
{
    if (isnan(input))
        text_str(out, "missing");
    else if (cell->kind == CEL_STRING)
        text_put(out, cel_utf8_cut(cell->text, ATTRIBUTION_TEXT_MAX));
    else if (cell->kind == CEL_DOUBLE || cell->kind == CEL_ERROR)
        write_number(input, out);
    else
        cel_value_write(*cell, out);
}

static struct span own_text(const struct finder *f, const struct model_source *source, double input)
{
    char buf[TEMPLATE_RENDERED_MAX];
    struct text out;
    text_init(&out, buf, sizeof buf);
    text_put(&out, source->name);
    text_str(&out, " is ");
    write_value(&f->row->cells[source->slot], input, &out);
    return arena_copy(f->room, text_span(&out));
}

/* ---- of one model ---- */

/* NULL: the ruleset has none. */
static const struct template *template_of(const struct bound_model *m, int input)
{
    return m->reasons.texts != NULL ? m->reasons.texts[input] : NULL;
}

/* What says of a value that it is so and so says nothing where it is missing. */
static struct span text_of(const struct finder *f, const struct bound_model *m, int input, double v)
{
    const struct template *text = template_of(m, input);
    struct span rendered;
    if (text == NULL || (isnan(v) && !snapshot_is_private(f->snap, m->sources[input].slot)))
        return own_text(f, &m->sources[input], v);
    CHECK(template_render(text, f->row->cells, f->row->scratch, f->room, &rendered) == ST_OK);
    return rendered;
}

static bool is_told(const struct finder *f, const struct bound_model *m, int input)
{
    return template_of(m, input) != NULL || !snapshot_is_private(f->snap, m->sources[input].slot);
}

static void give_reasons(const struct finder *f, const struct bound_model *m, const double *inputs,
                         struct attribution *a)
{
    struct reason top[REASONS_MAX];
    int n = reasons_top(&m->model, a->contributions, m->reasons.least, REASONS_MAX, top);
    struct attribution_reason *reasons =
        arena_must(f->room, (size_t)(m->reasons.max + 1) * sizeof *reasons);
    a->reasons = reasons;
    for (int i = 0; i < n && a->n_reasons < m->reasons.max; i++)
        if (is_told(f, m, top[i].input))
            reasons[a->n_reasons++] = (struct attribution_reason){
                .input = top[i].input,
                .share = top[i].share,
                .contribution = top[i].raised,
                .text = text_of(f, m, top[i].input, inputs[top[i].input])};
}

static void attribute(const struct finder *f, const struct bound_model *m, struct attribution *a)
{
    double inputs[MODEL_INPUTS_MAX], margins[FOREST_OUTPUTS_MAX], outputs[FOREST_OUTPUTS_MAX];
    struct model_result gathered;
    double *contributions =
        arena_must(f->room, ((size_t)m->model.n_inputs + 1) * sizeof *contributions);
    bound_model_gather(m, f->row->cells, f->values, inputs, &gathered);
    model_score(&m->model, inputs, margins, outputs);
    CHECK(model_explain(&m->model, inputs, m->output, f->room, contributions) == ST_OK);
    a->contributions = contributions;
    a->margin = margins[m->output];
    give_reasons(f, m, inputs, a);
}

/* ---- of all ---- */

static bool is_wanted(const struct bound_model *m, const struct model_result *r,
                      enum attribution_of of)
{
    if (m->reasons.unexplained != MODEL_IS_EXPLAINED || isnan(r->score))
        return false;
    return of == ATTRIBUTION_OF_ALL || (m->role == MODEL_CHAMPION && m->reasons.max > 0);
}

const struct attribution *attribution_find(const struct snapshot *snap, const struct row *row,
                                           const struct window_value *values,
                                           const struct model_result *results,
                                           enum attribution_of of, struct arena *room)
{
    const struct finder f = {snap, row, values, room};
    arena_reset(room);
    arena_reset(row->scratch);
    struct attribution *found = arena_must(room, (size_t)(snap->models.count + 1) * sizeof *found);
    for (int i = 0; i < snap->models.count; i++)
        if (is_wanted(&snap->models.items[i], &results[i], of))
            attribute(&f, &snap->models.items[i], &found[i]);
    return found;
}

/* ---- as JSON ---- */

static void write_reason(const struct bound_model *m, const struct attribution_reason *r,
                         struct text *out)
{
    text_str(out, "{\"input\":");
    text_json_string(out, m->model.inputs[r->input].name);
    text_str(out, ",\"share\":");
    text_fixed(out, llround(r->share * 10000), 10000);
    text_printf(out, ",\"contribution\":%.6g,\"reason\":", r->contribution);
    text_json_string(out, r->text);
    text_char(out, '}');
}

static void write_reasons(const struct bound_model *m, const struct attribution *a,
                          struct text *out)
{
    text_str(out, ",\"reasons\":[");
    for (int i = 0; i < a->n_reasons; i++) {
        if (i > 0)
            text_char(out, ',');
        write_reason(m, &a->reasons[i], out);
    }
    text_char(out, ']');
}

static void write_contributions(const struct snapshot *snap, const struct bound_model *m,
                                const struct attribution *a, struct text *out)
{
    double withheld = 0;
    bool first = true, has_private = false;
    text_str(out, ",\"contributions\":{");
    for (int i = 0; i < m->model.n_inputs; i++) {
        if (snapshot_is_private(snap, m->sources[i].slot)) {
            has_private = true;
            withheld += a->contributions[i];
            continue;
        }
        if (!first)
            text_char(out, ',');
        first = false;
        text_json_string(out, m->model.inputs[i].name);
        text_char(out, ':');
        text_double(out, a->contributions[i]);
    }
    text_char(out, '}');
    if (!has_private)
        return;
    text_str(out, ",\"private\":");
    text_double(out, withheld);
}

static const char *unexplained_text(enum model_unexplained unexplained)
{
    static const char *const texts[] = {
#define X(name, text) text,
        MODEL_UNEXPLAINED_TABLE(X)
#undef X
    };
    return texts[unexplained];
}

void attribution_write(const struct snapshot *snap, const struct bound_model *m,
                       const struct attribution *a, bool whole, struct text *out)
{
    if (a->contributions == NULL) {
        if (whole && m->reasons.unexplained != MODEL_IS_EXPLAINED)
            text_printf(out, ",\"unexplained\":\"%s\"", unexplained_text(m->reasons.unexplained));
        return;
    }
    if (m->reasons.max > 0)
        write_reasons(m, a, out);
    if (!whole)
        return;
    text_str(out, ",\"margin\":");
    text_double(out, a->margin);
    text_str(out, ",\"base\":");
    text_double(out, a->contributions[m->model.n_inputs]);
    write_contributions(snap, m, a, out);
}
