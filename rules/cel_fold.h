/*
 * cel_fold.h -- what needs no row is computed once, at load.
 *
 *     amount > 2.0 * 1000.0 && currency in ["EUR", "USD"].map(c, c.lowerAscii())
 *  -> amount > 2000.0       && currency in ["eur", "usd"]
 *
 * Each greatest part of the tree without a name of the row is emitted and run as it would be later;
 * what fails is left to fail then, and its parts are looked at one by one. So nothing is folded
 * that could fail, and folding cannot give another answer than running. `true && x` becomes x,
 * and `false && x` false, where x is known to be a bool.
 */
#ifndef SLUICE_RULES_CEL_FOLD_H
#define SLUICE_RULES_CEL_FOLD_H

#include "rules/cel_parse.h"

/* A tree that was checked, in place. O(tree), and FOLD_STEPS_MAX instructions. */
void cel_fold(struct cel_unit *unit, struct cel_node *root);

#endif
