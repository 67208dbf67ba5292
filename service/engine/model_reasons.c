#include "service/engine/model_reasons.h"

#include "models/explain.h"
#include "models/reasons.h"

#include <stdio.h>

enum { REASONS_USUAL = 4 }; /* with those a person begins */

#define LEAST_USUAL 0.05

struct loader {
    const struct yaml_file *file;
    const struct yaml_node *node; /* the model's mapping */
    const struct model_names *names;
    struct arena *arena;
    struct diag_list *diags;
    struct bound_model *m;
};

static enum status out_of_space(const struct loader *l)
{
    diag_error(l->diags, yaml_key_at(l->file, l->node), NULL,
               "the ruleset is too large: out of space");
    return ST_NO_SPACE;
}

/* ---- can it be explained? ---- */

static enum model_unexplained judge(const struct bound_model *m, double *cost)
{
    double own = model_explain_cost(&m->model, m->output);
    if (!model_has_counts(&m->model))
        return MODEL_WITHOUT_COUNTS;
    if (*cost + own > MODEL_REASONS_COST_MAX)
        return MODEL_TOO_LARGE;
    *cost += own;
    return MODEL_IS_EXPLAINED;
}

static enum status refuse(const struct loader *l, const struct yaml_node *reasons)
{
    char hint[DIAG_MESSAGE_MAX];
    struct diag_at at = yaml_key_at(l->file, reasons);
    if (l->m->reasons.unexplained == MODEL_WITHOUT_COUNTS) {
        diag_error(l->diags, at, "save it with all its statistics, or leave `reasons:` out",
                   "there are no reasons of the model '%.*s': its file does not say how many rows "
                   "came to each node",
                   SPAN_ARG(l->m->name));
        return ST_INVALID;
    }
    snprintf(hint, sizeof hint,
             "it takes %.1f million steps, and all models together may take %.0f",
             model_explain_cost(&l->m->model, l->m->output) / 1e6, MODEL_REASONS_COST_MAX / 1e6);
    diag_error(l->diags, at, hint, "there are no reasons of the model '%.*s': it is too large",
               SPAN_ARG(l->m->name));
    return ST_INVALID;
}

/* ---- the texts ---- */

static enum status load_text(const struct loader *l, const struct yaml_node *node,
                             const struct template **ret_text)
{
    struct template *text = arena_try(l->arena, sizeof *text);
    struct span source;
    if (text == NULL)
        return out_of_space(l);
    if (!yaml_string(l->file, node, l->diags, &source))
        return ST_INVALID;
    enum status st = template_compile(l->names->env, source, yaml_body_at(l->file, node), l->arena,
                                      l->diags, text);
    *ret_text = text;
    return st;
}

static enum status load_texts(const struct loader *l, const struct yaml_node *reasons)
{
    void *mem;
    enum status worst = ST_OK;
    if (!model_bind_names_inputs(l->file, reasons, "`reasons:` holds the model's names, and texts",
                                 &l->m->model, l->diags))
        return ST_INVALID;
    if (arena_alloc(l->arena, (size_t)l->m->model.n_inputs * sizeof(struct template *) + 1, &mem) !=
        ST_OK)
        return out_of_space(l);
    const struct template **texts = mem;
    for (const struct yaml_node *n = reasons->child; n != NULL; n = n->next) {
        enum status st = load_text(l, n, &texts[model_input_find(&l->m->model, n->key)]);
        worst = st == ST_OK ? worst : st;
    }
    l->m->reasons.texts = texts;
    return worst;
}

/* ---- the rest ---- */

static bool read_max(const struct loader *l, int *ret_max)
{
    const struct yaml_node *node = yaml_get(l->node, "reasons_max");
    int64_t max = REASONS_USUAL;
    if (node != NULL && !yaml_int(l->file, node, 0, REASONS_MAX, l->diags, &max))
        return false;
    *ret_max = (int)max;
    return true;
}

static bool read_least(const struct loader *l, double *ret_least)
{
    const struct yaml_node *node = yaml_get(l->node, "reasons_least");
    double least = LEAST_USUAL;
    if (node != NULL && !yaml_double(l->file, node, l->diags, &least))
        return false;
    if (!(least >= 0 && least <= 1)) {
        diag_error(l->diags, yaml_at(l->file, node), "reasons_least: 0.05", "a share is 0 to 1");
        return false;
    }
    *ret_least = least;
    return true;
}

enum status model_reasons_load(const struct yaml_file *file, const struct yaml_node *node,
                               const struct model_names *names, double *cost, struct arena *arena,
                               struct diag_list *diags, struct bound_model *m)
{
    const struct loader l = {file, node, names, arena, diags, m};
    const struct yaml_node *reasons = yaml_get(node, "reasons");
    m->reasons = (struct model_reasons){.unexplained = judge(m, cost)};
    if (!read_max(&l, &m->reasons.max) || !read_least(&l, &m->reasons.least))
        return ST_INVALID;
    if (reasons == NULL)
        return ST_OK;
    return m->reasons.unexplained != MODEL_IS_EXPLAINED ? refuse(&l, reasons)
                                                        : load_texts(&l, reasons);
}
