/*
 * lists.h -- the ruleset's named lists: `merchant.country in lists.watched_countries`.
 *
 *     lists:
 *       watched_countries: [XX, YY]                   # strings
 *       odd_amounts: [100, 9999]                      # ints: every item is a plain integer
 *       blocked_devices: {file: devices.txt}          # one string a line; # begins a comment
 *       bins: {file: bins.csv, type: int}             # first column of a CSV (RFC 4180)
 *
 * Files are UTF-8 and stand relative to the ruleset file. Each list is a CEL list with a hash
 * index, so that `in` is O(1). Repeated items count once.
 *
 * Owns: everything lives in the arena given to lists_load. Read-only afterwards.
 */
#ifndef SLUICE_RULES_LISTS_H
#define SLUICE_RULES_LISTS_H

#include "rules/cel.h"
#include "service/base/shape.h"

enum {
    LISTS_MAX = 256,
    LIST_ITEMS_MAX = 1000000, /* of one list; 24 bytes each and 8 for its index */
    LIST_FILE_MAX = 32 << 20, /* bytes of one file */
    LIST_ITEM_MAX = 4096,     /* bytes of an item; the longest string of a schema */
};

/* What may stand under `lists:`. */
extern const struct shape lists_shape;

struct list {
    struct span name;
    const struct cel_type *type; /* cel_type_list_string or cel_type_list_int */
    struct cel_value value;      /* for struct cel_name's `constant` */
    struct span content;         /* its file's bytes, for the ruleset's hash; empty when inline */
};

struct lists {
    struct list *items; /* in the order of the file */
    int count;
};

/*
 * Load the mapping under `lists:`; `node` may be NULL: no lists. O(items).
 * Errors: ST_INVALID, or ST_IO when a file cannot be read; ST_NO_SPACE; each with a diagnostic.
 */
MUST_USE enum status lists_load(const struct yaml_file *file, const struct yaml_node *node,
                                struct arena *arena, struct diag_list *diags,
                                struct lists *ret_lists);

/* NULL: there is none of that name. O(lists). */
const struct list *lists_find(const struct lists *lists, struct span name);

#endif
