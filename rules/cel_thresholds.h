/*
 * cel_thresholds.h -- how a program reads one name, and the numbers it compares it with: where its
 * answer may turn.
 *
 *     count > 10 && amount / 2.0 < 50.0      of count:   > 10
 *                                            of amount:  is_computed
 */
#ifndef SLUICE_RULES_CEL_THRESHOLDS_H
#define SLUICE_RULES_CEL_THRESHOLDS_H

#include "rules/cel.h"

/* The answer turns between the number and what is next to it, on one side. */
struct cel_threshold {
    double number;
    bool turns_above; /* name > number, name <= number; else name >= number, name < number */
};

struct cel_thresholds {
    struct cel_threshold *items; /* the caller's, [room] */
    int room, count;             /* what has no room is not there: then is_computed */
    bool is_code;                /* it is compared by == or !=, or looked for in a list */
    bool is_computed;            /* something else is done with it */
};

/* Adds what `program` does with row[slot]. O(code). */
void cel_thresholds_add(struct cel_thresholds *t, const struct cel_program *program, int slot);

#endif
