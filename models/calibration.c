#include "models/calibration.h"

#include <math.h>

struct loader {
    const struct yaml_file *file;
    struct arena *arena;
    struct diag_list *diags;
};

/* ---- what may stand there ------------------------------------------------------------------- */

static const char *const none_texts[] = {"none"};
static const struct shape none_shape = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, none_texts)};
static const struct shape number_shape = {.kind = SHAPE_NUMBER};
static const struct shape numbers_shape = {
    .kind = SHAPE_LIST, .of = &number_shape, .min = 1, .max = CALIBRATION_POINTS_MAX};

static const struct shape_key platt_keys[] = {
    {"a", &number_shape, true, "Below 0; scikit-learn's `a_`."},
    {"b", &number_shape, true, "scikit-learn's `b_`."},
};
static const struct shape platt_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, platt_keys)};

static const struct shape_key isotonic_keys[] = {
    {"x", &numbers_shape, true, "Scores, ascending; scikit-learn's `X_thresholds_`."},
    {"y", &numbers_shape, true,
     "As many probabilities, none below the one before; scikit-learn's `y_thresholds_`."},
};
static const struct shape isotonic_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, isotonic_keys)};

static const struct shape_key kind_keys[] = {
    {"platt", &platt_shape, false, "`1 / (1 + e^(a * score + b))`"},
    {"isotonic", &isotonic_shape, false, "A table, and straight lines between its points."},
};
static const struct shape kinds_shape = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, kind_keys)};

static const struct shape *const written_as[] = {&none_shape, &kinds_shape};
const struct shape calibration_shape = {.kind = SHAPE_EITHER, SHAPE_ROW(either, written_as)};

/* ---- loading: false: a diagnostic was added -------------------------------------------------- */

static bool refuse(struct loader *l, const struct yaml_node *node, const char *hint,
                   const char *message)
{
    diag_error(l->diags, yaml_at(l->file, node), hint, "%s", message);
    return false;
}

static const struct yaml_node *need(struct loader *l, const struct yaml_node *map, const char *key)
{
    const struct yaml_node *node = yaml_get(map, key);
    if (node == NULL)
        diag_error(l->diags, yaml_at(l->file, map), NULL, "`%s` is missing here", key);
    return node;
}

static enum status load_platt(struct loader *l, const struct yaml_node *node, struct calibration *c)
{
    const struct yaml_node *a = NULL, *b = NULL;
    if (!shape_only(l->file, node, &platt_shape, l->diags) || !(a = need(l, node, "a")) ||
        !(b = need(l, node, "b")) || !yaml_double(l->file, a, l->diags, &c->a) ||
        !yaml_double(l->file, b, l->diags, &c->b))
        return ST_INVALID;
    if (c->a < 0)
        return ST_OK;
    refuse(l, a, "1 / (1 + e^(a * score + b)) rises with the score when `a` is below 0",
           "`a` must be below 0: a higher score would be a lower probability");
    return ST_INVALID;
}

static enum status load_numbers(struct loader *l, const struct yaml_node *node, double **ret_values)
{
    void *mem = NULL;
    if (node->kind != YAML_SEQUENCE || node->count < 1 || node->count > CALIBRATION_POINTS_MAX) {
        diag_error(l->diags, yaml_at(l->file, node), NULL, "expected a list of 1 to %d numbers",
                   CALIBRATION_POINTS_MAX);
        return ST_INVALID;
    }
    if (arena_alloc(l->arena, (size_t)node->count * sizeof(double), &mem) != ST_OK) {
        refuse(l, node, NULL, "the calibration is too large: out of space");
        return ST_NO_SPACE;
    }
    double *values = mem;
    const struct yaml_node *item = node->child;
    for (int i = 0; i < node->count; i++, item = item->next)
        if (!yaml_double(l->file, item, l->diags, &values[i]))
            return ST_INVALID;
    *ret_values = values;
    return ST_OK;
}

static bool check_rises(struct loader *l, const struct yaml_node *x, const struct yaml_node *y,
                        const struct calibration *c)
{
    if (x->count != y->count)
        return refuse(l, y, NULL, "`x` and `y` have as many numbers as each other");
    const struct yaml_node *at_x = x->child, *at_y = y->child;
    for (int i = 0; i < c->n_points; i++, at_x = at_x->next, at_y = at_y->next) {
        if (c->y[i] < 0 || c->y[i] > 1)
            return refuse(l, at_y, NULL, "a probability is 0 to 1");
        if (i > 0 && c->x[i] <= c->x[i - 1])
            return refuse(l, at_x, NULL, "`x` ascends: this is not above the one before");
        if (i > 0 && c->y[i] < c->y[i - 1])
            return refuse(l, at_y, "a higher score is no lower probability",
                          "`y` does not fall: this is below the one before");
    }
    return true;
}

static enum status load_isotonic(struct loader *l, const struct yaml_node *node,
                                 struct calibration *c)
{
    const struct yaml_node *x = NULL, *y = NULL;
    if (!shape_only(l->file, node, &isotonic_shape, l->diags) || !(x = need(l, node, "x")) ||
        !(y = need(l, node, "y")))
        return ST_INVALID;
    enum status st = load_numbers(l, x, &c->x);
    if (st == ST_OK)
        st = load_numbers(l, y, &c->y);
    if (st != ST_OK)
        return st;
    c->n_points = x->count;
    return check_rises(l, x, y, c) ? ST_OK : ST_INVALID;
}

static enum status load_kind(struct loader *l, const struct yaml_node *node, struct calibration *c)
{
    const struct yaml_node *platt = yaml_get(node, "platt");
    const struct yaml_node *isotonic = yaml_get(node, "isotonic");
    if ((platt != NULL) == (isotonic != NULL)) {
        refuse(l, node, "{platt: {a: -6.1, b: 3.2}}",
               "a calibration is `none`, or has `platt` or `isotonic`");
        return ST_INVALID;
    }
    if (!shape_only(l->file, node, &kinds_shape, l->diags))
        return ST_INVALID;
    c->kind = platt != NULL ? CALIBRATION_PLATT : CALIBRATION_ISOTONIC;
    return platt != NULL ? load_platt(l, platt, c) : load_isotonic(l, isotonic, c);
}

enum status calibration_load(const struct yaml_file *file, const struct yaml_node *node,
                             struct arena *arena, struct diag_list *diags,
                             struct calibration *ret_calibration)
{
    struct loader l = {.file = file, .arena = arena, .diags = diags};
    struct calibration c = {.kind = CALIBRATION_NONE};
    bool is_none = node == NULL || span_is(node->text, "none");
    enum status st = is_none ? ST_OK : load_kind(&l, node, &c);
    if (st == ST_OK)
        *ret_calibration = c;
    return st;
}

/* ---- applying ------------------------------------------------------------------------------- */

/* x[i] <= score < x[i + 1] */
static int find(const struct calibration *c, double score)
{
    int low = 0, high = c->n_points - 1;
    while (high - low > 1) {
        int middle = (low + high) / 2;
        if (c->x[middle] <= score)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static double between(const struct calibration *c, double score)
{
    int last = c->n_points - 1;
    if (score <= c->x[0])
        return c->y[0];
    if (score >= c->x[last])
        return c->y[last];
    int i = find(c, score);
    double slope = (c->y[i + 1] - c->y[i]) / (c->x[i + 1] - c->x[i]);
    return fmin(c->y[i] + slope * (score - c->x[i]), c->y[i + 1]); /* whatever is rounded */
}

double calibration_apply(const struct calibration *c, double score)
{
    if (isnan(score) || c->kind == CALIBRATION_NONE)
        return score;
    if (c->kind == CALIBRATION_PLATT)
        return 1 / (1 + exp(c->a * score + c->b));
    return between(c, score);
}
