/*
 * shape.h -- what a YAML file of ours may hold, as data: one table for its loader, which takes the
 * keys of a mapping from it, and for editors, which take it as JSON Schema.
 *
 *     static const struct shape_key keys[] = {
 *         {"file", &name, true, "One item a line."},
 *         {"type", &type, false, "`string`, or `int` if each is an integer."},
 *     };
 *     const struct shape list = {.kind = SHAPE_MAPPING, .keys = keys, .n_keys = 2};
 *
 * A shape says less than the loader asks: it knows no other node than its own, and no expression.
 * What the loader takes, the shape takes.
 *
 * Owns: nothing; shapes are static and read-only.
 */
#ifndef SLUICE_BASE_SHAPE_H
#define SLUICE_BASE_SHAPE_H

#include "service/base/text.h"
#include "service/base/yaml.h"

enum shape_kind {
    SHAPE_ANY,
    SHAPE_NULL,       /* nothing: null, ~, or no text at all */
    SHAPE_TEXT,       /* any scalar but null: 4961 is an account; max: bytes; pattern */
    SHAPE_EXPRESSION, /* a text in CEL; max: bytes */
    SHAPE_NUMBER,
    SHAPE_INT,      /* min..max */
    SHAPE_BOOL,     /* true, false */
    SHAPE_DURATION, /* 250ms 90s 5m 1h 7d */
    SHAPE_TIME,     /* an instant, RFC 3339 */
    SHAPE_CHOICE,   /* one of `choices` */
    SHAPE_LIST,     /* of `of`; min..max of them */
    SHAPE_MAPPING,  /* `keys`; others are of `of`, if there is one, and named as `pattern`; max */
    SHAPE_EITHER,   /* one of `either` */
};

struct shape;

struct shape_key {
    const char *name;
    const struct shape *value;
    bool needed;
    const char *doc; /* shown by editors: Markdown, a sentence or two */
};

/* When `key` is `value`: another key that must be there, and one that must not; NULL: none. */
struct shape_case {
    const char *key, *value;
    const char *needs, *refuses;
};

struct shape {
    enum shape_kind kind;
    const char *title;   /* of a whole file; NULL elsewhere */
    const char *pattern; /* of a text, or of names; as ECMAScript has it; NULL: any */
    int64_t min, max;    /* 0 0: no limits */
    const char *const *choices;
    const struct shape_key *keys;
    const struct shape_case *cases;
    const struct shape *of;
    const struct shape *const *either;
    const char *const *one_of; /* keys of which one at least must be there */
    int n_choices, n_keys, n_cases, n_either, n_one_of;
};

enum { SHAPE_KEYS_MAX = 32 }; /* fixed keys of one mapping */

/* For .choices, .n_choices and their like, in a row: SHAPE_ROW(keys, table). */
#define SHAPE_ROW(member, array) .member = (array), .n_##member = sizeof(array) / sizeof *(array)

/* yaml_only() with the keys of a mapping's shape. */
bool shape_only(const struct yaml_file *file, const struct yaml_node *node,
                const struct shape *shape, struct diag_list *diags);

/* The shape as a document in JSON Schema, draft 7, which editors know best. O(shape). */
void shape_write_schema(const struct shape *shape, struct text *out);

#endif
