#include "rules/cel_share.h"

#include "rules/cel_emit.h"
#include "rules/cel_func.h"
#include "service/base/hash.h"

enum {
    BUCKETS = 4096,     /* a power of two; a large ruleset has some thousand different parts */
    WORTH_STEPS = 4,    /* recalling takes one; a comparison with a constant does too */
    LOOKED_AT_MAX = 64, /* items of two lists */
    CALL_STEPS = 8,     /* what a function is worth */
};

/* A part that was met: where first, and how often. */
struct part {
    struct cel_node *node;
    uint64_t hash;
    int count;
    struct part *next;
};

struct member {
    struct cel_unit unit;
    struct cel_node *guard; /* may be NULL */
    struct cel_node *root;
    struct cel_program *program;
    struct member *next;
};

struct cel_share {
    struct arena *arena;
    struct member *first, **end;
    struct part *buckets[BUCKETS];
    int n_shared;
    bool is_at_guards; /* what is counted now; all else is */
};

struct cel_share *cel_share_new(struct arena *arena)
{
    struct cel_share *s = arena_must(arena, sizeof *s);
    s->arena = arena;
    s->end = &s->first;
    return s;
}

void cel_share_add(struct cel_share *s, const struct cel_unit *unit, struct cel_node *guard,
                   struct cel_node *root, struct cel_program *program)
{
    struct member *m = arena_must(s->arena, sizeof *m);
    *m = (struct member){.unit = *unit, .guard = guard, .root = root, .program = program};
    *s->end = m;
    s->end = &m->next;
}

/* ---- what a part is worth ------------------------------------------------------------------- */

static bool is_leaf(const struct cel_node *n)
{
    return n->kind == CEL_NODE_CONST || n->kind == CEL_NODE_SLOT || n->kind == CEL_NODE_LOCAL;
}

/* A comparison with a constant, or `in` one. */
static bool is_quick(const struct cel_node *n)
{
    return n->kind == CEL_NODE_CALL && n->left == NULL && n->n_args == 2 &&
           n->type->kind == CEL_T_BOOL && is_leaf(n->args[0]) && is_leaf(n->args[1]);
}

/* Instructions, about; no more than `enough` are counted. */
static int worth(const struct cel_node *n, int enough)
{
    if (is_leaf(n) || is_quick(n) || enough <= 0)
        return 1;
    if (n->kind == CEL_NODE_LOOP)
        return enough;
    int sum = n->kind == CEL_NODE_CALL && n->calls->run != NULL ? CALL_STEPS : 1;
    if (n->left != NULL)
        sum += worth(n->left, enough - sum);
    for (int i = 0; i < n->n_args && sum < enough; i++)
        sum += worth(n->args[i], enough - sum);
    return sum;
}

/* ---- the same part --------------------------------------------------------------------------- */

/* The loops that two parts have begun, one against the other. */
struct pair {
    const struct cel_loop *a, *b;
    const struct pair *outer;
};

static bool same(const struct cel_node *a, const struct cel_node *b, const struct pair *in);

static bool same_loop(const struct cel_loop *a, const struct cel_loop *b, const struct pair *in)
{
    const struct pair inner = {a, b, in};
    return (a->var2.len > 0) == (b->var2.len > 0) && same(a->range, b->range, in) &&
           same(a->init, b->init, in) && same(a->condition, b->condition, &inner) &&
           same(a->step, b->step, &inner) && same(a->result, b->result, &inner);
}

/* Variables of the same loop, seen from each side. One of a loop around the part is not its own. */
static bool same_local(const struct cel_node *a, const struct cel_node *b, const struct pair *in)
{
    while (in != NULL && in->a != a->owner)
        in = in->outer;
    return in != NULL && in->b == b->owner && a->local == b->local;
}

static bool same_constant(struct cel_value a, struct cel_value b);

static bool same_list(const struct cel_list *a, const struct cel_list *b)
{
    if (a == b)
        return true;
    if (a->slot > 0 || b->slot > 0) /* they are alike today */
        return a->slot == b->slot;
    if (a->count != b->count || a->count > LOOKED_AT_MAX)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!same_constant(a->items[i], b->items[i]))
            return false;
    }
    return true;
}

/* To the last bit: 1 is not 1.0. Maps and optionals are taken for different. */
static bool same_constant(struct cel_value a, struct cel_value b)
{
    if (a.kind != b.kind)
        return false;
    switch ((enum cel_kind)a.kind) {
    case CEL_DOUBLE:
        return a.u64 == b.u64;
    case CEL_HANDLE:
        return a.handle == b.handle;
    case CEL_LIST:
        return same_list(a.list, b.list);
    case CEL_MAP:
    case CEL_OPTIONAL:
    case CEL_ERROR:
        return false;
    default:
        return cel_equal(a, b, NULL);
    }
}

static bool same(const struct cel_node *a, const struct cel_node *b, const struct pair *in)
{
    if (a->kind != b->kind || a->n_args != b->n_args || a->is_test != b->is_test ||
        a->is_optional != b->is_optional || a->is_optional_entry != b->is_optional_entry ||
        a->calls != b->calls || (a->left == NULL) != (b->left == NULL))
        return false;
    switch (a->kind) {
    case CEL_NODE_CONST:
        return same_constant(a->value, b->value);
    case CEL_NODE_SLOT:
        return a->slot == b->slot;
    case CEL_NODE_LOCAL:
        return same_local(a, b, in);
    case CEL_NODE_LOOP:
        return same_loop(a->loop, b->loop, in);
    default:
        break;
    }
    if (!span_eq(a->name, b->name) || (a->left != NULL && !same(a->left, b->left, in)))
        return false;
    for (int i = 0; i < a->n_args; i++) {
        if (!same(a->args[i], b->args[i], in))
            return false;
    }
    return true;
}

/* ---- counting -------------------------------------------------------------------------------- */

static uint64_t hash_bytes(const void *bytes, size_t len)
{
    static const struct hash_key no_key; /* nobody gains from parts whose hashes collide */
    return hash_quick_u64(&no_key, span_of(bytes, len));
}

/* Thresholds are what rules mostly differ in. Equal as same_constant() has it, equal here; of the
 * rare kinds all are alike. */
static uint64_t hash_constant(struct cel_value v)
{
    switch ((enum cel_kind)v.kind) {
    case CEL_INT:
    case CEL_UINT:
    case CEL_DOUBLE:
    case CEL_TIMESTAMP:
    case CEL_DURATION:
        return v.u64;
    case CEL_STRING:
    case CEL_BYTES:
        return hash_bytes(v.text.base, v.text.len);
    default:
        return 0;
    }
}

/* Equal parts have equal hashes; names of variables do not matter. */
static uint64_t hash_of(const struct cel_node *n)
{
    struct {
        uint64_t kind, what, left, args;
    } h = {.kind = (uint64_t)n->kind, .what = (uint64_t)n->slot};
    if (n->kind == CEL_NODE_CONST)
        h.what = hash_constant(n->value);
    if (n->kind == CEL_NODE_CALL || n->kind == CEL_NODE_SELECT)
        h.what = hash_bytes(n->name.base, n->name.len);
    if (n->kind == CEL_NODE_LOOP)
        h.left = hash_of(n->loop->range) * 31 + hash_of(n->loop->step);
    if (n->left != NULL)
        h.left = hash_of(n->left);
    for (int i = 0; i < n->n_args; i++)
        h.args = h.args * 31 + hash_of(n->args[i]);
    return hash_bytes(&h, sizeof h);
}

static struct part *part_of(struct cel_share *s, struct cel_node *n)
{
    uint64_t hash = hash_of(n);
    struct part **at = &s->buckets[hash % BUCKETS];
    for (; *at != NULL; at = &(*at)->next) {
        if ((*at)->hash == hash && same((*at)->node, n, NULL))
            return *at;
    }
    *at = arena_must(s->arena, sizeof **at);
    **at = (struct part){.node = n, .hash = hash};
    return *at;
}

/* It will live in the run's arena, and go with it. */
static bool is_built(const struct cel_node *n)
{
    return n->type->kind == CEL_T_LIST || n->type->kind == CEL_T_MAP ||
           n->type->kind == CEL_T_OPTIONAL;
}

/* A part is the same as itself unless it has a variable of a loop around it. */
static bool is_whole(const struct cel_node *n)
{
    return same(n, n, NULL);
}

/*
 * Below a part that was met before nothing is counted: it will be recalled as a whole. What a guard
 * has in common with its condition is no second place: of the two mostly one is run. It recalls
 * what others share.
 */
static void count(void *share, struct cel_node *n)
{
    struct cel_share *s = share;
    if (is_leaf(n))
        return;
    if (worth(n, WORTH_STEPS) < WORTH_STEPS || is_built(n) || !is_whole(n)) {
        cel_node_below(n, count, s);
        return;
    }
    struct part *p = part_of(s, n);
    if (s->is_at_guards && !n->is_relaxed) {
        n->memo = p->node->memo;
        if (n->memo == 0)
            cel_node_below(n, count, s);
        return;
    }
    if (p->count++ > 0 && p->node->memo == 0 && s->n_shared < CEL_SHARED_MAX)
        p->node->memo = ++s->n_shared;
    if (p->node == n)
        cel_node_below(n, count, s);
    else
        n->memo = p->node->memo;
}

enum status cel_share_emit(struct cel_share *s, struct diag_list *diags, int *ret_n_shared)
{
    for (struct member *m = s->first; m != NULL; m = m->next)
        if (m->guard == NULL)
            count(s, m->root);
    s->is_at_guards = true;
    for (struct member *m = s->first; m != NULL; m = m->next)
        if (m->guard != NULL)
            count(s, m->guard);
    for (struct member *m = s->first; m != NULL && s->n_shared > 0; m = m->next) {
        m->unit.diags = diags;
        if (!cel_unit_has_room(&m->unit))
            return ST_NO_SPACE;
        enum status st = cel_emit_guarded(&m->unit, m->guard, m->root, m->program);
        if (st != ST_OK)
            return st;
    }
    *ret_n_shared = s->n_shared;
    return ST_OK;
}
