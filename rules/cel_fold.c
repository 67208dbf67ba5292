#include "rules/cel_fold.h"

#include "rules/cel_emit.h"
#include "rules/cel_refuse.h"

enum {
    FOLD_STEPS_MAX = 50000,    /* of one expression: half a millisecond */
    FOLD_KEPT_MAX = 128 << 10, /* bytes that an expression may keep; cel.c asks for the room */
    FOLD_SCRATCH = 2 * FOLD_KEPT_MAX, /* bytes that one part may build, on the way too */
    INDEXED_FROM = 8, /* items: a shorter list is searched faster without an index */
};

struct fold {
    struct cel_unit *unit;
    struct arena *scratch;
    int64_t steps; /* left */
    size_t kept;   /* bytes */
    int failed_by; /* enum cel_error_code of the part that was run last; -1: it did not fail */
};

/* ---- what needs no row ---------------------------------------------------------------------- */

/* The loops around a node that are part of what is looked at. */
struct inside {
    const struct cel_loop *loop;
    const struct inside *outer;
};

static bool is_closed(const struct cel_node *n, const struct inside *in);

static bool all_closed(struct cel_node *const *nodes, int n, const struct inside *in)
{
    for (int i = 0; i < n; i++) {
        if (!is_closed(nodes[i], in))
            return false;
    }
    return true;
}

static bool is_closed_loop(const struct cel_loop *loop, const struct inside *outer)
{
    const struct inside in = {loop, outer};
    return is_closed(loop->range, outer) && is_closed(loop->init, outer) &&
           is_closed(loop->condition, &in) && is_closed(loop->step, &in) &&
           is_closed(loop->result, &in);
}

static bool is_closed(const struct cel_node *n, const struct inside *in)
{
    switch (n->kind) {
    case CEL_NODE_CONST:
        return n->value.kind != CEL_ERROR && !cel_stands_in_row(&n->value);
    case CEL_NODE_LOCAL:
        while (in != NULL && in->loop != n->owner)
            in = in->outer;
        return in != NULL;
    case CEL_NODE_LOOP:
        return is_closed_loop(n->loop, in);
    case CEL_NODE_IDENT:
    case CEL_NODE_SLOT:
        return false;
    default:
        return (n->left == NULL || is_closed(n->left, in)) && all_closed(n->args, n->n_args, in);
    }
}

/* ---- one part ------------------------------------------------------------------------------- */

/* Long lists and maps are searched by an index; what cannot be indexed is gone through. */
static void index_value(struct arena *arena, struct cel_value *v)
{
    bool repeated;
    if (v->kind == CEL_LIST && v->list->index == NULL && v->list->count >= INDEXED_FROM) {
        struct cel_list *list = arena_must(arena, sizeof *list);
        *list = *v->list;
        list->index =
            cel_index_build(arena, list->items, list->count, sizeof *list->items, &repeated);
        v->list = list;
    }
    if (v->kind == CEL_MAP && v->map->index == NULL && v->map->count >= INDEXED_FROM) {
        struct cel_map *map = arena_must(arena, sizeof *map);
        *map = *v->map;
        map->index =
            cel_index_build(arena, map->entries, map->count, sizeof *map->entries, &repeated);
        v->map = map;
    }
}

static void become(struct cel_node *n, const struct cel_node *other)
{
    bool is_optional_entry = n->is_optional_entry;
    const struct cel_type *type = n->type;
    *n = *other;
    n->is_optional_entry = is_optional_entry;
    n->type = type;
}

/* A value that names one part of itself often is small as it was built, and large as a copy. */
static struct cel_value keep(const struct fold *f, struct cel_value v)
{
    struct arena *arena = f->unit->arena;
    size_t cap = arena->cap_bytes, most = arena->used_bytes + FOLD_KEPT_MAX - f->kept;
    arena->cap_bytes = most < cap ? most : cap;
    v = cel_keep(v, f->scratch, arena);
    arena->cap_bytes = cap;
    return v;
}

/* The code goes again; the value is kept, when there is one and it is not too large. */
static bool fold_part(struct fold *f, struct cel_node *n)
{
    struct arena *arena = f->unit->arena;
    size_t mark = arena->used_bytes;
    struct cel_program program;
    struct cel_run run = {.scratch = f->scratch, .steps = f->steps};
    arena_reset(f->scratch);
    if (cel_emit(f->unit, n, &program) != ST_OK)
        return true; /* told already: too much room */
    struct cel_value v = cel_run_with(&program, NULL, &run);
    f->steps = run.steps;
    f->failed_by = cel_is_error(v) ? v.code : -1;
    arena->used_bytes = mark;
    if (cel_is_error(v) || f->kept > FOLD_KEPT_MAX)
        return false;
    v = keep(f, v);
    if (cel_is_error(v)) {
        arena->used_bytes = mark;
        return false;
    }
    index_value(arena, &v);
    f->kept += arena->used_bytes - mark;
    become(n, &(struct cel_node){.kind = CEL_NODE_CONST,
                                 .offset = n->offset,
                                 .start = n->start,
                                 .height = 1,
                                 .value = v});
    return true;
}

/* ---- logic with a constant ------------------------------------------------------------------ */

static bool is_bool(const struct cel_node *n, bool *ret_value)
{
    if (n->kind != CEL_NODE_CONST || n->value.kind != CEL_BOOL)
        return false;
    *ret_value = n->value.flag;
    return true;
}

/* a && b and a || b with one side that decides, or that says nothing. */
static void fold_logic(struct cel_node *n)
{
    bool decisive = span_is(n->name, "_||_"), v;
    if (!decisive && !span_is(n->name, "_&&_"))
        return;
    for (int i = 0; i < 2; i++) {
        if (!is_bool(n->args[i], &v))
            continue;
        const struct cel_node *other = n->args[1 - i];
        if (v == decisive)
            become(n, n->args[i]);
        else if (other->type->kind == CEL_T_BOOL)
            become(n, other);
        return;
    }
}

static void fold_ternary(struct cel_node *n)
{
    bool v;
    if (span_is(n->name, "_?_:_") && is_bool(n->args[0], &v))
        become(n, n->args[v ? 1 : 2]);
}

/* ---- the tree ------------------------------------------------------------------------------- */

/* The accumulator that a macro begins with stays what it is: it is filled in place. */
static bool is_empty_literal(const struct cel_node *n)
{
    return (n->kind == CEL_NODE_LIST || n->kind == CEL_NODE_MAP) && n->n_args == 0;
}

static void fold_node(void *fold, struct cel_node *n);

/* A part that fails whenever it runs; the smallest of its parts that does is told. */
static void fold_failing(struct fold *f, struct cel_node *n)
{
    int failed_by = f->failed_by, told = f->unit->diags->errors;
    cel_node_below(n, fold_node, f);
    if (f->unit->env->is_strict && failed_by >= 0 && failed_by != CEL_ERR_LIMIT &&
        f->unit->diags->errors == told)
        cel_refuse_constant(f->unit, n, (enum cel_error_code)failed_by);
}

/* For cel_node_below(). */
static void fold_node(void *fold, struct cel_node *n)
{
    struct fold *f = fold;
    if (n->kind == CEL_NODE_CONST || is_empty_literal(n) || f->steps <= 0)
        return;
    bool closed = is_closed(n, NULL);
    if (closed && fold_part(f, n))
        return;
    if (closed)
        fold_failing(f, n);
    else
        cel_node_below(n, fold_node, f);
    if (n->kind == CEL_NODE_CALL && n->left == NULL) {
        fold_logic(n);
        fold_ternary(n);
    }
}

void cel_fold(struct cel_unit *unit, struct cel_node *root)
{
    struct fold f = {.unit = unit, .steps = FOLD_STEPS_MAX, .scratch = arena_new(FOLD_SCRATCH)};
    fold_node(&f, root);
    arena_free(f.scratch);
}
