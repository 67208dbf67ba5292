/*
 * quoted.h -- the strings of JSON: found in one pass, unescaped only when they must be.
 *
 *     "na\u00efve"     raw: na\u00efve, escaped     unescaped: naïve
 *      ^ from     ^ end
 *
 * Strict: UTF-8 without overlong forms, surrogates and what is above U+10FFFF (RFC 3629);
 * \u escapes of a surrogate only in pairs; no U+0000, spelt either way; no raw control character.
 *
 * Owns: nothing. Threads: pure.
 */
#ifndef SLUICE_TXN_QUOTED_H
#define SLUICE_TXN_QUOTED_H

#include "service/base/span.h"

#include <stdint.h>

struct quoted {
    struct span raw; /* between the quotes */
    bool escaped;    /* has a backslash: quoted_unescape() it */
};

/*
 * Read a string whose opening quote is just before *at, and move *at behind the closing one.
 * NULL, or what is wrong, with *at on the byte that is. O(length).
 */
const char *quoted_scan(const char **at, const char *end, struct quoted *ret_quoted);

/* Unescape what quoted_scan() accepted into `out`, which has room for raw.len bytes. */
struct span quoted_unescape(struct span raw, char *out);

/* ---- the fast half, inline: most strings are plain ASCII ------------------------------------- */

#define QUOTED_EACH_BYTE(b) (UINT64_C(0x0101010101010101) * (b))

/* The high bit of each byte that is zero. The lowest is right, higher ones may be marked in
 * excess (Mycroft 1987); so it is below. */
static inline uint64_t quoted_zero_bytes(uint64_t v)
{
    return (v - QUOTED_EACH_BYTE(1)) & ~v & QUOTED_EACH_BYTE(0x80);
}

/* The high bit of each byte that ends a run of plain ASCII: a quote, a backslash, a control
 * character, a byte with its high bit set. */
static inline uint64_t quoted_special_bytes(uint64_t v)
{
    uint64_t quote = quoted_zero_bytes(v ^ QUOTED_EACH_BYTE('"'));
    uint64_t backslash = quoted_zero_bytes(v ^ QUOTED_EACH_BYTE('\\'));
    uint64_t control = (v - QUOTED_EACH_BYTE(0x20)) & ~v;
    return (quote | backslash | control | v) & QUOTED_EACH_BYTE(0x80);
}

static inline bool quoted_is_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\' || c >= 0x80;
}

/* The first byte from `p` on that is not plain ASCII, or `end`. O(length), eight bytes a step. */
static inline const char *quoted_skip_plain(const char *p, const char *end)
{
    while (end - p >= 8) {
        uint64_t v;
        memcpy(&v, p, sizeof v); /* little-endian: the lowest byte is the first */
        uint64_t special = quoted_special_bytes(v);
        if (special)
            return p + __builtin_ctzll(special) / 8;
        p += 8;
    }
    while (p < end && !quoted_is_special((unsigned char)*p))
        p++;
    return p;
}

#endif
