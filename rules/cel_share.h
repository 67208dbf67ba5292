/*
 * cel_share.h -- what several expressions over one row have in common is computed once a row.
 *
 *     rule a:  double(account_count_1d) / account_avg_30d > 4.0 && is_night
 *     rule b:  double(account_count_1d) / account_avg_30d > 9.0
 *              `------------ memo[0] ------------------´
 *
 * Expressions are compiled with env->share set; cel_share_emit() then finds the parts that stand in
 * two places at least and take more than a few instructions, and emits all of them anew, with a
 * RECALL and a REMEMBER around each. A run with a memo computes such a part once; without one
 * every time, with the same answer.
 *
 * Owns: nothing; everything lives in the arena of the load.
 */
#ifndef SLUICE_RULES_CEL_SHARE_H
#define SLUICE_RULES_CEL_SHARE_H

#include "rules/cel_parse.h"

enum { CEL_SHARED_MAX = 4096 }; /* of a ruleset; a memo is 24 bytes of it each */

struct cel_share *cel_share_new(struct arena *arena);

/* cel_compile() calls it: the tree stays as it is until cel_share_emit(). With a `guard`, or NULL,
 * `root` was added without one before. */
void cel_share_add(struct cel_share *s, const struct cel_unit *unit, struct cel_node *guard,
                   struct cel_node *root, struct cel_program *program);

/*
 * Emits all programs anew. *ret_n_shared: how many values a memo has; all of them are CEL_MISSING
 * (zeroed) before the first run over a row. O(nodes).
 * Errors: ST_INVALID, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status cel_share_emit(struct cel_share *s, struct diag_list *diags,
                                    int *ret_n_shared);

#endif
