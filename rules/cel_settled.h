/*
 * cel_settled.h -- what the bounds of values settle, whatever the row: no rule means that.
 *
 *     account_count_5m < 0       can never hold: it is at least 0
 *     merchant.country == "BEL"  can never hold: it has at most 2 bytes
 *     currency == null           can never hold: what is missing is not null
 *     account_count_5m >= 0      always holds: it is at least 0
 *     location.latitude          a place has lat and lon
 *     amount_cents / 0           always fails
 *
 * A value that is missing, an error and NaN make a comparison no truer, so that what is refused has
 * no use. Comparisons of literals alone are left alone: programs write them.
 */
#ifndef SLUICE_RULES_CEL_SETTLED_H
#define SLUICE_RULES_CEL_SETTLED_H

#include "rules/cel_parse.h"

/* Adds a diagnostic if `n`, whose parts have their bounds, is such a thing. */
void cel_settled_refuse(struct cel_unit *unit, const struct cel_node *n);

#endif
