/*
 * cel_zone.h -- time zones: "UTC", "+02:00", "-08:00", and names of the tz database.
 *
 * A name is read at load from the system's compiled database (RFC 8536), under
 * /usr/share/zoneinfo. Past the last transition of its file the rule at the file's end goes on
 * (cel_zone_rule.h): that is from 2037 on, or, in the slim form of newer databases, from the year
 * in which the rule was made.
 */
#ifndef SLUICE_RULES_CEL_ZONE_H
#define SLUICE_RULES_CEL_ZONE_H

#include "rules/cel_func.h"

/* For the function table: a constant zone becomes a CEL_HANDLE. */
cel_prepare_fn cel_zone_prepare;

/* A file of the database as a zone, a CEL_HANDLE. CHECKs that it fits. false: it is none. */
bool cel_zone_parse(struct span file, struct arena *arena, struct cel_value *ret_zone);

/*
 * Seconds that the zone is ahead of UTC at `unix_s`. `zone` is a CEL_HANDLE of cel_zone_prepare,
 * or a CEL_STRING, which may be UTC or an offset only: no file is read while a rule runs.
 * false: it is no zone.
 */
bool cel_zone_offset(const struct cel_value *zone, int64_t unix_s, int32_t *ret_offset_s);

#endif
