/*
 * cel_emit.h -- from the typed tree to flat code for a stack of values.
 *
 *     account_tx_count_5m > 10.0 && is_night
 *
 *         SLOT   3         count
 *         CONST  0         count 10.0
 *         GT               bool
 *         JUMP_IF_FALSE 6  bool            (to 6, keeping it: false && x needs no x)
 *         SLOT   7         bool is_night
 *         AND              bool
 *         RETURN
 *
 * Errors are values on the stack as all others; only the budget ends a run early. What is
 * constant is put together here, if that succeeds: what would fail is left to fail when run.
 */
#ifndef SLUICE_RULES_CEL_EMIT_H
#define SLUICE_RULES_CEL_EMIT_H

#include "rules/cel_parse.h"

/*
 * X(name, stack): an instruction, and by how much the stack grows. `arg` is the operand, n and k
 * two smaller ones. Values are written from the bottom: a b is b on top of a.
 */
#define CEL_OP_TABLE(X)                                                                          \
    X(CONST, 1)           /*            -> constants[arg]                                    */  \
    X(SLOT, 1)            /*            -> row[arg], or missing names[k]                     */  \
    X(HAS_SLOT, 1)        /*            -> bool: row[arg] is there                           */  \
    X(SLOT_OPTIONAL, 1)   /*            -> optional: what is at row[arg]                     */  \
    X(LOCAL, 1)           /*            -> stack[arg]                                        */  \
    X(STORE, -1)          /* a          ->            stack[arg] = a                         */  \
    X(NOT, 0)             /* a          -> !a                                                */  \
    X(NEGATE, 0)          /* a          -> -a                                                */  \
    X(AND, -1)            /* a b        -> a && b                                            */  \
    X(OR, -1)             /* a b        -> a || b                                            */  \
    X(ADD, -1)            /* a b        -> a + b                                             */  \
    X(SUBTRACT, -1)       /* a b        -> a - b                                             */  \
    X(MULTIPLY, -1)       /* a b        -> a * b                                             */  \
    X(DIVIDE, -1)         /* a b        -> a / b                                             */  \
    X(MODULO, -1)         /* a b        -> a % b                                             */  \
    X(EQ, -1)             /* a b        -> a == b                                            */  \
    X(NE, -1)             /* a b        -> a != b                                            */  \
    X(LT, -1)             /* a b        -> a < b                                             */  \
    X(LE, -1)             /* a b        -> a <= b                                            */  \
    X(GT, -1)             /* a b        -> a > b                                             */  \
    X(GE, -1)             /* a b        -> a >= b                                            */  \
    X(IN, -1)             /* a b        -> a in b                                            */  \
    X(AT, -1)             /* a b        -> a[b]                                              */  \
    X(SELECT, 0)          /* a          -> a.(constants[arg])                                */  \
    X(HAS, 0)             /* a          -> bool: a has the key constants[arg]                */  \
    X(SELECT_OPTIONAL, 0) /* a         -> a.?(constants[arg])                               */   \
    X(AT_OPTIONAL, -1)    /* a b        -> a[?b]                                             */  \
    X(JUMP, 0)            /*                          go to arg                              */  \
    X(JUMP_IF_FALSE, 0)   /* a          -> a          if a is false, go to arg               */  \
    X(JUMP_IF_TRUE, 0)    /* a          -> a          if a is true, go to arg                */  \
    X(BRANCH, -1)         /* a          ->            if false, go to arg; if no bool, put an */ \
                          /*                          error and go to k                      */  \
    X(ELSE, -1)           /* a          -> a          if a is an optional with a value, or   */  \
                          /*                          none at all, go to arg; else drop it   */  \
    X(ELSE_VALUE, -1)     /* a          -> a          so, with the value itself              */  \
    X(CALL, 1)            /* a1 .. an   -> calls[arg](a1 .. an), the first of k that fits    */  \
    X(LIST, 1)            /*            -> []         with room for arg                      */  \
    X(APPEND, -1)         /* list a     -> list with a                                       */  \
    X(MAP, 1)             /*            -> {}         with room for arg                      */  \
    X(PUT, -2)            /* map a b    -> map with a: b                                     */  \
    X(APPEND_SOME, -1)    /* list a     -> list with what a holds, if it does                */  \
    X(PUT_SOME, -2)       /* map a b    -> map with a: what b holds, if it does              */  \
    X(MERGE, -1)          /* map a      -> map with the entries of a                         */  \
    X(ITERATE, 1)         /* range      -> range 0    if it is none: an error, go to arg     */  \
    X(RESERVE, 0)         /*            -> null null  (n of them)                            */  \
    X(STOP_IF_FALSE, -1)  /* a          ->            if a is false, go to arg               */  \
    X(NEXT, 0)            /*                          the next of stack[k] to stack[k + 3],  */  \
                          /*                          and [k + 4] if n; at the end go to arg */  \
    X(LEAVE, 0)           /* .. a       -> a          at stack[arg]                          */  \
    X(RETURN, -1)         /* a          ->            the answer is a                        */

enum cel_op {
#define X(name, stack) CEL_OP_##name,
    CEL_OP_TABLE(X)
#undef X
};

struct cel_instr {
    uint8_t op;
    uint8_t n;
    uint16_t k;
    int32_t arg;
};

/* Errors: ST_INVALID, with a diagnostic, when the code needs too deep a stack or is too long. */
MUST_USE enum status cel_emit(struct cel_unit *unit, const struct cel_node *root,
                              struct cel_program *ret_program);

#endif
