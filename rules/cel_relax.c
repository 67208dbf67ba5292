#include "rules/cel_relax.h"

#include "rules/cel_bounds.h"
#include "rules/cel_func.h"
#include "rules/cel_ops.h"

#include <math.h>

/* ---- what may be moved ----------------------------------------------------------------------- */

static bool is_number(const struct cel_node *n)
{
    enum cel_type_kind kind = n->type->kind;
    return kind == CEL_T_INT || kind == CEL_T_UINT || kind == CEL_T_DOUBLE;
}

static bool is_plain_call(const struct cel_node *n, const char *name, int n_args)
{
    return n->kind == CEL_NODE_CALL && n->left == NULL && n->n_args == n_args &&
           span_is(n->name, name);
}

static bool is_arithmetic(const struct cel_node *n)
{
    static const char *const operators[] = {"_+_", "_-_", "_*_", "_/_"};
    static const char *const others[] = {"-_", "double", "int"};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (is_plain_call(n, operators[i], 2))
            return true;
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (is_plain_call(n, others[i], 1))
            return true;
    }
    return false;
}

/* Numbers of the row, and what is computed of them; a number itself is one too, below them. */
static bool is_quantity(const struct cel_node *n)
{
    if (!is_number(n))
        return false;
    if (n->kind == CEL_NODE_SLOT)
        return !n->is_test && !n->is_optional;
    if (n->kind == CEL_NODE_CONST)
        return true;
    if (!is_arithmetic(n))
        return false;
    for (int i = 0; i < n->n_args; i++) {
        if (!is_quantity(n->args[i]))
            return false;
    }
    return true;
}

/* Nothing but operators, and nothing that takes room: its steps are bounded by its text. */
static bool is_simple(const struct cel_node *n)
{
    if (is_plain_call(n, "@in", 2)) /* it asks a list, whatever its length */
        return is_simple(n->args[0]) && n->args[1]->kind == CEL_NODE_CONST;
    if (n->kind == CEL_NODE_CONST)
        return n->value.kind != CEL_LIST && n->value.kind != CEL_MAP;
    if (n->kind == CEL_NODE_SLOT)
        return true;
    if (n->kind != CEL_NODE_CALL || n->left != NULL || n->calls->run != NULL ||
        !(is_number(n) || n->type->kind == CEL_T_BOOL))
        return false;
    for (int i = 0; i < n->n_args; i++) {
        if (!is_simple(n->args[i]))
            return false;
    }
    return true;
}

/* ---- thresholds ------------------------------------------------------------------------------ */

/* A tenth of a whole number. Past a strict threshold lies all that is past the tenth, a fraction of
 * one too: 14 > 15 - 1.5, and so > 13; 14 >= 13.5, and so >= 14. */
static uint64_t whole_step(uint64_t magnitude, bool is_strict)
{
    uint64_t part = magnitude / CEL_RELAX_PART + (is_strict && magnitude % CEL_RELAX_PART != 0);
    return part > 1 ? part : 1;
}

static bool move_int(int64_t v, bool up, bool is_strict, int64_t *ret_v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    int64_t step = (int64_t)whole_step(magnitude, is_strict);
    return up ? !__builtin_add_overflow(v, step, ret_v) : !__builtin_sub_overflow(v, step, ret_v);
}

static bool move_uint(uint64_t v, bool up, bool is_strict, uint64_t *ret_v)
{
    uint64_t step = whole_step(v, is_strict);
    return up ? !__builtin_add_overflow(v, step, ret_v) : !__builtin_sub_overflow(v, step, ret_v);
}

static bool move_double(double v, double step_min, bool up, double *ret_v)
{
    double step = fmax(fabs(v) / CEL_RELAX_PART, step_min);
    *ret_v = up ? v + step : v - step;
    return isfinite(*ret_v) && *ret_v != v;
}

/* Is `n` (op) `v` true whatever `n` is? */
static bool is_settled(const struct cel_node *n, enum cel_comparison op, const struct cel_value *v)
{
    struct cel_bounds of = cel_bounds_any;
    cel_bounds_of_value(v, &of);
    if (n->bounds == NULL)
        return false;
    if (op == CEL_GREATER || op == CEL_GREATER_EQUAL)
        return op == CEL_GREATER ? n->bounds->lo > of.hi : n->bounds->lo >= of.hi;
    return op == CEL_LESS ? n->bounds->hi < of.lo : n->bounds->hi <= of.lo;
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct cel_node *own(struct cel_unit *unit, const struct cel_node *n)
{
    struct cel_node *copy = arena_must(unit->arena, sizeof *copy);
    *copy = *n;
    copy->is_relaxed = true;
    copy->memo = 0;
    if (n->n_args > 0) {
        copy->args = arena_must(unit->arena, (size_t)n->n_args * sizeof(struct cel_node *));
        memcpy(copy->args, n->args, (size_t)n->n_args * sizeof(struct cel_node *));
    }
    return copy;
}

static struct cel_node *with_arg(struct cel_unit *unit, const struct cel_node *n, int i,
                                 struct cel_node *arg)
{
    struct cel_node *copy = own(unit, n);
    copy->args[i] = arg;
    return copy;
}

static struct cel_node *with_value(struct cel_unit *unit, const struct cel_node *n, int i,
                                   struct cel_value v)
{
    struct cel_node *constant = own(unit, n->args[i]);
    constant->value = v;
    if (v.kind == CEL_DOUBLE)
        constant->type = &cel_type_double;
    return with_arg(unit, n, i, constant);
}

static struct cel_node *relax(struct cel_unit *unit, struct cel_node *n);

/* ---- comparisons ----------------------------------------------------------------------------- */

/* A comparison, read so that the threshold is on its right: args[1 - side] (op) args[side]. */
struct comparison {
    struct cel_node *node;
    enum cel_comparison op;
    int side;
    bool up; /* where its threshold moves to */
};

static bool comparison_of(struct cel_node *n, int side, struct comparison *ret_c)
{
    enum cel_comparison op;
    if (n->kind != CEL_NODE_CALL || n->left != NULL || n->n_args != 2 ||
        !cel_comparison_of(n->name, &op) || op == CEL_EQUAL || op == CEL_NOT_EQUAL)
        return false;
    if (side == 0)
        op = cel_comparison_mirrored(op);
    *ret_c = (struct comparison){n, op, side, op == CEL_LESS || op == CEL_LESS_EQUAL};
    const struct cel_node *quantity = n->args[1 - side];
    return quantity->kind != CEL_NODE_CONST && is_quantity(quantity);
}

/* false: it has no next one. A whole number beside a double may get a fraction: 13.5 of 15. */
static bool move(const struct comparison *c, struct cel_value *ret_v)
{
    const struct cel_value v = c->node->args[c->side]->value;
    bool is_strict = c->op == CEL_LESS || c->op == CEL_GREATER;
    *ret_v = v;
    if (v.kind == CEL_DOUBLE)
        return move_double(v.f64, 0, c->up, &ret_v->f64);
    if (v.kind != CEL_INT && v.kind != CEL_UINT)
        return false;
    if (c->node->args[1 - c->side]->type->kind == CEL_T_DOUBLE) {
        *ret_v = cel_double(v.kind == CEL_INT ? (double)v.i64 : (double)v.u64);
        return fabs(ret_v->f64) < 0x1p53 && move_double(ret_v->f64, 1, c->up, &ret_v->f64);
    }
    return v.kind == CEL_INT ? move_int(v.i64, c->up, is_strict, &ret_v->i64)
                             : move_uint(v.u64, c->up, is_strict, &ret_v->u64);
}

/* quantity (op) number */
static struct cel_node *with_moved_number(struct cel_unit *unit, const struct comparison *c)
{
    const struct cel_node *threshold = c->node->args[c->side];
    struct cel_value v;
    if (threshold->kind != CEL_NODE_CONST || !move(c, &v) ||
        is_settled(c->node->args[1 - c->side], c->op, &v))
        return NULL;
    return with_value(unit, c->node, c->side, v);
}

/* `a || b`, of the same kind as the comparison `like`. */
static struct cel_node *either(struct cel_unit *unit, struct cel_node *a, struct cel_node *b)
{
    static const struct cel_func or_operator; /* run is NULL: the emitter knows it by its name */
    struct cel_node *n = own(unit, a);
    n->name = span_str("_||_");
    n->calls = &or_operator;
    n->n_calls = 1;
    n->args[0] = a;
    n->args[1] = b;
    return n;
}

/*
 * quantity (op) other * number, in doubles: whole numbers could overflow in one and not in the
 * other. Which way the number must move depends on the sign of `other`; where that is not known,
 * one of both is the right one, and the other adds nothing.
 */
static struct cel_node *with_moved_factor(struct cel_unit *unit, const struct comparison *c)
{
    struct cel_node *product = c->node->args[c->side];
    struct cel_value up = {.kind = CEL_DOUBLE}, down = up;
    if (!is_plain_call(product, "_*_", 2) || product->type->kind != CEL_T_DOUBLE)
        return NULL;
    int at = product->args[0]->kind == CEL_NODE_CONST ? 0 : 1;
    const struct cel_node *factor = product->args[at], *other = product->args[1 - at];
    if (!cel_is_literal(factor, CEL_DOUBLE) || !is_quantity(other) ||
        !move_double(factor->value.f64, 0, true, &up.f64) ||
        !move_double(factor->value.f64, 0, false, &down.f64))
        return NULL;
    struct cel_node *with_up = with_arg(unit, c->node, c->side, with_value(unit, product, at, up));
    struct cel_node *with_down =
        with_arg(unit, c->node, c->side, with_value(unit, product, at, down));
    if (other->bounds != NULL && other->bounds->lo >= 0)
        return c->up ? with_up : with_down;
    return either(unit, with_up, with_down);
}

static struct cel_node *relax_comparison(struct cel_unit *unit, struct cel_node *n)
{
    struct comparison c;
    struct cel_node *moved = NULL;
    for (int side = 1; side >= 0 && moved == NULL; side--) {
        if (!comparison_of(n, side, &c))
            continue;
        moved = with_moved_number(unit, &c);
        if (moved == NULL)
            moved = with_moved_factor(unit, &c);
    }
    return moved;
}

/* ---- the tree -------------------------------------------------------------------------------- */

/* The arguments from the i-th on; NULL: none of them moved. */
static struct cel_node *relax_args(struct cel_unit *unit, struct cel_node *n, int i)
{
    struct cel_node *copy = NULL;
    for (; i < n->n_args; i++) {
        struct cel_node *arg = relax(unit, n->args[i]);
        if (arg == NULL)
            continue;
        if (copy == NULL)
            copy = own(unit, n);
        copy->args[i] = arg;
    }
    return copy;
}

/* NULL: nothing in it is moved. */
static struct cel_node *relax(struct cel_unit *unit, struct cel_node *n)
{
    if (is_plain_call(n, "_&&_", 2))
        return relax_args(unit, n, 0);
    if (is_plain_call(n, "_||_", 2))
        return is_simple(n) ? relax_args(unit, n, 0) : NULL;
    if (is_plain_call(n, "_?_:_", 3))
        return relax_args(unit, n, 1);
    return relax_comparison(unit, n);
}

struct cel_node *cel_relax(struct cel_unit *unit, struct cel_node *root)
{
    return relax(unit, root);
}
