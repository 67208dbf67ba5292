/*
 * span.h -- a borrowed view of bytes: {base, len}.
 *
 * Owns nothing; whoever made the bytes outlives the span. Not NUL-terminated.
 * {NULL, 0} is the empty span.
 */
#ifndef SLUICE_BASE_SPAN_H
#define SLUICE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *base;
    size_t len;
};

/* printf("%.*s", SPAN_ARG(s)); spans over 2 GiB do not exist here. */
#define SPAN_ARG(s) (int)(s).len, (s).base

static inline struct span span_of(const void *base, size_t len)
{
    return (struct span){.base = base, .len = len};
}

/* View of a NUL-terminated string. O(n). */
static inline struct span span_str(const char *s)
{
    return span_of(s, strlen(s));
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

static inline bool span_is(struct span a, const char *s)
{
    return span_eq(a, span_str(s));
}

/* Byte order; a proper prefix sorts first. */
static inline int span_cmp(struct span a, struct span b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.base, b.base, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.base, prefix.base, prefix.len) == 0);
}

/* The first `n` bytes of *from, which then begins behind them. false: it has fewer; nothing is
 * changed then. */
static inline bool span_take(struct span *from, size_t n, struct span *ret_part)
{
    if (from->len < n)
        return false;
    *ret_part = span_of(from->base, n);
    *from = span_of(from->base + n, from->len - n);
    return true;
}

/* The same, copied to `ret_bytes`: a number that text_raw() wrote. */
static inline bool span_take_raw(struct span *from, void *ret_bytes, size_t n)
{
    struct span part;
    if (!span_take(from, n, &part))
        return false;
    memcpy(ret_bytes, part.base, n);
    return true;
}

/* A line without content: nothing, or blanks, tabs and the '\r' of a CRLF alone. O(n). */
static inline bool span_is_blank(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] != ' ' && s.base[i] != '\t' && s.base[i] != '\r')
            return false;
    return true;
}

#endif
