/*
 * text.h -- a bounded writer into bytes the caller owns.
 *
 *     base ..... base+len ........ base+cap
 *      | written  |  free           |
 *
 * Invariants: len <= cap. A write that does not fit writes nothing, and sets
 * `overflow`, which stays set: write a whole document, then look once.
 * Never NUL-terminates. Nothing here allocates.
 */
#ifndef SLUICE_BASE_TEXT_H
#define SLUICE_BASE_TEXT_H

#include "service/base/span.h"

#include <stdint.h>

struct text {
    char *base;
    size_t len;
    size_t cap;
    bool overflow;
};

void text_init(struct text *t, void *base, size_t cap);
struct span text_span(const struct text *t);

/* Inline: records, claims and answers are made of many short pieces of known length. */
static inline void text_put(struct text *t, struct span s)
{
    if (s.len > t->cap - t->len) {
        t->overflow = true;
        return;
    }
    if (s.len > 0)
        memcpy(t->base + t->len, s.base, s.len);
    t->len += s.len;
}

static inline void text_char(struct text *t, char c)
{
    if (t->len == t->cap)
        t->overflow = true;
    else
        t->base[t->len++] = c;
}

static inline void text_str(struct text *t, const char *s)
{
    text_put(t, span_str(s));
}

/* A number's bytes as they stand; span_take_raw() reads them back. */
static inline void text_raw(struct text *t, const void *bytes, size_t n)
{
    text_put(t, span_of(bytes, n));
}

__attribute__((format(printf, 2, 3))) void text_printf(struct text *t, const char *format, ...);

void text_i64(struct text *t, int64_t v);
/* `v` as exactly `digits` (1..16) lower-case hex digits. */
void text_hex(struct text *t, uint64_t v, int digits);
/* Lower-case hex of bytes, two digits each. */
void text_hex_bytes(struct text *t, const void *bytes, size_t n);
/* A fixed-point number of `scale` units to one (1, 10000, 1000000), without trailing zeros:
 * "950", "0.5". */
void text_fixed(struct text *t, int64_t v, int64_t scale);
/* The shortest decimal that reads back as the same double; integers without exponent up to 2^53.
 * NaN and infinities, which JSON has not, as null. */
void text_double(struct text *t, double v);
/* A JSON string with quotes; `s` is valid UTF-8. Escapes ", \, and below 0x20. */
void text_json_string(struct text *t, struct span s);
/* RFC 3339 in UTC; ".mmm" only when there are milliseconds. Years 0001 to 9999. */
void text_time_ms(struct text *t, int64_t unix_ms);

#endif
