/*
 * schema.h -- the fields of a transaction: names, types, where they stand in the message.
 *
 *     fields: | transaction_id | account_id | amount | timestamp | currency | ...
 *     slot:     0                1            2        3           4
 *
 * A field's slot is its index. The four that every transaction has come first, wherever the
 * file declares them; the others follow in order of declaration. `path:` is a JSON Pointer. A
 * dotted name without one is read from the object "merchant", key "country", and also from a
 * literal key with the dot. A label carries fields by name, whatever their paths are.
 *
 * Owns:    nothing; everything lives in the arena given to schema_load.
 * Threads: read-only after loading.
 */
#ifndef SLUICE_TXN_SCHEMA_H
#define SLUICE_TXN_SCHEMA_H

#include "service/base/shape.h"

enum {
    SCHEMA_FIELDS_MAX = 128,    /* the widest card messages (ISO 8583) have 128 elements */
    SCHEMA_NAME_MAX = 64,       /* bytes of a field's name; it is part of state keys */
    SCHEMA_STRING_MAX = 256,    /* default for `max:`; bytes of UTF-8 */
    SCHEMA_STRING_LIMIT = 4096, /* the largest `max:` */
    SCHEMA_DEPTH_MAX = 32,      /* nesting of a message, and keys of a path */
};

enum { SCHEMA_TRANSACTION_ID, SCHEMA_ACCOUNT_ID, SCHEMA_AMOUNT, SCHEMA_TIMESTAMP, SCHEMA_REQUIRED };

/* X(name, text) */
#define FIELD_TYPE_TABLE(X)                                                 \
    X(FIELD_STRING, "string")   /* UTF-8; not empty where it is required */ \
    X(FIELD_DECIMAL, "decimal") /* int64 in 1e-4 */                         \
    X(FIELD_NUMBER, "number")   /* double */                                \
    X(FIELD_INTEGER, "integer") /* int64 */                                 \
    X(FIELD_BOOL, "bool")                                                   \
    X(FIELD_TIMESTAMP, "timestamp") /* RFC 3339 with offset; int64 ms */    \
    X(FIELD_IP, "ip")               /* text of an IPv4 or IPv6 address */   \
    X(FIELD_GEO, "geo")             /* {"lat":..,"lon":..} in degrees */

enum field_type {
#define X(name, text) name,
    FIELD_TYPE_TABLE(X)
#undef X
};

/* What may stand under `schema:`. */
extern const struct shape schema_shape;

/* The table's text; static storage. */
const char *field_type_text(enum field_type type);

struct field {
    struct span name;
    enum field_type type;
    bool required;
    bool card;        /* may hold a card number: hashed at once, never stored or shown */
    bool private;     /* stays here: no alert carries it */
    bool aggregated;  /* set by the feature loader: a number over 9.2e12 is then refused */
    int max_bytes;    /* strings */
    struct span path; /* JSON Pointer, "/merchant/country" */
    int line;         /* of the declaration, for diagnostics of others */
    int col;
    /* What a text over max_bytes is told; in the schema's arena. */
    const char *too_long;
};

struct trie_node; /* trie.h; private to schema.c and reader.c */

struct schema {
    struct field fields[SCHEMA_FIELDS_MAX];
    int count;
    int places;               /* of both tries; ids are below */
    struct trie_node *root;   /* of a transaction */
    struct trie_node *labels; /* of a label */
};

/*
 * Load the mapping under `schema:` of a ruleset file; `node` may be NULL when it has none. Each
 * field: `type` (needed), `required`, `max`, `path`, `card`, `private`. The four required fields
 * must be declared with their types and `required: true`. No field's path may lead to or through
 * another's. `kind`, `outcome` and `transaction_timestamp` belong to labels.
 * Errors: ST_INVALID with diagnostics; ST_NO_SPACE (with one) when the arena is full.
 */
MUST_USE enum status schema_load(const struct yaml_file *file, const struct yaml_node *node,
                                 struct arena *arena, struct diag_list *diags,
                                 struct schema *ret_schema);

/* The field's slot, or -1. O(count). */
int schema_find(const struct schema *schema, struct span name);

#endif
