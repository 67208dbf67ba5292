/*
 * eval_vars.h -- variables for an expression, as a person writes them: plain JSON.
 *
 *     {"amount": 12.5, "count": 3, "mcc": [5411, 5812], "home": {"country": "BE"}}
 *
 * A number with a point or an exponent is a double, any other an int. An object is a map, and so
 * has a type for all its values: home is map(string, string). Where values are of several types,
 * that one is dyn: {"a": [1], "b": ["x"]} is map(string, list(dyn)).
 */
#ifndef SLUICE_CLI_EVAL_VARS_H
#define SLUICE_CLI_EVAL_VARS_H

#include "rules/cel.h"

struct eval_vars {
    struct cel_name *names; /* [count]; slot i is values[i] */
    struct cel_value *values;
    int count;
};

/*
 * Everything is copied to `arena`. O(n^2) in the variables, of at most EVAL_NAMES_MAX.
 * Errors: ST_INVALID, with a diagnostic of "--vars".
 */
MUST_USE enum status eval_vars_read(struct span json, struct arena *arena, struct diag_list *diags,
                                    struct eval_vars *ret_vars);

#endif
