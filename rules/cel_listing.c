#include "rules/cel_listing.h"

#include "rules/cel_emit.h"
#include "rules/cel_func.h"
#include "rules/cel_ops.h"

#include <math.h>

enum { NAME_WIDTH = 17 };

struct listing {
    const struct cel_program *program;
    const struct cel_env *env;
    struct text *out;
};

static void put_slot(const struct listing *l, int slot)
{
    for (int i = 0; i < l->program->n_reads; i++) {
        if (l->program->reads[i] == slot)
            text_put(l->out, l->program->names[i]);
    }
}

static void put_constant(const struct listing *l, int at)
{
    const struct cel_value *v = &l->program->constants[at];
    if (v->kind == CEL_STRING)
        text_json_string(l->out, v->text);
    else if (v->kind == CEL_HANDLE)
        text_str(l->out, "(prepared)");
    else
        cel_value_write(*v, l->out);
    if (v->kind == CEL_DOUBLE && v->f64 == trunc(v->f64) && fabs(v->f64) < 1e15)
        text_str(l->out, ".0");
}

static void put_operand(const struct listing *l, char what, const struct cel_instr *in)
{
    switch (what) {
    case 's':
        put_slot(l, in->k);
        break;
    case 't':
        put_slot(l, in->arg);
        break;
    case 'l':
        text_printf(l->out, "stack[%d]", in->k);
        break;
    case 'n':
        text_str(l->out, cel_comparison_sign(in->n));
        break;
    case 'c':
        put_constant(l, in->arg);
        break;
    case 'f':
        text_str(l->out, l->program->calls[in->arg]->name);
        break;
    case 'm':
        text_printf(l->out, "memo[%d]", (int)in->arg);
        break;
    case 'j':
        text_printf(l->out, "-> %d", (int)in->to);
        break;
    case 'e':
        text_printf(l->out, "or -> %d", (int)in->arg);
        break;
    default: /* 'r' */
        text_i64(l->out, in->arg);
    }
}

static void put_instr(const struct listing *l, int at)
{
    static const struct {
        const char *name, *operands;
    } ops[] = {
#define X(name, stack, operands) {#name, operands},
        CEL_OP_TABLE(X)
#undef X
    };
    const struct cel_instr *in = &l->program->code[at];
    text_printf(l->out, "%4d  %s", at, ops[in->op].name);
    for (const char *o = ops[in->op].operands; *o != '\0'; o++) {
        int pad = o == ops[in->op].operands ? NAME_WIDTH - (int)strlen(ops[in->op].name) : 1;
        text_printf(l->out, "%*s", pad > 0 ? pad : 1, "");
        put_operand(l, *o, in);
    }
}

static void put_reads(const struct listing *l)
{
    for (int i = 0; i < l->program->n_reads; i++) {
        const struct cel_name *name = cel_env_find(l->env, l->program->names[i]);
        text_printf(l->out, "%s%.*s", i ? ", " : "reads  ", SPAN_ARG(l->program->names[i]));
        if (name == NULL)
            continue;
        text_str(l->out, ": ");
        cel_type_write(name->type, l->out);
    }
}

void cel_listing_write(const struct cel_program *program, const struct cel_env *env, int indent,
                       struct text *out)
{
    const struct listing l = {program, env, out};
    text_printf(out, "%*sresult ", indent, "");
    cel_type_write(program->result, out);
    text_printf(out, ", %d steps at most, %d values at once\n%*s", program->cost,
                program->stack_max, indent, "");
    put_reads(&l);
    for (int i = 0; i < program->n_code; i++) {
        text_printf(out, "\n%*s", i || program->n_reads ? indent : 0, "");
        put_instr(&l, i);
    }
    text_char(out, '\n');
}
