/*
 * lists.h -- the ruleset's named lists: `merchant.country in lists.watched_countries`.
 *
 *     lists:
 *       watched_countries: [XX, YY]                   # strings
 *       odd_amounts: [100, 9999]                      # ints: every item is a plain integer
 *       blocked_devices: {file: devices.txt}          # one string a line; # begins a comment
 *       bins: {file: bins.csv, type: int}             # first column of a CSV (RFC 4180)
 *       offices: {items: [10.0.0.0/8], type: network}
 *       muted: {redis: true, type: string}            # only what is added while the service runs
 *
 * Files are UTF-8 and stand relative to the ruleset file. Repeated items count once. What is loaded
 * is a list's base, a view (list_view.h); changes make other views of it (lists/roster.h).
 *
 * Owns:    names and files live in the arena given to lists_load; views end with it. Read-only
 *          afterwards.
 */
#ifndef SLUICE_RULES_LISTS_H
#define SLUICE_RULES_LISTS_H

#include "rules/cel.h"
#include "rules/list_view.h"
#include "service/base/shape.h"

enum {
    LISTS_MAX = 256,
    LIST_NAME_MAX = 64,          /* bytes */
    LIST_ITEMS_MAX = 1000000,    /* of one list */
    LIST_FILE_MAX = 32 << 20,    /* bytes of one file */
    LIST_ITEM_MAX = 4096,        /* bytes of an item: LIST_KEY_MAX */
    LISTS_BYTES_MAX = 256 << 20, /* of memory of all lists: eight of a million */
};

/* What may stand under `lists:`. */
extern const struct shape lists_shape;

struct list {
    struct span name;
    const struct cel_type *type; /* cel_type_list_string or cel_type_list_int */
    struct list_view *view;
    struct cel_value value; /* for struct cel_name's `constant`: what the view holds */
    struct span content;    /* its file's bytes, for the ruleset's hash and copies; else empty */
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
