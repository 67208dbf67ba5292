#include "models/model_xgboost.h"

#include "models/model_json.h"
#include "models/xgboost_inputs.h"
#include "models/xgboost_tree.h"
#include "service/base/decode.h"

#include <math.h>

/* X(name, transform): what Booster.predict() does with a margin. */
#define OBJECTIVE_TABLE(X)                    \
    X("binary:logistic", MODEL_SIGMOID)       \
    X("binary:logitraw", MODEL_IDENTITY)      \
    X("reg:squarederror", MODEL_IDENTITY)     \
    X("reg:squaredlogerror", MODEL_IDENTITY)  \
    X("reg:logistic", MODEL_SIGMOID)          \
    X("reg:absoluteerror", MODEL_IDENTITY)    \
    X("reg:pseudohubererror", MODEL_IDENTITY) \
    X("count:poisson", MODEL_EXP)             \
    X("reg:gamma", MODEL_EXP)                 \
    X("reg:tweedie", MODEL_EXP)               \
    X("reg:quantileerror", MODEL_IDENTITY)    \
    X("rank:pairwise", MODEL_IDENTITY)        \
    X("rank:ndcg", MODEL_IDENTITY)            \
    X("multi:softprob", MODEL_SOFTMAX)        \
    X("multi:softmax", MODEL_SOFTMAX)

static const struct objective {
    const char *name;
    enum model_transform transform;
} objectives[] = {
#define X(name, transform) {name, transform},
    OBJECTIVE_TABLE(X)
#undef X
};

static const char known[] = "known are"
#define X(name, transform) " " name
    OBJECTIVE_TABLE(X)
#undef X
    ;
_Static_assert(sizeof known <= DIAG_MESSAGE_MAX, "the hint is shown whole");

/* 64 numbers of 20 digits and their commas: not a text that costs memory to read. */
enum { BASE_SCORE_BYTES_MAX = 4096 };

/* The file, unpacked; all of it borrowed from its JSON. */
struct parts {
    const json_t *learner, *attributes, *gbtree; /* gbtree: that within DART too */
    const json_t *weights;                       /* of DART's trees; else NULL */
    const json_t *trees, *classes, *cats, *rounds;
    const char *objective, *booster, *base_score;
    uint64_t n_features, n_classes, n_targets;
};

static struct diag_at at_file(const struct model_file *file)
{
    return (struct diag_at){.file = file->name};
}

static enum status no_space(const struct model_file *file)
{
    diag_error(file->diags, at_file(file), "give models more memory",
               "there is no memory left for it");
    return ST_NO_SPACE;
}

bool model_xgboost_is_its(struct span bytes)
{
    return model_json_begins(bytes, "learner");
}

/* ---- the parts ---- */

static enum status refuse_parts(const struct model_file *file, const char *problem)
{
    diag_error(file->diags, at_file(file), "it is to be written by Booster.save_model()",
               "this is no model of XGBoost: %s", problem);
    return ST_INVALID;
}

/* A parameter is a text of digits. */
static bool as_count(const char *text, uint64_t *ret_v)
{
    return text == NULL || decode_u64(span_str(text), 10, ret_v);
}

static enum status find_learner(const struct model_file *file, json_t *root, struct parts *p)
{
    json_error_t error;
    const char *features = NULL, *classes = NULL, *targets = NULL;
    if (json_unpack_ex(root, &error, 0, "{s:{s?o, s:{s:s}, s:{s:s}, s:{s:s, s:s, s?s, s?s}}}",
                       "learner", "attributes", &p->attributes, "objective", "name", &p->objective,
                       "gradient_booster", "name", &p->booster, "learner_model_param", "base_score",
                       &p->base_score, "num_feature", &features, "num_class", &classes,
                       "num_target", &targets) != 0)
        return refuse_parts(file, error.text);
    p->learner = json_object_get(root, "learner");
    if (!as_count(features, &p->n_features) || !as_count(classes, &p->n_classes) ||
        !as_count(targets, &p->n_targets))
        return refuse_parts(file, "num_feature, num_class and num_target are numbers");
    return ST_OK;
}

static enum status find_trees(const struct model_file *file, struct parts *p)
{
    json_error_t error;
    json_t *booster = json_object_get(p->learner, "gradient_booster");
    if (strcmp(p->booster, "dart") == 0) {
        p->weights = json_object_get(booster, "weight_drop");
        booster = json_object_get(booster, "gbtree");
    } else if (strcmp(p->booster, "gbtree") != 0) {
        diag_error(file->diags, at_file(file),
                   "a linear model goes into a file of its own, in YAML",
                   "the booster '%s' is not read; gbtree and dart are", p->booster);
        return ST_UNSUPPORTED;
    }
    if (json_unpack_ex(booster, &error, 0, "{s:{s:o, s:o, s?o, s?o}}", "model", "trees", &p->trees,
                       "tree_info", &p->classes, "cats", &p->cats, "iteration_indptr",
                       &p->rounds) != 0)
        return refuse_parts(file, error.text);
    if (!json_is_array(p->trees) || json_array_size(p->trees) == 0)
        return refuse_parts(file, "it has no trees");
    if (json_array_size(p->classes) != json_array_size(p->trees))
        return refuse_parts(file, "tree_info has not one for each tree");
    if (strcmp(p->booster, "dart") == 0 && json_array_size(p->weights) != json_array_size(p->trees))
        return refuse_parts(file, "weight_drop has not one for each tree");
    return ST_OK;
}

/* ---- what it predicts ---- */

static enum status refuse_over(const struct model_file *file, const char *what, uint64_t n, int max)
{
    diag_error(file->diags, at_file(file), NULL, "%llu %s, and %d are the most",
               (unsigned long long)n, what, max);
    return ST_TOO_LARGE;
}

static enum status check_outputs(const struct model_file *file, const struct parts *p,
                                 enum model_transform transform)
{
    if (p->n_targets > 1) {
        diag_error(file->diags, at_file(file), "train a model for each",
                   "it has %llu targets, and one is read", (unsigned long long)p->n_targets);
        return ST_UNSUPPORTED;
    }
    if (p->n_classes > FOREST_OUTPUTS_MAX)
        return refuse_over(file, "classes", p->n_classes, FOREST_OUTPUTS_MAX);
    if ((transform == MODEL_SOFTMAX) != (p->n_classes > 1))
        return refuse_parts(file, "num_class does not fit the objective");
    return ST_OK;
}

static enum status read_objective(const struct model_file *file, const struct parts *p,
                                  struct model *model)
{
    for (size_t i = 0; i < sizeof objectives / sizeof *objectives; i++) {
        if (strcmp(objectives[i].name, p->objective) != 0)
            continue;
        model->objective = span_str(objectives[i].name);
        model->transform = objectives[i].transform;
        model->n_outputs = p->n_classes > 1 ? (int)p->n_classes : 1;
        return check_outputs(file, p, model->transform);
    }
    diag_error(file->diags, at_file(file), known, "the objective '%s' is not known", p->objective);
    return ST_UNSUPPORTED;
}

/* In float32 and in this order, as the library has it. */
static float as_margin(enum model_transform transform, float prediction)
{
    if (transform == MODEL_SIGMOID)
        return -logf(1.0f / prediction - 1.0f);
    return transform == MODEL_EXP ? logf(prediction) : prediction;
}

/* "5E-1", or since 3.1 "[5E-1]", one for each output or for all. */
static bool put_base(const struct parts *p, struct model *model)
{
    json_t *json = json_loads(p->base_score, JSON_DECODE_ANY, NULL);
    size_t n = json_is_array(json) ? json_array_size(json) : 1;
    bool is_fine = json != NULL && (n == 1 || n == (size_t)model->n_outputs);
    for (int i = 0; i < model->n_outputs && is_fine; i++) {
        json_t *one = json_is_array(json) ? json_array_get(json, n == 1 ? 0 : (size_t)i) : json;
        float margin = as_margin(model->transform, (float)json_number_value(one));
        is_fine = json_is_number(one) && isfinite(margin);
        model->base[i] = (double)margin;
    }
    json_decref(json);
    return is_fine;
}

static enum status read_base(const struct model_file *file, const struct parts *p,
                             struct model *model)
{
    void *mem;
    if (strlen(p->base_score) > BASE_SCORE_BYTES_MAX)
        return refuse_over(file, "bytes of base_score", strlen(p->base_score),
                           BASE_SCORE_BYTES_MAX);
    if (arena_alloc(file->arena, (size_t)model->n_outputs * sizeof *model->base, &mem) != ST_OK)
        return no_space(file);
    model->base = mem;
    if (put_base(p, model))
        return ST_OK;
    diag_error(file->diags, at_file(file), NULL, "base_score '%s' is no prediction of %s",
               p->base_score, p->objective);
    return ST_INVALID;
}

/* ---- its trees ---- */

static enum status next_tree(const struct model_file *file, const struct parts *p,
                             const struct model *model, struct forest_build *b)
{
    size_t i = b->forest->n_trees;
    const json_t *output = json_array_get(p->classes, i);
    const json_t *weight = json_array_get(p->weights, i);
    struct xgboost_tree tree = {.json = json_array_get(p->trees, i), .weight = 1};
    if (!json_is_integer(output) || json_integer_value(output) < 0 ||
        json_integer_value(output) >= model->n_outputs)
        return refuse_parts(file, "tree_info names a class that is none");
    tree.output = (uint16_t)json_integer_value(output);
    if (p->weights != NULL) {
        tree.weight = (float)json_number_value(weight);
        if (!json_is_number(weight) || !isfinite(tree.weight))
            return refuse_parts(file, "weight_drop is not all numbers");
    }
    return xgboost_tree_read(&tree, b, model->inputs);
}

static enum status build(const struct model_file *file, const struct parts *p, struct model *model)
{
    size_t n_trees = json_array_size(p->trees), n_nodes = 0;
    struct forest_build b;
    struct forest *forest;
    for (size_t i = 0; i < n_trees; i++)
        n_nodes += xgboost_tree_nodes(json_array_get(p->trees, i));
    enum status st = forest_build_init(&b, file, (uint32_t)model->n_inputs, (uint32_t)n_trees,
                                       (uint32_t)n_nodes, true);
    for (size_t i = 0; i < n_trees && st == ST_OK; i++)
        st = next_tree(file, p, model, &b);
    if (st == ST_OK)
        st = forest_build_done(&b, &forest);
    if (st == ST_OK) {
        forest->n_outputs = (uint32_t)model->n_outputs;
        forest->narrows = true;
        model->forest = forest;
    }
    forest_build_fini(&b);
    return st;
}

/* Booster.predict() scores all rounds; scikit-learn's wrapper those up to the best alone. */
static void warn_of_early_stop(const struct model_file *file, const struct parts *p)
{
    const char *text = json_string_value(json_object_get(p->attributes, "best_iteration"));
    size_t n = json_array_size(p->rounds);
    uint64_t best;
    if (text == NULL || !decode_u64(span_str(text), 10, &best) || n < 2 || best + 2 >= n)
        return;
    diag_warning(file->diags, at_file(file),
                 "save booster[:best_iteration + 1] to score those alone",
                 "all %zu rounds are scored, and early stopping found the first %llu best", n - 1,
                 (unsigned long long)best + 1);
}

static enum status read_model(const struct model_file *file, json_t *root, struct model *model)
{
    struct parts p = {0};
    enum status st = find_learner(file, root, &p);
    if (st == ST_OK)
        st = find_trees(file, &p);
    if (st == ST_OK)
        st = read_objective(file, &p, model);
    if (st == ST_OK && p.n_features > MODEL_INPUTS_MAX)
        st = refuse_over(file, "features", p.n_features, MODEL_INPUTS_MAX);
    if (st == ST_OK)
        st = xgboost_inputs_read(file, p.learner, (size_t)p.n_features, &model->inputs);
    if (st != ST_OK)
        return st;
    model->n_inputs = (int)p.n_features;
    st = xgboost_inputs_name_categories(file, p.cats, model->inputs, (size_t)p.n_features);
    if (st == ST_OK)
        st = read_base(file, &p, model);
    if (st == ST_OK)
        st = build(file, &p, model);
    if (st == ST_OK)
        warn_of_early_stop(file, &p);
    return st;
}

enum status model_xgboost_load(const struct model_file *file, struct model *ret_model)
{
    const struct model begun = {.format = MODEL_XGBOOST, .scale = 1};
    return model_json_load(file, begun, read_model, ret_model);
}
