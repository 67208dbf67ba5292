/*
 * cel.h -- expressions: compiled once, at load, and run without allocation.
 *
 *     source --lex, parse--> tree --check--> typed tree --emit--> program --run--> value
 *                                     ^ env                              ^ row
 *
 * The language is the Common Expression Language (CEL); cel_value.h says what it has here besides.
 *
 * Owns:    a program lives in the arena of its load, and points into nothing else but the env's
 *          constants. Read-only afterwards.
 * Threads: a program may run on any number of threads at once, each with its own scratch.
 */
#ifndef SLUICE_RULES_CEL_H
#define SLUICE_RULES_CEL_H

#include "rules/cel_type.h"
#include "rules/cel_value.h"
#include "service/base/arena.h"
#include "service/base/diag.h"

enum {
    CEL_SOURCE_MAX = 16 << 10, /* bytes of one expression; the longest we saw is 2 KiB */
    CEL_DEPTH_MAX = 200,       /* of the tree; a rule of 200 alternatives still fits */
    CEL_STACK_MAX = 256,       /* values at once; 6 KiB of the thread's stack */
    CEL_COST_MAX = 20000,      /* of an expression of a ruleset, estimated: some 50 us */
    CEL_STEPS_MAX = 100000,    /* of one run, about a millisecond: nested macros are cut there */
    /* What a compilation must find free in its arena: for looking through a thousand names after
     * a misspelt one, and for a byte of the worst source. */
    CEL_ROOM_BYTES = 512 << 10,
    CEL_ROOM_BYTES_A_BYTE = 2048,
};

struct cel_bounds; /* cel_bounds.h */
struct cel_func;   /* cel_func.h */
struct cel_instr;  /* cel_emit.h */
struct cel_share;  /* cel_share.h */

/* A name that expressions may use. Reached as `name`, and as `group.name` when it has a group. */
struct cel_name {
    struct span name;  /* may have dots: merchant.country */
    const char *group; /* "tx", "lists", "models"; NULL: none */
    const struct cel_type *type;
    int slot;                         /* where it stands in the row; not used with `constant` */
    const struct cel_value *constant; /* not NULL: the value itself (a list); outlives programs */
    const struct cel_bounds *bounds;  /* of its values; outlives programs; NULL: not known */
    int covered_slot;                 /* a feature: where covered(NAME) stands; 0: it is none */
};

struct cel_env {
    const struct cel_name *names;
    int n_names;
    /* The rest may stay zero. */
    const struct cel_func *functions; /* in addition to the standard ones */
    int n_functions;
    struct span container;    /* "a.b": a name x is looked for as a.b.x, a.x, x */
    const char *unknown_hint; /* about a name that is like no other: what may be named here */
    bool unchecked;           /* type errors and unknown names show when run, as error values */
    bool is_strict; /* refused: comparisons that never or always hold, constants that fail */
    int cost_max;   /* an expression that may cost more is refused; 0: none is */
    struct cel_share *share; /* what is compiled is put aside, and emitted by cel_share_emit() */
};

struct cel_program {
    const struct cel_type *result;   /* dyn when only a run can tell */
    const struct cel_bounds *bounds; /* of its values, with env->is_strict; else NULL */
    const int *reads;                /* slots it reads, each once, in the order of first reading */
    int n_reads;
    int cost; /* steps of a run, as far as can be told: cel_cost.h */
    /* private */
    const struct cel_instr *code; /* cel_emit.h */
    const struct cel_value *constants;
    const struct cel_func *const *calls;
    const struct span *names; /* by number of a reading, for "missing NAME" */
    int n_code;
    int stack_max;
};

/*
 * Compile `source`, which starts at `at` of a file (a YAML scalar's body_line and body_col); with
 * an empty at.content, the source itself is shown in diagnostics. Everything is kept in `arena`;
 * the source is copied. O(source * names).
 * Errors: ST_INVALID with at least one diagnostic, ST_NO_SPACE (also with one).
 */
MUST_USE enum status cel_compile(const struct cel_env *env, struct span source, struct diag_at at,
                                 struct arena *arena, struct diag_list *diags,
                                 const struct cel_program **ret_program);

/*
 * cel_compile() of a condition. *ret_guarded: the same behind a guard that is it with its
 * thresholds moved, for near misses (cel_relax.h); *ret_program itself: it has none to move, or is
 * too large to be kept twice. Its answer is the condition's, but for CEL_ERR_LIMIT, which may be
 * the guard's.
 */
MUST_USE enum status cel_compile_condition(const struct cel_env *env, struct span source,
                                           struct diag_at at, struct arena *arena,
                                           struct diag_list *diags,
                                           const struct cel_program **ret_program,
                                           const struct cel_program **ret_guarded);

/*
 * Run over a row. The answer may point into the row, the program and `scratch`. Nothing but
 * `scratch` is allocated from; when it is full, or after CEL_STEPS_MAX, the answer is the
 * error value CEL_ERR_LIMIT.
 */
struct cel_value cel_run(const struct cel_program *program, const struct cel_value *row,
                         struct arena *scratch);

/* What a run has besides its row. */
struct cel_run {
    struct arena *scratch;
    int64_t steps;          /* left; counted down */
    struct cel_value *memo; /* cel_share.h: what was computed of this row; NULL: nothing is kept */
    /* Of a program with a guard (cel_compile_condition): */
    size_t mark; /* scratch->used_bytes at the start; goes back there behind the guard */
    bool passed; /* out: the guard was true */
};

/* cel_run() with a budget of one's own, and a memo. */
struct cel_value cel_run_with(const struct cel_program *program, const struct cel_value *row,
                              struct cel_run *run);

/* The declared name that a text means, as expressions find it ("tx.amount", "amount"), or NULL. */
const struct cel_name *cel_env_find(const struct cel_env *env, struct span text);

#endif
