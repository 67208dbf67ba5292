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
    return cell->kind == CEL_ERROR ? *cell : cel_some(cx, *cell);
}

RARE static struct cel_value compare_rare(struct cel_context *cx, const struct cel_program *program,
                                          const struct cel_instr *in, const struct cel_value *cell)
{
    struct cel_value a = cell->kind == CEL_MISSING ? missing(program, in->k) : *cell;
    return cel_compare(cx, in->n, &a, &program->constants[in->arg]);
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

#define JUMP_TO(target) in = code + (target)-1 /* the loop adds one */

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
    const struct cel_instr *code = program->code;
    for (const struct cel_instr *in = code;; in++) {
        switch ((enum cel_op)in->op) {
        case CEL_OP_CONST:
            *sp++ = program->constants[in->arg];
            break;
        case CEL_OP_SLOT:
            *sp++ = row[in->k];
            if (sp[-1].kind == CEL_MISSING)
                sp[-1] = missing(program, in->k);
            break;
        case CEL_OP_HAS_SLOT:
            *sp++ = cel_bool(!is_missing(&row[in->k]));
            break;
        case CEL_OP_SLOT_OPTIONAL:
            *sp++ = slot_optional(&cx, &row[in->k]);
            break;
        case CEL_OP_LOCAL:
            *sp++ = stack[in->k];
            break;
        case CEL_OP_STORE:
            stack[in->k] = *--sp;
            break;
        case CEL_OP_NOT:
            sp[-1] = cel_not(&sp[-1]);
            break;
        case CEL_OP_NEGATE:
            sp[-1] = cel_negate(&sp[-1]);
            break;
        case CEL_OP_AND:
            sp--;
            sp[-1] = cel_and(&sp[-1], &sp[0]);
            break;
        case CEL_OP_OR:
            sp--;
            sp[-1] = cel_or(&sp[-1], &sp[0]);
            break;
        case CEL_OP_ADD:
            ARITHMETIC_QUICK(CEL_ADD, __builtin_add_overflow, +);
            break;
        case CEL_OP_SUBTRACT:
            ARITHMETIC_QUICK(CEL_SUBTRACT, __builtin_sub_overflow, -);
            break;
        case CEL_OP_MULTIPLY:
            ARITHMETIC_QUICK(CEL_MULTIPLY, __builtin_mul_overflow, *);
            break;
        case CEL_OP_DIVIDE:
            ARITHMETIC(CEL_DIVIDE);
            break;
        case CEL_OP_MODULO:
            ARITHMETIC(CEL_MODULO);
            break;
        case CEL_OP_COMPARE: {
            bool holds;
            sp--;
            if (compare_quick(in->n, &sp[-1], &sp[0], &holds))
                sp[-1] = cel_bool(holds);
            else
                sp[-1] = cel_compare(&cx, in->n, &sp[-1], &sp[0]);
            break;
        }
        case CEL_OP_IN:
            sp--;
            sp[-1] = cel_in(&cx, &sp[-1], &sp[0]);
            break;
        case CEL_OP_AT:
            sp--;
            sp[-1] = cel_at(&cx, &sp[-1], &sp[0]);
            break;
        case CEL_OP_AT_OPTIONAL:
            sp--;
            sp[-1] = cel_optional_at(&cx, &sp[-1], &sp[0]);
            break;
        case CEL_OP_SELECT:
            if (sp[-1].kind == CEL_LIST) /* a list has elements, no fields */
                sp[-1] = cel_fault(CEL_ERR_NO_OVERLOAD);
            else
                sp[-1] = cel_at(&cx, &sp[-1], &program->constants[in->arg]);
            break;
        case CEL_OP_SELECT_OPTIONAL:
            sp[-1] = cel_optional_at(&cx, &sp[-1], &program->constants[in->arg]);
            break;
        case CEL_OP_HAS:
            sp[-1] = cel_has(&cx, &sp[-1], &program->constants[in->arg]);
            break;
        case CEL_OP_COMPARE_SLOT: {
            bool holds;
            if (compare_quick(in->n, &row[in->k], &program->constants[in->arg], &holds))
                *sp++ = cel_bool(holds);
            else
                *sp++ = compare_rare(&cx, program, in, &row[in->k]);
            break;
        }
        case CEL_OP_COMPARE_LOCAL: {
            bool holds;
            if (compare_quick(in->n, &stack[in->k], &program->constants[in->arg], &holds))
                *sp++ = cel_bool(holds);
            else
                *sp++ = cel_compare(&cx, in->n, &stack[in->k], &program->constants[in->arg]);
            break;
        }
        case CEL_OP_AND_COMPARE_SLOT:
            CHAIN_COMPARE(false, cel_and);
            break;
        case CEL_OP_OR_COMPARE_SLOT:
            CHAIN_COMPARE(true, cel_or);
            break;
        case CEL_OP_IN_SLOT:
            *sp = row[in->k].kind == CEL_MISSING ? missing(program, in->k) : row[in->k];
            *sp = cel_in(&cx, sp, &program->constants[in->arg]);
            sp++;
            break;
        case CEL_OP_JUMP:
            JUMP_TO(in->to);
            break;
        case CEL_OP_JUMP_IF_FALSE:
            if (sp[-1].kind == CEL_BOOL && !sp[-1].flag)
                JUMP_TO(in->to);
            break;
        case CEL_OP_JUMP_IF_TRUE:
            if (cel_is_true(sp[-1]))
                JUMP_TO(in->to);
            break;
        case CEL_OP_BRANCH:
            sp--;
            if (sp[0].kind != CEL_BOOL) {
                *sp = cel_is_error(*sp) ? *sp : cel_fault(CEL_ERR_NO_OVERLOAD);
                sp++;
                JUMP_TO(in->arg);
            } else if (!sp[0].flag) {
                JUMP_TO(in->to);
            }
            break;
        case CEL_OP_ELSE:
        case CEL_OP_ELSE_VALUE:
            sp--;
            if (sp[0].kind == CEL_OPTIONAL && sp[0].some == NULL)
                break;
            *sp = held(*sp, in->op == CEL_OP_ELSE_VALUE);
            sp++;
            JUMP_TO(in->to);
            break;
        case CEL_OP_CALL:
            sp -= in->n;
            *sp = cel_func_call(&cx, program->calls[in->arg], in->k, sp, in->n);
            sp++;
            break;
        case CEL_OP_LIST:
            *sp++ = cel_list_new(&cx, (size_t)in->arg);
            break;
        case CEL_OP_APPEND:
            sp--;
            sp[-1] = cel_list_append(&cx, sp[-1], &sp[0]);
            break;
        case CEL_OP_APPEND_SOME:
            sp--;
            sp[-1] = cel_list_append_some(&cx, sp[-1], &sp[0]);
            break;
        case CEL_OP_MAP:
            *sp++ = cel_map_new(&cx, (size_t)in->arg);
            break;
        case CEL_OP_PUT:
            sp -= 2;
            sp[-1] = cel_map_put(&cx, sp[-1], &sp[0], &sp[1]);
            break;
        case CEL_OP_PUT_SOME:
            sp -= 2;
            sp[-1] = cel_map_put_some(&cx, sp[-1], &sp[0], &sp[1]);
            break;
        case CEL_OP_MERGE:
            sp--;
            sp[-1] = cel_map_merge(&cx, sp[-1], &sp[0]);
            break;
        case CEL_OP_ITERATE:
            if (sp[-1].kind == CEL_LIST || sp[-1].kind == CEL_MAP) {
                *sp++ = cel_uint(0);
                break;
            }
            if (!cel_is_error(sp[-1]))
                sp[-1] = cel_fault(CEL_ERR_NO_OVERLOAD);
            JUMP_TO(in->to);
            break;
        case CEL_OP_RESERVE:
            for (int i = 0; i < in->n; i++)
                *sp++ = cel_null();
            break;
        case CEL_OP_NEXT:
            if (!cel_spend(&cx, LOOP_STEPS)) {
                run->steps = cx.steps;
                return cel_fault(CEL_ERR_LIMIT);
            }
            if (!loop_next(&stack[in->k], in->n))
                JUMP_TO(in->to);
            break;
        case CEL_OP_STOP_IF_FALSE:
            sp--;
            if (sp[0].kind == CEL_BOOL && !sp[0].flag)
                JUMP_TO(in->to);
            break;
        case CEL_OP_UNTIL_FALSE:
            UNTIL(false, cel_and);
            break;
        case CEL_OP_UNTIL_TRUE:
            UNTIL(true, cel_or);
            break;
        case CEL_OP_LEAVE:
            stack[in->k] = sp[-1];
            sp = &stack[in->k + 1];
            break;
        case CEL_OP_RECALL:
            if (memo != NULL && memo[in->arg].kind != CEL_MISSING) {
                *sp++ = memo[in->arg];
                JUMP_TO(in->to);
            }
            break;
        case CEL_OP_REMEMBER:
            if (memo != NULL && may_remember(&cx, &sp[-1]))
                memo[in->arg] = sp[-1];
            break;
        case CEL_OP_RETURN:
            run->steps = cx.steps;
            return cx.steps > 0 ? sp[-1] : cel_fault(CEL_ERR_LIMIT);
        }
    }
}
/* NOLINTEND(clang-analyzer-core.*) */

struct cel_value cel_run(const struct cel_program *program, const struct cel_value *row,
                         struct arena *scratch)
{
    struct cel_run run = {.scratch = scratch, .steps = CEL_STEPS_MAX};
    return cel_run_with(program, row, &run);
}
