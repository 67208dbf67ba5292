/*
 * cel_check.h -- names become slots, and every node gets a type.
 *
 * Types of functions are inferred as in the CEL specification ("Gradual Type Checking"): `dyn`
 * passes everywhere, parameters of signatures are unified. Beyond it: numbers of unlike types
 * may be compared with == and looked for with `in`, as they may with <; the value decides.
 *
 * With env->unchecked, only names are resolved; what is wrong becomes an error value when run.
 */
#ifndef SLUICE_RULES_CEL_CHECK_H
#define SLUICE_RULES_CEL_CHECK_H

#include "rules/cel_parse.h"

/* Errors: ST_INVALID with diagnostics. O(nodes * names). */
MUST_USE enum status cel_check(struct cel_unit *unit, struct cel_node *root);

#endif
