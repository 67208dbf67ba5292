#include "rules/cel_emit.h"

#include "rules/cel_cost.h"
#include "rules/cel_func.h"
#include "rules/cel_ops.h"

enum {
    CODE_MAX = 60000, /* instructions; CEL_SOURCE_MAX bytes of source make far fewer */
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
    int cost;             /* of what is emitted so far */
    int times;            /* that what is emitted now is run at most, by the loops around it */
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
#define X(name, stack, operands) stack,
        CEL_OP_TABLE(X)
#undef X
    };
    if (e->n_code == e->code_room)
        e->code = grown(e, e->code, e->n_code, &e->code_room, sizeof *e->code);
    grow_stack(e, grows[in.op]);
    e->cost = cel_cost_add(e->cost, e->times, in.op == CEL_OP_CALL ? COST_CALL : 1);
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
    e->code[at].to = e->n_code;
}

static int constant(struct emit *e, struct cel_value v)
{
    if (e->n_constants == e->constants_room)
        e->constants =
            grown(e, e->constants, e->n_constants, &e->constants_room, sizeof *e->constants);
    e->constants[e->n_constants] = v;
    return e->n_constants++;
}

static int emit_at(struct emit *e, enum cel_op op, int k)
{
    return emit(e, (struct cel_instr){.op = (uint8_t)op, .k = (uint16_t)k});
}

static void emit_constant(struct emit *e, struct cel_value v)
{
    emit_op(e, CEL_OP_CONST, constant(e, v));
}

/* Notes that `slot` is read; its name is for "missing NAME". */
static void reading(struct emit *e, int slot, struct span name)
{
    for (int i = 0; i < e->n_reads; i++) {
        if (e->reads[i] == slot)
            return;
    }
    if (e->n_reads == e->reads_room) {
        int room = e->reads_room;
        e->reads = grown(e, e->reads, e->n_reads, &e->reads_room, sizeof *e->reads);
        e->names = grown(e, e->names, e->n_reads, &room, sizeof *e->names);
    }
    e->reads[e->n_reads] = slot;
    e->names[e->n_reads++] = arena_copy(e->unit->arena, name);
}

/* ---- comparisons of a name with a constant --------------------------------------------------- */

/* row[k] (n) value, or stack[k] (n) value. */
struct quick {
    bool is_local;
    enum cel_comparison n;
    int k;
    struct span name; /* of a slot */
    struct cel_value value;
};

static bool comparison_of(const struct cel_node *n, bool mirrored, enum cel_comparison *ret_n)
{
    if (n->kind != CEL_NODE_CALL || n->left != NULL || n->n_args != 2 ||
        !cel_comparison_of(n->name, ret_n))
        return false;
    if (mirrored)
        *ret_n = cel_comparison_mirrored(*ret_n);
    return true;
}

static int place_of(const struct cel_node *n)
{
    static const int offsets[] = {[CEL_LOCAL_ACCU] = 2, [CEL_LOCAL_VAR] = 3, [CEL_LOCAL_VAR2] = 4};
    return n->owner->base + offsets[n->local];
}

static bool is_list_in_row(const struct cel_node *n)
{
    return n->kind == CEL_NODE_CONST && cel_stands_in_row(&n->value);
}

/* What it is is known at load. */
static bool is_constant(const struct cel_node *n)
{
    return n->kind == CEL_NODE_CONST && !cel_stands_in_row(&n->value);
}

static bool is_plain_slot(const struct cel_node *n)
{
    return n->kind == CEL_NODE_SLOT && !n->is_test && !n->is_optional && n->memo == 0;
}

/* `name`, for a bool, is name == true, and !name is name == false. */
static bool quick_bool(const struct cel_node *n, struct quick *ret_quick)
{
    bool negated = n->kind == CEL_NODE_CALL && span_is(n->name, "!_");
    if (negated && n->memo == 0)
        n = n->args[0];
    if (!is_plain_slot(n) || n->type->kind != CEL_T_BOOL)
        return false;
    *ret_quick =
        (struct quick){.n = CEL_EQUAL, .k = n->slot, .name = n->name, .value = cel_bool(!negated)};
    return true;
}

static bool quick_of(const struct cel_node *n, struct quick *ret_quick)
{
    enum cel_comparison op;
    if (n->memo != 0)
        return false;
    for (int side = 0; side < 2; side++) {
        if (!comparison_of(n, side, &op) || !is_constant(n->args[1 - side]))
            continue;
        const struct cel_node *name = n->args[side];
        bool is_local = name->kind == CEL_NODE_LOCAL;
        if (!is_local && !is_plain_slot(name))
            continue;
        *ret_quick = (struct quick){is_local, op, is_local ? place_of(name) : name->slot,
                                    name->name, n->args[1 - side]->value};
        return true;
    }
    return false;
}

static int emit_quick(struct emit *e, enum cel_op op, const struct quick *q)
{
    if (!q->is_local)
        reading(e, q->k, q->name);
    return emit(e, (struct cel_instr){.op = (uint8_t)op,
                                      .n = (uint8_t)q->n,
                                      .k = (uint16_t)q->k,
                                      .arg = constant(e, q->value)});
}

/* ---- operators ------------------------------------------------------------------------------ */

struct logic {
    enum cel_op jump_if, combine, chain;
};

/* left, unless it decides: right, combine */
static void emit_logic(struct emit *e, const struct cel_node *n, const struct logic *op)
{
    struct quick q;
    emit_node(e, n->args[0]);
    if ((quick_of(n->args[1], &q) || quick_bool(n->args[1], &q)) && !q.is_local) {
        land(e, emit_quick(e, op->chain, &q));
        return;
    }
    int jump = emit_op(e, op->jump_if, 0);
    emit_node(e, n->args[1]);
    emit_op(e, op->combine, 0);
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
    e->code[branch].arg = e->n_code;
}

static const struct {
    const char *name;
    enum cel_op op;
} operators[] = {
    {"!_", CEL_OP_NOT},         {"-_", CEL_OP_NEGATE},
    {"_+_", CEL_OP_ADD},        {"_-_", CEL_OP_SUBTRACT},
    {"_*_", CEL_OP_MULTIPLY},   {"_/_", CEL_OP_DIVIDE},
    {"_%_", CEL_OP_MODULO},     {"@in", CEL_OP_IN},
    {"_[_]", CEL_OP_AT},        {"_[?_]", CEL_OP_AT_OPTIONAL},
    {"@append", CEL_OP_APPEND}, {"@put", CEL_OP_PUT},
    {"@merge", CEL_OP_MERGE},
};

/* left.or(right), left.orValue(right): right only where left has no value */
static bool emit_else(struct emit *e, const struct cel_node *n)
{
    bool value = span_is(n->name, "orValue");
    if (n->n_args != 1 || (!value && !span_is(n->name, "or")))
        return false;
    emit_node(e, n->left);
    int otherwise = emit_op(e, value ? CEL_OP_ELSE_VALUE : CEL_OP_ELSE, 0);
    emit_node(e, n->args[0]);
    land(e, otherwise);
    return true;
}

static bool emit_comparison(struct emit *e, const struct cel_node *n)
{
    struct quick q;
    enum cel_comparison op;
    if (quick_of(n, &q)) {
        emit_quick(e, q.is_local ? CEL_OP_COMPARE_LOCAL : CEL_OP_COMPARE_SLOT, &q);
        return true;
    }
    if (!comparison_of(n, false, &op))
        return false;
    emit_node(e, n->args[0]);
    if (is_constant(n->args[1])) {
        int at = emit_op(e, CEL_OP_COMPARE_CONST, constant(e, n->args[1]->value));
        e->code[at].n = (uint8_t)op;
        return true;
    }
    emit_node(e, n->args[1]);
    emit(e, (struct cel_instr){.op = CEL_OP_COMPARE, .n = (uint8_t)op});
    return true;
}

/* A list of the ruleset whose items are not needed, only what it has. */
static void emit_asked(struct emit *e, const struct cel_node *list)
{
    reading(e, list->value.list->slot, list->name);
    emit_at(e, CEL_OP_SLOT, list->value.list->slot);
}

/* One that is gone through: it may have become too long for that when it is run. */
static void emit_walked(struct emit *e, const struct cel_node *n)
{
    const struct cel_list *list = n->value.list;
    if (list->items == NULL)
        cel_unit_error(e->unit, n->start, "ask for one: x in lists.name",
                       "'%.*s' has %zu items: too many to go through", SPAN_ARG(n->name),
                       list->count);
    reading(e, list->slot, n->name);
    emit_at(e, CEL_OP_SLOT_WALKED, list->slot);
}

/* name in lists.name */
static bool emit_in_list(struct emit *e, const struct cel_node *n)
{
    if (!span_is(n->name, "@in") || !is_list_in_row(n->args[1]))
        return false;
    const struct cel_node *name = n->args[0], *list = n->args[1];
    if (!is_plain_slot(name)) {
        emit_node(e, name);
        emit_asked(e, list);
        emit_op(e, CEL_OP_IN, 0);
        return true;
    }
    reading(e, name->slot, name->name);
    reading(e, list->value.list->slot, list->name);
    int at = emit_at(e, CEL_OP_IN_LIST, name->slot);
    e->code[at].arg = list->value.list->slot;
    return true;
}

/* name in [constants] */
static bool emit_in_slot(struct emit *e, const struct cel_node *n)
{
    if (!span_is(n->name, "@in") || !is_plain_slot(n->args[0]) ||
        n->args[1]->kind != CEL_NODE_CONST || n->args[1]->value.kind != CEL_LIST)
        return false;
    const struct cel_node *name = n->args[0];
    struct quick q = {.k = name->slot, .name = name->name, .value = n->args[1]->value};
    emit_quick(e, CEL_OP_IN_SLOT, &q);
    return true;
}

/* Of name.?field and name[?i] the name: missing, it is none as well. */
static void emit_base(struct emit *e, const struct cel_node *n, bool is_optional)
{
    if (!is_optional || !is_plain_slot(n)) {
        emit_node(e, n);
        return;
    }
    reading(e, n->slot, n->name);
    emit_at(e, CEL_OP_SLOT_OPTIONAL, n->slot);
}

static bool emit_operator(struct emit *e, const struct cel_node *n)
{
    static const struct logic and = {CEL_OP_JUMP_IF_FALSE, CEL_OP_AND, CEL_OP_AND_SLOT};
    static const struct logic or = {CEL_OP_JUMP_IF_TRUE, CEL_OP_OR, CEL_OP_OR_SLOT};
    if (n->left != NULL)
        return emit_else(e, n);
    if (span_is(n->name, "_&&_") || span_is(n->name, "_||_")) {
        emit_logic(e, n, span_is(n->name, "_&&_") ? &and : & or);
        return true;
    }
    if (span_is(n->name, "_?_:_")) {
        emit_ternary(e, n);
        return true;
    }
    if (emit_comparison(e, n) || emit_in_list(e, n) || emit_in_slot(e, n))
        return true;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!span_is(n->name, operators[i].name))
            continue;
        for (int a = 0; a < n->n_args; a++)
            emit_base(e, n->args[a], a == 0 && operators[i].op == CEL_OP_AT_OPTIONAL);
        emit_op(e, operators[i].op, 0);
        return true;
    }
    return false;
}

/* What asks a list and does not go through it. */
static bool asks_only(const struct cel_node *call)
{
    static const char *const names[] = {"size", "inNetworks", "sets.contains", "sets.intersects",
                                        "sets.equivalent"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_is(call->name, names[i]))
            return true;
    }
    return false;
}

static void emit_argument(struct emit *e, const struct cel_node *call, const struct cel_node *n)
{
    if (is_list_in_row(n) && asks_only(call))
        emit_asked(e, n);
    else
        emit_node(e, n);
}

static void emit_call(struct emit *e, const struct cel_node *n)
{
    if (n->calls->run == NULL && emit_operator(e, n))
        return;
    int n_args = n->n_args + (n->left != NULL);
    if (n->left != NULL)
        emit_argument(e, n, n->left);
    for (int i = 0; i < n->n_args; i++)
        emit_argument(e, n, n->args[i]);
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
    reading(e, n->slot, n->name);
    emit_at(e,
            n->is_test       ? CEL_OP_HAS_SLOT
            : n->is_optional ? CEL_OP_SLOT_OPTIONAL
                             : CEL_OP_SLOT,
            n->slot);
}

/* name.field, has(name.field) */
static bool emit_slot_field(struct emit *e, const struct cel_node *n, int field)
{
    if (!is_plain_slot(n->left) || n->is_optional)
        return false;
    reading(e, n->left->slot, n->left->name);
    int at = emit_at(e, n->is_test ? CEL_OP_HAS_IN_SLOT : CEL_OP_SELECT_SLOT, n->left->slot);
    e->code[at].arg = field;
    return true;
}

static void emit_select(struct emit *e, const struct cel_node *n)
{
    int field = constant(e, cel_string(arena_copy(e->unit->arena, n->name)));
    if (emit_slot_field(e, n, field))
        return;
    emit_base(e, n->left, n->is_optional);
    emit_op(e,
            n->is_test       ? CEL_OP_HAS
            : n->is_optional ? CEL_OP_SELECT_OPTIONAL
                             : CEL_OP_SELECT,
            field);
}

static void emit_list(struct emit *e, const struct cel_node *n)
{
    emit_op(e, CEL_OP_LIST, n->n_args);
    for (int i = 0; i < n->n_args; i++) {
        emit_node(e, n->args[i]);
        emit_op(e, n->args[i]->is_optional_entry ? CEL_OP_APPEND_SOME : CEL_OP_APPEND, 0);
    }
}

static void emit_map(struct emit *e, const struct cel_node *n)
{
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
}

/*
 * all() and exists(): step is accu && p, or accu || p, until that decides. p alone is emitted, and
 * put together with the accumulator where it stands.
 */
static bool is_search(const struct cel_loop *loop, enum cel_op *ret_until)
{
    const struct cel_node *step = loop->step, *on = loop->condition;
    if (step->kind != CEL_NODE_CALL || on->kind != CEL_NODE_CALL ||
        !span_is(on->name, "@not_strictly_false"))
        return false;
    *ret_until = span_is(step->name, "_&&_") ? CEL_OP_UNTIL_FALSE : CEL_OP_UNTIL_TRUE;
    return span_is(step->name, "_&&_") || span_is(step->name, "_||_");
}

static void emit_round(struct emit *e, const struct cel_loop *loop)
{
    enum cel_op until;
    bool search = is_search(loop, &until);
    int again = e->n_code, stop = search ? -1 : emit_condition(e, loop->condition);
    int next = emit_at(e, CEL_OP_NEXT, loop->base);
    e->code[next].n = loop->var2.len > 0;
    emit_node(e, search ? loop->step->args[1] : loop->step);
    int back = emit_at(e, search ? until : CEL_OP_STORE, loop->base + 2);
    if (!search)
        back = emit_op(e, CEL_OP_JUMP, 0);
    e->code[back].to = again;
    if (stop >= 0)
        land(e, stop);
    land(e, next);
}

/*
 * On the stack from loop->base: the range, how many were taken, the accumulator, the variable,
 * the second variable.
 */
static void emit_loop(struct emit *e, const struct cel_node *n)
{
    struct cel_loop *loop = n->loop;
    int iterate = -1, times = e->times;
    loop->base = e->depth;
    if (loop->range->kind == CEL_NODE_LIST && loop->range->n_args == 0) {
        emit_let(e, loop);
    } else {
        emit_node(e, loop->range);
        iterate = emit_op(e, CEL_OP_ITERATE, 0);
        emit_node(e, loop->init);
        emit(e, (struct cel_instr){.op = CEL_OP_RESERVE, .n = 2});
        grow_stack(e, 2);
        e->times = cel_cost_times(times, loop->range);
        emit_round(e, loop);
        e->times = times;
        emit_node(e, loop->result);
    }
    emit_at(e, CEL_OP_LEAVE, loop->base);
    if (iterate >= 0)
        land(e, iterate);
    e->depth = loop->base + 1;
}

static void emit_whole(struct emit *e, const struct cel_node *n)
{
    switch (n->kind) {
    case CEL_NODE_CONST:
        if (is_list_in_row(n))
            emit_walked(e, n);
        else
            emit_constant(e, n->value);
        break;
    case CEL_NODE_SLOT:
        emit_slot(e, n);
        break;
    case CEL_NODE_LOCAL:
        emit_at(e, CEL_OP_LOCAL, place_of(n));
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

/* What the row has computed already is recalled. */
static void emit_node(struct emit *e, const struct cel_node *n)
{
    int recall = n->memo ? emit_op(e, CEL_OP_RECALL, n->memo - 1) : -1;
    emit_whole(e, n);
    if (recall < 0)
        return;
    emit_op(e, CEL_OP_REMEMBER, n->memo - 1);
    land(e, recall);
}

/* A jump to one that will jump on, for the same value, goes to its end at once. */
static void thread_jumps(struct emit *e)
{
    for (int i = e->n_code - 1; i >= 0; i--) {
        struct cel_instr *in = &e->code[i];
        bool on_false = in->op == CEL_OP_JUMP_IF_FALSE || in->op == CEL_OP_AND_SLOT;
        bool on_true = in->op == CEL_OP_JUMP_IF_TRUE || in->op == CEL_OP_OR_SLOT;
        const struct cel_instr *next = &e->code[in->to];
        if ((on_false && (next->op == CEL_OP_JUMP_IF_FALSE || next->op == CEL_OP_AND_SLOT)) ||
            (on_true && (next->op == CEL_OP_JUMP_IF_TRUE || next->op == CEL_OP_OR_SLOT)))
            in->to = next->to;
    }
}

enum status cel_emit(struct cel_unit *unit, const struct cel_node *root,
                     struct cel_program *ret_program)
{
    return cel_emit_guarded(unit, NULL, root, ret_program);
}

enum status cel_emit_guarded(struct cel_unit *unit, const struct cel_node *guard,
                             const struct cel_node *root, struct cel_program *ret_program)
{
    struct emit e = {.unit = unit, .times = 1};
    if (guard != NULL) {
        emit_node(&e, guard);
        emit_op(&e, CEL_OP_GUARD, 0);
    }
    emit_node(&e, root);
    emit_op(&e, CEL_OP_RETURN, 0);
    if (e.depth_max > CEL_STACK_MAX || e.n_code > CODE_MAX) {
        cel_unit_error(unit, root->start, "split it into derived fields",
                       "the expression needs too much room to run");
        return ST_INVALID;
    }
    thread_jumps(&e);
    *ret_program = (struct cel_program){.result = root->type,
                                        .reads = e.reads,
                                        .n_reads = e.n_reads,
                                        .cost = e.cost,
                                        .code = e.code,
                                        .constants = e.constants,
                                        .calls = e.calls,
                                        .names = e.names,
                                        .n_code = e.n_code,
                                        .stack_max = e.depth_max};
    return ST_OK;
}
