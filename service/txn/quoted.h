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

struct quoted {
    struct span raw; /* between the quotes */
    bool escaped;    /* has a backslash: quoted_unescape() it */
};

/*
 * Read a string whose opening quote is just before *at, and move *at behind the closing one.
 * NULL, or what is wrong, with *at on the byte that is. O(length), eight bytes a step.
 */
const char *quoted_scan(const char **at, const char *end, struct quoted *ret_quoted);

/* Unescape what quoted_scan() accepted into `out`, which has room for raw.len bytes. */
struct span quoted_unescape(struct span raw, char *out);

#endif
