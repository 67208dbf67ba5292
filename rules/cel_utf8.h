/*
 * cel_utf8.h -- the little of UTF-8 that the language needs: CEL counts code points.
 */
#ifndef SLUICE_RULES_CEL_UTF8_H
#define SLUICE_RULES_CEL_UTF8_H

#include "service/base/text.h"

/* Is it a code point that may be encoded: up to 10FFFF, no surrogate? */
static inline bool cel_utf8_is_char(int64_t code)
{
    return code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/* Is `c` a byte that continues a character? */
static inline bool cel_utf8_continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/*
 * The code point at s[*pos], and *pos behind it; -1 for what is not UTF-8 (one byte is passed).
 * *pos < s.len.
 */
int32_t cel_utf8_next(struct span s, size_t *pos);

void cel_utf8_put(struct text *out, uint32_t code);
bool cel_utf8_is_valid(struct span s);
/* Code points of valid UTF-8. O(n). */
size_t cel_utf8_count(struct span s);
/* The longest prefix of at most `max` bytes that does not cut a character. */
struct span cel_utf8_cut(struct span s, size_t max);

#endif
