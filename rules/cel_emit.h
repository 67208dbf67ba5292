/*
 * cel_emit.h -- from the typed tree to flat code for a stack of values.
 *
 *     account_count_5m > 10 && is_night
 *
 *         COMPARE_SLOT  account_count_5m > 10      bool
 *         AND_SLOT      is_night == true           bool   (to RETURN when it is false already)
 *         RETURN
 *
 * The comparison of a name with a constant is one instruction; the rest is a plain machine with a
 * stack: amount * 2.0 > limit is SLOT CONST MULTIPLY SLOT COMPARE.
 *
 * Errors are values on the stack as all others; only the budget ends a run early.
 */
#ifndef SLUICE_RULES_CEL_EMIT_H
#define SLUICE_RULES_CEL_EMIT_H

#include "rules/cel_parse.h"

/*
 * X(name, stack, operands): an instruction, by how much the stack grows, and what it works with:
 *
 *     s row[k]   l stack[k]   n a cel_comparison   c constants[arg]   r a number   m memo[arg]
 *     f calls[arg], k of them with n arguments     j, e: goes on at `to`, at `arg`
 *     t row[arg]: a list of the ruleset
 *
 * Values are written from the bottom: a b is b on top of a. What follows a ";" is done besides.
 */
#define CEL_OP_TABLE(X)                                                                            \
    X(CONST, 1, "c")           /*          -> c                                           */       \
    X(SLOT, 1, "s")            /*          -> s, or "missing"                             */       \
    X(HAS_SLOT, 1, "s")        /*          -> bool: s is there                            */       \
    X(SLOT_OPTIONAL, 1, "s")   /*          -> optional: what s is, if it is there         */       \
    X(LOCAL, 1, "l")           /*          -> l                                           */       \
    X(STORE, -1, "l")          /* a        ->; l = a                                      */       \
    X(NOT, 0, "")              /* a        -> !a                                          */       \
    X(NEGATE, 0, "")           /* a        -> -a                                          */       \
    X(AND, -1, "")             /* a b      -> a && b                                      */       \
    X(OR, -1, "")              /* a b      -> a || b                                      */       \
    X(ADD, -1, "")             /* a b      -> a + b                                       */       \
    X(SUBTRACT, -1, "")        /* a b      -> a - b                                       */       \
    X(MULTIPLY, -1, "")        /* a b      -> a * b                                       */       \
    X(DIVIDE, -1, "")          /* a b      -> a / b                                       */       \
    X(MODULO, -1, "")          /* a b      -> a % b                                       */       \
    X(COMPARE, -1, "n")        /* a b      -> a n b                                       */       \
    X(IN, -1, "")              /* a b      -> a in b                                      */       \
    X(AT, -1, "")              /* a b      -> a[b]                                        */       \
    X(AT_OPTIONAL, -1, "")     /* a b      -> a[?b]                                       */       \
    X(SELECT, 0, "c")          /* a        -> a.c                                         */       \
    X(SELECT_OPTIONAL, 0, "c") /* a        -> a.?c                                        */       \
    X(HAS, 0, "c")             /* a        -> has(a.c)                                    */       \
    X(SELECT_SLOT, 1, "sc")    /*          -> s.c                                         */       \
    X(HAS_IN_SLOT, 1, "sc")    /*          -> has(s.c)                                    */       \
    X(COMPARE_CONST, 0, "nc")  /* a        -> a n c                                       */       \
    X(COMPARE_SLOT, 1, "snc")  /*          -> s n c                                       */       \
    X(COMPARE_LOCAL, 1, "lnc") /*          -> l n c                                       */       \
    X(AND_SLOT, 0, "sncj")     /* a        -> a && s n c; if a is false: to j             */       \
    X(OR_SLOT, 0, "sncj")      /* a        -> a || s n c; if a is true: to j              */       \
    X(IN_SLOT, 1, "sc")        /*          -> s in c                                      */       \
    X(IN_LIST, 1, "st")        /*          -> s in t                                      */       \
    X(SLOT_WALKED, 1, "s")     /*          -> s, a list; an error if it is too long for that */    \
    X(JUMP, 0, "j")            /*          ->; to j                                       */       \
    X(JUMP_IF_FALSE, 0, "j")   /* a        -> a; if a is false: to j                      */       \
    X(JUMP_IF_TRUE, 0, "j")    /* a        -> a; if a is true: to j                       */       \
    X(BRANCH, -1, "je")        /* a        ->; if false: to j; if no bool: push an error, to e */  \
    X(ELSE, -1, "j")          /* a        ->; unless it is optional.none(): push it again, to j */ \
    X(ELSE_VALUE, -1, "j")    /* a        ->; the same, with what it holds               */        \
    X(CALL, 1, "f")           /* a1 .. an -> f(a1 .. an), the first of k that fits       */        \
    X(LIST, 1, "r")           /*          -> [] with room for r                          */        \
    X(APPEND, -1, "")         /* list a   -> list with a                                 */        \
    X(APPEND_SOME, -1, "")    /* list a   -> list with what a holds, if anything         */        \
    X(MAP, 1, "r")            /*          -> {} with room for r                          */        \
    X(PUT, -2, "")            /* map a b  -> map with a: b                               */        \
    X(PUT_SOME, -2, "")       /* map a b  -> map with a: what b holds, if anything       */        \
    X(MERGE, -1, "")          /* map a    -> map with the entries of a                   */        \
    X(ITERATE, 1, "j")        /* range    -> range 0; if it is none: error, to j         */        \
    X(RESERVE, 0, "")         /*          -> null null (n of them)                       */        \
    X(NEXT, 0, "lj")          /*          ->; the range at l goes on, at its end to j    */        \
    X(STOP_IF_FALSE, -1, "j") /* a        ->; if it is false: to j                       */        \
    X(UNTIL_FALSE, -1, "lj")  /* a        ->; l = l && a; unless that is false: to j     */        \
    X(UNTIL_TRUE, -1, "lj")   /* a        ->; l = l || a; unless that is true: to j      */        \
    X(LEAVE, 0, "l")          /* .. a     -> a, at l                                     */        \
    X(RECALL, 0, "mj")        /*          -> m, to j; if it is there                     */        \
    X(REMEMBER, 0, "m")       /* a        -> a; m = a                                    */        \
    X(GUARD, -1, "")          /* a        ->; if a is false: the answer; else run->passed = a */   \
    X(RETURN, -1, "")         /* a        ->; the answer is a                            */

enum cel_op {
#define X(name, stack, operands) CEL_OP_##name,
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

/*
 * The same behind a guard (cel_relax.h): where that one is false `root` is not run, because it is
 * false too. NULL: there is none.
 */
MUST_USE enum status cel_emit_guarded(struct cel_unit *unit, const struct cel_node *guard,
                                      const struct cel_node *root, struct cel_program *ret_program);

#endif
