#include "service/engine/counterfactual_models.h"

#include "models/model_range.h"

#include <math.h>
#include <stdlib.h>

static struct cel_value *score_cell(const struct counterfactual_models *c, const struct followed *f)
{
    return &c->row->cells[c->snap->row_models + f->plan->model];
}

static bool is_inexact(const struct cel_value *v)
{
    return v->kind == CEL_RANGE || (v->kind == CEL_ERROR && v->code == CEL_ERR_INEXACT);
}

/* ---- one row --------------------------------------------------------------------------------- */

static bool take_nodes(struct counterfactual_models *c, int64_t nodes)
{
    c->is_cut |= c->nodes < nodes;
    c->nodes -= c->is_cut ? 0 : nodes;
    return !c->is_cut;
}

static struct cel_value unknown(void)
{
    return cel_error(CEL_ERR_INEXACT, span_of(NULL, 0));
}

static struct cel_value score_of(struct counterfactual_models *c, const struct followed *f,
                                 const double *inputs)
{
    if (!take_nodes(c, f->plan->nodes))
        return unknown();
    double score = bound_model_evaluate(f->model, inputs);
    return isnan(score) ? (struct cel_value){.kind = CEL_MISSING} : cel_double(score);
}

/* Between two edges it is the same. */
static struct cel_value score_at(struct counterfactual_models *c, struct followed *f,
                                 const double *inputs, int edge)
{
    if (f->edge != edge)
        f->score = score_of(c, f, inputs);
    f->edge = edge;
    return f->score;
}

/* The edge at which the one input is that follows; the model has a profile. */
static int edge_of(const struct followed *f, double x)
{
    return forest_profile_at(&f->profile, forest_taken(f->model->model.forest, x));
}

void counterfactual_models_set(struct counterfactual_models *c)
{
    double inputs[MODEL_INPUTS_MAX];
    struct model_result result;
    for (int i = 0; i < c->count; i++) {
        struct followed *f = &c->items[i];
        bound_model_gather(f->model, c->row->cells, c->values, inputs, &result);
        double x = inputs[f->plan->inputs[0]];
        bool is_known = f->profile.count > 0 && !isnan(x);
        *score_cell(c, f) =
            is_known ? score_at(c, f, inputs, edge_of(f, x)) : score_of(c, f, inputs);
    }
}

/* ---- a stretch ------------------------------------------------------------------------------- */

/* What an input of it can be; one that may be missing may be anything. What is derived from an
 * inexact feature is missing to a model where that makes it inexact: no stretch tells. Nor are
 * categories in the order of their names. */
static void range_of_cell(const struct counterfactual_models *c, const struct model_source *s,
                          double *lo, double *hi)
{
    const struct cel_value *v = &c->row->cells[s->slot];
    bool is_number = v->kind == CEL_RANGE && s->categories == NULL &&
                     (s->slot == c->name->slot || !c->is_inexact);
    if (!is_inexact(v))
        return;
    *lo = !is_number ? -INFINITY : v->is_int ? (double)v->lo_i64 : v->lo;
    *hi = !is_number ? INFINITY : v->is_int ? (double)v->hi_i64 : v->hi;
}

static void gather_ranges(const struct counterfactual_models *c, const struct followed *f,
                          double *lo, double *hi)
{
    struct model_result result;
    bound_model_gather(f->model, c->row->cells, c->values, lo, &result);
    memcpy(hi, lo, (size_t)f->model->model.n_inputs * sizeof *hi);
    for (int i = 0; i < f->plan->n_inputs; i++) {
        int input = f->plan->inputs[i];
        range_of_cell(c, &f->model->sources[input], &lo[input], &hi[input]);
    }
}

static struct cel_value calibrated(const struct followed *f, const struct model_range *range)
{
    double lo = calibration_apply(&f->model->calibration, range->lo);
    double hi = calibration_apply(&f->model->calibration, range->hi);
    if (isnan(lo) && isnan(hi) && !range->may_be_none)
        return (struct cel_value){.kind = CEL_MISSING};
    if (range->may_be_none || !(lo <= hi))
        return unknown();
    return cel_range_double(lo, hi);
}

/* Between two edges, of which the profile knows all sums. */
static struct cel_value score_between(const struct followed *f, int first, int last)
{
    const struct forest_edge *edges = f->profile.edges;
    const struct model *m = &f->model->model;
    double least = edges[first].sum, most = least;
    for (int i = first + 1; i <= last; i++) {
        least = fmin(least, edges[i].sum);
        most = fmax(most, edges[i].sum);
    }
    least = model_sum_end(m, 0, least - f->profile.error);
    most = model_sum_end(m, 0, most + f->profile.error);
    struct model_range range = model_range_of_margins(m, 0, &least, &most);
    return calibrated(f, &range);
}

static struct cel_value score_over(struct counterfactual_models *c, struct followed *f)
{
    double lo[MODEL_INPUTS_MAX], hi[MODEL_INPUTS_MAX];
    struct model_range range;
    gather_ranges(c, f, lo, hi);
    int input = f->plan->inputs[0];
    if (f->profile.count > 0 && !isnan(lo[input]) && !(isinf(lo[input]) && isinf(hi[input]))) {
        int first = edge_of(f, lo[input]), last = edge_of(f, hi[input]);
        return first == last ? score_at(c, f, lo, first) : score_between(f, first, last);
    }
    if (!take_nodes(c, f->model->model.n_inputs) ||
        !model_range(&f->model->model, f->model->output, lo, hi, &c->nodes, &range)) {
        c->is_cut = true;
        return unknown();
    }
    return calibrated(f, &range);
}

void counterfactual_models_set_range(struct counterfactual_models *c)
{
    for (int i = 0; i < c->count; i++)
        *score_cell(c, &c->items[i]) = score_over(c, &c->items[i]);
}

/* ---- thresholds ------------------------------------------------------------------------------ */

/* Is what it is fed with the name itself? */
static bool is_direct(const struct counterfactual_models *c, const struct followed *f)
{
    return f->model->sources[f->plan->inputs[0]].slot == c->name->slot;
}

struct counterfactual_split counterfactual_models_split(const struct counterfactual_models *c,
                                                        double near, double far)
{
    for (int i = 0; i < c->count; i++) {
        const struct followed *f = &c->items[i];
        if (f->profile.count == 0 || !is_direct(c, f))
            continue;
        int a = edge_of(f, near), b = edge_of(f, far);
        if (a != b)
            return (struct counterfactual_split){f, (a < b ? a : b) + (abs(a - b) + 1) / 2};
    }
    return (struct counterfactual_split){0};
}

bool counterfactual_split_is_past(const struct counterfactual_split *split, double v)
{
    return edge_of(split->of, v) >= split->edge;
}

/* ---- one name after the other ---------------------------------------------------------------- */

void counterfactual_models_init(struct counterfactual_models *c, const struct snapshot *snap,
                                const struct row *row, const struct window_value *values)
{
    c->snap = snap;
    c->row = row;
    c->values = values;
    c->is_inexact = false;
    for (int i = 0; i < snap->n_features_read; i++)
        c->is_inexact |= is_inexact(&row->cells[snap->row_features + snap->features_read[i]]);
}

void counterfactual_models_begin(struct counterfactual_models *c,
                                 const struct counterfactual_name *name, int64_t nodes)
{
    c->name = name;
    c->nodes = nodes;
    c->is_cut = false;
    c->count = name->n_models;
    for (int i = 0; i < c->count; i++) {
        struct followed *f = &c->items[i];
        f->plan = &name->models[i];
        f->model = &c->snap->models.items[f->plan->model];
        f->was = *score_cell(c, f);
        f->profile.count = 0;
        f->edge = -1;
    }
}

/* One model's, into edges[room]. */
static bool sweep(struct counterfactual_models *c, struct followed *f, struct forest_edge *edges,
                  int room)
{
    double inputs[MODEL_INPUTS_MAX];
    struct model_result result;
    f->profile = (struct forest_profile){.edges = edges, .room = room};
    bound_model_gather(f->model, c->row->cells, c->values, inputs, &result);
    const struct model *m = &f->model->model;
    return forest_profile_make(m->forest, inputs, f->plan->inputs[0], model_sum_begin(m, 0),
                               &f->profile, &c->nodes);
}

void counterfactual_models_sweep(struct counterfactual_models *c)
{
    int used = 0;
    for (int i = 0; i < c->count; i++) {
        struct followed *f = &c->items[i];
        int room = COUNTERFACTUAL_MODEL_EDGES_MAX - used;
        if (f->plan->is_profiled && !sweep(c, f, &c->edges[used], room))
            f->profile.count = 0;
        used += f->profile.count;
    }
}

void counterfactual_models_put_back(struct counterfactual_models *c)
{
    for (int i = 0; i < c->count; i++)
        *score_cell(c, &c->items[i]) = c->items[i].was;
}
