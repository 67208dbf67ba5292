#include "rules/cel_time.h"

#include "rules/cel_date.h"
#include "rules/cel_zone.h"

enum { NS = 1000000000 };

#define TIME_MIN_S INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define TIME_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static struct cel_value out_of_range(void)
{
    return cel_fault(CEL_ERR_RANGE);
}

/* ---- arithmetic ----------------------------------------------------------------------------- */

struct cel_value cel_time_of(int64_t s, int32_t nanos)
{
    return s < TIME_MIN_S || s > TIME_MAX_S ? out_of_range() : cel_timestamp(s, nanos);
}

struct cel_value cel_time_shift(struct cel_value timestamp, struct cel_value duration)
{
    int64_t s = timestamp.i64 + duration.i64 / NS;
    int64_t nanos = timestamp.nanos + duration.i64 % NS;
    if (nanos < 0 || nanos >= NS) {
        s += nanos < 0 ? -1 : 1;
        nanos += nanos < 0 ? NS : -NS;
    }
    return cel_time_of(s, (int32_t)nanos);
}

struct cel_value cel_time_between(struct cel_value from, struct cel_value to)
{
    int64_t ns;
    if (__builtin_mul_overflow(to.i64 - from.i64, (int64_t)NS, &ns) ||
        __builtin_add_overflow(ns, (int64_t)(to.nanos - from.nanos), &ns))
        return out_of_range();
    return cel_duration(ns);
}

struct cel_value cel_time_durations(int64_t a_ns, int64_t b_ns, bool subtract)
{
    int64_t ns;
    bool overflow = subtract ? __builtin_sub_overflow(a_ns, b_ns, &ns)
                             : __builtin_add_overflow(a_ns, b_ns, &ns);
    return overflow ? out_of_range() : cel_duration(ns);
}

/* ---- texts ---------------------------------------------------------------------------------- */

static bool digits(struct span s, size_t *pos, int n, int *ret_value)
{
    int v = 0;
    for (int i = 0; i < n; i++, (*pos)++) {
        if (*pos >= s.len || s.base[*pos] < '0' || s.base[*pos] > '9')
            return false;
        v = v * 10 + (s.base[*pos] - '0');
    }
    *ret_value = v;
    return true;
}

static bool character(struct span s, size_t *pos, const char *any_of)
{
    if (*pos >= s.len || s.base[*pos] == '\0' || strchr(any_of, s.base[*pos]) == NULL)
        return false;
    (*pos)++;
    return true;
}

/* [ "." 1*9DIGIT ]; further digits are cut. */
static bool fraction(struct span s, size_t *pos, int32_t *ret_nanos)
{
    int32_t nanos = 0, unit = NS / 10;
    if (!character(s, pos, "."))
        return true;
    size_t start = *pos;
    for (; *pos < s.len && s.base[*pos] >= '0' && s.base[*pos] <= '9'; (*pos)++) {
        nanos += (s.base[*pos] - '0') * unit;
        unit /= 10;
    }
    *ret_nanos = nanos;
    return *pos > start;
}

/* "Z" | ("+" | "-") 2DIGIT ":" 2DIGIT */
static bool offset(struct span s, size_t *pos, int *ret_offset_s)
{
    if (character(s, pos, "Z"))
        return true;
    int sign = *pos < s.len && s.base[*pos] == '-' ? -1 : 1, h, m;
    if (!character(s, pos, "+-") || !digits(s, pos, 2, &h) || !character(s, pos, ":") ||
        !digits(s, pos, 2, &m) || h > 23 || m > 59)
        return false;
    *ret_offset_s = sign * (h * 3600 + m * 60);
    return true;
}

struct cel_value cel_time_parse(struct span text)
{
    int year, month, day, h, m, s, offset_s = 0;
    int32_t nanos = 0;
    size_t pos = 0;
    bool shape = digits(text, &pos, 4, &year) && character(text, &pos, "-") &&
                 digits(text, &pos, 2, &month) && character(text, &pos, "-") &&
                 digits(text, &pos, 2, &day) && character(text, &pos, "T") &&
                 digits(text, &pos, 2, &h) && character(text, &pos, ":") &&
                 digits(text, &pos, 2, &m) && character(text, &pos, ":") &&
                 digits(text, &pos, 2, &s) && fraction(text, &pos, &nanos) &&
                 offset(text, &pos, &offset_s) && pos == text.len;
    if (!shape || month < 1 || month > 12 || day < 1 || day > cel_date_days_in(year, month) ||
        h > 23 || m > 59 || s > 59)
        return cel_fault(CEL_ERR_ARGUMENT);
    int64_t unix_s = cel_date_days(year, month, day) * DAY_S + h * 3600 + m * 60 + s - offset_s;
    return cel_time_of(unix_s, nanos);
}

void cel_time_write(struct cel_value t, struct text *out)
{
    int64_t days = floor_div(t.i64, DAY_S);
    int s = (int)(t.i64 - days * DAY_S);
    struct cel_date c = cel_date_of(days);
    text_printf(out, "%04d-%02d-%02dT%02d:%02d:", (int)c.year, c.month, c.day, s / 3600,
                s / 60 % 60);
    text_printf(out, "%02d", s % 60);
    if (t.nanos > 0) {
        char buf[12];
        struct text f;
        text_init(&f, buf, sizeof buf);
        text_fixed(&f, t.nanos, NS);
        text_put(out, span_of(buf + 1, f.len - 1)); /* without the 0 before the point */
    }
    text_char(out, 'Z');
}

static bool duration_unit(struct span s, size_t *pos, int64_t *ret_ns)
{
    static const struct {
        const char *text;
        int64_t ns;
    } units[] = {{"ns", 1},       {"us", 1000}, {"\xc2\xb5s", 1000},     {"\xce\xbcs", 1000},
                 {"ms", 1000000}, {"s", NS},    {"m", INT64_C(60) * NS}, {"h", INT64_C(3600) * NS}};
    struct span rest = span_of(s.base + *pos, s.len - *pos);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (span_starts(rest, span_str(units[i].text))) {
            *pos += strlen(units[i].text);
            *ret_ns = units[i].ns;
            return true;
        }
    }
    return false;
}

__extension__ typedef __int128 wide; /* products of two int64 fit */

/* DIGIT* [ "." DIGIT* ] UNIT, one digit at least; false: not that, or out of range. */
static bool duration_part(struct span s, size_t *pos, wide *ret_ns, bool *ret_range)
{
    int64_t whole = 0, part = 0, scale = 1, unit;
    size_t seen = 0;
    bool point = false;
    for (; *pos < s.len; (*pos)++) {
        char c = s.base[*pos];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        seen++;
        if (!point && (__builtin_mul_overflow(whole, 10, &whole) ||
                       __builtin_add_overflow(whole, c - '0', &whole)))
            *ret_range = false;
        if (point && scale < NS * INT64_C(1000000)) {
            part = part * 10 + (c - '0');
            scale *= 10;
        }
    }
    if (seen == 0 || !duration_unit(s, pos, &unit))
        return false;
    *ret_ns = (wide)whole * unit + (wide)part * unit / scale;
    return true;
}

struct cel_value cel_duration_parse(struct span text)
{
    size_t pos = 0;
    bool negative = text.len > 0 && text.base[0] == '-', in_range = true;
    character(text, &pos, "+-");
    wide sum = 0, part;
    if (span_is(span_of(text.base + pos, text.len - pos), "0"))
        return cel_duration(0);
    if (pos == text.len)
        return cel_fault(CEL_ERR_ARGUMENT);
    while (pos < text.len) {
        if (!duration_part(text, &pos, &part, &in_range))
            return cel_fault(CEL_ERR_ARGUMENT);
        sum += part;
        in_range = in_range && sum <= (wide)INT64_MAX + negative;
        if (!in_range)
            return out_of_range();
    }
    return cel_duration((int64_t)(negative ? -sum : sum));
}

void cel_duration_write(struct cel_value d, struct text *out)
{
    text_fixed(out, d.i64, NS);
    text_char(out, 's');
}

/* ---- parts of a timestamp ------------------------------------------------------------------- */

/* x.getHours(), x.getHours(zone): local seconds, or false for a zone that is none. */
static bool local_s(const struct cel_value *args, int n_args, int64_t *ret_s)
{
    int32_t offset_s = 0;
    if (n_args > 1 && !cel_zone_offset(&args[1], args[0].i64, &offset_s))
        return false;
    *ret_s = args[0].i64 + offset_s;
    return true;
}

#define NO_ZONE cel_error(CEL_ERR_ARGUMENT, span_str("time zone"))

/* A function of the local date `c`, and one of the local second of the day `s`. */
#define DATE_PART(name, value)                                                              \
    struct cel_value name(struct cel_context *cx, const struct cel_value *args, int n_args) \
    {                                                                                       \
        int64_t s;                                                                          \
        (void)cx;                                                                           \
        if (!local_s(args, n_args, &s))                                                     \
            return NO_ZONE;                                                                 \
        struct cel_date c = cel_date_of(floor_div(s, DAY_S));                               \
        return cel_int(value);                                                              \
    }

#define TIME_PART(name, value)                                                              \
    struct cel_value name(struct cel_context *cx, const struct cel_value *args, int n_args) \
    {                                                                                       \
        int64_t s;                                                                          \
        (void)cx;                                                                           \
        if (!local_s(args, n_args, &s))                                                     \
            return NO_ZONE;                                                                 \
        s -= floor_div(s, DAY_S) * DAY_S;                                                   \
        return cel_int(value);                                                              \
    }

/* Months, days of the month and of the year count from 0; getDate from 1. 0 is Sunday. */
DATE_PART(cel_get_full_year, c.year)
DATE_PART(cel_get_month, c.month - 1)
DATE_PART(cel_get_date, c.day)
DATE_PART(cel_get_day_of_month, c.day - 1)
DATE_PART(cel_get_day_of_year, c.day_of_year)
TIME_PART(cel_get_hours, s / 3600)
TIME_PART(cel_get_minutes, s / 60 % 60)
TIME_PART(cel_get_seconds, s % 60)

struct cel_value cel_get_day_of_week(struct cel_context *cx, const struct cel_value *args,
                                     int n_args)
{
    int64_t s;
    (void)cx;
    if (!local_s(args, n_args, &s))
        return NO_ZONE;
    return cel_int(cel_date_weekday(floor_div(s, DAY_S)));
}

struct cel_value cel_get_milliseconds(struct cel_context *cx, const struct cel_value *args,
                                      int n_args)
{
    int64_t s;
    (void)cx;
    if (!local_s(args, n_args, &s))
        return NO_ZONE;
    return cel_int(args[0].nanos / 1000000);
}

/* A duration whole in hours, minutes, seconds; of its milliseconds those below the second. */
#define DURATION_PART(name, value)                                                          \
    struct cel_value name(struct cel_context *cx, const struct cel_value *args, int n_args) \
    {                                                                                       \
        (void)cx;                                                                           \
        (void)n_args;                                                                       \
        int64_t ns = args[0].i64;                                                           \
        return cel_int(value);                                                              \
    }

DURATION_PART(cel_duration_hours, ns / (INT64_C(3600) * NS))
DURATION_PART(cel_duration_minutes, ns / (INT64_C(60) * NS))
DURATION_PART(cel_duration_seconds, ns / NS)
DURATION_PART(cel_duration_milliseconds, ns % NS / 1000000)
