/*
 * decode.h -- digits and %XX, read back: the counterpart of what text.h writes.
 *
 * Owns nothing, allocates nothing; pure.
 */
#ifndef SLUICE_BASE_DECODE_H
#define SLUICE_BASE_DECODE_H

#include "service/base/text.h"

/* The value of a hex digit of either case, 0 to 15; -1: it is none. */
int decode_hex_digit(int c);

/*
 * Digits of `base` (8, 10, 16), one at least and nothing else: no sign, no blank, no "0x".
 * false: they are not that, or over 64 bits; *ret_v is then untouched.
 */
bool decode_u64(struct span digits, int base, uint64_t *ret_v);

/*
 * `raw` with each %XX taken for the byte it means (RFC 3986, 2.1); raw.len bytes are room enough.
 * false: a % without two hex digits behind it, or there was no room.
 */
bool decode_percent(struct span raw, struct text *out);

#endif
