/*
 * schema.h -- the fields of a transaction: names, types, where they stand in the message.
 *
 * A field's slot is its index in declaration order; slots 0..3 are always the four
 * required ones (SCHEMA_TRANSACTION_ID ...), wherever the file declares them... so the
 * loader sorts those to the front. A dotted name `merchant.country` without `path:` is
 * read from the object "merchant", key "country"; also from a literal key with the dot.
 *
 * The reader needs one question answered fast: at this place of the document, does a
 * key lead to a field or towards one? The paths are compiled into a trie:
 *
 *     node 0 (the root) --"amount"--> field 2
 *                       --"merchant"--> node 1 --"country"--> field 5
 *
 * Owns: everything lives in the arena given to schema_load. Read-only afterwards.
 */
#ifndef SLUICE_TXN_SCHEMA_H
#define SLUICE_TXN_SCHEMA_H

#include "service/base/yaml.h"

enum {
    SCHEMA_FIELDS_MAX = 128,      /* the widest card messages (ISO 8583) have 128 elements */
    SCHEMA_STRING_MAX = 256,      /* default for `max:`; bytes of UTF-8 */
    SCHEMA_STRING_LIMIT = 4096,   /* the largest `max:` */
    SCHEMA_DEPTH_MAX = 32,        /* nesting of a message */
};

enum { SCHEMA_TRANSACTION_ID, SCHEMA_ACCOUNT_ID, SCHEMA_AMOUNT, SCHEMA_TIMESTAMP, SCHEMA_REQUIRED };

/* X(name, text) */
#define FIELD_TYPE_TABLE(X)                                                    \
    X(FIELD_STRING, "string")       /* UTF-8 */                                \
    X(FIELD_DECIMAL, "decimal")     /* int64 in 1e-4 */                        \
    X(FIELD_NUMBER, "number")       /* double */                               \
    X(FIELD_INTEGER, "integer")     /* int64 */                                \
    X(FIELD_BOOL, "bool")                                                      \
    X(FIELD_TIMESTAMP, "timestamp") /* RFC 3339 with offset; int64 ms */       \
    X(FIELD_IP, "ip")               /* text of an IPv4 or IPv6 address */      \
    X(FIELD_GEO, "geo")             /* {"lat":..,"lon":..} in degrees */

enum field_type {
#define X(name, text) name,
    FIELD_TYPE_TABLE(X)
#undef X
};

const char *field_type_text(enum field_type type);

struct field {
    struct span name;
    enum field_type type;
    bool required;
    bool card;        /* `card: true`: may hold a card number; it is hashed at once, never stored or shown */
    bool aggregated;  /* set by the feature loader: a number over 9.2e12 is then refused */
    int max_bytes;    /* strings */
    struct span path; /* JSON Pointer, "/merchant/country" */
    int line, col;    /* of the declaration, for diagnostics of others */
};

struct schema_node; /* of the trie; private to schema.c and reader.c */

struct schema {
    struct field fields[SCHEMA_FIELDS_MAX];
    int count;
    struct schema_node *root;
};

/*
 * Load the mapping under `schema:` of a ruleset file. Each field: `type` (needed), `required`,
 * `max`, `path`, `card`. The four required fields must be declared with their types and
 * `required: true`. Errors: ST_INVALID with diagnostics.
 */
MUST_USE enum status schema_load(const struct yaml_file *file, const struct yaml_node *node,
                                 struct arena *arena, struct diag_list *diags, struct schema *ret_schema);

/* The field's slot, or -1. */
int schema_find(const struct schema *schema, struct span name);

#endif
