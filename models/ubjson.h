/*
 * ubjson.h -- Universal Binary JSON (ubjson.org, draft 12), read to jansson's values.
 *
 *     { L 0000000000000007 learner <value> ... }    a name: its length, itself
 *     S i 03 D E X                                  a text: the same behind an S
 *     [ $ d # L 0000000000000003 f32 f32 f32        of one type and a count: no end mark
 *     [ # i 02 <value> <value>                      a count
 *     Z T F   i U I l L   d D   N                   null true false; int8 uint8 int16 int32 int64;
 *                                                   float32 float64; nothing, to be skipped
 *
 * Big-endian. Not read, for nobody writes it in a model: H (digits), C (one character), objects
 * with a count, and arrays of one type that is no number: their values would take no bytes.
 *
 * Owns:    nothing.
 * Threads: any.
 */
#ifndef SLUICE_MODELS_UBJSON_H
#define SLUICE_MODELS_UBJSON_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <jansson.h>

enum {
    UBJSON_DEPTH_MAX = 32,       /* models are nine deep */
    UBJSON_NESTED_MAX = 1 << 20, /* arrays and objects: 20,000 trees have a third of it */
    UBJSON_NAMES_MAX = 1 << 20,  /* of values in objects: 20,000 trees have 400,000 */
};

struct ubjson_error {
    const char *problem; /* static */
    size_t offset;       /* in bytes */
};

/* Do they begin as an object does in UBJSON, and in no JSON? */
bool ubjson_is(struct span bytes);

/*
 * The object that `bytes` are, of `values_max` values at most; json_decref() it. Infinities and NaN
 * become null. O(bytes).
 * Errors: ST_INVALID, ST_TOO_LARGE, ST_NO_SPACE; *ret_error says where.
 */
MUST_USE enum status ubjson_read(struct span bytes, size_t values_max, json_t **ret_object,
                                 struct ubjson_error *ret_error);

#endif
