#include "service/engine/bound_model.h"

#include <math.h>

const char *model_role_text(enum model_role role)
{
    static const char *const texts[] = {
#define X(name, text) text,
        MODEL_ROLE_TABLE(X)
#undef X
    };
    return texts[role];
}

/* ---- values as numbers ---- */

/* An empty text is missing, as it is in the rows of training, where it is an empty cell. */
static double code_of(const struct model_source *s, struct span name)
{
    if (name.len == 0)
        return NAN;
    const struct model_category *found = model_category_find(s->categories, s->n_categories, name);
    return found != NULL ? found->code : s->unknown;
}

/* Trainers name the categories of a column of integers by their digits. */
static double of_int(const struct model_source *s, int64_t v)
{
    char digits[24];
    struct text t;
    if (s->categories == NULL)
        return (double)v;
    text_init(&t, digits, sizeof digits);
    text_i64(&t, v);
    return code_of(s, text_span(&t));
}

static double of_cell(const struct model_source *s, const struct cel_value *v)
{
    switch ((enum cel_kind)v->kind) {
    case CEL_BOOL:
        return v->flag;
    case CEL_INT:
        return of_int(s, v->i64);
    case CEL_DOUBLE:
        return v->f64;
    case CEL_STRING:
        return code_of(s, v->text);
    case CEL_TIMESTAMP:
        return (double)v->i64 + v->nanos / 1e9;
    case CEL_DURATION:
        return (double)v->i64 / 1e9;
    default:
        return NAN;
    }
}

static bool is_inexact(const struct cel_value *v)
{
    return v->kind == CEL_RANGE || (v->kind == CEL_ERROR && v->code == CEL_ERR_INEXACT);
}

/* The feature's own value stands for an inexact one. */
static double of_inexact(const struct model_source *s, const struct window_value *values)
{
    const struct window_value *v = s->feature >= 0 && values != NULL ? &values[s->feature] : NULL;
    return v != NULL && !v->missing ? window_value_double(v) : NAN;
}

void bound_model_gather(const struct bound_model *m, const struct cel_value *row,
                        const struct window_value *values, double *inputs,
                        struct model_result *result)
{
    result->n_missing = 0;
    result->is_inexact = false;
    for (int i = 0; i < m->model.n_inputs; i++) {
        const struct model_source *s = &m->sources[i];
        const struct cel_value *cell = &row[s->slot];
        bool inexact = is_inexact(cell);
        inputs[i] = inexact ? of_inexact(s, values) : of_cell(s, cell);
        result->is_inexact |= inexact;
        result->n_missing += isnan(inputs[i]);
    }
}

/* ---- the score ---- */

/* Before its calibration. */
static double output_of(const struct bound_model *m, const double *inputs)
{
    double outputs[FOREST_OUTPUTS_MAX];
    model_score(&m->model, inputs, NULL, outputs);
    return outputs[m->output];
}

double bound_model_evaluate(const struct bound_model *m, const double *inputs)
{
    return calibration_apply(&m->calibration, output_of(m, inputs));
}

void bound_model_score(const struct bound_model *m, const struct cel_value *row,
                       const struct window_value *values, double *inputs,
                       struct model_result *ret_result)
{
    bound_model_gather(m, row, values, inputs, ret_result);
    ret_result->inputs = inputs;
    ret_result->output = output_of(m, inputs);
    ret_result->score = calibration_apply(&m->calibration, ret_result->output);
}

static bool is_probability(const struct bound_model *m)
{
    enum model_transform t = m->model.transform;
    return t == MODEL_SIGMOID || t == MODEL_SOFTMAX || t == MODEL_ANOMALY;
}

struct cel_bounds bound_model_bounds(const struct bound_model *m)
{
    struct cel_bounds b = cel_bounds_any;
    bool is_calibrated = m->calibration.kind != CALIBRATION_NONE;
    if (is_calibrated || is_probability(m) || m->model.transform == MODEL_EXP)
        b.lo = 0;
    if (is_calibrated || is_probability(m))
        b.hi = 1;
    return b;
}
