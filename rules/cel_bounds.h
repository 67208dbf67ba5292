/*
 * cel_bounds.h -- what a value can be besides its type: the least, the largest, the longest.
 *
 *     account_count_5m           0 ..            a count
 *     account_count_5m - 3      -3 ..
 *     timestamp.getHours()       0 .. 23
 *     merchant.country           0 .. 2 bytes    `max: 2` in the schema
 *
 * Only what is certain counts: what is not known here may be anything. Bounds say nothing of
 * values that are missing, or errors. cel_settled.h has what follows from them.
 *
 * Source: interval arithmetic; Moore, Kearfott, Cloud, "Introduction to Interval Analysis", 2009.
 */
#ifndef SLUICE_RULES_CEL_BOUNDS_H
#define SLUICE_RULES_CEL_BOUNDS_H

#include "rules/cel_infer.h"
#include "rules/cel_parse.h"

/* A key that a map always has. */
struct cel_bounds_key {
    const char *name;
    const struct cel_bounds *value;
};

/* cel_bounds_any where nothing is known; then changed where something is. */
struct cel_bounds {
    double lo, hi;                     /* of a number; infinite: not known */
    int64_t bytes_min, bytes_max;      /* of a string; 0, INT64_MAX: not known */
    const struct cel_bounds *items;    /* of a list's items; NULL: not known */
    const struct cel_bounds_key *keys; /* all keys of a map, in lists [n_keys]; NULL: any */
    int n_keys;
    bool (*may_be)(struct span text); /* can the string be this one? NULL: any */
    const char *form;                 /* what may_be asks for: "one address, as 192.0.2.1" */
    bool reads_row;                   /* no literal; of nodes only */
};

extern const struct cel_bounds cel_bounds_any;

/* Of one value; *ret_bounds is cel_bounds_any before. */
void cel_bounds_of_value(const struct cel_value *v, struct cel_bounds *ret_bounds);

/* NULL: the map has no such key, or its keys are not known. */
const struct cel_bounds_key *cel_bounds_key(const struct cel_bounds *map, struct span name);

/*
 * Finds the bounds of every node of a checked tree, from those of the names, and refuses what
 * cel_settled.h says. O(tree * names).
 * Errors: ST_INVALID with diagnostics.
 */
MUST_USE enum status cel_bounds_check(struct cel_unit *unit, struct cel_node *root);

#endif
