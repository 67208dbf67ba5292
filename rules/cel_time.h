/*
 * cel_time.h -- timestamps and durations: texts, arithmetic, and the parts of a date.
 *
 * A timestamp is within the years 0001 to 9999, to the nanosecond; a duration is int64
 * nanoseconds, about 292 years. What goes past either is CEL_ERR_RANGE.
 *
 * Source: the CEL specification, "Timestamps and Durations"; RFC 3339.
 */
#ifndef SLUICE_RULES_CEL_TIME_H
#define SLUICE_RULES_CEL_TIME_H

#include "rules/cel_func.h"

struct cel_value cel_time_shift(struct cel_value timestamp, struct cel_value duration);
struct cel_value cel_time_between(struct cel_value from, struct cel_value to);
struct cel_value cel_time_durations(int64_t a_ns, int64_t b_ns, bool subtract);
/* `s` and `nanos` within the year's range, or CEL_ERR_RANGE. */
struct cel_value cel_time_of(int64_t s, int32_t nanos);

/* "2009-02-13T23:31:30.5Z" */
struct cel_value cel_time_parse(struct span text);
/* "1h30m", "-1.5s", "100ms" */
struct cel_value cel_duration_parse(struct span text);
void cel_time_write(struct cel_value timestamp, struct text *out);
void cel_duration_write(struct cel_value duration, struct text *out);

/* The functions of the table. */
cel_fn cel_get_full_year, cel_get_month, cel_get_date, cel_get_day_of_month, cel_get_day_of_week,
    cel_get_day_of_year, cel_get_hours, cel_get_minutes, cel_get_seconds, cel_get_milliseconds;
cel_fn cel_duration_hours, cel_duration_minutes, cel_duration_seconds, cel_duration_milliseconds;

#endif
