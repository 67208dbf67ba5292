/*
 * pairs.h -- names and their values as one text, in the order they were set.
 *
 *     security.protocol=SASL_SSL\n sasl.username=sluice\n
 *
 * Owns:    nothing; the text is its caller's, NUL-terminated.
 * Threads: pure.
 */
#ifndef SLUICE_BASE_PAIRS_H
#define SLUICE_BASE_PAIRS_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdbool.h>

/* The first pair off *pairs, into spans of the text. false: there is none left. */
bool pairs_next(const char **pairs, struct span *ret_name, struct span *ret_value);

/*
 * Set `name`, in place of what it was, in pairs[cap]. Errors, after which it is not there:
 * ST_INVALID (no name, one with '=' or a newline, or a value with a newline), ST_NO_SPACE.
 */
MUST_USE enum status pairs_set(char *pairs, size_t cap, struct span name, struct span value);

#endif
