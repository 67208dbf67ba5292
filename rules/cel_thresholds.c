#include "rules/cel_thresholds.h"

#include "rules/cel_emit.h"
#include "rules/cel_ops.h"

static bool number_of(const struct cel_value *v, double *ret_number)
{
    if (v->kind != CEL_INT && v->kind != CEL_UINT && v->kind != CEL_DOUBLE)
        return false;
    *ret_number = v->kind == CEL_INT    ? (double)v->i64
                  : v->kind == CEL_UINT ? (double)v->u64
                                        : v->f64;
    return true;
}

static void add_comparison(struct cel_thresholds *t, enum cel_comparison op,
                           const struct cel_value *with)
{
    double number;
    if (op == CEL_EQUAL || op == CEL_NOT_EQUAL) {
        t->is_code = true;
    } else if (!number_of(with, &number) || t->count == t->room) {
        t->is_computed = true;
    } else {
        t->items[t->count++] = (struct cel_threshold){
            .number = number, .turns_above = op == CEL_GREATER || op == CEL_LESS_EQUAL};
    }
}

void cel_thresholds_add(struct cel_thresholds *t, const struct cel_program *program, int slot)
{
    for (int i = 0; i < program->n_code; i++) {
        const struct cel_instr *in = &program->code[i];
        if (in->k != slot)
            continue;
        switch ((enum cel_op)in->op) {
        case CEL_OP_COMPARE_SLOT:
        case CEL_OP_AND_SLOT:
        case CEL_OP_OR_SLOT:
            add_comparison(t, (enum cel_comparison)in->n, &program->constants[in->arg]);
            break;
        case CEL_OP_IN_SLOT:
        case CEL_OP_IN_LIST:
            t->is_code = true;
            break;
        case CEL_OP_SLOT:
        case CEL_OP_SLOT_OPTIONAL:
            t->is_computed = true;
            break;
        default: /* has(name); or k is something else */
            break;
        }
    }
}
