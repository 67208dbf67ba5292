#include "service/engine/model_bind.h"

#include <stdio.h>
#include <stdlib.h>

enum { NEAR_MAX = 1024 }; /* names that are looked through for what was meant */

struct binder {
    const struct yaml_file *file;
    const struct yaml_node *node, *inputs, *categories;
    const struct model_names *names;
    struct arena *arena;
    struct diag_list *diags;
    struct bound_model *m;
};

/* ---- what was meant ---- */

/* `hint` of DIAG_MESSAGE_MAX. */
static const char *did_you_mean(struct span name, char *hint)
{
    snprintf(hint, DIAG_MESSAGE_MAX, "did you mean '%.*s'?", SPAN_ARG(name));
    return hint;
}

/* NULL when nothing is near. */
static const char *nearest_name(struct binder *b, struct span wrong, char *hint)
{
    struct span names[NEAR_MAX];
    int n = 0;
    for (int i = 0; i < b->names->env->n_names && n < NEAR_MAX; i++)
        if (b->names->env->names[i].constant == NULL)
            names[n++] = b->names->env->names[i].name;
    int near = diag_nearest_span(wrong, names, n);
    return near >= 0 ? did_you_mean(names[near], hint) : NULL;
}

static const char *nearest_input(const struct model *m, struct span wrong, char *hint)
{
    int near = model_input_nearest(m, wrong);
    return near >= 0 ? did_you_mean(m->inputs[near].name, hint) : NULL;
}

/* ---- `inputs:` and `categories:` themselves ---- */

static const struct yaml_node *member(const struct yaml_node *map, struct span key)
{
    const struct yaml_node *child = map != NULL ? map->child : NULL;
    while (child != NULL && !span_eq(child->key, key))
        child = child->next;
    return child;
}

static bool is_mapping(const struct yaml_file *file, const struct yaml_node *node, const char *what,
                       struct diag_list *diags)
{
    if (node == NULL || node->kind == YAML_MAPPING)
        return true;
    diag_error(diags, yaml_at(file, node), NULL, "%s", what);
    return false;
}

bool model_bind_names_inputs(const struct yaml_file *file, const struct yaml_node *map,
                             const char *what, const struct model *m, struct diag_list *diags)
{
    char hint[DIAG_MESSAGE_MAX];
    bool ok = is_mapping(file, map, what, diags);
    for (const struct yaml_node *n = ok && map ? map->child : NULL; n; n = n->next) {
        if (model_input_find(m, n->key) >= 0)
            continue;
        diag_error(diags, yaml_key_at(file, n), nearest_input(m, n->key, hint),
                   "the model has no input '%.*s'", SPAN_ARG(n->key));
        ok = false;
    }
    return ok;
}

static bool inputs_are_its(struct binder *b)
{
    return model_bind_names_inputs(b->file, b->inputs,
                                   "`inputs:` holds the model's names and the ruleset's",
                                   &b->m->model, b->diags);
}

/* The input that is bound to the name; -1: none. */
static int input_of_name(const struct binder *b, struct span name)
{
    for (int i = 0; i < b->m->model.n_inputs; i++) {
        const struct yaml_node *given = member(b->inputs, b->m->model.inputs[i].name);
        struct span ours = given != NULL ? given->text : b->m->model.inputs[i].name;
        if (span_eq(ours, name))
            return i;
    }
    return -1;
}

static bool categories_are_its(struct binder *b)
{
    char hint[DIAG_MESSAGE_MAX];
    bool ok = is_mapping(b->file, b->categories, "`categories:` holds names and their categories",
                         b->diags);
    for (const struct yaml_node *n = ok && b->categories ? b->categories->child : NULL; n;
         n = n->next) {
        if (input_of_name(b, n->key) >= 0)
            continue;
        diag_error(b->diags, yaml_key_at(b->file, n), nearest_input(&b->m->model, n->key, hint),
                   "no input of the model is bound to '%.*s'", SPAN_ARG(n->key));
        ok = false;
    }
    return ok;
}

/* ---- categories of one input ---- */

static bool out_of_space(struct binder *b)
{
    diag_error(b->diags, yaml_key_at(b->file, b->node), NULL,
               "the ruleset is too large: out of space");
    return false;
}

static struct model_category *room_for_categories(struct binder *b, int n)
{
    struct model_category *mem = arena_try(b->arena, ((size_t)n + 1) * sizeof *mem);
    if (mem == NULL)
        (void)out_of_space(b);
    return mem;
}

/* As the file of the model has them. */
static bool own_categories(struct binder *b, const struct model_input *input,
                           struct model_source *source)
{
    if (input->categories == NULL)
        return true;
    struct model_category *items = room_for_categories(b, input->n_categories);
    if (items == NULL)
        return false;
    for (int i = 0; i < input->n_categories; i++)
        items[i] = (struct model_category){input->categories[i], i};
    qsort(items, (size_t)input->n_categories, sizeof *items, model_category_order);
    source->categories = items;
    source->n_categories = input->n_categories;
    return true;
}

/* Two of one name would have two codes. */
static bool are_told_apart(struct binder *b, const struct yaml_node *node,
                           const struct model_category *sorted, int n)
{
    for (int i = 1; i < n; i++) {
        if (!span_eq(sorted[i].name, sorted[i - 1].name))
            continue;
        diag_error(b->diags, yaml_at(b->file, node), NULL, "the category '%.*s' stands twice",
                   SPAN_ARG(sorted[i].name));
        return false;
    }
    return true;
}

static bool given_categories(struct binder *b, const struct yaml_node *node,
                             struct model_source *source)
{
    int n = 0;
    if (node->kind != YAML_SEQUENCE || node->count > MODEL_CATEGORIES_MAX) {
        diag_error(b->diags, yaml_at(b->file, node), "category: [food, fuel]",
                   node->kind != YAML_SEQUENCE ? "a list of categories is expected here"
                                               : "more than %d categories",
                   MODEL_CATEGORIES_MAX);
        return false;
    }
    struct model_category *items = room_for_categories(b, node->count);
    if (items == NULL)
        return false;
    for (const struct yaml_node *c = node->child; c != NULL; c = c->next, n++) {
        items[n].code = n;
        if (!yaml_string(b->file, c, b->diags, &items[n].name))
            return false;
    }
    qsort(items, (size_t)n, sizeof *items, model_category_order);
    source->categories = items;
    source->n_categories = n;
    return are_told_apart(b, node, items, n);
}

/* ---- one input ---- */

static bool has_number(const struct cel_type *type)
{
    switch (type->kind) {
    case CEL_T_BOOL:
    case CEL_T_INT:
    case CEL_T_DOUBLE:
    case CEL_T_TIMESTAMP:
    case CEL_T_DURATION:
    case CEL_T_STRING:
        return true;
    default:
        return false;
    }
}

/* Where an input is named: its entry, or the model's. */
static struct diag_at place_of(const struct binder *b, const struct yaml_node *given)
{
    return given != NULL ? yaml_at(b->file, given) : yaml_key_at(b->file, b->node);
}

static const struct cel_name *find_name(struct binder *b, const struct yaml_node *given,
                                        struct span name)
{
    char hint[DIAG_MESSAGE_MAX];
    const struct cel_name *found = cel_env_find(b->names->env, name);
    if (found == NULL) {
        const char *near = nearest_name(b, name, hint);
        diag_error(b->diags, place_of(b, given),
                   near != NULL ? near : "inputs: {its_name: name}, or a feature of that name",
                   "the model '%.*s' has the input '%.*s', and there is no such field or feature",
                   SPAN_ARG(b->m->name), SPAN_ARG(name));
        return NULL;
    }
    if (found->constant == NULL && has_number(found->type))
        return found;
    diag_error(b->diags, place_of(b, given),
               "a number, bool, timestamp, duration or text is; derive one, as double(NAME)",
               "'%.*s' is no input for a model", SPAN_ARG(name));
    return NULL;
}

static bool has_codes(struct binder *b, const struct yaml_node *given, const struct cel_name *name,
                      const struct model_source *source)
{
    char hint[DIAG_MESSAGE_MAX];
    if (name->type->kind != CEL_T_STRING || source->categories != NULL)
        return true;
    snprintf(hint, sizeof hint, "categories: {%.*s: [first, second]}, in the order of their codes",
             SPAN_ARG(name->name));
    diag_error(b->diags, place_of(b, given), hint,
               "'%.*s' is a text, and the model's file does not name its categories",
               SPAN_ARG(name->name));
    return false;
}

/* Have values of the name categories, and does nobody say yet which they are? */
static bool takes_categories(struct binder *b, const struct yaml_node *node,
                             const struct cel_name *name, const struct model_input *input)
{
    bool may_have = name->type->kind == CEL_T_STRING || name->type->kind == CEL_T_INT;
    if (may_have && input->categories == NULL)
        return true;
    diag_error(b->diags, yaml_key_at(b->file, node), "leave it out here",
               may_have ? "the model's file names the categories of '%.*s' itself"
                        : "'%.*s' is no text and no whole number: it has no categories",
               SPAN_ARG(name->name));
    return false;
}

static bool bind_input(struct binder *b, const struct model_input *input,
                       struct model_source *source)
{
    const struct yaml_node *given = member(b->inputs, input->name);
    struct span ours = input->name;
    if (given != NULL && !yaml_string(b->file, given, b->diags, &ours))
        return false;
    const struct cel_name *name = find_name(b, given, ours);
    if (name == NULL)
        return false;
    int feature = name->slot - b->names->row_features;
    *source = (struct model_source){
        .name = name->name,
        .slot = name->slot,
        .feature = feature >= 0 && feature < b->names->n_features ? feature : -1,
        .unknown = model_other_category(&b->m->model)};
    const struct yaml_node *codes = member(b->categories, ours);
    if (codes != NULL && !takes_categories(b, codes, name, input))
        return false;
    if (codes != NULL ? !given_categories(b, codes, source) : !own_categories(b, input, source))
        return false;
    return has_codes(b, given, name, source);
}

enum status model_bind(const struct yaml_file *file, const struct yaml_node *node,
                       const struct model_names *names, struct arena *arena,
                       struct diag_list *diags, struct bound_model *m)
{
    struct binder b = {.file = file,
                       .node = node,
                       .inputs = yaml_get(node, "inputs"),
                       .categories = yaml_get(node, "categories"),
                       .names = names,
                       .arena = arena,
                       .diags = diags,
                       .m = m};
    struct model_source *sources =
        arena_try(arena, ((size_t)m->model.n_inputs + 1) * sizeof *sources);
    if (sources == NULL)
        return out_of_space(&b) ? ST_OK : ST_NO_SPACE;
    bool ok = inputs_are_its(&b) && categories_are_its(&b);
    for (int i = 0; i < m->model.n_inputs; i++)
        ok = bind_input(&b, &m->model.inputs[i], &sources[i]) && ok;
    m->sources = sources;
    return ok ? ST_OK : ST_INVALID;
}
