/*
 * yaml.h -- a YAML file as a tree in which every node knows its line and column.
 *
 *     lists:                      mapping --child--> "lists": sequence --child--> XX
 *       - XX                                                                      |next
 *       - YY                                                                      YY
 *
 * A thin view over libyaml's parser. One document a file, in UTF-8. Refused, each with a
 * diagnostic: aliases and anchors, duplicate keys of one mapping, keys that are not
 * scalars, tags, NUL characters, and whatever is over one of the limits below.
 *
 * Owns:    nothing; the arena given to yaml_parse holds nodes, copied texts, the name and
 *          the content, so diagnostics can show lines for as long as it lives.
 * Threads: a parsed file is read-only.
 */
#ifndef SLUICE_BASE_YAML_H
#define SLUICE_BASE_YAML_H

#include "service/base/arena.h"
#include "service/base/diag.h"

#include <stdint.h>

enum {
    YAML_DEPTH_MAX = 16,      /* of mappings and sequences; our deepest format needs 6 */
    YAML_BYTES_MAX = 4 << 20, /* a ruleset of thousands of rules is below 1 MiB */
    YAML_NODES_MAX = 200000,  /* 30 MiB of nodes */
    YAML_KEYS_MAX = 4096,     /* of one mapping; each new key is compared with all before */
};

/* 36500 days: a century, so that sums of a few durations and a time stay far from overflow. */
#define YAML_DURATION_MAX_MS INT64_C(3153600000000)

/* X(suffix, milliseconds) */
#define YAML_DURATION_TABLE(X) \
    X("ms", 1)                 \
    X("s", 1000)               \
    X("m", 60 * 1000)          \
    X("h", 60 * 60 * 1000)     \
    X("d", 24 * 60 * 60 * 1000)

enum yaml_kind { YAML_SCALAR, YAML_SEQUENCE, YAML_MAPPING };

struct yaml_node {
    enum yaml_kind kind;
    bool plain;       /* scalar without quotes: may stand for a number, a bool, null */
    int line;         /* from 1 */
    int col;          /* from 1, in bytes; for a block scalar that of the indicator */
    struct span text; /* scalar's value; NUL-terminated behind the end */
    struct span key;  /* this node's key within its mapping; empty elsewhere */
    int key_line;
    int key_col;
    int count;               /* of children: values of a mapping, items of a sequence */
    struct yaml_node *child; /* first */
    struct yaml_node *next;  /* sibling */
    /* A scalar: where the first byte of `text` stands, so that errors of an expression in it
     * can be placed: behind the quote, or below a block scalar's indicator. Line n of a literal
     * block's text is body_line + n of the file, and starts at body_col. */
    int body_line;
    int body_col;
};

struct yaml_file {
    const char *name; /* as the user named it, NUL-terminated */
    struct span content;
    struct yaml_node *root; /* NULL for an empty document */
};

/*
 * Parse `content` (named `name` in diagnostics). O(content).
 * Errors: ST_INVALID with at least one diagnostic added; ST_NO_SPACE when the arena is
 * full (also with a diagnostic).
 */
MUST_USE enum status yaml_parse(const char *name, struct span content, struct arena *arena,
                                struct diag_list *diags, struct yaml_file *ret_file);

/* yaml_parse of a file on disk. Errors: as above; ST_IO (with a diagnostic): it cannot be read. */
MUST_USE enum status yaml_load(const char *path, struct arena *arena, struct diag_list *diags,
                               struct yaml_file *ret_file);

/* The value of `key`, or NULL. `map` may be NULL, or no mapping. O(children). */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* Where a node, or its key, stands. */
struct diag_at yaml_at(const struct yaml_file *file, const struct yaml_node *node);
struct diag_at yaml_key_at(const struct yaml_file *file, const struct yaml_node *node);
/* Where a scalar's text begins, for what is compiled from it. */
struct diag_at yaml_body_at(const struct yaml_file *file, const struct yaml_node *node);

/*
 * Each key of `map` must be one of `known[0..n)`; others are errors with the nearest
 * known name as hint. false when an error was added; also when `map` is not a mapping.
 */
bool yaml_only(const struct yaml_file *file, const struct yaml_node *map, const char *const *known,
               size_t n, struct diag_list *diags);

/* Is it nothing: without quotes, and empty, ~ or null? */
bool yaml_is_null(const struct yaml_node *node);

/*
 * Typed scalars; `node` is not NULL. On a wrong type: a diagnostic that says what is
 * expected, and false. What is expected decides the type, so that the text NO is a country
 * and 4961 an account; only nothing, ~ and null are no text.
 */
bool yaml_string(const struct yaml_file *file, const struct yaml_node *node,
                 struct diag_list *diags, struct span *ret_value);
bool yaml_int(const struct yaml_file *file, const struct yaml_node *node, int64_t min, int64_t max,
              struct diag_list *diags, int64_t *ret_value);
bool yaml_double(const struct yaml_file *file, const struct yaml_node *node,
                 struct diag_list *diags, double *ret_value);
/* true or false, not yes or no. */
bool yaml_bool(const struct yaml_file *file, const struct yaml_node *node, struct diag_list *diags,
               bool *ret_value);
/* "250ms" "90s" "5m" "1h" "7d" -> milliseconds, 0 to YAML_DURATION_MAX_MS. */
bool yaml_duration_ms(const struct yaml_file *file, const struct yaml_node *node,
                      struct diag_list *diags, int64_t *ret_ms);

#endif
