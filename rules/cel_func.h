/*
 * cel_func.h -- the functions: name, argument types, result, code. cel_library.h has the tables.
 *
 * Functions of one name and style stand in a row; a call takes the first whose arguments fit, at
 * check by type and at run by kind. Operators are in the table for the checker alone: the VM has
 * an instruction for each (run is NULL).
 *
 * A function never sees a missing value or an error, and a range only if it says so: dispatch
 * answers those itself.
 */
#ifndef SLUICE_RULES_CEL_FUNC_H
#define SLUICE_RULES_CEL_FUNC_H

#include "rules/cel.h"

enum { CEL_ARGS_MAX = 4 };

struct cel_unit; /* cel_parse.h */
struct cel_node; /* cel_ast.h */

/* What a run gives to what it calls. */
struct cel_context {
    struct arena *arena;
    int64_t steps; /* left; at zero or below the run's answer is CEL_ERR_LIMIT */
};

typedef struct cel_value cel_fn(struct cel_context *cx, const struct cel_value *args, int n_args);

/* Of a cel_fn whose answer depends on args alone. */
#define UNUSED_ARGS \
    (void)cx;       \
    (void)n_args

/*
 * Turns a constant text argument into something quicker, at load: a pattern, a time zone. NULL, or
 * what is wrong with it (static).
 */
typedef const char *cel_prepare_fn(struct span text, struct arena *arena,
                                   struct cel_value *ret_value);

/*
 * As cel_prepare_fn, of a constant list of texts; *ret_wrong is the item that is wrong.
 */
typedef const char *cel_prepare_list_fn(const struct cel_list *list, struct arena *arena,
                                        struct cel_value *ret_value, size_t *ret_wrong);

/*
 * Looks at a call whose types fit, for what its literals tell besides; adds diagnostics. Not
 * called with env->unchecked.
 */
typedef void cel_review_fn(struct cel_unit *unit, const struct cel_node *call);

struct cel_func {
    const char *name;
    bool is_method; /* x.f(y): the receiver is args[0] */
    int n_args;     /* the receiver included */
    const struct cel_type *args[CEL_ARGS_MAX];
    const struct cel_type *result;
    cel_fn *run;                       /* NULL: an operator, or the env declares its types alone */
    cel_prepare_fn *prepare;           /* of the last argument; may be NULL */
    cel_prepare_list_fn *prepare_list; /* the same */
    cel_review_fn *review;             /* may be NULL */
    bool takes_ranges;                 /* `run` knows CEL_RANGE */
};

/* The functions called `name`: the first; *ret_count of them stand in a row. NULL: none. */
const struct cel_func *cel_func_find(const struct cel_env *env, struct span name, bool is_method,
                                     int *ret_count);

/*
 * For suggestions: all names of that style that can be written, each once. Returns how many, at
 * most `max`.
 */
size_t cel_func_names(bool is_method, const char **ret_names, size_t max);

/* Call the first of funcs[0..count) that takes the arguments. */
struct cel_value cel_func_call(struct cel_context *cx, const struct cel_func *funcs, int count,
                               const struct cel_value *args, int n_args);

/* Take `n` steps; false: there are none left. */
static inline bool cel_spend(struct cel_context *cx, size_t n)
{
    cx->steps -= (int64_t)n;
    return cx->steps > 0;
}

/* `size` bytes of the run's arena; NULL: full, and the run is over its limit. */
void *cel_room(struct cel_context *cx, size_t size);

static inline struct cel_value cel_fault(enum cel_error_code code)
{
    return cel_error(code, span_of(NULL, 0));
}

#endif
