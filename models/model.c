#include "models/model.h"

#include "models/forest_pack.h"
#include "models/model_formats.h"
#include "service/base/hash.h"

#include <math.h>

enum { LANES_AT_ONCE = 2 * FOREST_LANES_MAX }; /* 64 KiB on a stack: some hundred rows */

const char *model_format_text(enum model_format format)
{
    static const char *const texts[] = {
#define X(name, text) text,
        MODEL_FORMAT_TABLE(X)
#undef X
    };
    return texts[format];
}

const char *model_transform_text(enum model_transform transform)
{
    static const char *const texts[] = {
#define X(name, text) text,
        MODEL_TRANSFORM_TABLE(X)
#undef X
    };
    return texts[transform];
}

/* ---- loading ---- */

static void put_hash(struct span bytes, char hash[17])
{
    char id[HASH_ID_DIGITS + 1];
    hash_id("", bytes, id);
    memcpy(hash, id, 16);
    hash[16] = '\0';
}

/* No loader has to know of it. */
static void pack_forest(struct arena *arena, struct model *m)
{
    struct forest *copy = m->forest != NULL ? arena_try(arena, sizeof *copy) : NULL;
    if (copy == NULL)
        return;
    *copy = *m->forest;
    copy->pack = forest_pack(copy, arena);
    m->forest = copy;
}

enum status model_load(const char *name, struct span bytes, struct arena *arena,
                       struct diag_list *diags, struct model *ret_model)
{
    struct model_file file = {.name = name, .bytes = bytes, .arena = arena, .diags = diags};
    struct model model = {.scale = 1};
    struct diag_at at = {.file = name};
    if (bytes.len > MODEL_FILE_MAX) {
        diag_error(diags, at, NULL, "a model of %zu bytes, and %d are the most", bytes.len,
                   MODEL_FILE_MAX);
        return ST_TOO_LARGE;
    }
    for (const struct model_loader *l = model_loaders; l->load != NULL; l++) {
        if (!l->is_its(bytes))
            continue;
        enum status st = l->load(&file, &model);
        if (st != ST_OK)
            return st;
        put_hash(bytes, model.hash);
        pack_forest(arena, &model);
        *ret_model = model;
        return ST_OK;
    }
    diag_error(diags, at,
               "XGBoost's JSON or UBJSON, LightGBM's text, an exported isolation forest, or YAML "
               "with `model:`",
               "this is no model file");
    return ST_INVALID;
}

/* ---- evaluating ---- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* How far a margin is below the greatest: XGBoost rounds that too, and of margins far apart it is
 * what shows. */
static double below(const struct model *m, double margin, double most)
{
    bool narrows = m->forest != NULL && m->forest->narrows;
    return narrows ? (double)(float)(margin - most) : margin - most;
}

static void softmax(const struct model *m, const double *margins, double *outputs)
{
    int n = m->n_outputs;
    double most = margins[0], sum = 0;
    for (int i = 1; i < n; i++)
        most = margins[i] > most ? margins[i] : most;
    for (int i = 0; i < n; i++)
        sum += outputs[i] = exp(below(m, margins[i], most));
    for (int i = 0; i < n; i++)
        outputs[i] /= sum;
}

void model_outputs(const struct model *m, const double *margins, double *outputs)
{
    if (m->transform == MODEL_SOFTMAX) {
        softmax(m, margins, outputs);
        return;
    }
    for (int i = 0; i < m->n_outputs; i++)
        switch (m->transform) {
        case MODEL_SIGMOID:
            outputs[i] = sigmoid(m->scale * margins[i]);
            break;
        case MODEL_EXP:
            outputs[i] = exp(margins[i]);
            break;
        case MODEL_SQUARE:
            outputs[i] = copysign(margins[i] * margins[i], margins[i]);
            break;
        case MODEL_ANOMALY:
            outputs[i] = exp2(margins[i] / m->scale);
            break;
        default:
            outputs[i] = margins[i];
        }
}

double model_sum_begin(const struct model *m, int output)
{
    return m->averages ? 0 : m->base[output];
}

double model_sum_end(const struct model *m, int output, double sum)
{
    double rounds = (double)m->forest->n_trees / m->n_outputs;
    return m->averages ? m->base[output] + sum / rounds : sum;
}

/* Of rows_at_once() at most. */
static void sum_trees(const struct model *m, const double *inputs, size_t n_rows, double *margins)
{
    double lanes[LANES_AT_ONCE]; /* what is not touched costs nothing */
    size_t n_margins = n_rows * (size_t)m->n_outputs;
    for (size_t row = 0; row < n_rows; row++)
        forest_spread(m->forest, inputs + row * (size_t)m->n_inputs,
                      lanes + row * m->forest->n_lanes);
    for (size_t i = 0; i < n_margins; i++)
        margins[i] = model_sum_begin(m, (int)(i % (size_t)m->n_outputs));
    forest_sum_rows(m->forest, lanes, n_rows, margins);
    for (size_t i = 0; i < n_margins && m->averages; i++)
        margins[i] = model_sum_end(m, (int)(i % (size_t)m->n_outputs), margins[i]);
}

static size_t rows_at_once(const struct model *m)
{
    return m->forest != NULL ? LANES_AT_ONCE / m->forest->n_lanes : 1;
}

static void put_margins(const struct model *m, const double *inputs, size_t n_rows, double *margins)
{
    if (m->linear != NULL)
        margins[0] = m->base[0] + linear_sum(m->linear, inputs);
    else
        sum_trees(m, inputs, n_rows, margins);
}

void model_score_rows(const struct model *m, const double *inputs, size_t n_rows, double *margins,
                      double *outputs)
{
    double *sums = margins != NULL ? margins : outputs; /* each is read before it is written */
    size_t most = rows_at_once(m), n_outputs = (size_t)m->n_outputs;
    for (size_t from = 0; from < n_rows; from += most) {
        size_t n = n_rows - from < most ? n_rows - from : most;
        put_margins(m, inputs + from * (size_t)m->n_inputs, n, sums + from * n_outputs);
    }
    for (size_t row = 0; row < n_rows; row++)
        model_outputs(m, sums + row * n_outputs, outputs + row * n_outputs);
}

void model_score(const struct model *m, const double *inputs, double *margins, double *outputs)
{
    model_score_rows(m, inputs, 1, margins, outputs);
}

int model_input_find(const struct model *m, struct span name)
{
    for (int i = 0; i < m->n_inputs; i++)
        if (span_eq(m->inputs[i].name, name))
            return i;
    return -1;
}

int model_input_nearest(const struct model *m, struct span wrong)
{
    struct span names[MODEL_INPUTS_MAX];
    for (int i = 0; i < m->n_inputs; i++)
        names[i] = m->inputs[i].name;
    return diag_nearest_span(wrong, names, m->n_inputs);
}

double model_other_category(const struct model *m)
{
    return m->linear != NULL ? -1 : (double)NAN;
}

int64_t model_steps(const struct model *m)
{
    int64_t steps = m->linear != NULL ? m->n_inputs : 0;
    for (uint32_t i = 0; m->forest != NULL && i < m->forest->n_trees; i++)
        steps += m->forest->trees[i].depth;
    return steps;
}
