#include "models/xgboost_tree.h"

#include "models/model_json.h"

#include <math.h>

enum { SET_WORDS = FOREST_CATEGORY_MAX / 64 };

/* What is there for each node; TYPE may be away. */
enum column { LEFT, RIGHT, INPUT, CONDITION, DEFAULT_LEFT, COVER, TYPE, COLUMNS };

static const char *const keys[COLUMNS] = {[LEFT] = "left_children",
                                          [RIGHT] = "right_children",
                                          [INPUT] = "split_indices",
                                          [CONDITION] = "split_conditions",
                                          [DEFAULT_LEFT] = "default_left",
                                          [COVER] = "sum_hessian",
                                          [TYPE] = "split_type"};

/* What is there for each node that splits by category, in the order of their ids. */
struct categories {
    const json_t *nodes, *segments, *sizes, *all;
    json_int_t taken; /* of all, by the splits so far */
};

struct reading {
    const struct xgboost_tree *tree;
    struct forest_build *b;
    struct model_input *inputs;
    const json_t *columns[COLUMNS];
    struct categories by;
    uint64_t set[SET_WORDS]; /* of the split that is read now */
};

/* ---- numbers ---- */

/* A whole number of min to max at `i`; true and false are 1 and 0. */
static bool whole(const json_t *array, size_t i, json_int_t min, json_int_t max, json_int_t *ret_v)
{
    const json_t *json = json_array_get(array, i);
    double v = json_is_boolean(json) ? json_is_true(json) : json_number_value(json);
    if (json == NULL || !(json_is_number(json) || json_is_boolean(json)) || v != floor(v) ||
        v < (double)min || v > (double)max)
        return false;
    *ret_v = (json_int_t)v;
    return true;
}

static bool is_float(const json_t *array, size_t i, float *ret_v)
{
    const json_t *json = json_array_get(array, i);
    if (!json_is_number(json) || !isfinite((float)json_number_value(json)))
        return false;
    *ret_v = (float)json_number_value(json);
    return true;
}

/* ---- splits by category ---- */

/* Which of categories_nodes `id` is; -1: none. They ascend, or it may not be found. */
static json_int_t find_split(const struct reading *r, uint32_t id)
{
    size_t low = 0, high = json_array_size(r->by.nodes);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        json_int_t at = json_integer_value(json_array_get(r->by.nodes, middle));
        if (at == id)
            return (json_int_t)middle;
        if (at < id)
            low = middle + 1;
        else
            high = middle;
    }
    return -1;
}

/* The categories at `begin` to `end` of all become bits of r->set. */
static bool set_bits(struct reading *r, uint32_t id, size_t begin, size_t end, uint32_t *ret_words)
{
    uint32_t words = 0;
    for (size_t i = begin; i < end; i++) {
        json_int_t code;
        if (!whole(r->by.all, i, 0, FOREST_CATEGORY_MAX - 1, &code)) {
            forest_build_error(r->b, id, "a category of it is not 0 to %d",
                               FOREST_CATEGORY_MAX - 1);
            return false;
        }
        while (words <= code / 64)
            r->set[words++] = 0;
        r->set[code / 64] |= UINT64_C(1) << code % 64;
    }
    *ret_words = words;
    return true;
}

static bool read_set(struct reading *r, uint32_t id, uint32_t *ret_words)
{
    json_int_t at = find_split(r, id), begin, n;
    json_int_t all = (json_int_t)json_array_size(r->by.all);
    if (at < 0 || !whole(r->by.segments, (size_t)at, 0, all, &begin) ||
        !whole(r->by.sizes, (size_t)at, 1, all - begin, &n)) {
        forest_build_error(r->b, id, "it splits by category, and has no categories");
        return false;
    }
    /* Each is of one split, so reading all of them is no more work than the file is long. */
    r->by.taken += n;
    if (r->by.taken > all) {
        forest_build_error(r->b, id, "its categories are those of other splits, too");
        return false;
    }
    return set_bits(r, id, (size_t)begin, (size_t)(begin + n), ret_words);
}

static bool read_type(struct reading *r, uint32_t id, json_int_t *ret_type)
{
    *ret_type = 0;
    if (r->columns[TYPE] == NULL || whole(r->columns[TYPE], id, 0, 1, ret_type))
        return true;
    forest_build_error(r->b, id, "its split is of no type that is known");
    return false;
}

/* ---- a node ---- */

static bool read_input(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    json_int_t input;
    if (!whole(r->columns[INPUT], id, 0, UINT32_MAX, &input)) {
        forest_build_error(r->b, id, "its split names no feature");
        return false;
    }
    if (input >= r->b->n_inputs) {
        forest_build_error(r->b, id, "its split names feature %lld, and there are %u",
                           (long long)input, r->b->n_inputs);
        return false;
    }
    branch->input = (uint16_t)input;
    return true;
}

static bool read_value(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    float value;
    if (!is_float(r->columns[CONDITION], id, &value)) {
        forest_build_error(r->b, id, "its %s is no number that float32 has",
                           branch->is_leaf ? "leaf" : "threshold");
        return false;
    }
    branch->value = (double)(branch->is_leaf ? value * r->tree->weight : value);
    return true;
}

static bool read_split(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    json_int_t right, default_left;
    if (!whole(r->columns[RIGHT], id, 0, UINT32_MAX, &right) ||
        !whole(r->columns[DEFAULT_LEFT], id, 0, 1, &default_left)) {
        forest_build_error(r->b, id, "it leads nowhere on the right, or when a value is missing");
        return false;
    }
    branch->right = (uint32_t)right;
    branch->missing = default_left ? FOREST_MISSING_LEFT : FOREST_MISSING_RIGHT;
    return read_input(r, id, branch);
}

static bool turn_to_set(struct reading *r, uint32_t id, struct forest_branch *branch)
{
    uint32_t left = branch->left;
    branch->left = branch->right;
    branch->right = left;
    branch->missing =
        branch->missing == FOREST_MISSING_LEFT ? FOREST_MISSING_RIGHT : FOREST_MISSING_LEFT;
    branch->set = r->set;
    r->inputs[branch->input].is_category = true;
    return read_set(r, id, &branch->set_words);
}

static bool read_branch(void *of, uint32_t id, struct forest_branch *ret_branch)
{
    struct reading *r = of;
    struct forest_branch branch = {0};
    json_int_t left, type = 0;
    float cover;
    if (!whole(r->columns[LEFT], id, -1, UINT32_MAX, &left) ||
        !is_float(r->columns[COVER], id, &cover) || cover < 0) {
        forest_build_error(r->b, id, "it leads nowhere on the left, or has no cover");
        return false;
    }
    branch.is_leaf = left == -1;
    branch.left = (uint32_t)left;
    branch.cover = (double)cover;
    if (!branch.is_leaf && !(read_split(r, id, &branch) && read_type(r, id, &type)))
        return false;
    *ret_branch = branch;
    return type == 1 ? turn_to_set(r, id, ret_branch) : read_value(r, id, ret_branch);
}

/* ---- the tree ---- */

size_t xgboost_tree_nodes(const json_t *tree)
{
    return json_array_size(json_object_get(tree, keys[LEFT]));
}

static enum status refuse(const struct forest_build *b, enum status st, const char *problem,
                          const char *key)
{
    diag_error(b->file->diags, (struct diag_at){.file = b->file->name}, NULL, "tree %u: %s %s",
               b->forest->n_trees, problem, key);
    return st;
}

static enum status find_columns(struct reading *r)
{
    const json_t *tree = r->tree->json;
    int n = json_object_get(tree, keys[TYPE]) != NULL ? COLUMNS : TYPE;
    int wrong = model_json_columns(tree, keys, n, xgboost_tree_nodes(tree), r->columns);
    if (wrong >= 0)
        return refuse(r->b, ST_INVALID, "not one for each node:", keys[wrong]);
    r->by = (struct categories){.nodes = json_object_get(tree, "categories_nodes"),
                                .segments = json_object_get(tree, "categories_segments"),
                                .sizes = json_object_get(tree, "categories_sizes"),
                                .all = json_object_get(tree, "categories")};
    return ST_OK;
}

static enum status check_kind(const struct reading *r)
{
    const json_t *tree = r->tree->json, *id = json_object_get(tree, "id");
    const json_t *param = json_object_get(tree, "tree_param");
    const char *leaves = json_string_value(json_object_get(param, "size_leaf_vector"));
    if (id != NULL && json_integer_value(id) != r->b->forest->n_trees)
        return refuse(r->b, ST_INVALID, "it stands where another should, by its", "id");
    if (leaves != NULL && strcmp(leaves, "0") != 0 && strcmp(leaves, "1") != 0)
        return refuse(r->b, ST_UNSUPPORTED, "its leaves are vectors, which are not read:",
                      "multi_strategy=multi_output_tree");
    return ST_OK;
}

enum status xgboost_tree_read(const struct xgboost_tree *tree, struct forest_build *b,
                              struct model_input *inputs)
{
    struct reading r = {.tree = tree, .b = b, .inputs = inputs};
    enum status st = check_kind(&r);
    if (st == ST_OK)
        st = find_columns(&r);
    if (st != ST_OK)
        return st;
    struct forest_source source = {.of = &r,
                                   .branch = read_branch,
                                   .n_nodes = (uint32_t)xgboost_tree_nodes(tree->json),
                                   .output = tree->output};
    return forest_build_tree(b, &source);
}
