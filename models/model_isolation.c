#include "models/model_isolation.h"

#include "models/forest_build.h"
#include "models/model_json.h"

#include <float.h>
#include <math.h>

#define FORMAT "sluice.isolation_forest/1"
#define EULER 0.57721566490153286061 /* gamma */

/* What is there for each node. */
enum column { LEFT, RIGHT, FEATURE, THRESHOLD, MISSING_LEFT, SAMPLES, COLUMNS };

static const char *const keys[COLUMNS] = {[LEFT] = "left",
                                          [RIGHT] = "right",
                                          [FEATURE] = "feature",
                                          [THRESHOLD] = "threshold",
                                          [MISSING_LEFT] = "missing_left",
                                          [SAMPLES] = "samples"};

struct parts {
    const char *format;
    const json_t *features, *trees; /* borrowed from the file's JSON */
    json_int_t max_samples;
};

/* One tree under way. */
struct reading {
    struct forest_build *b;
    const json_t *columns[COLUMNS];
    uint32_t n_nodes;
    json_int_t max_samples;
    uint16_t *depth; /* [n_nodes] in splits; a parent is read before its children */
};

static struct diag_at at_file(const struct model_file *file)
{
    return (struct diag_at){.file = file->name};
}

static enum status refuse(const struct model_file *file, const char *problem)
{
    diag_error(file->diags, at_file(file), "write it with models/train/export_isolation.py",
               "this is no isolation forest: %s", problem);
    return ST_INVALID;
}

static enum status no_space(const struct model_file *file)
{
    diag_error(file->diags, at_file(file), "give models more memory",
               "there is no memory left for it");
    return ST_NO_SPACE;
}

/* ---- arithmetic, as scikit-learn has it ------------------------------------------------------ */

/* c(n): splits to a row in a tree of n, on average. */
static double average_path(double n)
{
    if (n <= 2)
        return n < 2 ? 0 : 1;
    return 2 * (log(n - 1) + EULER) - 2 * (n - 1) / n;
}

/*
 * It takes an input to float32, and goes left where that is not above the threshold. Here that is
 * an input below the number returned: half way between the greatest float32 that goes left and the
 * next one, where a tie goes to the even one.
 */
static double as_bound(double threshold)
{
    float most = (float)threshold;
    if ((double)most > threshold)
        most = nextafterf(most, -INFINITY);
    double above = most < FLT_MAX ? (double)nextafterf(most, INFINITY) : 0x1p128;
    double middle = ((double)most + above) / 2;
    return (float)middle == most ? nextafter(middle, INFINITY) : middle;
}

/* ---- nodes: false: a diagnostic was added ---------------------------------------------------- */

/* Written as a whole number: the file is our own script's. */
static bool whole(const json_t *array, size_t i, json_int_t min, json_int_t max, json_int_t *ret_v)
{
    const json_t *json = json_array_get(array, i);
    json_int_t v = json_integer_value(json);
    if (!json_is_integer(json) || v < min || v > max)
        return false;
    *ret_v = v;
    return true;
}

static bool read_samples(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    json_int_t samples;
    if (!whole(r->columns[SAMPLES], id, 1, r->max_samples, &samples)) {
        forest_build_error(r->b, id, "its samples are not 1 to max_samples, %lld",
                           (long long)r->max_samples);
        return false;
    }
    branch->cover = (double)samples;
    return true;
}

static bool read_leaf(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    /* In this order it is theirs to the last bit. */
    branch->value = -((double)(r->depth[id] + 1) + average_path(branch->cover) - 1);
    branch->is_leaf = true;
    return true;
}

static bool read_threshold(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    const json_t *threshold = json_array_get(r->columns[THRESHOLD], id);
    json_int_t feature, missing_left;
    if (!json_is_number(threshold) || fabs(json_number_value(threshold)) > (double)FLT_MAX) {
        forest_build_error(r->b, id, "its threshold is not within float32");
        return false;
    }
    if (!whole(r->columns[FEATURE], id, 0, r->b->n_inputs - 1, &feature) ||
        !whole(r->columns[MISSING_LEFT], id, 0, 1, &missing_left)) {
        forest_build_error(r->b, id, "its feature is not 0 to %u, or missing_left not 0 or 1",
                           r->b->n_inputs - 1);
        return false;
    }
    branch->value = as_bound(json_number_value(threshold));
    branch->input = (uint16_t)feature;
    branch->missing = missing_left ? FOREST_MISSING_LEFT : FOREST_MISSING_RIGHT;
    return true;
}

static bool read_children(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    json_int_t left, right, of_left, of_right, last = (json_int_t)r->n_nodes - 1;
    if (!whole(r->columns[LEFT], id, 0, last, &left) ||
        !whole(r->columns[RIGHT], id, 0, last, &right)) {
        forest_build_error(r->b, id, "it leads to no node of 0 to %lld", (long long)last);
        return false;
    }
    if (!whole(r->columns[SAMPLES], (size_t)left, 1, r->max_samples, &of_left) ||
        !whole(r->columns[SAMPLES], (size_t)right, 1, r->max_samples, &of_right) ||
        (double)(of_left + of_right) != branch->cover) {
        forest_build_error(r->b, id, "its samples are not those of the two nodes below");
        return false;
    }
    branch->left = (uint32_t)left;
    branch->right = (uint32_t)right;
    r->depth[left] = r->depth[right] = (uint16_t)(r->depth[id] + 1);
    return true;
}

static bool read_branch(void *of, uint32_t id, struct forest_branch *ret_branch)
{
    struct reading *r = of;
    json_int_t left;
    if (!read_samples(r, id, ret_branch))
        return false;
    if (whole(r->columns[LEFT], id, -1, -1, &left))
        return read_leaf(r, id, ret_branch);
    return read_children(r, id, ret_branch) && read_threshold(r, id, ret_branch);
}

/* ---- trees ---------------------------------------------------------------------------------- */

static size_t count_nodes(const json_t *tree)
{
    return json_array_size(json_object_get(tree, keys[LEFT]));
}

static enum status read_tree(const struct model_file *file, const json_t *tree,
                             struct arena *scratch, struct reading *r)
{
    r->n_nodes = (uint32_t)count_nodes(tree);
    int wrong = model_json_columns(tree, keys, COLUMNS, r->n_nodes, r->columns);
    if (r->n_nodes == 0 || wrong >= 0) {
        diag_error(file->diags, at_file(file), NULL, "tree %u: `%s` has not one for each node",
                   r->b->forest->n_trees, keys[r->n_nodes == 0 ? LEFT : wrong]);
        return ST_INVALID;
    }
    arena_reset(scratch);
    r->depth = arena_must(scratch, r->n_nodes * sizeof *r->depth);
    struct forest_source source = {.of = r, .branch = read_branch, .n_nodes = r->n_nodes};
    return forest_build_tree(r->b, &source);
}

static enum status read_trees(const struct model_file *file, const struct parts *p,
                              struct forest_build *b, size_t n_nodes, struct model *model)
{
    struct arena *scratch = arena_new(n_nodes * sizeof(uint16_t) + 64);
    struct reading r = {.b = b, .max_samples = p->max_samples};
    struct forest *forest;
    enum status st = ST_OK;
    for (size_t i = 0; i < json_array_size(p->trees) && st == ST_OK; i++)
        st = read_tree(file, json_array_get(p->trees, i), scratch, &r);
    if (st == ST_OK)
        st = forest_build_done(b, &forest);
    if (st == ST_OK) {
        forest->n_outputs = 1;
        model->forest = forest;
        model->scale = forest->n_trees * average_path((double)p->max_samples);
    }
    arena_free(scratch);
    return st;
}

static enum status build(const struct model_file *file, const struct parts *p, struct model *model)
{
    size_t n_trees = json_array_size(p->trees), n_nodes = 0;
    struct forest_build b;
    for (size_t i = 0; i < n_trees; i++)
        n_nodes += count_nodes(json_array_get(p->trees, i));
    enum status st = forest_build_init(&b, file, (uint32_t)model->n_inputs, (uint32_t)n_trees,
                                       (uint32_t)n_nodes, true);
    if (st == ST_OK)
        st = read_trees(file, p, &b, n_nodes, model);
    forest_build_fini(&b);
    return st;
}

/* ---- the file ------------------------------------------------------------------------------- */

static enum status find_parts(const struct model_file *file, json_t *root, struct parts *p)
{
    json_error_t error;
    if (json_unpack_ex(root, &error, JSON_STRICT, "{s:s, s:I, s:o, s:o}", "format", &p->format,
                       "max_samples", &p->max_samples, "features", &p->features, "trees",
                       &p->trees) != 0)
        return refuse(file, error.text);
    if (strcmp(p->format, FORMAT) != 0) {
        diag_error(file->diags, at_file(file), "it is '" FORMAT "'",
                   "the format '%s' is not read here", p->format);
        return ST_UNSUPPORTED;
    }
    if (p->max_samples < 2 || p->max_samples > MODEL_ISOLATION_SAMPLES_MAX)
        return refuse(file, "max_samples are not 2 to 1073741824");
    if (!json_is_array(p->trees) || json_array_size(p->trees) == 0)
        return refuse(file, "it has no trees");
    return ST_OK;
}

static enum status read_name(const struct model_file *file, const json_t *json,
                             struct model_input *ret_input)
{
    size_t len = json_string_length(json);
    if (len == 0 || len > MODEL_INPUT_NAME_MAX)
        return refuse(file, "a feature's name is no text of 1 to 128 bytes");
    struct span name = arena_try_copy(file->arena, span_of(json_string_value(json), len));
    if (name.base == NULL)
        return no_space(file);
    ret_input->name = name;
    return ST_OK;
}

static enum status read_names(const struct model_file *file, const json_t *features,
                              struct model *model)
{
    size_t n = json_array_size(features);
    void *mem;
    if (n == 0 || n > MODEL_INPUTS_MAX)
        return refuse(file, "its features are not 1 to 512 names");
    if (arena_alloc(file->arena, n * sizeof *model->inputs, &mem) != ST_OK)
        return no_space(file);
    model->inputs = mem;
    for (size_t i = 0; i < n; i++) {
        enum status st = read_name(file, json_array_get(features, i), &model->inputs[i]);
        if (st != ST_OK)
            return st;
        if (model_input_find(model, model->inputs[i].name) >= 0)
            return refuse(file, "two features have one name");
        model->n_inputs++;
    }
    return ST_OK;
}

static enum status read_model(const struct model_file *file, json_t *root, struct model *model)
{
    struct parts p;
    void *base;
    enum status st = find_parts(file, root, &p);
    if (st == ST_OK)
        st = read_names(file, p.features, model);
    if (st != ST_OK)
        return st;
    if (arena_alloc(file->arena, sizeof *model->base, &base) != ST_OK)
        return no_space(file);
    model->base = base;
    model->n_outputs = 1;
    return build(file, &p, model);
}

bool model_isolation_is_its(struct span bytes)
{
    return model_json_begins(bytes, "format");
}

enum status model_isolation_load(const struct model_file *file, struct model *ret_model)
{
    const struct model begun = {
        .format = MODEL_ISOLATION, .objective = span_str("anomaly"), .transform = MODEL_ANOMALY};
    return model_json_load(file, begun, read_model, ret_model);
}
