#include "service/base/text.h"

#include "service/base/decimal.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

void text_init(struct text *t, void *base, size_t cap)
{
    *t = (struct text){.base = base, .cap = cap};
}

struct span text_span(const struct text *t)
{
    return span_of(t->base, t->len);
}

void text_printf(struct text *t, const char *format, ...)
{
    char line[1024]; /* longer lines are made of several calls */
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof line)
        t->overflow = true;
    else
        text_put(t, span_of(line, (size_t)n));
}

static size_t digits_before(char *end, uint64_t v)
{
    char *p = end;
    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return (size_t)(end - p);
}

static void put_u64(struct text *t, uint64_t v)
{
    char buf[20]; /* 2^64 has 20 digits */
    size_t n = digits_before(buf + sizeof buf, v);
    text_put(t, span_of(buf + sizeof buf - n, n));
}

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

void text_i64(struct text *t, int64_t v)
{
    if (v < 0)
        text_char(t, '-');
    put_u64(t, magnitude(v));
}

void text_hex(struct text *t, uint64_t v, int digits)
{
    for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4)
        text_char(t, "0123456789abcdef"[(v >> shift) & 15]);
}

void text_hex_bytes(struct text *t, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++)
        text_hex(t, b[i], 2);
}

void text_fixed(struct text *t, int64_t v, int64_t scale)
{
    uint64_t mag = magnitude(v), unit = (uint64_t)scale;
    if (v < 0)
        text_char(t, '-');
    put_u64(t, mag / unit);
    uint64_t rest = mag % unit;
    if (rest == 0)
        return;
    text_char(t, '.');
    while (rest > 0) {
        unit /= 10;
        text_char(t, (char)('0' + rest / unit));
        rest %= unit;
    }
}

void text_double(struct text *t, double v)
{
    if (!isfinite(v)) {
        text_str(t, "null");
        return;
    }
    if (v == trunc(v) && fabs(v) <= 9007199254740992.0) { /* 2^53 */
        text_i64(t, (int64_t)v);
        return;
    }
    struct decimal d = decimal_of(v);
    int precision = d.n > DBL_DIG ? d.n : DBL_DIG;
    if (d.exponent < -4 || d.exponent >= precision) /* as printf's %g */
        decimal_write_scientific(&d, t);
    else
        decimal_write_plain(&d, t);
}

static void json_escape(struct text *t, unsigned char c)
{
    static const char shorts[] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    text_char(t, '\\');
    if (c == '"' || c == '\\')
        text_char(t, (char)c);
    else if (c < sizeof shorts && shorts[c])
        text_char(t, shorts[c]);
    else
        text_printf(t, "u%04x", c);
}

void text_json_string(struct text *t, struct span s)
{
    text_char(t, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.base[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        text_put(t, span_of(s.base + from, i - from));
        json_escape(t, c);
        from = i + 1;
    }
    text_put(t, span_of(s.base + from, s.len - from));
    text_char(t, '"');
}

void text_time_ms(struct text *t, int64_t unix_ms)
{
    int64_t ms = unix_ms % 1000;
    time_t seconds = (time_t)(unix_ms / 1000) - (ms < 0); /* rounded down */
    ms += ms < 0 ? 1000 : 0;
    struct tm tm;
    gmtime_r(&seconds, &tm);
    text_printf(t, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (ms > 0)
        text_printf(t, ".%03d", (int)ms);
    text_char(t, 'Z');
}
