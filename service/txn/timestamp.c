#include "service/txn/reader.h"

/* Two digits at `p`, or -1. */
static int two(const char *p)
{
    unsigned a = (unsigned)(p[0] - '0'), b = (unsigned)(p[1] - '0');
    return a > 9 || b > 9 ? -1 : (int)(a * 10 + b);
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 in the Gregorian calendar; years from March on have their leap day last. */
static int64_t days_from_epoch(int year, int month, int day)
{
    int y = month > 2 ? year : year - 1;
    int from_march = (month + 9) % 12;
    int day_of_year = (153 * from_march + 2) / 5 + day - 1;
    return (int64_t)365 * y + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

/* full-date = 4DIGIT "-" 2DIGIT "-" 2DIGIT */
static bool read_date(const char *p, int64_t *ret_days)
{
    int century = two(p), year_of = two(p + 2), month = two(p + 5), day = two(p + 8);
    int year = century * 100 + year_of;
    if (century < 0 || year_of < 0 || p[4] != '-' || p[7] != '-' || year < 1)
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ret_days = days_from_epoch(year, month, day);
    return true;
}

/* partial-time = 2DIGIT ":" 2DIGIT ":" 2DIGIT, with 60 for a leap second */
static bool read_time(const char *p, int64_t *ret_seconds)
{
    int hour = two(p), minute = two(p + 3), second = two(p + 6);
    if (hour < 0 || minute < 0 || second < 0 || p[2] != ':' || p[5] != ':')
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    *ret_seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

/* secfrac = "." 1*DIGIT, zeros only behind the third. Moves *at behind it. */
static bool read_fraction(const char **at, const char *end, int *ret_ms)
{
    const char *p = *at;
    int ms = 0, unit = 100;
    if (p == end || *p != '.')
        return true;
    for (p++; p < end && *p >= '0' && *p <= '9'; p++) {
        if (unit == 0 && *p != '0')
            return false;
        ms += (*p - '0') * unit;
        unit /= 10;
    }
    if (p == *at + 1)
        return false;
    *at = p;
    *ret_ms = ms;
    return true;
}

/* time-offset = "Z" / ( "+" / "-" ) 2DIGIT ":" 2DIGIT, up to the end */
static bool read_offset(const char *p, const char *end, int *ret_seconds)
{
    if (end - p == 1 && (*p == 'Z' || *p == 'z')) {
        *ret_seconds = 0;
        return true;
    }
    if (end - p != 6 || (*p != '+' && *p != '-') || p[3] != ':')
        return false;
    int hours = two(p + 1), minutes = two(p + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *ret_seconds = (hours * 60 + minutes) * (*p == '-' ? -60 : 60);
    return true;
}

bool reader_timestamp(struct span text, int64_t *ret_ms)
{
    const int64_t day_seconds = 86400, first = -62135596800, last = 253402300799;
    const char *p = text.base, *end = text.base + text.len;
    int64_t days, seconds;
    int ms = 0, offset_seconds;
    if (text.len < sizeof "0000-00-00T00:00:00Z" - 1 || (p[10] != 'T' && p[10] != 't'))
        return false;
    if (!read_date(p, &days) || !read_time(p + 11, &seconds))
        return false;
    bool leap = two(p + 17) == 60;
    p += sizeof "0000-00-00T00:00:00" - 1;
    if (!read_fraction(&p, end, &ms) || !read_offset(p, end, &offset_seconds))
        return false;
    int64_t unix_seconds = days * day_seconds + seconds - offset_seconds;
    if (unix_seconds < first || unix_seconds > last)
        return false;
    if (leap && unix_seconds % day_seconds != 0) /* they are put at the end of a day in UTC only */
        return false;
    *ret_ms = unix_seconds * 1000 + ms;
    return true;
}
