/*
 * cel_listing.h -- a program as a person reads it.
 *
 *     account_count_5m > 5 && is_night
 *
 *         result bool, 3 steps at most, 1 value at once
 *         reads  account_count_5m: int, is_night: bool
 *            0  COMPARE_SLOT     account_count_5m > 5
 *            1  AND_SLOT         is_night == true -> 2
 *            2  RETURN
 */
#ifndef SLUICE_RULES_CEL_LISTING_H
#define SLUICE_RULES_CEL_LISTING_H

#include "rules/cel.h"

/* Lines, each behind `indent` blanks; what does not fit is cut (out->overflow). `env` is what it
 * was compiled with: it has the names' types. */
void cel_listing_write(const struct cel_program *program, const struct cel_env *env, int indent,
                       struct text *out);

#endif
