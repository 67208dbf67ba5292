/*
 * cel_emit.h -- from the typed tree to flat code for a stack of values.
 *
 *     account_tx_count_5m > 10.0 && is_night
 *
 *         COMPARE_SLOT     3 > 10.0       bool
 *         AND_COMPARE_SLOT 7 == true      bool     (to RETURN when it is false already)
 *         RETURN
 *
 * The comparison of a name with a constant is one instruction; the rest is a plain machine with a
 * stack: amount * 2.0 > limit is SLOT CONST MULTIPLY SLOT COMPARE.
 *
 * Errors are values on the stack as all others; only the budget ends a run early. What is
 * constant is put together here, if that succeeds: what would fail is left to fail when run.
 */
#ifndef SLUICE_RULES_CEL_EMIT_H
#define SLUICE_RULES_CEL_EMIT_H

#include "rules/cel_parse.h"

/*
 * X(name, stack): an instruction, and by how much the stack grows. Values are written from the
 * bottom: a b is b on top of a. `to`: where a jump goes.
 */
#define CEL_OP_TABLE(X)                                                                         \
    X(CONST, 1)            /*          -> constants[arg]                                     */ \
    X(SLOT, 1)             /*          -> row[k], or "missing"                               */ \
    X(HAS_SLOT, 1)         /*          -> bool: row[k] is there                              */ \
    X(SLOT_OPTIONAL, 1)    /*          -> optional: what is at row[k]                        */ \
    X(LOCAL, 1)            /*          -> stack[k]                                           */ \
    X(STORE, -1)           /* a        ->            stack[k] = a                            */ \
    X(NOT, 0)              /* a        -> !a                                                 */ \
    X(NEGATE, 0)           /* a        -> -a                                                 */ \
    X(AND, -1)             /* a b      -> a && b                                             */ \
    X(OR, -1)              /* a b      -> a || b                                             */ \
    X(ADD, -1)             /* a b      -> a + b                                              */ \
    X(SUBTRACT, -1)        /* a b      -> a - b                                              */ \
    X(MULTIPLY, -1)        /* a b      -> a * b                                              */ \
    X(DIVIDE, -1)          /* a b      -> a / b                                              */ \
    X(MODULO, -1)          /* a b      -> a % b                                              */ \
    X(COMPARE, -1)         /* a b      -> a (n) b    n is a cel_comparison                   */ \
    X(IN, -1)              /* a b      -> a in b                                             */ \
    X(AT, -1)              /* a b      -> a[b]                                               */ \
    X(AT_OPTIONAL, -1)     /* a b      -> a[?b]                                              */ \
    X(SELECT, 0)           /* a        -> a.(constants[arg])                                 */ \
    X(SELECT_OPTIONAL, 0)  /* a        -> a.?(constants[arg])                                */ \
    X(HAS, 0)              /* a        -> bool: a has the key constants[arg]                 */ \
    X(SELECT_SLOT, 1)      /*          -> row[k].(constants[arg])                            */ \
    X(HAS_IN_SLOT, 1)      /*          -> bool: row[k] is there, with the key constants[arg] */ \
    X(COMPARE_CONST, 0)    /* a        -> a (n) constants[arg]                               */ \
    X(COMPARE_SLOT, 1)     /*          -> row[k] (n) constants[arg]                          */ \
    X(COMPARE_LOCAL, 1)    /*          -> stack[k] (n) constants[arg]                        */ \
    X(AND_COMPARE_SLOT, 0) /* a        -> a && row[k] (n) constants[arg]; to, if a decides   */ \
    X(OR_COMPARE_SLOT, 0)  /* a        -> a || row[k] (n) constants[arg]; to, if a decides   */ \
    X(IN_SLOT, 1)          /*          -> row[k] in constants[arg]                           */ \
    X(JUMP, 0)             /*                        go to `to`                              */ \
    X(JUMP_IF_FALSE, 0)    /* a        -> a          to, if a is false                       */ \
    X(JUMP_IF_TRUE, 0)     /* a        -> a          to, if a is true                        */ \
    X(BRANCH, -1)          /* a        ->            to, if false; if no bool, put an error  */ \
                           /*                        and go to arg                           */ \
    X(ELSE, -1)            /* a        ->            if a is no optional, or has a value:    */ \
                           /*                        keep it and go to `to`                  */ \
    X(ELSE_VALUE, -1)      /* a        ->            the same, and what it has in its place  */ \
    X(CALL, 1)             /* a1 .. an -> calls[arg](a1 .. an), the first of k that fits     */ \
    X(LIST, 1)             /*          -> []         with room for arg                       */ \
    X(APPEND, -1)          /* list a   -> list with a                                        */ \
    X(APPEND_SOME, -1)     /* list a   -> list with what a has, if anything                  */ \
    X(MAP, 1)              /*          -> {}         with room for arg                       */ \
    X(PUT, -2)             /* map a b  -> map with a: b                                      */ \
    X(PUT_SOME, -2)        /* map a b  -> map with a: what b has, if anything                */ \
    X(MERGE, -1)           /* map a    -> map with the entries of a                          */ \
    X(ITERATE, 1)          /* range    -> range 0    if it is none: an error, and to         */ \
    X(RESERVE, 0)          /*          -> null null  (n of them)                             */ \
    X(NEXT, 0)             /*                        the next of stack[k] to stack[k + 3],   */ \
                           /*                        and [k + 4] if n; at the end go to `to` */ \
    X(STOP_IF_FALSE, -1)   /* a        ->            to, if a is false                       */ \
    X(UNTIL_FALSE, -1)     /* a        ->            stack[k] &&= a; to, unless it is false  */ \
    X(UNTIL_TRUE, -1)      /* a        ->            stack[k] ||= a; to, unless it is true   */ \
    X(LEAVE, 0)            /* .. a     -> a          at stack[k]                             */ \
    X(RECALL, 0)           /*          -> memo[arg]  if it is there: push it, and to         */ \
    X(REMEMBER, 0)         /* a        -> a          memo[arg] = a                           */ \
    X(RETURN, -1)          /* a        ->            the answer is a                         */

enum cel_op {
#define X(name, stack) CEL_OP_##name,
    CEL_OP_TABLE(X)
#undef X
};

struct cel_instr {
    uint8_t op; /* enum cel_op */
    uint8_t n;
    uint16_t k; /* a slot, a place on the stack, a number of functions */
    int32_t arg;
    int32_t to;
};

/* Errors: ST_INVALID, with a diagnostic, when the code needs too deep a stack or is too long. */
MUST_USE enum status cel_emit(struct cel_unit *unit, const struct cel_node *root,
                              struct cel_program *ret_program);

#endif
