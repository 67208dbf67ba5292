#include "service/engine/model_table.h"

#include "service/base/check.h"
#include "service/engine/model_windows.h"

#include <math.h>
#include <stdlib.h>

/* What the steps of one table share. */
struct maker {
    const struct engine *const *engines;
    int n_engines;
    int64_t now_ms;
};

static void *make(size_t n, size_t size)
{
    void *mem = calloc(n + 1, size);
    CHECK(mem != NULL);
    return mem;
}

/* ---- what the engines counted ---- */

static void add_stats(struct model_stats *sum, const struct model_stats *s)
{
    sum->scored += stats_get(&s->scored);
    sum->missing += stats_get(&s->missing);
    sum->above += stats_get(&s->above);
    sum->agreed += stats_get(&s->agreed);
    sum->differed += stats_get(&s->differed);
}

static void count(struct model_table *t, const struct maker *m)
{
    for (int i = 0; i < m->n_engines; i++) {
        const struct engine_stats *stats = m->engines[i]->stats;
        if (stats_get(&stats->fired_ruleset) != t->snap->id)
            continue;
        for (int k = 0; k < t->n; k++)
            add_stats(&t->lines[k].stats, &stats->models[k]);
    }
}

/* ---- drift ---- */

static struct model_drift drift_of(const struct bound_model *m, int distribution,
                                   const uint64_t *counts)
{
    struct model_drift d = {.trained = &m->baseline->of[distribution]};
    d.psi = psi_of(d.trained, counts);
    d.state = drift_state_of(&m->drift, d.trained, &d.psi);
    return d;
}

static double missing_change(const struct model_drift *d)
{
    return fabs(d->psi.missing - d->trained->shares[d->trained->n_bins]);
}

/* Of two numbers that may be NaN, which is the least; the larger first. */
static int larger_first(double a, double b)
{
    double x = isnan(a) ? -1 : a, y = isnan(b) ? -1 : b;
    return (x < y) - (x > y);
}

static int by_concern(const void *a, const void *b, void *inputs)
{
    int i = *(const int *)a, k = *(const int *)b;
    const struct model_drift *x = (struct model_drift *)inputs + i;
    const struct model_drift *y = (struct model_drift *)inputs + k;
    if (x->state != y->state)
        return x->state > y->state ? -1 : 1;
    int order = larger_first(x->psi.index, y->psi.index);
    order = order != 0 ? order : larger_first(missing_change(x), missing_change(y));
    return order != 0 ? order : i - k;
}

static void compare(struct model_line *line, const uint64_t *counts)
{
    const struct bound_model *m = line->model;
    int n = m->model.n_inputs;
    line->inputs = make((size_t)n, sizeof *line->inputs);
    line->worst_first = make((size_t)n, sizeof *line->worst_first);
    line->score = drift_of(m, n, counts);
    line->state = line->score.state;
    for (int i = 0; i < n; i++) {
        line->inputs[i] = drift_of(m, i, counts);
        line->worst_first[i] = i;
        line->n_drifted += line->inputs[i].state == DRIFT_DRIFTED;
        line->state = line->inputs[i].state > line->state ? line->inputs[i].state : line->state;
    }
    qsort_r(line->worst_first, (size_t)n, sizeof *line->worst_first, by_concern, line->inputs);
}

static void look_at_window(struct model_line *line, const struct maker *m)
{
    uint64_t *counts = make((size_t)line->model->baseline->n_counts, sizeof *counts);
    for (int i = 0; i < m->n_engines; i++)
        if (m->engines[i]->windows != NULL)
            model_windows_sum(m->engines[i]->windows, line->model, m->now_ms, counts);
    compare(line, counts);
    free(counts);
}

/* ---- the whole ---- */

void model_table_init(struct model_table *t, const struct snapshot *snap,
                      const struct engine *const *engines, int n_engines, int64_t now_ms)
{
    const struct maker m = {engines, n_engines, now_ms};
    *t = (struct model_table){.snap = snap, .n = snap->models.count};
    if (t->n == 0) /* it is asked for each 2 s, and nothing is allocated for nothing */
        return;
    t->lines = make((size_t)t->n, sizeof *t->lines);
    for (int i = 0; i < t->n; i++)
        t->lines[i].model = &snap->models.items[i];
    count(t, &m);
    for (int i = 0; i < t->n; i++)
        if (t->lines[i].model->baseline != NULL)
            look_at_window(&t->lines[i], &m);
}

void model_table_fini(struct model_table *t)
{
    for (int i = 0; i < t->n; i++) {
        free(t->lines[i].inputs);
        free(t->lines[i].worst_first);
    }
    free(t->lines);
    *t = (struct model_table){0};
}

struct span model_line_input(const struct model_line *line, int i)
{
    return line->model->model.inputs[i].name;
}
