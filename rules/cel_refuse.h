/*
 * cel_refuse.h -- why the checker refuses a node, told to whoever wrote it.
 *
 *     rules.yaml:4:18: '*' does not work on double and int
 *         when: amount * 2 > account_sum_1d
 *                      ^
 *     write 2.0
 *
 * The caret stands under the token that is wrong; the message says what was found and what was
 * expected, the hint what to write. tests/messages pins them.
 */
#ifndef SLUICE_RULES_CEL_REFUSE_H
#define SLUICE_RULES_CEL_REFUSE_H

#include "rules/cel_func.h"
#include "rules/cel_infer.h"
#include "rules/cel_parse.h"

enum { CEL_TYPE_TEXT_MAX = 96 }; /* of a type in a diagnostic; longer ones are cut */

struct cel_type_text {
    char text[CEL_TYPE_TEXT_MAX];
};

/* Who checks: variables in the types of nodes stand for what `infer` knows. */
struct cel_refuser {
    struct cel_unit *unit;
    struct cel_infer *infer;
};

struct cel_type_text cel_refuser_type(struct cel_refuser r, const struct cel_type *t);

/* `n`, a name or selections from one, that reads `path`, is declared nowhere. */
void cel_refuse_name(struct cel_refuser r, const struct cel_node *n, struct span path);

/* No function is called so; `path` is not empty where what stands before is a name: math.floot. */
void cel_refuse_function(struct cel_refuser r, const struct cel_node *n, struct span path);

/* No function of n->calls, or no form of the operator, takes args[0 .. n_args). */
void cel_refuse_call(struct cel_refuser r, const struct cel_node *n, struct cel_node *const *args,
                     int n_args);

/* n->left, of type `t`, has no fields. */
void cel_refuse_field(struct cel_refuser r, const struct cel_node *n, const struct cel_type *t);

/* The key of a map literal; the range of a macro. */
void cel_refuse_key(struct cel_refuser r, const struct cel_node *key);
void cel_refuse_range(struct cel_refuser r, const struct cel_node *loop);

/* `n` needs no row, and fails: what it is made of is constant by now, where that does not fail. */
void cel_refuse_constant(struct cel_unit *unit, const struct cel_node *n, enum cel_error_code why);

#endif
