/*
 * cel_zone_rule.h -- what a time zone does past the transitions of its file: the text at the end of
 * the file, which POSIX calls TZ.
 *
 *     CET-1CEST,M3.5.0,M10.5.0/3
 *     |  |  |  |       +- ends on the last Sunday of October at 3, local summer time
 *     |  |  |  +- begins on the last (5) Sunday (0) of March (3), at 2
 *     |  |  +- summer time: one hour ahead, unless an offset follows
 *     |  +- hours that the zone is behind UTC
 *     +- a name: letters, or <+03>
 *
 * Days are also Jn, n from 1 to 365 without the leap day, or n from 0 to 365 with it. Times go
 * from -167 to 167 hours.
 *
 * Source: RFC 8536, sections 3.3 and 3.3.1; POSIX.1-2017, "Environment Variables", 8.3.
 */
#ifndef SLUICE_RULES_CEL_ZONE_RULE_H
#define SLUICE_RULES_CEL_ZONE_RULE_H

#include "service/base/span.h"

#include <stdint.h>

enum cel_zone_day_kind { ZONE_DAY_OF_MONTH, ZONE_DAY_JULIAN, ZONE_DAY_OF_YEAR };

struct cel_zone_day {
    enum cel_zone_day_kind kind;
    int month, week, weekday; /* ZONE_DAY_OF_MONTH: from 1, 1 to 5, 0 is Sunday */
    int day;                  /* of the other two */
    int32_t time_s;           /* behind the local midnight that the day begins with */
};

struct cel_zone_rule {
    int32_t standard_s, summer_s; /* ahead of UTC */
    bool has_summer;
    struct cel_zone_day begin, end; /* of summer time */
};

/* false: it is no such text, or has summer time and not the days it begins and ends with. */
bool cel_zone_rule_parse(struct span text, struct cel_zone_rule *ret_rule);

/* Seconds that the zone is ahead of UTC at `unix_s`. O(1). */
int32_t cel_zone_rule_offset(const struct cel_zone_rule *rule, int64_t unix_s);

#endif
