/*
 * reader.h -- from bytes of JSON straight into slots: no tree, one pass.
 *
 *     {"amount":81.51,"merchant":{"country":"FR"}}  -->  values: | ... | 815100 | ... | "FR" |
 *
 * Strict RFC 8259, and I-JSON (RFC 7493): a key twice in one object (in any spelling, at any
 * depth), what is not UTF-8, half a surrogate pair and U+0000 are refused; nesting ends at
 * SCHEMA_DEPTH_MAX. The top level is one object; only whitespace may follow.
 *
 * Numbers are exact. A decimal takes a number, or a string that is one, with at most 4 digits
 * after the point (zeros beyond are fine, exponents are honoured); it never passes through a
 * double. Integers over 64 bits and numbers over a double's range are refused even where the
 * schema declares nothing, and so are literals over 1024 bytes.
 *
 * Card numbers (card.h) are refused in any string, any key (there also within a longer text), and
 * any bare integer that is of an undeclared or a string field. A field marked `card: true` takes
 * them, and then value, digest and event.body have "card:<16 hex>" in their place.
 *
 * The digest (digest.h) is over each leaf's place, type and value: strings unescaped, numbers as
 * mantissa and exponent (1.0 is 1 is 1e0), a decimal's string as the number that it is. Order of
 * keys, spacing and spelling do not matter.
 *
 * A label is read twice when its `kind` does not come first: it has fields of its own.
 *
 * Sources: RFC 8259 (JSON), RFC 6901 (pointers), RFC 3339 (timestamps).
 */
#ifndef SLUICE_TXN_READER_H
#define SLUICE_TXN_READER_H

#include "service/txn/txn.h"

enum {
    READER_BODY_MAX = 64 << 10, /* bytes of one event; the HTTP layer refuses earlier with 413 */
    READER_KEYS_MAX = 512,      /* of one message, all levels; each is compared with its siblings */
    READER_POINTER_MAX = 256,   /* bytes of an error's pointer; a longer one is cut at a segment */
    READER_DETAIL_MAX = 160,
    /* What reading the largest body takes from the arena at most: its texts unescaped, with
     * padding for each that is kept, and the body again when cards are cut out. */
    READER_ARENA_BYTES = 2 * READER_BODY_MAX + (16 << 10),
};

enum reader_fault {
    READER_NOT_JSON,  /* 400 */
    READER_TOO_LARGE, /* 413: body, keys, arena */
    READER_SCHEMA,    /* 422: JSON that the schema refuses */
};

/* What the refused body said that it is. */
enum reader_kind {
    READER_KIND_UNKNOWN,  /* it says something else, or reading ended before all of it was seen */
    READER_KIND_LEFT_OUT, /* nothing: it was read as a transaction */
    READER_KIND_TRANSACTION,
    READER_KIND_LABEL,
};

/* Of what is wrong with a value that was read well: a time in the future, an id that was used. */
#define READER_NO_OFFSET SIZE_MAX

struct reader_error {
    enum reader_fault fault;
    size_t offset;                    /* byte of the body where it was seen, or READER_NO_OFFSET */
    char pointer[READER_POINTER_MAX]; /* JSON Pointer, NUL-terminated; "" is the whole document */
    char detail[READER_DETAIL_MAX];   /* a phrase about that place; never a value from the body */
    const struct reader_error *next; /* another field is missing too; in the arena. NULL: no more */
    enum reader_kind kind;           /* when READER_SCHEMA */
};

/*
 * Read one event. `values` has room for schema->count slots and is filled whole.
 * `arena` takes unescaped strings.
 *
 * A label ("kind":"label") needs transaction_id, outcome and timestamp, by these names at the top
 * level, and may have transaction_timestamp; the schema's other fields are optional in it.
 *
 * Errors: ST_INVALID with *ret_error filled; *ret_event is then untouched. What is not JSON is
 * reported before what the schema refuses, wherever it stands; else the first error is. Reading
 * ends at a key that holds a card number, for it must not get into a pointer. When all that is
 * there is well, every required field that is missing is told, as far as there is room.
 * O(body), but O(k^2) in the k undeclared keys of one object, of at most READER_KEYS_MAX.
 */
MUST_USE enum status reader_read(const struct schema *schema, const struct hash_key *key,
                                 struct span body, struct arena *arena, struct txn_value *values,
                                 struct event *ret_event, struct reader_error *ret_error);

/*
 * RFC 3339 with an offset, at most milliseconds (further digits must be zero), to Unix
 * milliseconds. Second 60 is a leap second, at the end of a day in UTC only, and counts as the
 * next second. Years 0001 to 9999. false: not one.
 */
bool reader_timestamp(struct span text, int64_t *ret_ms);

#endif
