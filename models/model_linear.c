#include "models/model_linear.h"

#include "models/linear.h"

#include <math.h>

/* A product of two numbers by a divisor, and a sum of so many, is finite. */
#define NUMBER_MAX 1e15
#define DIVISOR_MIN 1e-15

struct loader {
    const struct yaml_file *yaml;
    struct arena *arena; /* for what the model keeps; the YAML is forgotten */
    struct diag_list *diags;
    bool is_full;
};

/* ---- what may stand in the file ------------------------------------------------------------- */

static const char *const link_texts[] = {"logit", "identity", "log"};
static const enum model_transform link_transforms[] = {MODEL_SIGMOID, MODEL_IDENTITY, MODEL_EXP};
enum { LINKS = sizeof link_texts / sizeof *link_texts };

static const char *const linear_texts[] = {"linear"}, *const scorecard_texts[] = {"scorecard"};

static const struct shape number_shape = {.kind = SHAPE_NUMBER};
static const struct shape link_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, link_texts)};
static const struct shape is_linear_shape = {.kind = SHAPE_CHOICE,
                                             SHAPE_ROW(choices, linear_texts)};
static const struct shape is_scorecard_shape = {.kind = SHAPE_CHOICE,
                                                SHAPE_ROW(choices, scorecard_texts)};

#define MISSING "What a missing value adds. Without it the score is missing too."
#define NEUTRAL \
    "What the input adds as a rule, such as its mean; contributions are measured from it."

static const struct shape_key slope_keys[] = {
    {"weight", &number_shape, true, "Of the input, or of `(x - mean) / scale`."},
    {"mean", &number_shape, false, "As StandardScaler's `mean_`; 0 when left out."},
    {"scale", &number_shape, false, "As StandardScaler's `scale_`, above 0; 1 when left out."},
    {"missing", &number_shape, false,
     "What a missing value is taken for. Without it the score is missing too."},
};
static const struct shape slope_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, slope_keys)};

static const struct shape_key bin_keys[] = {
    {"below", &number_shape, false, "Values below it, and not below that of the bin before."},
    {"points", &number_shape, true, "What they add."},
};
static const struct shape bin_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, bin_keys)};
static const struct shape bins_list_shape = {
    .kind = SHAPE_LIST, .of = &bin_shape, .min = 1, .max = LINEAR_BINS_MAX};
static const struct shape_key bins_keys[] = {
    {"bins", &bins_list_shape, true, "In ascending order; the last has no `below`."},
    {"missing", &number_shape, false, MISSING},
    {"neutral", &number_shape, false, NEUTRAL},
};
static const struct shape bins_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, bins_keys)};

static const struct shape table_shape = {
    .kind = SHAPE_MAPPING, .of = &number_shape, .max = MODEL_CATEGORIES_MAX};
static const struct shape_key categories_keys[] = {
    {"categories", &table_shape, true, "What each text adds."},
    {"other", &number_shape, false, "What any other text adds; as `missing` when left out."},
    {"missing", &number_shape, false, MISSING},
    {"neutral", &number_shape, false, NEUTRAL},
};
static const struct shape categories_shape = {.kind = SHAPE_MAPPING,
                                              SHAPE_ROW(keys, categories_keys)};

static const struct shape *const input_shapes[] = {&slope_shape, &bins_shape, &categories_shape};
static const struct shape input_shape = {.kind = SHAPE_EITHER, SHAPE_ROW(either, input_shapes)};
static const struct shape inputs_shape = {
    .kind = SHAPE_MAPPING, .of = &input_shape, .max = MODEL_INPUTS_MAX};

static const struct shape_key linear_keys[] = {
    {"model", &is_linear_shape, true, "`linear`: a weighted sum."},
    {"link", &link_shape, false, "From the sum to the score; `logit` when left out."},
    {"intercept", &number_shape, false, "What the sum begins with."},
    {"inputs", &inputs_shape, true, "Fields and features by name."},
};
static const struct shape linear_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, linear_keys)};

static const struct shape_key probability_keys[] = {
    {"points", &number_shape, true, "At so many points ..."},
    {"odds", &number_shape, true, "... the odds of fraud are these; 0.05 is one in 21."},
    {"pdo", &number_shape, true, "Points that double the odds; below 0 where points are good."},
};
static const struct shape probability_shape = {.kind = SHAPE_MAPPING,
                                               SHAPE_ROW(keys, probability_keys)};
static const struct shape_key scorecard_keys[] = {
    {"model", &is_scorecard_shape, true, "`scorecard`: a sum of points."},
    {"base_points", &number_shape, false, "What the sum begins with."},
    {"probability", &probability_shape, false,
     "From points to a probability. Without it the score is the points."},
    {"inputs", &inputs_shape, true, "Fields and features by name."},
};
static const struct shape scorecard_shape = {.kind = SHAPE_MAPPING,
                                             SHAPE_ROW(keys, scorecard_keys)};

static const struct shape *const model_shapes[] = {&linear_shape, &scorecard_shape};
const struct shape model_yaml_shape = {.kind = SHAPE_EITHER,
                                       .title = "A linear model or a scorecard of Sluice",
                                       SHAPE_ROW(either, model_shapes)};

/* ---- values: false: a diagnostic was added -------------------------------------------------- */

static struct diag_at at(const struct loader *l, const struct yaml_node *node)
{
    return yaml_at(l->yaml, node);
}

static bool refuse(struct loader *l, const struct yaml_node *node, const char *hint,
                   const char *message)
{
    diag_error(l->diags, at(l, node), hint, "%s", message);
    return false;
}

static void *room(struct loader *l, const struct yaml_node *node, size_t size_bytes)
{
    void *mem = NULL;
    if (arena_alloc(l->arena, size_bytes, &mem) == ST_OK)
        return mem;
    if (!l->is_full)
        refuse(l, node, NULL, "the model is too large: out of space");
    l->is_full = true;
    return NULL;
}

static bool load_value(struct loader *l, const struct yaml_node *node, double *ret_value)
{
    double value;
    if (!yaml_double(l->yaml, node, l->diags, &value))
        return false;
    if (!(fabs(value) <= NUMBER_MAX))
        return refuse(l, node, NULL, "a number is at most 1e15 from zero");
    *ret_value = value;
    return true;
}

/* An absent one leaves *ret_value. */
static bool load_number(struct loader *l, const struct yaml_node *map, const char *key,
                        double *ret_value)
{
    const struct yaml_node *node = yaml_get(map, key);
    return node == NULL || load_value(l, node, ret_value);
}

static bool need_number(struct loader *l, const struct yaml_node *map, const char *key,
                        double *ret_value)
{
    if (yaml_get(map, key) != NULL)
        return load_number(l, map, key, ret_value);
    diag_error(l->diags, at(l, map), NULL, "`%s` is missing here", key);
    return false;
}

static bool load_name(struct loader *l, const struct yaml_node *node, struct span *ret_name)
{
    if (node->key.len == 0 || node->key.len > MODEL_INPUT_NAME_MAX) {
        diag_error(l->diags, yaml_key_at(l->yaml, node), NULL, "a name has 1 to %d bytes",
                   MODEL_INPUT_NAME_MAX);
        return false;
    }
    char *copy = room(l, node, node->key.len);
    if (copy == NULL)
        return false;
    memcpy(copy, node->key.base, node->key.len);
    *ret_name = span_of(copy, node->key.len);
    return true;
}

/* ---- inputs --------------------------------------------------------------------------------- */

static bool load_slope(struct loader *l, const struct yaml_node *node, struct model_input *input,
                       struct linear_input *in)
{
    double missing = NAN;
    (void)input;
    in->scale = 1;
    if (!need_number(l, node, "weight", &in->weight) || !load_number(l, node, "mean", &in->mean) ||
        !load_number(l, node, "scale", &in->scale) || !load_number(l, node, "missing", &missing))
        return false;
    if (in->scale < DIVISOR_MIN)
        return refuse(l, yaml_get(node, "scale"), "1 is no scaling",
                      "a scale is a standard deviation, at least 1e-15");
    in->missing = NAN;
    if (!isnan(missing))
        in->missing = linear_adds(in, missing);
    return true;
}

/* What bins and categories have beside their table. */
static bool load_beside(struct loader *l, const struct yaml_node *node, struct linear_input *in)
{
    in->missing = NAN;
    if (!load_number(l, node, "missing", &in->missing))
        return false;
    in->other = in->missing;
    return load_number(l, node, "other", &in->other) &&
           load_number(l, node, "neutral", &in->neutral);
}

static bool load_bin(struct loader *l, const struct yaml_node *node, int i, struct linear_input *in)
{
    bool is_last = i == in->n_points - 1;
    if (!shape_only(l->yaml, node, &bin_shape, l->diags) ||
        !need_number(l, node, "points", &in->points[i]))
        return false;
    if (is_last && yaml_get(node, "below") != NULL)
        return refuse(l, node, "add {points: 0} behind it",
                      "the last bin has no `below`: it takes the rest");
    if (is_last)
        return true;
    if (!need_number(l, node, "below", &in->below[i]))
        return false;
    return i == 0 || in->below[i] > in->below[i - 1] ||
           refuse(l, yaml_get(node, "below"), NULL,
                  "bins ascend: this is not above the one before");
}

static bool load_bins(struct loader *l, const struct yaml_node *node, struct model_input *input,
                      struct linear_input *in)
{
    const struct yaml_node *bins = yaml_get(node, "bins");
    (void)input;
    if (bins->kind != YAML_SEQUENCE || bins->count < 1 || bins->count > LINEAR_BINS_MAX) {
        diag_error(l->diags, at(l, bins), "[{below: 18, points: 20}, {points: 5}]",
                   "expected a list of 1 to %d bins", LINEAR_BINS_MAX);
        return false;
    }
    in->n_points = bins->count;
    in->points = room(l, bins, (size_t)bins->count * sizeof *in->points);
    in->below = room(l, bins, (size_t)bins->count * sizeof *in->below);
    if (in->points == NULL || in->below == NULL)
        return false;
    const struct yaml_node *bin = bins->child;
    for (int i = 0; i < in->n_points; i++, bin = bin->next)
        if (!load_bin(l, bin, i, in))
            return false;
    return load_beside(l, node, in);
}

static bool load_categories(struct loader *l, const struct yaml_node *node,
                            struct model_input *input, struct linear_input *in)
{
    const struct yaml_node *table = yaml_get(node, "categories");
    if (table->kind != YAML_MAPPING || table->count < 1 || table->count > MODEL_CATEGORIES_MAX) {
        diag_error(l->diags, at(l, table), "{GB: 0.2, XX: 1.5}",
                   "expected a mapping of 1 to %d texts to numbers", MODEL_CATEGORIES_MAX);
        return false;
    }
    in->n_points = table->count;
    in->points = room(l, table, (size_t)table->count * sizeof *in->points);
    input->categories = room(l, table, (size_t)table->count * sizeof *input->categories);
    if (in->points == NULL || input->categories == NULL)
        return false;
    const struct yaml_node *row = table->child;
    for (int i = 0; i < in->n_points; i++, row = row->next)
        if (!load_name(l, row, &input->categories[i]) || !load_value(l, row, &in->points[i]))
            return false;
    input->is_category = true;
    input->n_categories = in->n_points;
    return load_beside(l, node, in);
}

/* By the key that only one kind has. */
static const struct input_kind {
    const char *key;
    const struct shape *shape;
    bool (*load)(struct loader *l, const struct yaml_node *node, struct model_input *input,
                 struct linear_input *in);
} input_kinds[] = {
    [LINEAR_SLOPE] = {"weight", &slope_shape, load_slope},
    [LINEAR_BINS] = {"bins", &bins_shape, load_bins},
    [LINEAR_CATEGORIES] = {"categories", &categories_shape, load_categories},
};
enum { INPUT_KINDS = sizeof input_kinds / sizeof *input_kinds };

static bool load_input(struct loader *l, const struct yaml_node *node, struct model_input *input,
                       struct linear_input *in)
{
    int kind = 0;
    while (kind < INPUT_KINDS && yaml_get(node, input_kinds[kind].key) == NULL)
        kind++;
    if (kind == INPUT_KINDS)
        return refuse(l, node, "{weight: 0.3}", "an input has `weight`, `bins` or `categories`");
    in->kind = (enum linear_kind)kind;
    return load_name(l, node, &input->name) &&
           shape_only(l->yaml, node, input_kinds[kind].shape, l->diags) &&
           input_kinds[kind].load(l, node, input, in);
}

static bool load_inputs(struct loader *l, const struct yaml_node *root, struct model *model)
{
    const struct yaml_node *node = yaml_get(root, "inputs");
    if (node == NULL || node->kind != YAML_MAPPING || node->count < 1 ||
        node->count > MODEL_INPUTS_MAX) {
        diag_error(l->diags, at(l, node != NULL ? node : root), "inputs: {amount: {weight: 0.3}}",
                   "a model has 1 to %d `inputs`, by name", MODEL_INPUTS_MAX);
        return false;
    }
    struct linear *linear = room(l, node, sizeof *linear);
    size_t n = (size_t)node->count;
    struct linear_input *ins = room(l, node, n * sizeof *ins);
    model->inputs = room(l, node, n * sizeof *model->inputs);
    if (linear == NULL || ins == NULL || model->inputs == NULL)
        return false;
    bool ok = true;
    const struct yaml_node *input = node->child;
    for (size_t i = 0; i < n && !l->is_full; i++, input = input->next)
        ok &= load_input(l, input, &model->inputs[i], &ins[i]);
    *linear = (struct linear){.inputs = ins, .n_inputs = node->count};
    model->linear = linear;
    model->n_inputs = node->count;
    return ok;
}

/* ---- linear --------------------------------------------------------------------------------- */

static bool load_link(struct loader *l, const struct yaml_node *root, struct model *model)
{
    const struct yaml_node *node = yaml_get(root, "link");
    int link = 0;
    while (node != NULL && link < LINKS && !span_is(node->text, link_texts[link]))
        link++;
    if (link == LINKS)
        return refuse(l, node, NULL, "`link` is logit, identity or log");
    model->objective = span_str(link_texts[link]);
    model->transform = link_transforms[link];
    return true;
}

static bool load_linear(struct loader *l, const struct yaml_node *root, struct model *model)
{
    model->format = MODEL_LINEAR;
    return load_link(l, root, model) && load_number(l, root, "intercept", &model->base[0]);
}

/* ---- scorecard ------------------------------------------------------------------------------ */

static void multiply(double *values, int n, double by)
{
    for (int i = 0; i < n; i++)
        values[i] *= by;
}

static void multiply_input(struct linear_input *in, double by)
{
    in->weight *= by;
    in->missing *= by;
    in->other *= by;
    in->neutral *= by;
    multiply(in->points, in->n_points, by);
}

/* Points to log-odds. */
static bool load_probability(struct loader *l, const struct yaml_node *node, struct model *model)
{
    double points = 0, odds = 0, pdo = 0;
    if (!shape_only(l->yaml, node, &probability_shape, l->diags) ||
        !need_number(l, node, "points", &points) || !need_number(l, node, "odds", &odds) ||
        !need_number(l, node, "pdo", &pdo))
        return false;
    if (odds < DIVISOR_MIN || fabs(pdo) < DIVISOR_MIN)
        return refuse(l, node, "{points: 100, odds: 0.05, pdo: 20}",
                      "`odds` are at least 1e-15, and `pdo` is so far from 0");
    double of_a_point = M_LN2 / pdo;
    for (int i = 0; i < model->n_inputs; i++)
        multiply_input(&model->linear->inputs[i], of_a_point);
    model->base[0] = log(odds) + (model->base[0] - points) * of_a_point;
    model->transform = MODEL_SIGMOID;
    model->objective = span_str("probability");
    return true;
}

static bool load_scorecard(struct loader *l, const struct yaml_node *root, struct model *model)
{
    const struct yaml_node *probability = yaml_get(root, "probability");
    model->format = MODEL_SCORECARD;
    model->objective = span_str("points");
    return load_number(l, root, "base_points", &model->base[0]) &&
           (probability == NULL || load_probability(l, probability, model));
}

/* ---- the file ------------------------------------------------------------------------------- */

static const struct kind {
    const char *text;
    const struct shape *shape;
    bool (*load)(struct loader *l, const struct yaml_node *root, struct model *model);
} kinds[] = {
    {"linear", &linear_shape, load_linear},
    {"scorecard", &scorecard_shape, load_scorecard},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static bool load_root(struct loader *l, struct model *model)
{
    const struct yaml_node *root = l->yaml->root;
    const struct yaml_node *node = yaml_get(root, "model");
    int kind = 0;
    if (node == NULL) {
        diag_error(l->diags, (struct diag_at){.file = l->yaml->name}, NULL,
                   "`model` is missing: linear or scorecard");
        return false;
    }
    while (kind < KINDS && !span_is(node->text, kinds[kind].text))
        kind++;
    if (kind == KINDS)
        return refuse(l, node, NULL, "`model` is linear or scorecard");
    model->n_outputs = 1;
    model->base = room(l, node, sizeof *model->base);
    return model->base != NULL && shape_only(l->yaml, root, kinds[kind].shape, l->diags) &&
           load_inputs(l, root, model) && kinds[kind].load(l, root, model);
}

/* The key stands at the beginning of a line, as the outermost do. O(bytes): asked last. */
bool model_linear_is_its(struct span bytes)
{
    struct span key = span_str("model:");
    while (bytes.len > 0) {
        if (span_starts(bytes, key))
            return true;
        const char *newline = memchr(bytes.base, '\n', bytes.len);
        size_t skip = newline != NULL ? (size_t)(newline - bytes.base) + 1 : bytes.len;
        bytes = span_of(bytes.base + skip, bytes.len - skip);
    }
    return false;
}

/* Nodes, which are not more than bytes; the bytes, and the texts in them with a NUL each. */
static struct arena *new_yaml_arena(size_t len)
{
    size_t nodes = len < YAML_NODES_MAX ? len : YAML_NODES_MAX;
    return arena_new((nodes + 2) * (sizeof(struct yaml_node) + 64) + 4 * len + 4096);
}

enum status model_linear_load(const struct model_file *file, struct model *ret_model)
{
    struct model model = *ret_model;
    struct yaml_file yaml;
    struct arena *scratch = new_yaml_arena(file->bytes.len);
    struct loader l = {.yaml = &yaml, .arena = file->arena, .diags = file->diags};
    enum status st = yaml_parse(file->name, file->bytes, scratch, file->diags, &yaml);
    if (st == ST_OK && !load_root(&l, &model))
        st = l.is_full ? ST_NO_SPACE : ST_INVALID;
    if (st == ST_OK)
        *ret_model = model;
    arena_free(scratch);
    return st;
}
