/*
 * cel_date.h -- the Gregorian calendar, backwards and forwards without end; days count from
 * 1970-01-01. All O(1).
 *
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
#ifndef SLUICE_RULES_CEL_DATE_H
#define SLUICE_RULES_CEL_DATE_H

#include <stdbool.h>
#include <stdint.h>

enum { DAY_S = 86400 };

struct cel_date {
    int64_t year;
    int month, day;  /* from 1 */
    int day_of_year; /* from 0 */
};

static inline int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t cel_date_days(int64_t year, int month, int day);
struct cel_date cel_date_of(int64_t days);
int cel_date_weekday(int64_t days); /* 0 is Sunday */
bool cel_date_is_leap(int64_t year);
int cel_date_days_in(int64_t year, int month);

#endif
