/*
 * letter.h -- a message that can never be scored, as it goes to the dead letters.
 *
 *     key, value, headers      the original's, byte for byte
 *     error, error.detail      why: a word of the table, and a phrase
 *     topic, partition, offset, timestamp     where it stands, in decimal text; -1: not known
 *
 * A message in which a card number stands in clear loses it: its value is then a small JSON object
 * that says so, and neither a key nor a header that holds one is kept. Who needs the original finds
 * it where it stands. The same becomes of what is too large for the topic.
 *
 * Owns:    nothing; a letter borrows from the message. Threads: pure.
 */
#ifndef SLUICE_IO_LETTER_H
#define SLUICE_IO_LETTER_H

#include "service/engine/score.h"
#include "service/io/outlet.h"

/* X(name, word, why: of those that do not come from a reader) */
#define LETTER_TABLE(X)                                                                        \
    X(LETTER_EMPTY, "empty", "the value is empty, or a tombstone")                             \
    X(LETTER_TOO_LARGE, "too_large", "the value is larger than a transaction may be")          \
    X(LETTER_FRAMING, "framing", "the value is framed for a schema registry, and is not JSON") \
    X(LETTER_BAD_JSON, "bad_json", "the value is not JSON")                                    \
    X(LETTER_SCHEMA, "schema", "the schema or the contract refuses it")                        \
    X(LETTER_CONFLICT, "conflict", "this id came before with another body")                    \
    X(LETTER_CARD, "card_number", "a card number stands in it in clear")                       \
    X(LETTER_UNDELIVERED, "undelivered", "its decision can never be sent")                     \
    X(LETTER_UNMATCHED, "unmatched", "the transaction of this label never came")               \
    X(LETTER_CRASHED, "crashed", "Sluice crashed over it three times")

enum letter {
#define X(name, word, why) name,
    LETTER_TABLE(X)
#undef X
        LETTERS,
    LETTER_NONE = -1,
};

/* Static storage. */
const char *letter_word(enum letter l);
const char *letter_why(enum letter l);

/* What a refused score's message becomes. */
enum letter letter_of(const struct score *s);

/* X(name, header): what a letter says behind the message's own headers, in this order. */
#define LETTER_HEADER_TABLE(X)              \
    X(LETTER_HEADER_ERROR, "error")         \
    X(LETTER_HEADER_DETAIL, "error.detail") \
    X(LETTER_HEADER_TOPIC, "topic")         \
    X(LETTER_HEADER_PARTITION, "partition") \
    X(LETTER_HEADER_OFFSET, "offset")       \
    X(LETTER_HEADER_TIMESTAMP, "timestamp")

enum letter_header {
#define X(name, header) name,
    LETTER_HEADER_TABLE(X)
#undef X
        LETTER_HEADERS
};

/* Static storage. */
const char *letter_header_text(enum letter_header h);
/* Is it one of these names? */
bool letter_header_is_ours(const char *name);

/* Does something stand here in place of the message's value? */
bool letter_is_left_out(struct span value);

enum { LETTER_DETAIL_MAX = READER_POINTER_MAX + READER_DETAIL_MAX + 64 };

/* "POINTER DETAIL (byte OFFSET)"; NUL-terminated. */
void letter_detail(const struct reader_error *e, char ret_detail[LETTER_DETAIL_MAX]);

/*
 * What of a value can be scored: the whole, or what stands behind the five bytes of a schema
 * registry's framing (0 and a schema's number) if it is a JSON object.
 */
enum letter letter_judge(struct span value, struct span *ret_body);

/* A message as it came. */
struct letter_source {
    const char *topic;
    int32_t partition;
    int64_t offset, timestamp_ms;
    struct span key, value;              /* base NULL: null */
    const struct outlet_header *headers; /* as they came; those past the outlet's bound are left */
    int n_headers;
};

/* Room for what a letter says beside the original. */
struct letter_room {
    struct outlet_header headers[OUTLET_HEADERS_MAX];
    char numbers[3][24];
    char value[LETTER_DETAIL_MAX + 128];
};

/* Fills topic, key, value and headers of *ret_message, which borrows from all of these. `why` is
 * error.detail. */
void letter_write(enum letter l, const char *why, const struct letter_source *from,
                  struct letter_room *room, struct outlet_message *ret_message);

/* The same letter without its value: it was too large for the topic. One that was so short already
 * goes without its key and the message's own headers, too. */
void letter_shorten(const struct outlet_message *m, struct letter_room *room,
                    struct outlet_message *ret_message);
/* There is nothing more to leave out. */
bool letter_is_shortest(const struct outlet_message *m);

#endif
