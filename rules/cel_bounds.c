#include "rules/cel_bounds.h"

#include "rules/cel_settled.h"

#include <math.h>

const struct cel_bounds cel_bounds_any = {.lo = -INFINITY, .hi = INFINITY, .bytes_max = INT64_MAX};

enum { EXACT_BITS = 53 }; /* of a double: a whole number past 2^53 may be another one as a double */

static const struct cel_bounds *bounds_of(struct cel_unit *unit, struct cel_node *n);

/* ---- intervals ------------------------------------------------------------------------------- */

/* Outward, where doubles are not exact any more. */
static double lower(double v)
{
    return fabs(v) >= ldexp(1, EXACT_BITS) ? nextafter(v, -INFINITY) : v;
}

static double upper(double v)
{
    return fabs(v) >= ldexp(1, EXACT_BITS) ? nextafter(v, INFINITY) : v;
}

/* What is no number any more (infinities that cancel out) is not known. */
static void set_range(struct cel_bounds *b, double lo, double hi)
{
    b->lo = isnan(lo) ? -INFINITY : lower(lo);
    b->hi = isnan(hi) ? INFINITY : upper(hi);
}

static int64_t sum_bytes(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static void add(struct cel_bounds *ret, const struct cel_bounds *a, const struct cel_bounds *b)
{
    set_range(ret, a->lo + b->lo, a->hi + b->hi);
    ret->bytes_min = sum_bytes(a->bytes_min, b->bytes_min);
    ret->bytes_max = sum_bytes(a->bytes_max, b->bytes_max);
}

static void subtract(struct cel_bounds *ret, const struct cel_bounds *a, const struct cel_bounds *b)
{
    set_range(ret, a->lo - b->hi, a->hi - b->lo);
}

static void multiply(struct cel_bounds *ret, const struct cel_bounds *a, const struct cel_bounds *b)
{
    if (!isfinite(a->lo) || !isfinite(a->hi) || !isfinite(b->lo) || !isfinite(b->hi))
        return;
    double p = a->lo * b->lo, q = a->lo * b->hi, r = a->hi * b->lo, s = a->hi * b->hi;
    set_range(ret, fmin(fmin(p, q), fmin(r, s)), fmax(fmax(p, q), fmax(r, s)));
}

/* The rest has the sign of `a`, and is nearer to zero than `b`; whole numbers only. */
static void modulo(struct cel_bounds *ret, const struct cel_bounds *a, const struct cel_bounds *b)
{
    double most = fmax(fabs(b->lo), fabs(b->hi)) - 1;
    if (!isfinite(most) || most < 0)
        return;
    set_range(ret, a->lo >= 0 ? 0 : -most, a->hi <= 0 ? 0 : most);
}

static void negate(struct cel_bounds *ret, const struct cel_bounds *a)
{
    set_range(ret, -a->hi, -a->lo);
}

static void widen(struct cel_bounds *ret, const struct cel_bounds *a, const struct cel_bounds *b)
{
    set_range(ret, fmin(a->lo, b->lo), fmax(a->hi, b->hi));
    ret->bytes_min = a->bytes_min < b->bytes_min ? a->bytes_min : b->bytes_min;
    ret->bytes_max = a->bytes_max > b->bytes_max ? a->bytes_max : b->bytes_max;
}

/* ---- constants ------------------------------------------------------------------------------- */

void cel_bounds_of_value(const struct cel_value *v, struct cel_bounds *ret)
{
    double number = v->kind == CEL_INT      ? (double)v->i64
                    : v->kind == CEL_UINT   ? (double)v->u64
                    : v->kind == CEL_DOUBLE ? v->f64
                                            : NAN;
    if (isfinite(number))
        set_range(ret, number, number);
    if (v->kind == CEL_STRING)
        ret->bytes_min = ret->bytes_max = (int64_t)v->text.len;
}

/* ---- functions ------------------------------------------------------------------------------- */

/* X of a call that gives a number: its range. `of`: the first argument's type; DYN: any. */
static const struct known_range {
    const char *name;
    enum cel_type_kind of;
    double lo, hi;
} ranges[] = {
    {"size", CEL_T_DYN, 0, INFINITY},
    {"indexOf", CEL_T_STRING, -1, INFINITY},
    {"lastIndexOf", CEL_T_STRING, -1, INFINITY},
    {"getMonth", CEL_T_TIMESTAMP, 0, 11},
    {"getDate", CEL_T_TIMESTAMP, 1, 31},
    {"getDayOfMonth", CEL_T_TIMESTAMP, 0, 30},
    {"getDayOfWeek", CEL_T_TIMESTAMP, 0, 6},
    {"getDayOfYear", CEL_T_TIMESTAMP, 0, 365},
    {"getHours", CEL_T_TIMESTAMP, 0, 23}, /* of a duration there are any number */
    {"getMinutes", CEL_T_TIMESTAMP, 0, 59},
    {"getSeconds", CEL_T_TIMESTAMP, 0, 59},
    {"getMilliseconds", CEL_T_TIMESTAMP, 0, 999},
    {"hour_of_week", CEL_T_TIMESTAMP, 0, 167},
    {"similarity.jaro_winkler", CEL_T_STRING, 0, 1},
    {"geo.distance_km", CEL_T_DYN, 0, INFINITY},
    {"prefixLength", CEL_T_CIDR, 0, 128},
};

static void of_known_range(struct cel_bounds *ret, const struct cel_node *n,
                           const struct cel_node *first)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const struct known_range *r = &ranges[i];
        if (!span_is(n->name, r->name) || (r->of != CEL_T_DYN && first->type->kind != r->of))
            continue;
        ret->lo = r->lo;
        ret->hi = r->hi;
    }
    /* code points are no more than bytes, and one byte is a code point */
    if (span_is(n->name, "size") && first->type->kind == CEL_T_STRING) {
        ret->lo = first->bounds->bytes_min > 0;
        ret->hi =
            first->bounds->bytes_max < INT64_MAX ? (double)first->bounds->bytes_max : INFINITY;
    }
}

/* Of a text: no longer than the text it is made from. */
static void of_shortening(struct cel_bounds *ret, const struct cel_node *n,
                          const struct cel_node *first)
{
    static const char *const as_long[] = {"lowerAscii", "upperAscii", "reverse"};
    static const char *const shorter[] = {"trim", "substring", "charAt"};
    if (first->type->kind != CEL_T_STRING || n->left == NULL)
        return;
    for (size_t i = 0; i < sizeof as_long / sizeof *as_long; i++) {
        if (span_is(n->name, as_long[i])) {
            ret->bytes_min = first->bounds->bytes_min;
            ret->bytes_max = first->bounds->bytes_max;
        }
    }
    for (size_t i = 0; i < sizeof shorter / sizeof *shorter; i++) {
        if (span_is(n->name, shorter[i]))
            ret->bytes_max = first->bounds->bytes_max;
    }
}

/* int(x) cuts the fraction off; double(x) is the same number. */
static void of_conversion(struct cel_bounds *ret, const struct cel_node *n,
                          const struct cel_node *first)
{
    if (!cel_type_is_number(first->type) || n->left != NULL)
        return;
    if (span_is(n->name, "double"))
        set_range(ret, first->bounds->lo, first->bounds->hi);
    else if (span_is(n->name, "int") || span_is(n->name, "uint"))
        set_range(ret, trunc(first->bounds->lo), trunc(first->bounds->hi));
}

/* ---- nodes ----------------------------------------------------------------------------------- */

const struct cel_bounds_key *cel_bounds_key(const struct cel_bounds *map, struct span name)
{
    for (int i = 0; i < map->n_keys; i++) {
        if (span_is(name, map->keys[i].name))
            return &map->keys[i];
    }
    return NULL;
}

static void of_key(struct cel_bounds *ret, const struct cel_bounds *map, struct span name)
{
    const struct cel_bounds_key *key = cel_bounds_key(map, name);
    if (key != NULL && key->value != NULL)
        *ret = *key->value;
}

static void of_operator(struct cel_bounds *ret, const struct cel_node *n)
{
    const struct cel_bounds *a = n->args[0]->bounds, *b = n->n_args > 1 ? n->args[1]->bounds : a;
    if (span_is(n->name, "_+_"))
        add(ret, a, b);
    else if (span_is(n->name, "_-_"))
        subtract(ret, a, b);
    else if (span_is(n->name, "_*_"))
        multiply(ret, a, b);
    else if (span_is(n->name, "_%_"))
        modulo(ret, a, b);
    else if (span_is(n->name, "-_"))
        negate(ret, a);
    else if (span_is(n->name, "_?_:_"))
        widen(ret, b, n->args[2]->bounds);
    else if (span_is(n->name, "_[_]") && a->items != NULL)
        *ret = *a->items;
    else if (span_is(n->name, "_[_]") && cel_is_literal(n->args[1], CEL_STRING))
        of_key(ret, a, n->args[1]->value.text);
}

static void of_call(struct cel_bounds *ret, const struct cel_node *n)
{
    const struct cel_node *first = n->left != NULL ? n->left : n->n_args > 0 ? n->args[0] : NULL;
    if (first == NULL)
        return;
    if (n->left == NULL)
        of_operator(ret, n);
    of_known_range(ret, n, first);
    of_shortening(ret, n, first);
    of_conversion(ret, n, first);
}

/* A variable of a macro over a list is one of its items; one of cel.bind is its value. */
static void of_local(struct cel_bounds *ret, const struct cel_node *n)
{
    const struct cel_loop *loop = n->owner;
    bool is_bind = loop->range->kind == CEL_NODE_LIST && loop->range->n_args == 0;
    bool is_item = n->local == (loop->var2.len > 0 ? CEL_LOCAL_VAR2 : CEL_LOCAL_VAR);
    const struct cel_bounds *from = NULL;
    if (is_bind && n->local == CEL_LOCAL_ACCU)
        from = loop->init->bounds;
    else if (is_item && loop->range->type->kind == CEL_T_LIST)
        from = loop->range->bounds->items;
    if (from != NULL)
        *ret = *from;
    ret->reads_row = is_bind ? loop->init->bounds != NULL && loop->init->bounds->reads_row
                             : loop->range->bounds->reads_row;
}

static void of_slot(struct cel_unit *unit, struct cel_bounds *ret, const struct cel_node *n)
{
    for (int i = 0; i < unit->env->n_names; i++) {
        const struct cel_name *name = &unit->env->names[i];
        if (name->constant == NULL && name->slot == n->slot && name->bounds != NULL &&
            !n->is_optional)
            *ret = *name->bounds;
    }
    ret->reads_row = true;
}

/* A list literal's items, so that a variable over it is within them. */
static void of_list(struct cel_unit *unit, struct cel_bounds *ret, const struct cel_node *n)
{
    if (n->n_args == 0)
        return;
    struct cel_bounds *items = arena_must(unit->arena, sizeof *items);
    *items = *n->args[0]->bounds;
    for (int i = 0; i < n->n_args; i++) {
        struct cel_bounds wider = cel_bounds_any;
        widen(&wider, items, n->args[i]->bounds);
        *items = n->args[i]->is_optional_entry ? cel_bounds_any : wider;
    }
    ret->items = items;
}

static bool reads_row(const struct cel_node *n)
{
    return n != NULL && n->bounds->reads_row;
}

static void visit_loop(struct cel_unit *unit, struct cel_bounds *ret, struct cel_loop *loop)
{
    const struct cel_bounds *range = bounds_of(unit, loop->range);
    const struct cel_bounds *init = bounds_of(unit, loop->init);
    bounds_of(unit, loop->condition);
    const struct cel_bounds *step = bounds_of(unit, loop->step);
    const struct cel_bounds *result = bounds_of(unit, loop->result);
    bool is_bind = loop->range->kind == CEL_NODE_LIST && loop->range->n_args == 0;
    if (is_bind)
        *ret = *result;
    ret->reads_row = range->reads_row || init->reads_row || step->reads_row || result->reads_row;
}

static void visit(struct cel_unit *unit, struct cel_bounds *ret, struct cel_node *n)
{
    if (n->left != NULL)
        bounds_of(unit, n->left);
    for (int i = 0; i < n->n_args; i++)
        bounds_of(unit, n->args[i]);
    switch (n->kind) {
    case CEL_NODE_CONST:
        cel_bounds_of_value(&n->value, ret);
        return;
    case CEL_NODE_SLOT:
        of_slot(unit, ret, n);
        return;
    case CEL_NODE_LOCAL:
        of_local(ret, n);
        return;
    case CEL_NODE_LOOP:
        visit_loop(unit, ret, n->loop);
        return;
    case CEL_NODE_SELECT:
        of_key(ret, n->left->bounds, n->name);
        break;
    case CEL_NODE_LIST:
        of_list(unit, ret, n);
        break;
    case CEL_NODE_CALL:
        of_call(ret, n);
        break;
    case CEL_NODE_MAP:
    case CEL_NODE_IDENT:
        break;
    }
    ret->reads_row = reads_row(n->left);
    for (int i = 0; i < n->n_args; i++)
        ret->reads_row |= reads_row(n->args[i]);
}

/* A node that stands in the tree twice is looked at once. */
static const struct cel_bounds *bounds_of(struct cel_unit *unit, struct cel_node *n)
{
    if (n->bounds != NULL)
        return n->bounds;
    struct cel_bounds *b = arena_must(unit->arena, sizeof *b);
    *b = cel_bounds_any;
    visit(unit, b, n);
    if (n->is_test)
        *b = (struct cel_bounds){
            .lo = -INFINITY, .hi = INFINITY, .bytes_max = INT64_MAX, .reads_row = b->reads_row};
    n->bounds = b;
    if (unit->env->is_strict)
        cel_settled_refuse(unit, n);
    return b;
}

enum status cel_bounds_check(struct cel_unit *unit, struct cel_node *root)
{
    bounds_of(unit, root);
    return unit->failed ? ST_INVALID : ST_OK;
}
