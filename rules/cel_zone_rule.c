#include "rules/cel_zone_rule.h"

#include "rules/cel_date.h"

/* ---- parse: each takes what it knows off the text -------------------------------------------- */

static char peek(const struct span *s)
{
    return s->len > 0 ? s->base[0] : '\0';
}

static bool take_char(struct span *s, char c)
{
    if (s->len == 0 || s->base[0] != c)
        return false;
    *s = span_of(s->base + 1, s->len - 1);
    return true;
}

static bool take_number(struct span *s, int min, int max, int *ret_number)
{
    int number = 0, n = 0;
    for (; n < 3 && peek(s) >= '0' && peek(s) <= '9'; n++) {
        number = number * 10 + peek(s) - '0';
        *s = span_of(s->base + 1, s->len - 1);
    }
    *ret_number = number;
    return n > 0 && number >= min && number <= max;
}

/* [+-]hh[:mm[:ss]] */
static bool take_time(struct span *s, int hours_max, int32_t *ret_s)
{
    int hours, minutes = 0, seconds = 0;
    int sign = take_char(s, '-') ? -1 : 1;
    if (sign > 0)
        (void)take_char(s, '+');
    if (!take_number(s, 0, hours_max, &hours) ||
        (take_char(s, ':') && !take_number(s, 0, 59, &minutes)) ||
        (take_char(s, ':') && !take_number(s, 0, 59, &seconds)))
        return false;
    *ret_s = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_name(struct span *s)
{
    size_t n = 0;
    if (take_char(s, '<')) {
        const char *end = s->len > 0 ? memchr(s->base, '>', s->len) : NULL;
        n = end ? (size_t)(end - s->base) : 0;
        *s = span_of(s->base + n, s->len - n);
        return take_char(s, '>') && n >= 3;
    }
    while (n < s->len && is_letter(s->base[n]))
        n++;
    *s = span_of(s->base + n, s->len - n);
    return n >= 3;
}

/* Hours that the zone is behind UTC, as seconds that it is ahead. */
static bool take_offset(struct span *s, int32_t *ret_ahead_s)
{
    int32_t behind_s;
    if (!take_time(s, 24, &behind_s))
        return false;
    *ret_ahead_s = -behind_s;
    return true;
}

/* Mm.w.d, Jn or n */
static bool take_date(struct span *s, struct cel_zone_day *ret_day)
{
    if (take_char(s, 'M')) {
        ret_day->kind = ZONE_DAY_OF_MONTH;
        return take_number(s, 1, 12, &ret_day->month) && take_char(s, '.') &&
               take_number(s, 1, 5, &ret_day->week) && take_char(s, '.') &&
               take_number(s, 0, 6, &ret_day->weekday);
    }
    bool is_julian = take_char(s, 'J');
    ret_day->kind = is_julian ? ZONE_DAY_JULIAN : ZONE_DAY_OF_YEAR;
    return take_number(s, is_julian, 365, &ret_day->day);
}

static bool take_day(struct span *s, struct cel_zone_day *ret_day)
{
    ret_day->time_s = 2 * 3600;
    return take_char(s, ',') && take_date(s, ret_day) &&
           (!take_char(s, '/') || take_time(s, 167, &ret_day->time_s));
}

bool cel_zone_rule_parse(struct span text, struct cel_zone_rule *ret_rule)
{
    struct cel_zone_rule r = {0};
    if (!take_name(&text) || !take_offset(&text, &r.standard_s))
        return false;
    r.has_summer = text.len > 0;
    r.summer_s = r.standard_s + 3600;
    if (r.has_summer &&
        (!take_name(&text) || (peek(&text) != ',' && !take_offset(&text, &r.summer_s)) ||
         !take_day(&text, &r.begin) || !take_day(&text, &r.end) || text.len > 0))
        return false;
    *ret_rule = r;
    return true;
}

/* ---- evaluate -------------------------------------------------------------------------------- */

static int64_t day_of_month(const struct cel_zone_day *d, int64_t year)
{
    int64_t first = cel_date_days(year, d->month, 1);
    int past = (d->weekday - cel_date_weekday(first) + 7) % 7 + (d->week - 1) * 7;
    return first + (past < cel_date_days_in(year, d->month) ? past : past - 7);
}

/* When it is in that year; the clocks showed `offset_s` until then. */
static int64_t instant(const struct cel_zone_day *d, int64_t year, int32_t offset_s)
{
    int64_t days = cel_date_days(year, 1, 1);
    if (d->kind == ZONE_DAY_OF_MONTH)
        days = day_of_month(d, year);
    else if (d->kind == ZONE_DAY_OF_YEAR)
        days += d->day;
    else
        days += d->day - 1 + (d->day >= 60 && cel_date_is_leap(year)); /* 60 is March 1 */
    return days * DAY_S + d->time_s - offset_s;
}

/* The latest change counts. With times of up to a week before or behind its day it may be one of
 * the year before or after; where two fall together, summer time ends and begins: it stays. */
int32_t cel_zone_rule_offset(const struct cel_zone_rule *rule, int64_t unix_s)
{
    int64_t year = cel_date_of(floor_div(unix_s + rule->standard_s, DAY_S)).year;
    int64_t latest_s = INT64_MIN;
    int32_t offset_s = rule->standard_s;
    for (int64_t y = year - 1; rule->has_summer && y <= year + 1; y++) {
        int64_t begin_s = instant(&rule->begin, y, rule->standard_s);
        int64_t end_s = instant(&rule->end, y, rule->summer_s);
        if (begin_s <= unix_s && begin_s >= latest_s) {
            latest_s = begin_s;
            offset_s = rule->summer_s;
        }
        if (end_s <= unix_s && end_s >= latest_s) {
            latest_s = end_s;
            offset_s = rule->standard_s;
        }
    }
    return offset_s;
}
