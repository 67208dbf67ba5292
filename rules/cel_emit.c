#include "rules/cel_emit.h"

#include "rules/cel_func.h"
#include "rules/cel_ops.h"

enum {
    CODE_MAX = 60000,       /* fits the 16 bits of `k` */
    FOLD_STEPS_MAX = 10000, /* of one call at load */
    INDEXED_FROM = 8,       /* items: a shorter list is searched faster without an index */
};

struct emit {
    struct cel_unit *unit;
    struct cel_instr *code;
    struct cel_value *constants;
    const struct cel_func **calls;
    struct span *names;
    int *reads;
    int n_code, n_constants, n_calls, n_reads;
    int code_room, constants_room, calls_room, reads_room;
    int depth, depth_max; /* of the stack */
    bool loops;
};

static void emit_node(struct emit *e, const struct cel_node *n);

/* ---- the program's arrays ------------------------------------------------------------------- */

static void *grown(struct emit *e, const void *old, int count, int *room, size_t size)
{
    *room = *room ? 2 * *room : 16;
    char *mem = arena_must(e->unit->arena, (size_t)*room * size);
    if (count > 0)
        memcpy(mem, old, (size_t)count * size);
    return mem;
}

static void grow_stack(struct emit *e, int by)
{
    e->depth += by;
    if (e->depth > e->depth_max)
        e->depth_max = e->depth;
}

static int emit(struct emit *e, struct cel_instr in)
{
    static const int8_t grows[] = {
#define X(name, stack) stack,
        CEL_OP_TABLE(X)
#undef X
    };
    if (e->n_code == e->code_room)
        e->code = grown(e, e->code, e->n_code, &e->code_room, sizeof *e->code);
    grow_stack(e, grows[in.op]);
    e->code[e->n_code] = in;
    return e->n_code++;
}

static int emit_op(struct emit *e, enum cel_op op, int arg)
{
    return emit(e, (struct cel_instr){.op = (uint8_t)op, .arg = arg});
}

/* The jump at `at` goes to the next instruction. */
static void land(struct emit *e, int at)
{
    e->code[at].arg = e->n_code;
}

static int constant(struct emit *e, struct cel_value v)
{
    if (e->n_constants == e->constants_room)
        e->constants =
            grown(e, e->constants, e->n_constants, &e->constants_room, sizeof *e->constants);
    e->constants[e->n_constants] = v;
    return e->n_constants++;
}

static void emit_constant(struct emit *e, struct cel_value v)
{
    emit_op(e, CEL_OP_CONST, constant(e, v));
}

static int reading(struct emit *e, const struct cel_node *n)
{
    for (int i = 0; i < e->n_reads; i++) {
        if (e->reads[i] == n->slot)
            return i;
    }
    if (e->n_reads == e->reads_room) {
        int room = e->reads_room;
        e->reads = grown(e, e->reads, e->n_reads, &e->reads_room, sizeof *e->reads);
        e->names = grown(e, e->names, e->n_reads, &room, sizeof *e->names);
    }
    e->reads[e->n_reads] = n->slot;
    e->names[e->n_reads] = arena_copy(e->unit->arena, n->name);
    return e->n_reads++;
}

/* ---- what is constant ----------------------------------------------------------------------- */

static bool is_constant(const struct cel_node *n)
{
    return n->kind == CEL_NODE_CONST && n->value.kind != CEL_ERROR && !n->is_optional_entry;
}

static bool all_constant(const struct cel_node *n)
{
    for (int i = 0; i < n->n_args; i++) {
        if (!is_constant(n->args[i]))
            return false;
    }
    return n->n_args > 0;
}

static bool fold_list(struct emit *e, const struct cel_node *n, struct cel_value *ret_value)
{
    struct arena *arena = e->unit->arena;
    if (!all_constant(n))
        return false;
    size_t count = (size_t)n->n_args;
    struct cel_list *list = arena_must(arena, sizeof *list);
    list->items = arena_must(arena, count * sizeof *list->items);
    list->count = count;
    for (size_t i = 0; i < count; i++)
        list->items[i] = n->args[i]->value;
    bool repeated;
    if (count >= INDEXED_FROM)
        list->index = cel_index_build(arena, list->items, count, sizeof *list->items, &repeated);
    *ret_value = cel_list_of(list);
    return true;
}

static bool fold_map(struct emit *e, const struct cel_node *n, struct cel_value *ret_value)
{
    struct cel_context cx = {.arena = e->unit->arena, .steps = INT64_MAX};
    if (!all_constant(n) || n->n_args / 2 > FOLD_STEPS_MAX)
        return false;
    size_t count = (size_t)n->n_args / 2;
    struct cel_value map = cel_map_new(&cx, count);
    for (size_t i = 0; i < count && !cel_is_error(map); i++)
        map = cel_map_put(&cx, map, &n->args[2 * i]->value, &n->args[2 * i + 1]->value);
    bool repeated;
    if (cel_is_error(map))
        return false;
    if (count >= INDEXED_FROM) {
        struct cel_map *m = (struct cel_map *)(uintptr_t)map.map; /* ours, a line above */
        m->index = cel_index_build(cx.arena, m->entries, count, sizeof *m->entries, &repeated);
    }
    *ret_value = map;
    return true;
}

static bool fold_call(struct emit *e, const struct cel_node *n, struct cel_value *ret_value)
{
    struct cel_context cx = {.arena = e->unit->arena, .steps = FOLD_STEPS_MAX};
    struct cel_value args[CEL_ARGS_MAX];
    int n_args = 0;
    if (n->calls == NULL || n->calls->run == NULL || n->n_args >= CEL_ARGS_MAX ||
        (n->left != NULL && !is_constant(n->left)) || (n->n_args > 0 && !all_constant(n)))
        return false;
    if (n->left != NULL)
        args[n_args++] = n->left->value;
    for (int i = 0; i < n->n_args; i++)
        args[n_args++] = n->args[i]->value;
    struct cel_value v = cel_func_call(&cx, n->calls, n->n_calls, args, n_args);
    if (cel_is_error(v) || cx.steps <= 0)
        return false;
    *ret_value = v;
    return true;
}

/* ---- operators ------------------------------------------------------------------------------ */

/* left, jump over right if `left` decides, right, combine */
static void emit_logic(struct emit *e, const struct cel_node *n, enum cel_op jump_if,
                       enum cel_op combine)
{
    emit_node(e, n->args[0]);
    int jump = emit_op(e, jump_if, 0);
    emit_node(e, n->args[1]);
    emit_op(e, combine, 0);
    land(e, jump);
}

static void emit_ternary(struct emit *e, const struct cel_node *n)
{
    emit_node(e, n->args[0]);
    int branch = emit_op(e, CEL_OP_BRANCH, 0), depth = e->depth;
    emit_node(e, n->args[1]);
    int jump = emit_op(e, CEL_OP_JUMP, 0);
    land(e, branch);
    e->depth = depth;
    emit_node(e, n->args[2]);
    land(e, jump);
    e->code[branch].k = (uint16_t)e->n_code;
}

static const struct {
    const char *name;
    enum cel_op op;
} operators[] = {
    {"!_", CEL_OP_NOT},
    {"-_", CEL_OP_NEGATE},
    {"_+_", CEL_OP_ADD},
    {"_-_", CEL_OP_SUBTRACT},
    {"_*_", CEL_OP_MULTIPLY},
    {"_/_", CEL_OP_DIVIDE},
    {"_%_", CEL_OP_MODULO},
    {"_==_", CEL_OP_EQ},
    {"_!=_", CEL_OP_NE},
    {"_<_", CEL_OP_LT},
    {"_<=_", CEL_OP_LE},
    {"_>_", CEL_OP_GT},
    {"_>=_", CEL_OP_GE},
    {"@in", CEL_OP_IN},
    {"_[_]", CEL_OP_AT},
    {"@append", CEL_OP_APPEND},
    {"@put", CEL_OP_PUT},
    {"@merge", CEL_OP_MERGE},
    {"_[?_]", CEL_OP_AT_OPTIONAL},
};

/* left.or(right): right only where left has no value */
static void emit_else(struct emit *e, const struct cel_node *n, enum cel_op op)
{
    emit_node(e, n->left);
    int otherwise = emit_op(e, op, 0);
    emit_node(e, n->args[0]);
    land(e, otherwise);
}

static bool emit_operator(struct emit *e, const struct cel_node *n)
{
    if (span_is(n->name, "_&&_")) {
        emit_logic(e, n, CEL_OP_JUMP_IF_FALSE, CEL_OP_AND);
        return true;
    }
    if (span_is(n->name, "_||_")) {
        emit_logic(e, n, CEL_OP_JUMP_IF_TRUE, CEL_OP_OR);
        return true;
    }
    if (span_is(n->name, "_?_:_")) {
        emit_ternary(e, n);
        return true;
    }
    if (n->left != NULL) {
        bool or = span_is(n->name, "or");
        if (! or &&!span_is(n->name, "orValue"))
            return false;
        emit_else(e, n, or ? CEL_OP_ELSE : CEL_OP_ELSE_VALUE);
        return true;
    }
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!span_is(n->name, operators[i].name))
            continue;
        for (int a = 0; a < n->n_args; a++)
            emit_node(e, n->args[a]);
        emit_op(e, operators[i].op, 0);
        return true;
    }
    return false;
}

static void emit_call(struct emit *e, const struct cel_node *n)
{
    struct cel_value folded;
    if (fold_call(e, n, &folded)) {
        emit_constant(e, folded);
        return;
    }
    if (n->calls->run == NULL && emit_operator(e, n))
        return;
    int n_args = n->n_args + (n->left != NULL);
    if (n->left != NULL)
        emit_node(e, n->left);
    for (int i = 0; i < n->n_args; i++)
        emit_node(e, n->args[i]);
    if (e->n_calls == e->calls_room)
        e->calls = grown(e, e->calls, e->n_calls, &e->calls_room, sizeof *e->calls);
    e->calls[e->n_calls] = n->calls;
    grow_stack(e, -n_args);
    emit(e, (struct cel_instr){.op = CEL_OP_CALL,
                               .n = (uint8_t)n_args,
                               .k = (uint16_t)n->n_calls,
                               .arg = e->n_calls++});
}

/* ---- the rest ------------------------------------------------------------------------------- */

static void emit_slot(struct emit *e, const struct cel_node *n)
{
    int k = reading(e, n);
    emit(e, (struct cel_instr){.op = n->is_test       ? CEL_OP_HAS_SLOT
                                     : n->is_optional ? CEL_OP_SLOT_OPTIONAL
                                                      : CEL_OP_SLOT,
                               .k = (uint16_t)k,
                               .arg = n->slot});
}

static void emit_select(struct emit *e, const struct cel_node *n)
{
    struct cel_value name = cel_string(arena_copy(e->unit->arena, n->name));
    emit_node(e, n->left);
    emit_op(e,
            n->is_test       ? CEL_OP_HAS
            : n->is_optional ? CEL_OP_SELECT_OPTIONAL
                             : CEL_OP_SELECT,
            constant(e, name));
}

static void emit_list(struct emit *e, const struct cel_node *n)
{
    struct cel_value folded;
    if (fold_list(e, n, &folded)) {
        emit_constant(e, folded);
        return;
    }
    emit_op(e, CEL_OP_LIST, n->n_args);
    for (int i = 0; i < n->n_args; i++) {
        emit_node(e, n->args[i]);
        emit_op(e, n->args[i]->is_optional_entry ? CEL_OP_APPEND_SOME : CEL_OP_APPEND, 0);
    }
}

static void emit_map(struct emit *e, const struct cel_node *n)
{
    struct cel_value folded;
    if (fold_map(e, n, &folded)) {
        emit_constant(e, folded);
        return;
    }
    emit_op(e, CEL_OP_MAP, n->n_args / 2);
    for (int i = 0; i < n->n_args; i += 2) {
        emit_node(e, n->args[i]);
        emit_node(e, n->args[i + 1]);
        emit_op(e, n->args[i + 1]->is_optional_entry ? CEL_OP_PUT_SOME : CEL_OP_PUT, 0);
    }
}

/* "while not false": what is not exactly false goes on. Nothing for a constant true. */
static int emit_condition(struct emit *e, const struct cel_node *n)
{
    if (n->kind == CEL_NODE_CONST && cel_is_true(n->value))
        return -1;
    bool lenient = n->kind == CEL_NODE_CALL && span_is(n->name, "@not_strictly_false");
    emit_node(e, lenient ? n->args[0] : n);
    return emit_op(e, CEL_OP_STOP_IF_FALSE, 0);
}

/* A loop over nothing: the accumulator stands where it would in a loop. */
static void emit_let(struct emit *e, const struct cel_loop *loop)
{
    emit(e, (struct cel_instr){.op = CEL_OP_RESERVE, .n = 2});
    grow_stack(e, 2);
    emit_node(e, loop->init);
    emit_node(e, loop->result);
    emit_op(e, CEL_OP_LEAVE, loop->base);
    e->depth = loop->base + 1;
}

/*
 * On the stack from loop->base: the range, how many were taken, the accumulator, the variable,
 * the second variable.
 */
static void emit_loop(struct emit *e, const struct cel_node *n)
{
    struct cel_loop *loop = n->loop;
    loop->base = e->depth;
    if (loop->range->kind == CEL_NODE_LIST && loop->range->n_args == 0) {
        emit_let(e, loop);
        return;
    }
    e->loops = true;
    emit_node(e, loop->range);
    int iterate = emit_op(e, CEL_OP_ITERATE, 0);
    emit_node(e, loop->init);
    emit(e, (struct cel_instr){.op = CEL_OP_RESERVE, .n = 2});
    grow_stack(e, 2);
    int again = e->n_code, stop = emit_condition(e, loop->condition);
    int next = emit(e, (struct cel_instr){
                           .op = CEL_OP_NEXT, .n = loop->var2.len > 0, .k = (uint16_t)loop->base});
    emit_node(e, loop->step);
    emit_op(e, CEL_OP_STORE, loop->base + 2);
    emit_op(e, CEL_OP_JUMP, again);
    if (stop >= 0)
        land(e, stop);
    land(e, next);
    emit_node(e, loop->result);
    emit_op(e, CEL_OP_LEAVE, loop->base);
    land(e, iterate);
    e->depth = loop->base + 1;
}

static void emit_node(struct emit *e, const struct cel_node *n)
{
    switch (n->kind) {
    case CEL_NODE_CONST:
        emit_constant(e, n->value);
        break;
    case CEL_NODE_SLOT:
        emit_slot(e, n);
        break;
    case CEL_NODE_LOCAL:
        emit_op(e, CEL_OP_LOCAL,
                n->owner->base + (n->local == CEL_LOCAL_ACCU  ? 2
                                  : n->local == CEL_LOCAL_VAR ? 3
                                                              : 4));
        break;
    case CEL_NODE_SELECT:
        emit_select(e, n);
        break;
    case CEL_NODE_CALL:
        emit_call(e, n);
        break;
    case CEL_NODE_LIST:
        emit_list(e, n);
        break;
    case CEL_NODE_MAP:
        emit_map(e, n);
        break;
    case CEL_NODE_LOOP:
        emit_loop(e, n);
        break;
    case CEL_NODE_IDENT: /* the checker made something else of it */
        break;
    }
}

enum status cel_emit(struct cel_unit *unit, const struct cel_node *root,
                     struct cel_program *ret_program)
{
    struct emit e = {.unit = unit};
    emit_node(&e, root);
    emit_op(&e, CEL_OP_RETURN, 0);
    if (e.depth_max > CEL_STACK_MAX || e.n_code > CODE_MAX) {
        cel_unit_error(unit, root->start, "split it into derived fields",
                       "the expression needs too much room to run");
        return ST_INVALID;
    }
    *ret_program = (struct cel_program){.result = root->type,
                                        .reads = e.reads,
                                        .n_reads = e.n_reads,
                                        .cost = e.loops ? CEL_STEPS_MAX : e.n_code,
                                        .code = e.code,
                                        .constants = e.constants,
                                        .calls = e.calls,
                                        .names = e.names,
                                        .n_code = e.n_code,
                                        .stack_max = e.depth_max};
    return ST_OK;
}
