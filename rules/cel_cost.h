/*
 * cel_cost.h -- how many steps a run may take, as far as the tree tells before there is a row.
 *
 * A step is one instruction; a function counts as COST_CALL of them, a loop as its round times the
 * elements of what it goes through: counted where they stand in the source or in a list of the
 * ruleset, taken for COST_ELEMENTS where a row will tell. The budget of a run (CEL_STEPS_MAX) is
 * what holds in the end; this is to refuse at load what would go past it.
 */
#ifndef SLUICE_RULES_CEL_COST_H
#define SLUICE_RULES_CEL_COST_H

#include "rules/cel_ast.h"

enum {
    COST_CALL = 10,     /* a function: some ten times an operator */
    COST_ELEMENTS = 64, /* of a list that nobody knows yet */
};

/* cost + times * steps, INT_MAX when it is more. */
int cel_cost_add(int cost, int times, int steps);
/* `times`, each time for every element of `range`; INT_MAX when it is more. */
int cel_cost_times(int times, const struct cel_node *range);

#endif
