/* The machine; cel_emit.h says what each instruction does. */
#include "rules/cel.h"

#include "rules/cel_emit.h"
#include "rules/cel_func.h"
#include "rules/cel_ops.h"

/* The values of a loop, from its place on the stack (cel_emit.c, emit_loop). */
enum { LOOP_RANGE, LOOP_TAKEN, LOOP_ACCU, LOOP_VAR, LOOP_VAR2 };

enum { LOOP_STEPS = 8 }; /* what one round costs at least: condition, step and jumps */

static struct cel_value missing(struct span name)
{
    return cel_error(CEL_ERR_MISSING, name);
}

/* Not there, or derived from what is not there. */
static bool is_missing(const struct cel_value *cell)
{
    return cell->kind == CEL_MISSING || (cell->kind == CEL_ERROR && cell->code == CEL_ERR_MISSING);
}

static struct cel_value slot_optional(struct cel_context *cx, const struct cel_value *cell)
{
    if (is_missing(cell))
        return cel_optional_of(NULL);
    return cell->kind == CEL_ERROR ? *cell : cel_some(cx, *cell);
}

/* The left side of or and orValue that has a value, or is an error. */
static struct cel_value held(struct cel_value v, bool its_value)
{
    if (v.kind != CEL_OPTIONAL)
        return cel_is_error(v) ? v : cel_fault(CEL_ERR_NO_OVERLOAD);
    return its_value ? *v.some : v;
}

/* false: at the end. */
static bool loop_next(struct cel_value *base, bool two)
{
    const struct cel_value *range = &base[LOOP_RANGE];
    size_t i = base[LOOP_TAKEN].u64;
    if (range->kind == CEL_LIST) {
        if (i >= range->list->count)
            return false;
        base[LOOP_VAR] = two ? cel_int((int64_t)i) : range->list->items[i];
        base[LOOP_VAR2] = range->list->items[i];
    } else {
        if (i >= range->map->count)
            return false;
        base[LOOP_VAR] = range->map->entries[i].key;
        base[LOOP_VAR2] = range->map->entries[i].value;
    }
    base[LOOP_TAKEN].u64 = i + 1;
    return true;
}

/* The emitter has counted the stack; the analyzer cannot, and sees values that nobody wrote. */
/* NOLINTBEGIN(clang-analyzer-core.*) */

/* The common cases of a comparison, in place; the others through cel_compare. */
#define COMPARE(operation, sign)                                        \
    do {                                                                \
        sp--;                                                           \
        if (sp[-1].kind == CEL_INT && sp[0].kind == CEL_INT)            \
            sp[-1] = cel_bool(sp[-1].i64 sign sp[0].i64);               \
        else if (sp[-1].kind == CEL_DOUBLE && sp[0].kind == CEL_DOUBLE) \
            sp[-1] = cel_bool(sp[-1].f64 sign sp[0].f64);               \
        else                                                            \
            sp[-1] = cel_compare(operation, &sp[-1], &sp[0]);           \
    } while (0)

/* As COMPARE, for == (wanted is true) and !=. */
static struct cel_value equals(struct cel_context *cx, const struct cel_value *a,
                               const struct cel_value *b, bool wanted)
{
    if (a->kind == CEL_INT && b->kind == CEL_INT)
        return cel_bool((a->i64 == b->i64) == wanted);
    if (a->kind == CEL_STRING && b->kind == CEL_STRING)
        return cel_bool(span_eq(a->text, b->text) == wanted);
    struct cel_value v = cel_equals(cx, a, b);
    return wanted ? v : cel_not(&v);
}

#define ARITHMETIC(operation)                                     \
    do {                                                          \
        sp--;                                                     \
        sp[-1] = cel_arithmetic(&cx, operation, &sp[-1], &sp[0]); \
    } while (0)

/*
 * sp points behind the topmost value: sp[-1] is a of `a`, sp[-2] sp[-1] are a b of `a b`.
 */
struct cel_value cel_run(const struct cel_program *program, const struct cel_value *row,
                         struct arena *scratch)
{
    struct cel_value stack[CEL_STACK_MAX];
    struct cel_value *sp = stack;
    struct cel_context cx = {.arena = scratch, .steps = CEL_STEPS_MAX};
    const struct cel_instr *code = program->code;
    for (const struct cel_instr *in = code;; in++) {
        switch ((enum cel_op)in->op) {
        case CEL_OP_CONST:
            *sp++ = program->constants[in->arg];
            break;
        case CEL_OP_SLOT:
            *sp++ = row[in->arg];
            if (sp[-1].kind == CEL_MISSING)
                sp[-1] = missing(program->names[in->k]);
            break;
        case CEL_OP_HAS_SLOT:
            *sp++ = cel_bool(!is_missing(&row[in->arg]));
            break;
        case CEL_OP_SLOT_OPTIONAL:
            *sp++ = slot_optional(&cx, &row[in->arg]);
            break;
        case CEL_OP_LOCAL:
            *sp++ = stack[in->arg];
            break;
        case CEL_OP_STORE:
            stack[in->arg] = *--sp;
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
            ARITHMETIC(CEL_ADD);
            break;
        case CEL_OP_SUBTRACT:
            ARITHMETIC(CEL_SUBTRACT);
            break;
        case CEL_OP_MULTIPLY:
            ARITHMETIC(CEL_MULTIPLY);
            break;
        case CEL_OP_DIVIDE:
            ARITHMETIC(CEL_DIVIDE);
            break;
        case CEL_OP_MODULO:
            ARITHMETIC(CEL_MODULO);
            break;
        case CEL_OP_EQ:
            sp--;
            sp[-1] = equals(&cx, &sp[-1], &sp[0], true);
            break;
        case CEL_OP_NE:
            sp--;
            sp[-1] = equals(&cx, &sp[-1], &sp[0], false);
            break;
        case CEL_OP_LT:
            COMPARE(CEL_LESS, <);
            break;
        case CEL_OP_LE:
            COMPARE(CEL_LESS_EQUAL, <=);
            break;
        case CEL_OP_GT:
            COMPARE(CEL_GREATER, >);
            break;
        case CEL_OP_GE:
            COMPARE(CEL_GREATER_EQUAL, >=);
            break;
        case CEL_OP_IN:
            sp--;
            sp[-1] = cel_in(&cx, &sp[-1], &sp[0]);
            break;
        case CEL_OP_AT:
            sp--;
            sp[-1] = cel_at(&cx, &sp[-1], &sp[0]);
            break;
        case CEL_OP_SELECT:
            if (sp[-1].kind == CEL_LIST) /* a list has elements, no fields */
                sp[-1] = cel_fault(CEL_ERR_NO_OVERLOAD);
            else
                sp[-1] = cel_at(&cx, &sp[-1], &program->constants[in->arg]);
            break;
        case CEL_OP_HAS:
            sp[-1] = cel_has(&cx, &sp[-1], &program->constants[in->arg]);
            break;
        case CEL_OP_SELECT_OPTIONAL:
            sp[-1] = cel_optional_at(&cx, &sp[-1], &program->constants[in->arg]);
            break;
        case CEL_OP_AT_OPTIONAL:
            sp--;
            sp[-1] = cel_optional_at(&cx, &sp[-1], &sp[0]);
            break;
        case CEL_OP_JUMP:
            in = code + in->arg - 1;
            break;
        case CEL_OP_JUMP_IF_FALSE:
            if (sp[-1].kind == CEL_BOOL && !sp[-1].flag)
                in = code + in->arg - 1;
            break;
        case CEL_OP_JUMP_IF_TRUE:
            if (cel_is_true(sp[-1]))
                in = code + in->arg - 1;
            break;
        case CEL_OP_BRANCH:
            sp--;
            if (sp[0].kind != CEL_BOOL) {
                *sp = cel_is_error(*sp) ? *sp : cel_fault(CEL_ERR_NO_OVERLOAD);
                sp++;
                in = code + in->k - 1;
            } else if (!sp[0].flag) {
                in = code + in->arg - 1;
            }
            break;
        case CEL_OP_ELSE:
        case CEL_OP_ELSE_VALUE:
            sp--;
            if (sp[0].kind == CEL_OPTIONAL && sp[0].some == NULL)
                break;
            *sp = held(*sp, in->op == CEL_OP_ELSE_VALUE);
            sp++;
            in = code + in->arg - 1;
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
        case CEL_OP_MAP:
            *sp++ = cel_map_new(&cx, (size_t)in->arg);
            break;
        case CEL_OP_PUT:
            sp -= 2;
            sp[-1] = cel_map_put(&cx, sp[-1], &sp[0], &sp[1]);
            break;
        case CEL_OP_APPEND_SOME:
            sp--;
            sp[-1] = cel_list_append_some(&cx, sp[-1], &sp[0]);
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
            in = code + in->arg - 1;
            break;
        case CEL_OP_RESERVE:
            for (int i = 0; i < in->n; i++)
                *sp++ = cel_null();
            break;
        case CEL_OP_STOP_IF_FALSE:
            sp--;
            if (sp[0].kind == CEL_BOOL && !sp[0].flag)
                in = code + in->arg - 1;
            break;
        case CEL_OP_NEXT:
            if (!cel_spend(&cx, LOOP_STEPS))
                return cel_fault(CEL_ERR_LIMIT);
            if (!loop_next(&stack[in->k], in->n))
                in = code + in->arg - 1;
            break;
        case CEL_OP_LEAVE:
            stack[in->arg] = sp[-1];
            sp = &stack[in->arg + 1];
            break;
        case CEL_OP_RETURN:
            return cx.steps > 0 ? sp[-1] : cel_fault(CEL_ERR_LIMIT);
        }
    }
}
/* NOLINTEND(clang-analyzer-core.*) */
