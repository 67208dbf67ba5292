#include "rules/cel_infer.h"

struct cel_binding {
    int id;
    const struct cel_type *was;
};

/* Arrays grow in the load's arena; what they leave behind goes with it. */
static void *grown(struct arena *arena, const void *old, int count, int room, size_t size)
{
    char *mem = arena_must(arena, (size_t)room * size);
    if (count > 0)
        memcpy(mem, old, (size_t)count * size);
    return mem;
}

const struct cel_type *cel_infer_var(struct cel_infer *in)
{
    if (in->n_vars == in->room) {
        in->room = in->room ? 2 * in->room : 16;
        in->bound = grown(in->arena, in->bound, in->n_vars, in->room, sizeof *in->bound);
    }
    struct cel_type *t = arena_must(in->arena, sizeof *t);
    *t = (struct cel_type){.kind = CEL_T_VAR, .id = in->n_vars};
    in->bound[in->n_vars++] = NULL;
    return t;
}

static void bind(struct cel_infer *in, int id, const struct cel_type *t)
{
    if (in->n_trail == in->trail_room) {
        in->trail_room = in->trail_room ? 2 * in->trail_room : 16;
        in->trail = grown(in->arena, in->trail, in->n_trail, in->trail_room, sizeof *in->trail);
    }
    in->trail[in->n_trail++] = (struct cel_binding){id, in->bound[id]};
    in->bound[id] = t;
}

void cel_infer_undo(struct cel_infer *in, int mark)
{
    while (in->n_trail > mark) {
        const struct cel_binding *b = &in->trail[--in->n_trail];
        in->bound[b->id] = b->was;
    }
}

const struct cel_type *cel_infer_known(const struct cel_infer *in, const struct cel_type *t)
{
    while (t->kind == CEL_T_VAR && in->bound[t->id] != NULL)
        t = in->bound[t->id];
    return t;
}

/* false: there are more than *left parts; it is counted down. */
static bool count_nodes(const struct cel_infer *in, const struct cel_type *t, int *left)
{
    t = cel_infer_known(in, t);
    if ((*left)-- == 0)
        return false;
    for (int i = 0; i < t->n_params; i++) {
        if (!count_nodes(in, t->params[i], left))
            return false;
    }
    return true;
}

bool cel_infer_is_large(const struct cel_infer *in, const struct cel_type *t)
{
    int left = CEL_TYPE_NODES_MAX;
    return !count_nodes(in, t, &left);
}

/* What a type goes on to grew with what its variables were bound to, and could double with each:
 * whoever goes through one gives it up when it is large. */
static const struct cel_type *bounded(const struct cel_infer *in, const struct cel_type *t)
{
    return cel_infer_is_large(in, t) ? &cel_type_dyn : cel_infer_known(in, t);
}

/* `t` with each parameter replaced by `map`; itself when nothing changes. */
static const struct cel_type *with_params(struct cel_infer *in, const struct cel_type *t,
                                          const struct cel_type *(*map)(struct cel_infer *,
                                                                        const struct cel_type *,
                                                                        const void *),
                                          const void *arg)
{
    struct cel_type copy = *t;
    bool changed = false;
    for (int i = 0; i < t->n_params; i++) {
        copy.params[i] = map(in, t->params[i], arg);
        changed |= copy.params[i] != t->params[i];
    }
    if (!changed)
        return t;
    struct cel_type *made = arena_must(in->arena, sizeof *made);
    *made = copy;
    return made;
}

static const struct cel_type *instance_of(struct cel_infer *in, const struct cel_type *t,
                                          const void *vars)
{
    if (t->kind == CEL_T_PARAM)
        return ((const struct cel_type *const *)vars)[t->id];
    return with_params(in, t, instance_of, vars);
}

const struct cel_type *cel_infer_instance(struct cel_infer *in, const struct cel_type *t,
                                          const struct cel_type *const *vars)
{
    return instance_of(in, t, vars);
}

static const struct cel_type *resolved(struct cel_infer *in, const struct cel_type *t,
                                       const void *final)
{
    t = bounded(in, t);
    if (t->kind == CEL_T_VAR)
        return *(const bool *) final ? &cel_type_dyn : t;
    return with_params(in, t, resolved, final);
}

const struct cel_type *cel_infer_resolve(struct cel_infer *in, const struct cel_type *t, bool final)
{
    return resolved(in, t, &final);
}

static bool occurs(const struct cel_infer *in, int id, const struct cel_type *t)
{
    t = cel_infer_known(in, t);
    if (t->kind == CEL_T_VAR)
        return t->id == id;
    for (int i = 0; i < t->n_params; i++) {
        if (occurs(in, id, t->params[i]))
            return true;
    }
    return false;
}

/* Is `a` the same as `b`, or wider: dyn somewhere where b says more? */
static bool is_wider(const struct cel_infer *in, const struct cel_type *a, const struct cel_type *b)
{
    a = bounded(in, a);
    b = cel_infer_known(in, b);
    if (a->kind == CEL_T_DYN || a->kind == CEL_T_ERROR)
        return true;
    if (b->kind == CEL_T_DYN || b->kind == CEL_T_VAR)
        return false;
    if (a->kind == CEL_T_WRAPPER && (b->kind == CEL_T_NULL || cel_type_same(a->params[0], b)))
        return true;
    if (a->kind != b->kind)
        return false;
    for (int i = 0; i < a->n_params && i < b->n_params; i++) {
        if (!is_wider(in, a->params[i], b->params[i]))
            return false;
    }
    return true;
}

static bool assign_var(struct cel_infer *in, const struct cel_type *var,
                       const struct cel_type *other, const struct cel_type *from,
                       const struct cel_type *to)
{
    const struct cel_type *bound = in->bound[var->id];
    if (bound != NULL && !cel_infer_assign(in, from == var ? bound : from, to == var ? bound : to))
        return false;
    other = bounded(in, other);
    if (other->kind == CEL_T_VAR && other->id == var->id)
        return true;
    if (occurs(in, var->id, other))
        return bound != NULL;
    if (bound == NULL || is_wider(in, other, bound))
        bind(in, var->id, other);
    return true;
}

/* Types that null is a value of, for want of a value. */
static bool takes_null(const struct cel_type *t)
{
    return t->kind == CEL_T_WRAPPER || t->kind == CEL_T_NULL || t->kind == CEL_T_TIMESTAMP ||
           t->kind == CEL_T_DURATION || t->kind == CEL_T_ABSTRACT || t->kind == CEL_T_OPTIONAL ||
           t->kind == CEL_T_IP || t->kind == CEL_T_CIDR;
}

static bool assign_params(struct cel_infer *in, const struct cel_type *from,
                          const struct cel_type *to)
{
    if (from->kind == CEL_T_TYPE)
        return true; /* of whichever type */
    if (from->n_params != to->n_params || !span_eq(from->name, to->name))
        return false;
    for (int i = 0; i < from->n_params; i++) {
        if (!cel_infer_assign(in, from->params[i], to->params[i]))
            return false;
    }
    return true;
}

bool cel_infer_assign(struct cel_infer *in, const struct cel_type *from, const struct cel_type *to)
{
    if (from == to)
        return true;
    if (to->kind == CEL_T_VAR)
        return assign_var(in, to, from, from, to);
    if (from->kind == CEL_T_VAR)
        return assign_var(in, from, to, from, to);
    if (from->kind == CEL_T_DYN || to->kind == CEL_T_DYN || from->kind == CEL_T_ERROR ||
        to->kind == CEL_T_ERROR || cel_infer_is_large(in, from))
        return true;
    if (from->kind == CEL_T_NULL || to->kind == CEL_T_NULL)
        return takes_null(from) && takes_null(to);
    if (from->kind == CEL_T_WRAPPER && to->kind != CEL_T_WRAPPER)
        return cel_infer_assign(in, from->params[0], to);
    if (to->kind == CEL_T_WRAPPER && from->kind != CEL_T_WRAPPER)
        return cel_infer_assign(in, from, to->params[0]);
    return from->kind == to->kind && assign_params(in, from, to);
}

const struct cel_type *cel_infer_join(struct cel_infer *in, const struct cel_type *was,
                                      const struct cel_type *t)
{
    if (was == NULL)
        return t;
    int mark = in->n_trail;
    if (cel_infer_assign(in, was, t))
        return is_wider(in, was, t) ? was : t;
    cel_infer_undo(in, mark);
    return &cel_type_dyn;
}
