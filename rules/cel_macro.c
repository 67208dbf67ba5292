#include "rules/cel_macro.h"

#define ACCU "@result"

/* ---- nodes that nobody wrote; they point at the macro's name ------------------------------- */

static struct cel_node *node_at(struct cel_unit *unit, const struct cel_node *call,
                                enum cel_node_kind kind)
{
    struct cel_node *n = cel_unit_alloc(unit, sizeof *n);
    if (n != NULL)
        *n = (struct cel_node){
            .kind = kind, .offset = call->offset, .start = call->start, .height = 1};
    return n;
}

static struct cel_node *constant(struct cel_unit *unit, const struct cel_node *call,
                                 struct cel_value v)
{
    struct cel_node *n = node_at(unit, call, CEL_NODE_CONST);
    if (n != NULL)
        n->value = v;
    return n;
}

static struct cel_node *accu(struct cel_unit *unit, const struct cel_node *call)
{
    struct cel_node *n = node_at(unit, call, CEL_NODE_IDENT);
    if (n != NULL)
        n->name = span_str(ACCU);
    return n;
}

static struct cel_node *invoke(struct cel_unit *unit, const struct cel_node *call,
                               const char *function, int n_args, struct cel_node *const *args)
{
    struct cel_node *n = node_at(unit, call, CEL_NODE_CALL);
    struct cel_node **copy = cel_unit_alloc(unit, (size_t)n_args * sizeof *copy);
    if (n == NULL || copy == NULL)
        return NULL;
    for (int i = 0; i < n_args; i++) {
        copy[i] = args[i];
        if (args[i] == NULL)
            return NULL;
        if (args[i]->height >= n->height)
            n->height = args[i]->height + 1;
    }
    n->name = span_str(function);
    n->args = copy;
    n->n_args = n_args;
    return n;
}

#define INVOKE(unit, call, function, ...)                                                 \
    invoke(unit, call, function,                                                          \
           (int)(sizeof((struct cel_node *[]){__VA_ARGS__}) / sizeof(struct cel_node *)), \
           (struct cel_node *[]){__VA_ARGS__})

/* What the macros differ in. */
struct shape {
    struct cel_node *init, *condition, *step, *result;
};

static struct cel_node *loop_of(struct cel_unit *unit, struct cel_node *call, struct shape s)
{
    struct cel_node *n = node_at(unit, call, CEL_NODE_LOOP);
    struct cel_loop *loop = cel_unit_alloc(unit, sizeof *loop);
    struct cel_node *const parts[] = {call->left, s.init, s.condition, s.step, s.result};
    if (n == NULL || loop == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i] == NULL)
            return NULL;
        if (parts[i]->height >= n->height)
            n->height = parts[i]->height + 1;
    }
    *loop = (struct cel_loop){.var = call->args[0]->name,
                              .accu = span_str(ACCU),
                              .range = call->left,
                              .init = s.init,
                              .condition = s.condition,
                              .step = s.step,
                              .result = s.result};
    n->loop = loop;
    return n;
}

/* ---- the macros ---------------------------------------------------------------------------- */

/* range.all(x, p):  accu = true; while not false; accu = accu && p */
static struct cel_node *expand_all(struct cel_unit *u, struct cel_node *c)
{
    return loop_of(u, c,
                   (struct shape){.init = constant(u, c, cel_bool(true)),
                                  .condition = INVOKE(u, c, "@not_strictly_false", accu(u, c)),
                                  .step = INVOKE(u, c, "_&&_", accu(u, c), c->args[1]),
                                  .result = accu(u, c)});
}

/* range.exists(x, p):  accu = false; while not true; accu = accu || p */
static struct cel_node *expand_exists(struct cel_unit *u, struct cel_node *c)
{
    struct cel_node *negated = INVOKE(u, c, "!_", accu(u, c));
    return loop_of(u, c,
                   (struct shape){.init = constant(u, c, cel_bool(false)),
                                  .condition = INVOKE(u, c, "@not_strictly_false", negated),
                                  .step = INVOKE(u, c, "_||_", accu(u, c), c->args[1]),
                                  .result = accu(u, c)});
}

/* range.exists_one(x, p):  accu = 0; accu = p ? accu + 1 : accu; accu == 1 */
static struct cel_node *expand_exists_one(struct cel_unit *u, struct cel_node *c)
{
    struct cel_node *one = constant(u, c, cel_int(1));
    struct cel_node *next = INVOKE(u, c, "_+_", accu(u, c), one);
    return loop_of(u, c,
                   (struct shape){.init = constant(u, c, cel_int(0)),
                                  .condition = constant(u, c, cel_bool(true)),
                                  .step = INVOKE(u, c, "_?_:_", c->args[1], next, accu(u, c)),
                                  .result = INVOKE(u, c, "_==_", accu(u, c), one)});
}

/* accu = []; accu = p ? accu with e : accu; without p always */
static struct cel_node *collect(struct cel_unit *u, struct cel_node *c, struct cel_node *p,
                                struct cel_node *e)
{
    struct cel_node *with = INVOKE(u, c, "@append", accu(u, c), e);
    return loop_of(u, c,
                   (struct shape){.init = node_at(u, c, CEL_NODE_LIST),
                                  .condition = constant(u, c, cel_bool(true)),
                                  .step = p ? INVOKE(u, c, "_?_:_", p, with, accu(u, c)) : with,
                                  .result = accu(u, c)});
}

/* range.map(x, e), range.map(x, p, e) */
static struct cel_node *expand_map(struct cel_unit *u, struct cel_node *c)
{
    return c->n_args == 3 ? collect(u, c, c->args[1], c->args[2]) : collect(u, c, NULL, c->args[1]);
}

/* range.filter(x, p) */
static struct cel_node *expand_filter(struct cel_unit *u, struct cel_node *c)
{
    return collect(u, c, c->args[1], c->args[0]);
}

/* has(e.f), has(name) */
static struct cel_node *expand_has(struct cel_unit *u, struct cel_node *c)
{
    struct cel_node *field = c->args[0];
    if (field->kind != CEL_NODE_SELECT && field->kind != CEL_NODE_IDENT) {
        cel_unit_error(u, field->offset, "write has(tx.name)", "has() asks for a field");
        return NULL;
    }
    field->is_test = true;
    return field;
}

/* Where a macro's name stands: f(x), x.f(y), or as the namespace's function, ns.f(x). */
#define ALONE NULL
#define METHOD ""

static const struct macro {
    const char *name;
    const char *on; /* ALONE, METHOD or the namespace */
    int args_min, args_max;
    int n_vars; /* the first of the arguments, which must be names */
    struct cel_node *(*expand)(struct cel_unit *, struct cel_node *);
} macros[] = {
    {"has", ALONE, 1, 1, 0, expand_has},
    {"all", METHOD, 2, 2, 1, expand_all},
    {"exists", METHOD, 2, 2, 1, expand_exists},
    {"exists_one", METHOD, 2, 2, 1, expand_exists_one},
    {"existsOne", METHOD, 2, 2, 1, expand_exists_one},
    {"map", METHOD, 2, 3, 1, expand_map},
    {"filter", METHOD, 2, 2, 1, expand_filter},
};

static bool stands_on(const struct cel_node *left, const char *on)
{
    if (on == ALONE || left == NULL)
        return on == ALONE && left == NULL;
    return *on == '\0' || (left->kind == CEL_NODE_IDENT && span_is(left->name, on));
}

static const struct macro *macro_of(const struct cel_node *call)
{
    for (size_t i = 0; i < sizeof macros / sizeof *macros; i++) {
        const struct macro *m = &macros[i];
        if (span_is(call->name, m->name) && stands_on(call->left, m->on) &&
            call->n_args >= m->args_min && call->n_args <= m->args_max)
            return m;
    }
    return NULL;
}

struct cel_node *cel_macro_expand(struct cel_unit *unit, struct cel_node *call)
{
    const struct macro *m = macro_of(call);
    if (m == NULL)
        return call;
    for (int i = 0; i < m->n_vars; i++) {
        const struct cel_node *var = call->args[i];
        if (var->kind == CEL_NODE_IDENT && !var->is_rooted)
            continue;
        cel_unit_error(unit, var->offset, "as in list.exists(x, x > 1)",
                       "the first argument of %s() must be a name", m->name);
        return NULL;
    }
    return m->expand(unit, call);
}
