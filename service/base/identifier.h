/*
 * identifier.h -- what may be a name in an expression: letters, digits and _, no digit first.
 */
#ifndef SLUICE_BASE_IDENTIFIER_H
#define SLUICE_BASE_IDENTIFIER_H

#include "service/base/span.h"

/* `c` is a byte, or negative: none. */
static inline bool identifier_starts(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool identifier_goes_on(int c)
{
    return identifier_starts(c) || (c >= '0' && c <= '9');
}

/* Is all of it an identifier, of at most `bytes_max`? O(n). */
static inline bool identifier_is(struct span s, size_t bytes_max)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(i == 0 ? identifier_starts(s.base[i]) : identifier_goes_on(s.base[i])))
            return false;
    return s.len > 0 && s.len <= bytes_max;
}

#endif
