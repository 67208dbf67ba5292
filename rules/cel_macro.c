#include "rules/cel_macro.h"

#include <limits.h>

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

static struct cel_node *named(struct cel_unit *unit, const struct cel_node *call, struct span name)
{
    struct cel_node *n = node_at(unit, call, CEL_NODE_IDENT);
    if (n != NULL)
        n->name = name;
    return n;
}

static struct cel_node *accu(struct cel_unit *unit, const struct cel_node *call)
{
    return named(unit, call, span_str(ACCU));
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

static struct cel_node *loop_node(struct cel_unit *unit, const struct cel_node *call,
                                  struct cel_loop shape)
{
    struct cel_node *n = node_at(unit, call, CEL_NODE_LOOP);
    struct cel_loop *loop = cel_unit_alloc(unit, sizeof *loop);
    struct cel_node *const parts[] = {shape.range, shape.init, shape.condition, shape.step,
                                      shape.result};
    if (n == NULL || loop == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i] == NULL)
            return NULL;
        if (parts[i]->height >= n->height)
            n->height = parts[i]->height + 1;
    }
    *loop = shape;
    n->loop = loop;
    return n;
}

/* What the macros over lists and maps differ in. */
struct shape {
    struct cel_node *init, *condition, *step, *result;
};

/* range.macro(x, ...), range.macro(x, y, ...) */
static struct cel_node *loop_of(struct cel_unit *unit, const struct cel_node *call, int n_vars,
                                struct shape s)
{
    return loop_node(unit, call,
                     (struct cel_loop){.var = call->args[0]->name,
                                       .var2 = n_vars > 1 ? call->args[1]->name : span_of(NULL, 0),
                                       .accu = span_str(ACCU),
                                       .range = call->left,
                                       .init = s.init,
                                       .condition = s.condition,
                                       .step = s.step,
                                       .result = s.result});
}

/* `name` stands for `value` in `in`: a loop that never turns. */
static struct cel_node *let(struct cel_unit *unit, const struct cel_node *call, struct span name,
                            struct cel_node *value, struct cel_node *in)
{
    return loop_node(unit, call,
                     (struct cel_loop){.var = span_str("@unused"),
                                       .accu = name,
                                       .range = node_at(unit, call, CEL_NODE_LIST),
                                       .init = value,
                                       .condition = constant(unit, call, cel_bool(false)),
                                       .step = named(unit, call, name),
                                       .result = in});
}

/* ---- the macros ---------------------------------------------------------------------------- */

/* range.all(x, p):  accu = true; while not false; accu = accu && p */
static struct cel_node *expand_all(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    return loop_of(u, c, n_vars,
                   (struct shape){.init = constant(u, c, cel_bool(true)),
                                  .condition = INVOKE(u, c, "@not_strictly_false", accu(u, c)),
                                  .step = INVOKE(u, c, "_&&_", accu(u, c), c->args[n_vars]),
                                  .result = accu(u, c)});
}

/* range.exists(x, p):  accu = false; while not true; accu = accu || p */
static struct cel_node *expand_exists(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *negated = INVOKE(u, c, "!_", accu(u, c));
    return loop_of(u, c, n_vars,
                   (struct shape){.init = constant(u, c, cel_bool(false)),
                                  .condition = INVOKE(u, c, "@not_strictly_false", negated),
                                  .step = INVOKE(u, c, "_||_", accu(u, c), c->args[n_vars]),
                                  .result = accu(u, c)});
}

/* range.exists_one(x, p):  accu = 0; accu = p ? accu + 1 : accu; accu == 1 */
static struct cel_node *expand_exists_one(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *one = constant(u, c, cel_int(1));
    struct cel_node *next = INVOKE(u, c, "_+_", accu(u, c), one);
    return loop_of(u, c, n_vars,
                   (struct shape){.init = constant(u, c, cel_int(0)),
                                  .condition = constant(u, c, cel_bool(true)),
                                  .step = INVOKE(u, c, "_?_:_", c->args[n_vars], next, accu(u, c)),
                                  .result = INVOKE(u, c, "_==_", accu(u, c), one)});
}

/* accu = init; accu = p ? next : accu; without p always */
static struct cel_node *collect(struct cel_unit *u, struct cel_node *c, int n_vars,
                                enum cel_node_kind init, struct cel_node *p, struct cel_node *next)
{
    return loop_of(u, c, n_vars,
                   (struct shape){.init = node_at(u, c, init),
                                  .condition = constant(u, c, cel_bool(true)),
                                  .step = p ? INVOKE(u, c, "_?_:_", p, next, accu(u, c)) : next,
                                  .result = accu(u, c)});
}

/* The filter of macro(vars, p, e); without one: NULL. */
static struct cel_node *filter_of(const struct cel_node *c, int n_vars)
{
    return c->n_args - n_vars > 1 ? c->args[n_vars] : NULL;
}

/* range.map(x, e), range.map(x, p, e), range.transformList(k, v, e), (k, v, p, e) */
static struct cel_node *expand_map(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *next = INVOKE(u, c, "@append", accu(u, c), c->args[c->n_args - 1]);
    return collect(u, c, n_vars, CEL_NODE_LIST, filter_of(c, n_vars), next);
}

/* range.filter(x, p) */
static struct cel_node *expand_filter(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *next = INVOKE(u, c, "@append", accu(u, c), c->args[0]);
    return collect(u, c, n_vars, CEL_NODE_LIST, c->args[1], next);
}

/* range.transformMap(k, v, e), (k, v, p, e): the keys stay */
static struct cel_node *expand_transform_map(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *e = c->args[c->n_args - 1];
    struct cel_node *next = INVOKE(u, c, "@put", accu(u, c), c->args[0], e);
    return collect(u, c, n_vars, CEL_NODE_MAP, filter_of(c, n_vars), next);
}

/* range.transformMapEntry(k, v, {key: value}), (k, v, p, {key: value}) */
static struct cel_node *expand_transform_entry(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *next = INVOKE(u, c, "@merge", accu(u, c), c->args[c->n_args - 1]);
    return collect(u, c, n_vars, CEL_NODE_MAP, filter_of(c, n_vars), next);
}

/* list.sortBy(x, key):  input = list; @sortBy(input, input.map(x, key)) */
static struct cel_node *expand_sort_by(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct span input = span_str("@input");
    struct cel_node *over = node_at(u, c, CEL_NODE_CALL);
    if (over == NULL)
        return NULL;
    over->left = named(u, c, input);
    over->args = c->args;
    over->n_args = c->n_args;
    struct cel_node *keys = expand_map(u, over, n_vars);
    return let(u, c, input, c->left, INVOKE(u, c, "@sortBy", named(u, c, input), keys));
}

/* cel.bind(x, value, e) */
static struct cel_node *expand_bind(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    return let(u, c, c->args[0]->name, c->args[n_vars], c->args[n_vars + 1]);
}

/* @optional = target; @optional.hasValue() ? (x = @optional.value(); e) : optional.none() */
static struct cel_node *map_optional(struct cel_unit *u, struct cel_node *c, bool wrap)
{
    struct span target = span_str("@optional");
    struct cel_node *value = INVOKE(u, c, "@value", named(u, c, target));
    struct cel_node *e = let(u, c, c->args[0]->name, value, c->args[1]);
    struct cel_node *some = wrap ? INVOKE(u, c, "optional.of", e) : e;
    struct cel_node *none = node_at(u, c, CEL_NODE_CALL);
    if (none != NULL)
        none->name = span_str("optional.none");
    struct cel_node *test = INVOKE(u, c, "@hasValue", named(u, c, target));
    return let(u, c, target, c->left, INVOKE(u, c, "_?_:_", test, some, none));
}

/* target.optMap(x, e) */
static struct cel_node *expand_opt_map(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    (void)n_vars;
    return map_optional(u, c, true);
}

/* target.optFlatMap(x, e): e is an optional */
static struct cel_node *expand_opt_flat_map(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    (void)n_vars;
    return map_optional(u, c, false);
}

/* has(e.f), has(name) */
static struct cel_node *expand_has(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    struct cel_node *field = c->args[0];
    (void)n_vars;
    if ((field->kind != CEL_NODE_SELECT && field->kind != CEL_NODE_IDENT) || field->is_optional) {
        cel_unit_error(u, field->start, "it is written as in has(tx.currency)",
                       "has() asks for a field");
        return NULL;
    }
    field->is_test = true;
    return field;
}

/* Could it be a number, as far as one can see? What is computed, the checker looks at. */
static bool may_be_number(const struct cel_node *n)
{
    if (n->kind == CEL_NODE_CONST)
        return n->value.kind == CEL_INT || n->value.kind == CEL_UINT || n->value.kind == CEL_DOUBLE;
    return n->kind != CEL_NODE_LIST && n->kind != CEL_NODE_MAP;
}

static bool are_numbers(struct cel_unit *u, const struct cel_node *c, struct cel_node *const *args,
                        int n_args)
{
    for (int i = 0; i < n_args; i++) {
        if (may_be_number(args[i]))
            continue;
        cel_unit_error(u, args[i]->start, "as in math.greatest(1, 2.5), or of one list",
                       "math.%.*s() is of numbers", SPAN_ARG(c->name));
        return false;
    }
    return true;
}

/* math.greatest(a, b ...), math.greatest(list); of more than two: of the list of them */
static struct cel_node *expand_extreme(struct cel_unit *u, struct cel_node *c, int n_vars)
{
    (void)n_vars;
    bool of_list = c->n_args == 1 && c->args[0]->kind == CEL_NODE_LIST;
    struct cel_node *given = of_list ? c->args[0] : c;
    if (given->n_args == 0) {
        cel_unit_error(u, c->offset, "as in math.greatest(1, 2.5)",
                       "math.%.*s() needs a number at least", SPAN_ARG(c->name));
        return NULL;
    }
    if (!are_numbers(u, c, given->args, given->n_args))
        return NULL;
    if (c->n_args <= 2)
        return c;
    struct cel_node *list = node_at(u, c, CEL_NODE_LIST);
    struct cel_node **only = cel_unit_alloc(u, sizeof *only);
    if (list == NULL || only == NULL)
        return NULL;
    list->args = c->args;
    list->n_args = c->n_args;
    list->height = c->height;
    *only = list;
    c->args = only;
    c->n_args = 1;
    c->height++;
    return c;
}

/* Where a macro's name stands: f(x), x.f(y), or as the namespace's function, ns.f(x). */
#define ALONE NULL
#define METHOD ""

static const struct macro {
    const char *name;
    const char *on; /* ALONE, METHOD or the namespace */
    int args_min, args_max;
    int n_vars; /* the first of the arguments, which must be names */
    struct cel_node *(*expand)(struct cel_unit *, struct cel_node *, int n_vars);
} macros[] = {
    {"has", ALONE, 1, 1, 0, expand_has},
    {"all", METHOD, 2, 2, 1, expand_all},
    {"all", METHOD, 3, 3, 2, expand_all},
    {"exists", METHOD, 2, 2, 1, expand_exists},
    {"exists", METHOD, 3, 3, 2, expand_exists},
    {"exists_one", METHOD, 2, 2, 1, expand_exists_one},
    {"exists_one", METHOD, 3, 3, 2, expand_exists_one},
    {"existsOne", METHOD, 2, 2, 1, expand_exists_one},
    {"existsOne", METHOD, 3, 3, 2, expand_exists_one},
    {"map", METHOD, 2, 3, 1, expand_map},
    {"filter", METHOD, 2, 2, 1, expand_filter},
    {"sortBy", METHOD, 2, 2, 1, expand_sort_by},
    {"transformList", METHOD, 3, 4, 2, expand_map},
    {"transformMap", METHOD, 3, 4, 2, expand_transform_map},
    {"transformMapEntry", METHOD, 3, 4, 2, expand_transform_entry},
    {"optMap", METHOD, 2, 2, 1, expand_opt_map},
    {"optFlatMap", METHOD, 2, 2, 1, expand_opt_flat_map},
    {"bind", "cel", 3, 3, 1, expand_bind},
    {"greatest", "math", 0, INT_MAX, 0, expand_extreme},
    {"least", "math", 0, INT_MAX, 0, expand_extreme},
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
        cel_unit_error(unit, var->start, "it is written as in list.exists(x, x > 1)",
                       "argument %d of %s() must be a name", i + 1, m->name);
        return NULL;
    }
    return m->expand(unit, call, m->n_vars);
}

size_t cel_macro_names(const char **ret_names, size_t max)
{
    size_t n = sizeof macros / sizeof *macros;
    for (size_t i = 0; i < n && i < max; i++)
        ret_names[i] = macros[i].name;
    return n < max ? n : max;
}

/* How they are written, for whoever wrote one wrong. */
static const struct form {
    const char *name; /* with its namespace */
    bool is_method;
    const char *form;
} forms[] = {
    {"has", false, "has(tx.currency)"},
    {"covered", false, "covered(account_tx_count_30d)"},
    {"cel.bind", false, "cel.bind(x, amount * 2.0, x > 9.0)"},
    {"math.greatest", false, "math.greatest(amount, 10.0)"},
    {"math.least", false, "math.least(amount, 10.0)"},
    {"all", true, "list.all(x, x > 1)"},
    {"exists", true, "list.exists(x, x > 1)"},
    {"exists_one", true, "list.exists_one(x, x > 1)"},
    {"existsOne", true, "list.existsOne(x, x > 1)"},
    {"map", true, "list.map(x, x * 2)"},
    {"filter", true, "list.filter(x, x > 1)"},
    {"sortBy", true, "list.sortBy(x, -x)"},
    {"transformList", true, "list.transformList(i, x, i + x)"},
    {"transformMap", true, "map.transformMap(k, v, v + 1)"},
    {"transformMapEntry", true, "map.transformMapEntry(k, v, {v: k})"},
    {"optMap", true, "tx.?amount.optMap(x, x * 2.0)"},
    {"optFlatMap", true, "tx.?location.optFlatMap(x, x.?lat)"},
};

size_t cel_macro_names_of(bool is_method, const char **ret_names, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < sizeof forms / sizeof *forms && n < max; i++) {
        if (forms[i].is_method == is_method)
            ret_names[n++] = forms[i].name;
    }
    return n;
}

const char *cel_macro_form(struct span name, bool is_method)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        if (forms[i].is_method == is_method && span_is(name, forms[i].name))
            return forms[i].form;
    }
    return NULL;
}
