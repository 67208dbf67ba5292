/*
 * cel_infer.h -- unification: which types stand for the parameters of a signature.
 *
 * Source: cel-go, checker/types.go (isAssignable); Robinson 1965.
 */
#ifndef SLUICE_RULES_CEL_INFER_H
#define SLUICE_RULES_CEL_INFER_H

#include "rules/cel_type.h"

/* What each variable is bound to, NULL: nothing yet; and the order of binding, to take it back. */
struct cel_infer {
    struct arena *arena;
    const struct cel_type **bound; /* by the variable's id */
    int n_vars, room;
    struct cel_binding *trail;
    int n_trail, trail_room;
};

/* A variable that nothing is known of. */
const struct cel_type *cel_infer_var(struct cel_infer *in);

/* `t` with its parameters replaced by vars[id]. */
const struct cel_type *cel_infer_instance(struct cel_infer *in, const struct cel_type *t,
                                          const struct cel_type *const *vars);

/* May a `from` stand where a `to` is wanted? Binds variables, also when the answer is no. */
bool cel_infer_assign(struct cel_infer *in, const struct cel_type *from, const struct cel_type *to);

/* Bindings made since `mark` (an earlier in->n_trail) are taken back. */
void cel_infer_undo(struct cel_infer *in, int mark);

/* `t` with bound variables replaced, down to the first that is free. */
const struct cel_type *cel_infer_known(const struct cel_infer *in, const struct cel_type *t);

/* As cel_infer_known, and below it; free variables become dyn when `final`. */
const struct cel_type *cel_infer_resolve(struct cel_infer *in, const struct cel_type *t,
                                         bool final);

/* Has `t` more than CEL_TYPE_NODES_MAX parts? O(CEL_TYPE_NODES_MAX). */
bool cel_infer_is_large(const struct cel_infer *in, const struct cel_type *t);

/* The type of a list's items so far, `was`, with one more, `t`: dyn when they do not agree. */
const struct cel_type *cel_infer_join(struct cel_infer *in, const struct cel_type *was,
                                      const struct cel_type *t);

#endif
