#include "service/engine/model_set.h"

#include "models/reasons.h"
#include "service/base/identifier.h"
#include "service/base/yaml_path.h"
#include "service/engine/model_reasons.h"

#include <math.h>

/* ---- what may stand under `models:` ---- */

static const struct shape path_shape = {.kind = SHAPE_TEXT, .pattern = "."};
static const char *const roles[] = {
#define X(name, text) text,
    MODEL_ROLE_TABLE(X)
#undef X
};
static const struct shape role_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, roles)};
static const struct shape name_shape = {.kind = SHAPE_TEXT, .pattern = "."};
static const struct shape class_shape = {
    .kind = SHAPE_INT, .min = 0, .max = FOREST_OUTPUTS_MAX - 1};
static const struct shape number_shape = {.kind = SHAPE_NUMBER};
static const struct shape inputs_shape = {
    .kind = SHAPE_MAPPING, .max = MODEL_INPUTS_MAX, .of = &name_shape};
static const struct shape category_shape = {.kind = SHAPE_TEXT};
static const struct shape codes_shape = {
    .kind = SHAPE_LIST, .max = MODEL_CATEGORIES_MAX, .of = &category_shape};
static const struct shape categories_shape = {
    .kind = SHAPE_MAPPING, .max = MODEL_INPUTS_MAX, .of = &codes_shape};

static const struct shape texts_shape = {
    .kind = SHAPE_MAPPING, .max = MODEL_INPUTS_MAX, .of = &category_shape};
static const struct shape max_shape = {.kind = SHAPE_INT, .min = 0, .max = REASONS_MAX};

static const struct shape_key keys[] = {
    {"file", &path_shape, true,
     "The trainer's own file, relative to the ruleset file: XGBoost's JSON or UBJSON, LightGBM's "
     "text, a linear model or a scorecard in YAML, an isolation forest."},
    {"role", &role_shape, false,
     "`champion`, for rules of every mode, is what a model is; a `challenger` scores in shadow."},
    {"challenges", &name_shape, false,
     "Of a challenger: the champion it is compared with; may be left out if there is one."},
    {"class", &class_shape, false, "Of a model with several outputs: which one is the score."},
    {"threshold", &number_shape, false,
     "Alone the model would flag from this score on: for agreement and explanations."},
    {"calibration", &calibration_shape, false,
     "From the score to a probability: `none`, `platt: {a: .., b: ..}`, or `isotonic: {x: [..], y: "
     "[..]}`."},
    {"inputs", &inputs_shape, false,
     "`input: name` where the model calls a field or feature by another name."},
    {"categories", &categories_shape, false,
     "`name: [first, second]`: a text's categories in the order of their codes, where the "
     "model's file does not name them."},
    {"reasons", &texts_shape, false,
     "`input: text` for where an input has raised the score: in alerts and explanations. "
     "Expressions stand in `{ }`, as in a rule's reason."},
    {"reasons_max", &max_shape, false, "How many reasons of one score are told, 4; 0: none."},
    {"reasons_least", &number_shape, false,
     "What has a smaller share of what raised the score is no reason: 0 to 1, 0.05."},
    {"baseline", &path_shape, false,
     "How inputs and score were distributed in training, as `make train` writes it beside the "
     "model: what comes of late is compared with it."},
    {"drift", &drift_shape, false, "With a baseline: over how long, and what is too far from it."},
};
static const struct shape model_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, keys)};

const struct shape models_shape = {.kind = SHAPE_MAPPING,
                                   .pattern = "^[A-Za-z_][A-Za-z0-9_]{0,63}$",
                                   .max = MODELS_MAX,
                                   .of = &model_shape};

/* What the steps of one load share. */
struct loader {
    const struct yaml_file *file;
    const struct yaml_node *node; /* of one model */
    const struct model_names *names;
    struct arena *arena;
    struct diag_list *diags;
    double explain_cost; /* of the models so far (model_reasons.h) */
};

static enum status out_of_space(const struct loader *l)
{
    diag_error(l->diags, yaml_at(l->file, l->node), NULL,
               "the models do not fit into the ruleset's memory");
    return ST_NO_SPACE;
}

/* ---- its files ---- */

/* Into the arena: what is packed, kept and hashed is what was loaded. */
static enum status read_file(const struct loader *l, const struct yaml_node *node, size_t max_bytes,
                             struct model_file *ret_file)
{
    char path[FILES_PATH_MAX];
    struct span content;
    if (!yaml_path(l->file, node, l->diags, path))
        return ST_INVALID;
    enum status st = yaml_path_read(l->file, node, path, max_bytes, l->arena, l->diags, &content);
    if (st != ST_OK)
        return st;
    struct span name = arena_try_copy(l->arena, span_str(path));
    if (name.base == NULL)
        return out_of_space(l);
    *ret_file = (struct model_file){name.base, content, l->arena, l->diags};
    return ST_OK;
}

static enum status load_file(const struct loader *l, struct bound_model *m)
{
    const struct yaml_node *node = yaml_get(l->node, "file");
    struct model_file file;
    if (node == NULL) {
        diag_error(l->diags, yaml_key_at(l->file, l->node), "{file: fraud.json}",
                   "a model needs its `file:`");
        return ST_INVALID;
    }
    enum status st = read_file(l, node, MODEL_FILE_MAX, &file);
    if (st != ST_OK)
        return st;
    m->content = file.bytes;
    return model_load(file.name, file.bytes, l->arena, l->diags, &m->model);
}

static enum status read_baseline(const struct loader *l, const struct yaml_node *node,
                                 struct bound_model *m)
{
    struct model_file file;
    struct baseline *baseline = arena_try(l->arena, sizeof *baseline);
    if (baseline == NULL)
        return out_of_space(l);
    enum status st = read_file(l, node, BASELINE_FILE_MAX, &file);
    if (st != ST_OK)
        return st;
    m->baseline = baseline;
    m->baseline_content = file.bytes;
    hash_id("", file.bytes, m->baseline_hash);
    return baseline_load(&file, &m->model, baseline);
}

/* And what is too far from it. */
static enum status load_baseline(const struct loader *l, struct bound_model *m)
{
    const struct yaml_node *node = yaml_get(l->node, "baseline");
    const struct yaml_node *drift = yaml_get(l->node, "drift");
    if (node == NULL && drift != NULL) {
        diag_error(l->diags, yaml_key_at(l->file, drift), "baseline: fraud.baseline.json",
                   "without its baseline nobody can tell how a model drifts");
        return ST_INVALID;
    }
    enum status st = drift_load(l->file, drift, l->diags, &m->drift);
    return st == ST_OK && node != NULL ? read_baseline(l, node, m) : st;
}

/* ---- what is said of it ---- */

static bool read_role(const struct loader *l, struct bound_model *m)
{
    const struct yaml_node *node = yaml_get(l->node, "role");
    struct span text;
    if (node == NULL)
        return true;
    if (!yaml_string(l->file, node, l->diags, &text))
        return false;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        m->role = (enum model_role)i;
        if (span_is(text, roles[i]))
            return true;
    }
    diag_error(l->diags, yaml_at(l->file, node), NULL, "the role is `champion` or `challenger`");
    return false;
}

/* Which output is the score: of several it must be said. */
static bool read_class(const struct loader *l, struct bound_model *m)
{
    const struct yaml_node *node = yaml_get(l->node, "class");
    int64_t output = 0;
    if (node == NULL && m->model.n_outputs > 1) {
        diag_error(l->diags, yaml_key_at(l->file, l->node), "class: 1, the first is 0",
                   "the model has %d outputs: `class:` says which one is the score",
                   m->model.n_outputs);
        return false;
    }
    if (node != NULL && !yaml_int(l->file, node, 0, m->model.n_outputs - 1, l->diags, &output))
        return false;
    m->output = (int)output;
    return true;
}

static bool read_threshold(const struct loader *l, struct bound_model *m)
{
    const struct yaml_node *node = yaml_get(l->node, "threshold");
    m->threshold = NAN;
    return node == NULL || yaml_double(l->file, node, l->diags, &m->threshold);
}

static void warn_of_threshold(const struct loader *l, const struct bound_model *m)
{
    struct cel_bounds bounds = bound_model_bounds(m);
    if (!(m->threshold > bounds.hi) && !(m->threshold <= bounds.lo))
        return;
    diag_warning(l->diags, yaml_at(l->file, yaml_get(l->node, "threshold")), NULL,
                 m->threshold > bounds.hi ? "no score reaches the threshold: it is %g at most"
                                          : "each score reaches the threshold: it is %g at least",
                 m->threshold > bounds.hi ? bounds.hi : bounds.lo);
}

/* ---- one, and all of them ---- */

static enum status load_one(struct loader *l, struct bound_model *m)
{
    *m = (struct bound_model){
        .name = l->node->key, .at = yaml_key_at(l->file, l->node), .challenges = -1};
    if (!identifier_is(m->name, MODEL_NAME_MAX)) {
        diag_error(l->diags, m->at, "write letters, digits and _",
                   "'%.*s' cannot be a model's name", SPAN_ARG(m->name));
        return ST_INVALID;
    }
    if (l->node->kind != YAML_MAPPING) {
        diag_error(l->diags, yaml_at(l->file, l->node), "{file: fraud.json}",
                   "a mapping is expected here");
        return ST_INVALID;
    }
    if (!shape_only(l->file, l->node, &model_shape, l->diags) || !read_role(l, m) ||
        !read_threshold(l, m))
        return ST_INVALID;
    enum status st = load_file(l, m);
    if (st == ST_OK && !read_class(l, m))
        st = ST_INVALID;
    if (st == ST_OK)
        st = calibration_load(l->file, yaml_get(l->node, "calibration"), l->arena, l->diags,
                              &m->calibration);
    if (st == ST_OK)
        warn_of_threshold(l, m);
    if (st == ST_OK)
        st = load_baseline(l, m);
    if (st == ST_OK)
        st = model_bind(l->file, l->node, l->names, l->arena, l->diags, m);
    if (st == ST_OK)
        st =
            model_reasons_load(l->file, l->node, l->names, &l->explain_cost, l->arena, l->diags, m);
    return st;
}

/* The only champion; -1: there are none, or several. */
static int only_champion(const struct model_set *set)
{
    int only = -1;
    for (int i = 0; i < set->count; i++) {
        if (set->items[i].role != MODEL_CHAMPION)
            continue;
        if (only >= 0)
            return -1;
        only = i;
    }
    return only;
}

static bool find_challenged(const struct loader *l, const struct model_set *set,
                            struct bound_model *m)
{
    const struct yaml_node *node = yaml_get(l->node, "challenges");
    struct span name;
    if (m->role == MODEL_CHAMPION && node == NULL)
        return true;
    if (m->role == MODEL_CHAMPION) {
        diag_error(l->diags, yaml_at(l->file, node), "role: challenger",
                   "a champion challenges nobody");
        return false;
    }
    if (node != NULL && !yaml_string(l->file, node, l->diags, &name))
        return false;
    m->challenges = node != NULL ? model_set_find(set, name) : only_champion(set);
    if (m->challenges >= 0 && set->items[m->challenges].role == MODEL_CHAMPION)
        return true;
    diag_error(l->diags, node != NULL ? yaml_at(l->file, node) : m->at,
               "challenges: NAME, a model that is no challenger itself",
               node != NULL ? "there is no champion of that name"
                            : "which champion does it challenge?");
    return false;
}

static enum status load_all(struct loader *l, const struct yaml_node *models, struct model_set *set)
{
    enum status worst = ST_OK;
    for (l->node = models->child; l->node != NULL; l->node = l->node->next) {
        enum status st = load_one(l, &set->items[set->count++]);
        worst = st == ST_OK ? worst : st;
    }
    if (worst != ST_OK)
        return worst;
    for (int i = 0; i < set->count; i++)
        set->n_inputs += set->items[i].model.n_inputs;
    struct bound_model *m = set->items;
    for (l->node = models->child; l->node != NULL; l->node = l->node->next)
        if (!find_challenged(l, set, m++))
            worst = ST_INVALID;
    return worst;
}

enum status model_set_load(const struct yaml_file *file, const struct yaml_node *node,
                           const struct model_names *names, struct arena *arena,
                           struct diag_list *diags, struct model_set *ret_set)
{
    struct loader l = {.file = file, .node = node, .names = names, .arena = arena, .diags = diags};
    struct model_set set = {0};
    if (node == NULL) {
        *ret_set = set;
        return ST_OK;
    }
    if (node->kind != YAML_MAPPING || node->count > MODELS_MAX) {
        diag_error(diags, yaml_at(file, node), "models: {fraud: {file: fraud.json}}",
                   node->kind != YAML_MAPPING ? "`models:` holds names and their files"
                                              : "more than %d models",
                   MODELS_MAX);
        return ST_INVALID;
    }
    set.items = arena_try(arena, ((size_t)node->count + 1) * sizeof *set.items);
    if (set.items == NULL)
        return out_of_space(&l);
    enum status st = load_all(&l, node, &set);
    if (st == ST_OK)
        *ret_set = set;
    return st;
}

size_t model_set_results_bytes(const struct model_set *set)
{
    return (size_t)set->count * sizeof(struct model_result) +
           (size_t)set->n_inputs * sizeof(double);
}

int model_set_find(const struct model_set *set, struct span name)
{
    for (int i = 0; i < set->count; i++)
        if (span_eq(set->items[i].name, name))
            return i;
    return -1;
}
