/*
 * cel_relax.h -- a condition with its thresholds moved by a tenth, so that what almost held holds:
 * what it adds are near misses.
 *
 *     count > 10 && currency == "EUR"     becomes     count > 9 && currency == "EUR"
 *     amount > avg * 4.0                              amount > avg * 3.6
 *
 * Moved are the < <= > >= between a quantity and a number, or a quantity times a number; a quantity
 * is made of names of numbers by + - * / and conversions. They stand in the condition itself, or
 * below && and || and in the branches of ?:. Not below !, in a macro or in a call; not a threshold
 * of 0.0; not one that everything would be past then (count >= 1, of what is never below 0).
 *
 * What makes it useful: in the order  false < error < true  it is never below the exact condition,
 * because && and || are the least and the greatest of their sides (Kleene), and each comparison
 * moves upward alone. So where it is false the exact one is false too, and need not be run. That
 * the exact one would not have gone over its limit of steps or room either is why below || no loop
 * and no function may stand: above, it evaluates no more than the relaxed one, in the same order.
 */
#ifndef SLUICE_RULES_CEL_RELAX_H
#define SLUICE_RULES_CEL_RELAX_H

#include "rules/cel_parse.h"

/* By how much: of a threshold this part, of a whole number at least 1. Of whole numbers counts what
 * lies within the part, which may be a fraction: count > 15 becomes count > 13, for 14 > 13.5. */
enum { CEL_RELAX_PART = 10 };

/*
 * Of a tree that is checked and folded. It shares with `root` what is not moved; the nodes that are
 * its own say is_relaxed. NULL: nothing is there to move. O(nodes).
 */
struct cel_node *cel_relax(struct cel_unit *unit, struct cel_node *root);

#endif
