/* What the C library says of a time zone. */
#ifndef SLUICE_TESTS_UNIT_RULES_ZONE_ORACLE_H
#define SLUICE_TESTS_UNIT_RULES_ZONE_ORACLE_H

#include <stdint.h>

/* `tz` as in the variable TZ: a rule, or ":" and the path of a file. */
void oracle_set(const char *tz);
int32_t oracle_offset(int64_t unix_s);

/* Each instant of these years that a change may fall on, and the second before it; -1 behind. */
int64_t oracle_next(int64_t unix_s);

#define ORACLE_EACH(t) for (int64_t t = oracle_next(-1); t >= 0; t = oracle_next(t))

#endif
