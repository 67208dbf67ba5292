/*
 * cel_regex.h -- regular expressions in linear time.
 *
 * The syntax is RE2's, as CEL asks: no back references, no look-around, so that a pattern may be
 * run on all its alternatives at once (Thompson 1968; Pike; Cox, "Regular Expression Matching Can
 * Be Simple And Fast"). Each character costs at most the pattern's size: no pattern and no text
 * can make a rule run away, which a backtracking library cannot promise. Yes or no is all that is
 * asked, so groups do not capture. Case folding (?i) is that of ASCII; \p{...} is refused.
 *
 * A pattern is compiled into an arena and read-only afterwards.
 */
#ifndef SLUICE_RULES_CEL_REGEX_H
#define SLUICE_RULES_CEL_REGEX_H

#include "service/base/arena.h"

#include <stdint.h>

enum {
    REGEX_CODE_MAX = 2048,   /* instructions; bounds the cost of a character */
    REGEX_DEPTH_MAX = 100,   /* of groups */
    REGEX_REPEAT_MAX = 1000, /* in x{n,m}; RE2's */
};

struct regex;

/* NULL, or what is wrong with the pattern (static). */
const char *regex_compile(struct span pattern, struct arena *arena, const struct regex **ret_regex);

/*
 * Does the pattern match somewhere in `text` (valid UTF-8)? Its working room, some 16 bytes an
 * instruction, comes from `scratch`. *steps is counted down by the work done; -1 when the
 * scratch is full or the steps used up, else 0 or 1. O(text * pattern).
 */
int regex_match(const struct regex *re, struct span text, struct arena *scratch, int64_t *steps);

#endif
