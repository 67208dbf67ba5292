/* The machine; cel_emit.h says what each instruction does. */
#include "rules/cel.h"

#include "rules/cel_emit.h"
#include "rules/cel_func.h"
#include "rules/cel_ops.h"

/* The values of a loop, from its place on the stack (cel_emit.c, emit_loop). */
enum { LOOP_RANGE, LOOP_TAKEN, LOOP_ACCU, LOOP_VAR, LOOP_VAR2 };

enum { LOOP_STEPS = 8 }; /* what one round costs at least: condition, step and jumps */

/* Out of the way of what is usual, and of its registers. */
#define RARE __attribute__((noinline, cold))

/* ---- the row -------------------------------------------------------------------------------- */

/* Not there, or derived from what is not there. */
static bool is_missing(const struct cel_value *cell)
{
    return cell->kind == CEL_MISSING || (cell->kind == CEL_ERROR && cell->code == CEL_ERR_MISSING);
}

RARE static struct cel_value missing(const struct cel_program *program, int slot)
{
    int i = 0;
    while (program->reads[i] != slot)
        i++;
    return cel_error(CEL_ERR_MISSING, program->names[i]);
}

static struct cel_value slot_optional(struct cel_context *cx, const struct cel_value *cell)
{
    if (is_missing(cell))
        return cel_optional_of(NULL);
    return cell->kind == CEL_ERROR || cell->kind == CEL_OPTIONAL ? *cell : cel_some(cx, *cell);
}

RARE static struct cel_value compare_rare(struct cel_context *cx, const struct cel_program *program,
                                          const struct cel_instr *in, const struct cel_value *cell)
{
    struct cel_value a = cell->kind == CEL_MISSING ? missing(program, in->k) : *cell;
    return cel_compare(cx, in->n, &a, &program->constants[in->arg]);
}

/* Two stores that later loads find as they are; a whole value written in parts would not be. */
static inline void put_bool(struct cel_value *to, bool v)
{
    to->kind = CEL_BOOL;
    to->flag = v;
}

static inline int order_of_doubles(double a, double b)
{
    return a < b ? -1 : a > b ? 1 : a == b ? 0 : 2;
}

/* `a` (op) `b`, for the kinds that comparisons mostly meet; false: it is another. */
static inline bool compare_quick(enum cel_comparison op, const struct cel_value *a,
                                 const struct cel_value *b, bool *ret_holds)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case CEL_DOUBLE:
        *ret_holds = cel_holds(op, order_of_doubles(a->f64, b->f64));
        return true;
    case CEL_INT:
        *ret_holds = cel_holds(op, (a->i64 > b->i64) - (a->i64 < b->i64));
        return true;
    case CEL_BOOL:
        *ret_holds = cel_holds(op, (int)a->flag - (int)b->flag);
        return true;
    case CEL_STRING:
        if (op != CEL_EQUAL && op != CEL_NOT_EQUAL)
            return false;
        *ret_holds = span_eq(a->text, b->text) == (op == CEL_EQUAL);
        return true;
    default:
        return false;
    }
}

RARE static struct cel_value in_rare(struct cel_context *cx, const struct cel_program *program,
                                     const struct cel_value *list, const struct cel_instr *in,
                                     const struct cel_value *cell)
{
    struct cel_value a = cell->kind == CEL_MISSING ? missing(program, in->k) : *cell;
    return cel_in(cx, &a, list);
}

/* a.name, where a stands at `v`. */
static inline void select_field(struct cel_context *cx, struct cel_value *v,
                                const struct cel_value *name)
{
    const struct cel_value *field =
        v->kind == CEL_MAP ? cel_map_get_text(v->map, name->text, &cx->steps) : NULL;
    if (field != NULL)
        *v = *field;
    else if (v->kind == CEL_LIST) /* it has elements, no fields */
        *v = cel_fault(CEL_ERR_NO_OVERLOAD);
    else
        *v = cel_at(cx, v, name);
}

/* has(a.name), where a stands at `v`. */
static inline void test_field(struct cel_context *cx, struct cel_value *v,
                              const struct cel_value *name)
{
    if (v->kind == CEL_MAP)
        put_bool(v, cel_map_get_text(v->map, name->text, &cx->steps) != NULL);
    else
        *v = cel_has(cx, v, name);
}

/* ---- loops ---------------------------------------------------------------------------------- */

/* false: at the end. */
static bool loop_next(struct cel_value *base, bool two)
{
    const struct cel_value *range = &base[LOOP_RANGE];
    size_t i = base[LOOP_TAKEN].u64;
    if (range->kind == CEL_LIST) {
        if (i >= range->list->count)
            return false;
        base[LOOP_VAR] = two ? cel_int((int64_t)i) : range->list->items[i];
        if (two)
            base[LOOP_VAR2] = range->list->items[i];
    } else {
        if (i >= range->map->count)
            return false;
        base[LOOP_VAR] = range->map->entries[i].key;
        if (two)
            base[LOOP_VAR2] = range->map->entries[i].value;
    }
    base[LOOP_TAKEN].u64 = i + 1;
    return true;
}

/* The left side of or and orValue that has a value, or is an error. */
static struct cel_value held(struct cel_value v, bool its_value)
{
    if (v.kind != CEL_OPTIONAL)
        return cel_is_error(v) ? v : cel_fault(CEL_ERR_NO_OVERLOAD);
    return its_value ? *v.some : v;
}

/* ---- what a row has computed already -------------------------------------------------------- */

/*
 * Scalars, and texts that outlive the run, are remembered; what was built is not, nor are errors
 * but a missing value: their texts may live in the run's arena.
 */
static bool may_remember(const struct cel_context *cx, const struct cel_value *v)
{
    switch ((enum cel_kind)v->kind) {
    case CEL_NULL:
    case CEL_BOOL:
    case CEL_INT:
    case CEL_UINT:
    case CEL_DOUBLE:
    case CEL_TIMESTAMP:
    case CEL_DURATION:
    case CEL_IP:
    case CEL_CIDR:
    case CEL_RANGE:
        return true;
    case CEL_STRING:
        return !arena_has(cx->arena, v->text.base);
    case CEL_ERROR:
        return v->code == CEL_ERR_MISSING;
    default:
        return false;
    }
}

/* ---- the machine ---------------------------------------------------------------------------- */

/* The emitter has counted the stack; the analyzer cannot, and sees values that nobody wrote. */
/* NOLINTBEGIN(clang-analyzer-core.*) */

/* Each instruction jumps to the next itself: a processor then foretells each jump apart (Ertl and
 * Gregg, "The Structure and Performance of Efficient Interpreters", 2003). */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

#define GO goto *labels[in->op]
#define NEXT  \
    do {      \
        in++; \
        GO;   \
    } while (0)
#define JUMP_TO(target)       \
    do {                      \
        in = code + (target); \
        GO;                   \
    } while (0)

#define ARITHMETIC(operation)                                     \
    do {                                                          \
        sp--;                                                     \
        sp[-1] = cel_arithmetic(&cx, operation, &sp[-1], &sp[0]); \
    } while (0)

/* As ARITHMETIC; ints that do not overflow, and doubles, in place. */
#define ARITHMETIC_QUICK(operation, builtin, sign)                      \
    do {                                                                \
        sp--;                                                           \
        int64_t v;                                                      \
        if (sp[-1].kind == CEL_INT && sp[0].kind == CEL_INT &&          \
            !builtin(sp[-1].i64, sp[0].i64, &v))                        \
            sp[-1].i64 = v;                                             \
        else if (sp[-1].kind == CEL_DOUBLE && sp[0].kind == CEL_DOUBLE) \
            sp[-1].f64 = sp[-1].f64 sign sp[0].f64;                     \
        else                                                            \
            sp[-1] = cel_arithmetic(&cx, operation, &sp[-1], &sp[0]);   \
    } while (0)

/* sp[-1] (and, or) row[k] (n) constants[arg]; decided by `decisive` */
#define CHAIN_COMPARE(decisive, combine)                                                      \
    do {                                                                                      \
        bool holds;                                                                           \
        if (sp[-1].kind == CEL_BOOL && sp[-1].flag == (decisive)) {                           \
            JUMP_TO(in->to);                                                                  \
        } else if (sp[-1].kind == CEL_BOOL &&                                                 \
                   compare_quick(in->n, &row[in->k], &program->constants[in->arg], &holds)) { \
            sp[-1].flag = holds;                                                              \
        } else {                                                                              \
            *sp = compare_rare(&cx, program, in, &row[in->k]);                                \
            sp[-1] = combine(&sp[-1], &sp[0]);                                                \
        }                                                                                     \
    } while (0)

/* stack[k] (and, or)= sp[-1], which goes; round again unless that decided */
#define UNTIL(decisive, combine)                                \
    do {                                                        \
        struct cel_value *accu = &stack[in->k];                 \
        sp--;                                                   \
        if (sp[0].kind != CEL_BOOL || accu->kind != CEL_BOOL)   \
            *accu = combine(accu, sp);                          \
        else                                                    \
            accu->flag = sp[0].flag;                            \
        if (accu->kind != CEL_BOOL || accu->flag != (decisive)) \
            JUMP_TO(in->to);                                    \
    } while (0)

/*
 * sp points behind the topmost value: sp[-1] is a of `a`, sp[-2] sp[-1] are a b of `a b`.
 */
struct cel_value cel_run_with(const struct cel_program *program, const struct cel_value *row,
                              struct cel_run *run)
{
    struct cel_value stack[CEL_STACK_MAX];
    struct cel_value *sp = stack;
    struct cel_context cx = {.arena = run->scratch, .steps = run->steps};
    struct cel_value *memo = run->memo;
    const struct cel_instr *code = program->code, *in = code;
    static const void *const labels[] = {
#define X(name, stack, operands) &&op_##name,
        CEL_OP_TABLE(X)
#undef X
    };
    GO;
op_CONST:
    *sp++ = program->constants[in->arg];
    NEXT;
op_SLOT:
    *sp++ = row[in->k];
    if (sp[-1].kind == CEL_MISSING)
        sp[-1] = missing(program, in->k);
    NEXT;
op_HAS_SLOT:
    put_bool(sp++, !is_missing(&row[in->k]));
    NEXT;
op_SLOT_OPTIONAL:
    *sp++ = slot_optional(&cx, &row[in->k]);
    NEXT;
op_LOCAL:
    *sp++ = stack[in->k];
    NEXT;
op_STORE:
    stack[in->k] = *--sp;
    NEXT;
op_NOT:
    sp[-1] = cel_not(&sp[-1]);
    NEXT;
op_NEGATE:
    sp[-1] = cel_negate(&sp[-1]);
    NEXT;
op_AND:
    sp--;
    sp[-1] = cel_and(&sp[-1], &sp[0]);
    NEXT;
op_OR:
    sp--;
    sp[-1] = cel_or(&sp[-1], &sp[0]);
    NEXT;
op_ADD:
    ARITHMETIC_QUICK(CEL_ADD, __builtin_add_overflow, +);
    NEXT;
op_SUBTRACT:
    ARITHMETIC_QUICK(CEL_SUBTRACT, __builtin_sub_overflow, -);
    NEXT;
op_MULTIPLY:
    ARITHMETIC_QUICK(CEL_MULTIPLY, __builtin_mul_overflow, *);
    NEXT;
op_DIVIDE:
    ARITHMETIC(CEL_DIVIDE);
    NEXT;
op_MODULO:
    ARITHMETIC(CEL_MODULO);
    NEXT;
op_COMPARE : {
    bool holds;
    sp--;
    if (compare_quick(in->n, &sp[-1], &sp[0], &holds))
        put_bool(&sp[-1], holds);
    else
        sp[-1] = cel_compare(&cx, in->n, &sp[-1], &sp[0]);
    NEXT;
}
op_IN:
    sp--;
    sp[-1] = cel_in(&cx, &sp[-1], &sp[0]);
    NEXT;
op_AT:
    sp--;
    sp[-1] = cel_at(&cx, &sp[-1], &sp[0]);
    NEXT;
op_AT_OPTIONAL:
    sp--;
    sp[-1] = cel_optional_at(&cx, &sp[-1], &sp[0]);
    NEXT;
op_SELECT:
    select_field(&cx, &sp[-1], &program->constants[in->arg]);
    NEXT;
op_SELECT_OPTIONAL:
    sp[-1] = cel_optional_at(&cx, &sp[-1], &program->constants[in->arg]);
    NEXT;
op_HAS:
    test_field(&cx, &sp[-1], &program->constants[in->arg]);
    NEXT;
op_SELECT_SLOT:
    *sp = row[in->k];
    if (sp->kind == CEL_MISSING)
        *sp = missing(program, in->k);
    select_field(&cx, sp++, &program->constants[in->arg]);
    NEXT;
op_HAS_IN_SLOT:
    if (row[in->k].kind == CEL_MAP) {
        const struct span name = program->constants[in->arg].text;
        put_bool(sp++, cel_map_get_text(row[in->k].map, name, &cx.steps) != NULL);
        NEXT;
    }
    *sp = is_missing(&row[in->k]) ? cel_bool(false) : row[in->k];
    if (!is_missing(&row[in->k]))
        test_field(&cx, sp, &program->constants[in->arg]);
    sp++;
    NEXT;
op_COMPARE_CONST : {
    bool holds;
    if (compare_quick(in->n, &sp[-1], &program->constants[in->arg], &holds))
        put_bool(&sp[-1], holds);
    else
        sp[-1] = cel_compare(&cx, in->n, &sp[-1], &program->constants[in->arg]);
    NEXT;
}
op_COMPARE_SLOT : {
    bool holds;
    if (compare_quick(in->n, &row[in->k], &program->constants[in->arg], &holds))
        put_bool(sp++, holds);
    else
        *sp++ = compare_rare(&cx, program, in, &row[in->k]);
    NEXT;
}
op_COMPARE_LOCAL : {
    bool holds;
    if (compare_quick(in->n, &stack[in->k], &program->constants[in->arg], &holds))
        put_bool(sp++, holds);
    else
        *sp++ = cel_compare(&cx, in->n, &stack[in->k], &program->constants[in->arg]);
    NEXT;
}
op_AND_SLOT:
    CHAIN_COMPARE(false, cel_and);
    NEXT;
op_OR_SLOT:
    CHAIN_COMPARE(true, cel_or);
    NEXT;
op_IN_SLOT:
    if (row[in->k].kind == CEL_INT || row[in->k].kind == CEL_STRING)
        put_bool(sp, cel_list_has(program->constants[in->arg].list, row[in->k], &cx.steps));
    else
        *sp = in_rare(&cx, program, &program->constants[in->arg], in, &row[in->k]);
    sp++;
    NEXT;
op_IN_LIST:
    if (row[in->k].kind == CEL_INT || row[in->k].kind == CEL_STRING)
        put_bool(sp, cel_list_has(row[in->arg].list, row[in->k], &cx.steps));
    else
        *sp = in_rare(&cx, program, &row[in->arg], in, &row[in->k]);
    sp++;
    NEXT;
op_SLOT_WALKED:
    *sp++ = row[in->k].list->items != NULL ? row[in->k] : cel_fault(CEL_ERR_LIMIT);
    NEXT;
op_JUMP:
    JUMP_TO(in->to);
    NEXT;
op_JUMP_IF_FALSE:
    if (sp[-1].kind == CEL_BOOL && !sp[-1].flag)
        JUMP_TO(in->to);
    NEXT;
op_JUMP_IF_TRUE:
    if (cel_is_true(sp[-1]))
        JUMP_TO(in->to);
    NEXT;
op_BRANCH:
    sp--;
    if (sp[0].kind != CEL_BOOL) {
        *sp = cel_is_error(*sp) ? *sp : cel_fault(CEL_ERR_NO_OVERLOAD);
        sp++;
        JUMP_TO(in->arg);
    } else if (!sp[0].flag) {
        JUMP_TO(in->to);
    }
    NEXT;
op_ELSE:
op_ELSE_VALUE:
    sp--;
    if (sp[0].kind == CEL_OPTIONAL && sp[0].some == NULL)
        NEXT;
    *sp = held(*sp, in->op == CEL_OP_ELSE_VALUE);
    sp++;
    JUMP_TO(in->to);
    NEXT;
op_CALL:
    sp -= in->n;
    *sp = cel_func_call(&cx, program->calls[in->arg], in->k, sp, in->n);
    sp++;
    NEXT;
op_LIST:
    *sp++ = cel_list_new(&cx, (size_t)in->arg);
    NEXT;
op_APPEND:
    sp--;
    sp[-1] = cel_list_append(&cx, sp[-1], &sp[0]);
    NEXT;
op_APPEND_SOME:
    sp--;
    sp[-1] = cel_list_append_some(&cx, sp[-1], &sp[0]);
    NEXT;
op_MAP:
    *sp++ = cel_map_new(&cx, (size_t)in->arg);
    NEXT;
op_PUT:
    sp -= 2;
    sp[-1] = cel_map_put(&cx, sp[-1], &sp[0], &sp[1]);
    NEXT;
op_PUT_SOME:
    sp -= 2;
    sp[-1] = cel_map_put_some(&cx, sp[-1], &sp[0], &sp[1]);
    NEXT;
op_MERGE:
    sp--;
    sp[-1] = cel_map_merge(&cx, sp[-1], &sp[0]);
    NEXT;
op_ITERATE:
    if (sp[-1].kind == CEL_LIST || sp[-1].kind == CEL_MAP) {
        *sp++ = cel_uint(0);
        NEXT;
    }
    if (!cel_is_error(sp[-1]))
        sp[-1] = cel_fault(CEL_ERR_NO_OVERLOAD);
    JUMP_TO(in->to);
    NEXT;
op_RESERVE:
    for (int i = 0; i < in->n; i++)
        *sp++ = cel_null();
    NEXT;
op_NEXT:
    if (!cel_spend(&cx, LOOP_STEPS)) {
        run->steps = cx.steps;
        return cel_fault(CEL_ERR_LIMIT);
    }
    if (!loop_next(&stack[in->k], in->n))
        JUMP_TO(in->to);
    NEXT;
op_STOP_IF_FALSE:
    sp--;
    if (sp[0].kind == CEL_BOOL && !sp[0].flag)
        JUMP_TO(in->to);
    NEXT;
op_UNTIL_FALSE:
    UNTIL(false, cel_and);
    NEXT;
op_UNTIL_TRUE:
    UNTIL(true, cel_or);
    NEXT;
op_LEAVE:
    if (sp[-1].kind == CEL_BOOL)
        put_bool(&stack[in->k], sp[-1].flag);
    else
        stack[in->k] = sp[-1];
    sp = &stack[in->k + 1];
    NEXT;
op_RECALL:
    if (memo != NULL && memo[in->arg].kind != CEL_MISSING) {
        *sp++ = memo[in->arg];
        JUMP_TO(in->to);
    }
    NEXT;
op_REMEMBER:
    if (memo != NULL && cx.steps > 0 && may_remember(&cx, &sp[-1]))
        memo[in->arg] = sp[-1];
    NEXT;
op_GUARD:
    sp--;
    if (sp[0].kind == CEL_BOOL && !sp[0].flag && cx.steps > 0) {
        run->steps = cx.steps;
        return cel_bool(false);
    }
    run->passed = cel_is_true(sp[0]);
    cx.steps = run->steps; /* what follows has all of them, and of the room */
    cx.arena->used_bytes = run->mark;
    NEXT;
op_RETURN:
    run->steps = cx.steps;
    if (cx.steps <= 0)
        return cel_fault(CEL_ERR_LIMIT);
    return sp[-1].kind == CEL_BOOL ? cel_bool(sp[-1].flag) : sp[-1];
}
#pragma GCC diagnostic pop
/* NOLINTEND(clang-analyzer-core.*) */

struct cel_value cel_run(const struct cel_program *program, const struct cel_value *row,
                         struct arena *scratch)
{
    struct cel_run run = {.scratch = scratch, .steps = CEL_STEPS_MAX};
    return cel_run_with(program, row, &run);
}
