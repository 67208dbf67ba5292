/*
 * cel_ast.h -- the tree between the parser, the checker and the emitter.
 *
 * Operators are calls of functions named as in the CEL specification: a + b is _+_(a, b). Macros
 * are gone after parsing: each is a comprehension, the one kind of loop there is:
 *
 *     accu = init
 *     for var (and var2) in range:
 *         if not condition: break
 *         accu = step
 *     value: result
 *
 * and with an empty list as range, a name for a value: cel.bind(accu, init, result).
 *
 * Source: cel-spec, proto/cel/expr/syntax.proto.
 */
#ifndef SLUICE_RULES_CEL_AST_H
#define SLUICE_RULES_CEL_AST_H

#include "rules/cel.h"

enum cel_node_kind {
    CEL_NODE_CONST,
    CEL_NODE_IDENT,  /* name */
    CEL_NODE_SELECT, /* left . name; is_test: has(left.name); is_optional: left .? name */
    CEL_NODE_CALL,   /* name(args), or left.name(args) */
    CEL_NODE_LIST,   /* args */
    CEL_NODE_MAP,    /* args: key, value, key, value ... */
    CEL_NODE_LOOP,   /* loop */
    /* made by the checker */
    CEL_NODE_SLOT,  /* `slot` of the row, called `name`; is_test: has it a value?; is_optional */
    CEL_NODE_LOCAL, /* a variable of the loop `owner` */
};

enum cel_local { CEL_LOCAL_VAR, CEL_LOCAL_VAR2, CEL_LOCAL_ACCU };

struct cel_node;

struct cel_loop {
    struct span var, var2, accu; /* var2 may be empty */
    struct cel_node *range, *init, *condition, *step, *result;
    const struct cel_type *var_type, *var2_type, *accu_type; /* the checker's */
    int base; /* the emitter's: where its variables stand on the stack */
};

struct cel_node {
    enum cel_node_kind kind;
    size_t offset;                   /* where to point at: an operator's sign, a name's start */
    size_t start, end;               /* the whole is source[start, end); end 0: nobody wrote it */
    int height;                      /* of the tree below */
    const struct cel_type *type;     /* the checker's */
    const struct cel_bounds *bounds; /* cel_bounds.h's; NULL: not looked at */
    struct span name;
    bool is_test;
    bool is_optional;       /* .? */
    bool is_optional_entry; /* [?x], {?key: x}: it stands there if x has a value */
    bool is_rooted;         /* .name: not looked for in the container */
    bool is_relaxed;        /* cel_relax.h: stands in the relaxed tree alone */
    struct cel_value value;
    struct cel_node *left;
    struct cel_node **args;
    int n_args;
    struct cel_loop *loop;
    struct cel_loop *owner;
    enum cel_local local;
    int slot;
    int memo; /* cel_share.h: 1 + the number of its place in the memo; 0: it has none */
    const struct cel_func *calls; /* the checker's: the first of the functions of that name */
    int n_calls;
};

/* Calls `visit` for each node right below `n`, from the left; of a loop for range, init, condition,
 * step and result. */
static inline void cel_node_below(const struct cel_node *n,
                                  void (*visit)(void *, struct cel_node *), void *user)
{
    if (n->left != NULL)
        visit(user, n->left);
    for (int i = 0; i < n->n_args; i++)
        visit(user, n->args[i]);
    if (n->kind != CEL_NODE_LOOP)
        return;
    visit(user, n->loop->range);
    visit(user, n->loop->init);
    visit(user, n->loop->condition);
    visit(user, n->loop->step);
    visit(user, n->loop->result);
}

static inline bool cel_is_literal(const struct cel_node *n, enum cel_kind kind)
{
    return n->kind == CEL_NODE_CONST && n->value.kind == kind;
}

#endif
