#include "rules/cel_date.h"

/* Years begin in March here, so that the leap day is the last one. */
int64_t cel_date_days(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400), y = year - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + y * 365 + y / 4 - y / 100 + doy - 719468;
}

struct cel_date cel_date_of(int64_t days)
{
    days += 719468;
    int64_t era = floor_div(days, 146097), doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int mp = (int)((5 * doy + 2) / 153);
    struct cel_date d = {.year = yoe + era * 400,
                         .month = mp < 10 ? mp + 3 : mp - 9,
                         .day = (int)(doy - (153 * mp + 2) / 5 + 1)};
    d.year += d.month <= 2;
    d.day_of_year = (int)(days - 719468 - cel_date_days(d.year, 1, 1));
    return d;
}

int cel_date_weekday(int64_t days)
{
    days += 4; /* 1970-01-01 was a Thursday */
    return (int)(days - floor_div(days, 7) * 7);
}

bool cel_date_is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int cel_date_days_in(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && cel_date_is_leap(year) ? 29 : days[month - 1];
}
