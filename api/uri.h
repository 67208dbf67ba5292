/*
 * uri.h -- percent-decoding and path templates.
 *
 * Source: RFC 3986.
 */
#ifndef SLUICE_API_URI_H
#define SLUICE_API_URI_H

#include "service/base/arena.h"

enum { URI_PARAMS_MAX = 2 }; /* of one template: {field} and {value} */

/*
 * `raw` with its %XX taken for the bytes they mean, in the arena. Errors: ST_INVALID when a %
 * is not followed by two hex digits, or the result holds a control character or is not UTF-8;
 * ST_NO_SPACE.
 */
MUST_USE enum status uri_decode(struct span raw, struct arena *arena, struct span *ret_text);

/* The path of a request target: without query, and without scheme and authority
 * ("http://host/a?b" -> "/a"). */
struct span uri_path(struct span target);

/*
 * Does `path` fit `pattern`, a path in which {name} stands for one whole segment that is not
 * empty? Then ret_params has the segments, still encoded, in order.
 */
bool uri_match(const char *pattern, struct span path, struct span ret_params[URI_PARAMS_MAX]);

#endif
