/*
 * reader.h -- from bytes of JSON straight into slots: no tree, one pass.
 *
 * Strict RFC 8259 plus: duplicate keys of one object refused (at any depth), strict UTF-8,
 * lone surrogates refused, \u0000 refused, depth at most SCHEMA_DEPTH_MAX, numbers exact:
 * a decimal takes a JSON number or a string with at most 4 fraction digits (trailing
 * zeros beyond are fine, exponents are honoured as long as the value fits) and never
 * passes through a double; numbers beyond the type's range (1e400, 2^70) are refused
 * even in undeclared fields. The top level is one object; only whitespace may follow.
 *
 * A string of 13 to 19 digits (single spaces or hyphens between groups allowed) that passes the
 * Luhn check is refused in any string value or number literal text (422, value never echoed), also in undeclared
 * fields, unless the schema marks the field `card: true`, which replaces it by
 * "card:<16 hex of its keyed hash>" before anyone sees it. Numeric types other than
 * strings are not checked unless written as a bare integer of 13..19 digits in an undeclared field or a string field.
 *
 * Digest: for each leaf (strings, numbers, bools, nulls, empty objects and arrays) at any
 * depth, SipHash-128 over (pointer, type, canonical value), added modulo 2^64 in each half.
 * Canonical: strings unescaped; numbers as their shortest exact decimal text (1.0 == 1 == 1e0), so key
 * order, spacing and spelling of numbers do not matter; a declared decimal given as string equals
 * the same number.
 *
 * Source: RFC 8259, RFC 6901 (pointers), RFC 3339 (timestamps).
 */
#ifndef SLUICE_TXN_READER_H
#define SLUICE_TXN_READER_H

#include "service/txn/txn.h"

enum {
    READER_BODY_MAX = 64 << 10,     /* bytes of one event; the HTTP layer refuses earlier with 413 */
    READER_KEYS_MAX = 512,          /* keys of one message, all levels; duplicate detection needs room */
    READER_POINTER_MAX = 256,       /* bytes of an error's pointer; a longer one is cut at a segment */
};

enum reader_fault {
    READER_NOT_JSON,  /* 400 */
    READER_TOO_LARGE, /* 413: body, keys */
    READER_SCHEMA,    /* 422: JSON that the schema refuses */
};

struct reader_error {
    enum reader_fault fault;
    size_t offset;                     /* byte of the body where it was seen */
    char pointer[READER_POINTER_MAX];  /* JSON Pointer, "" is the whole document */
    char detail[160];                  /* one sentence; never holds a value from the body */
};

/*
 * Read one event. `values` has room for schema->count slots and is filled whole.
 * `arena` takes unescaped strings; at most 2x the body.
 * Missing required fields, wrong types, lengths: READER_SCHEMA. A label ("kind":"label") needs
 * transaction_id, outcome, timestamp under those very names at the top level; the schema's other fields are
 * optional there. `kind` other than transaction/label: READER_SCHEMA.
 * O(body). Errors: ST_INVALID with *ret_error filled; *ret_event is then untouched.
 */
MUST_USE enum status reader_read(const struct schema *schema, const struct hash_key *key, struct span body,
                                 struct arena *arena, struct txn_value *values,
                                 struct event *ret_event, struct reader_error *ret_error);

/*
 * RFC 3339 with an offset, at most milliseconds (further digits must be zero), to Unix milliseconds.
 * Leap second :60 counts as the next second. Years 0001 to 9999. false: not one.
 */
bool reader_timestamp(struct span text, int64_t *ret_ms);

#endif
