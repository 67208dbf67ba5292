/*
 * list_line.h -- one change of a list as a line of JSON: how it is kept in the file and in Redis.
 *
 *     {"n":12,"list":"muted","type":"string","value":"d-9","what":"in","at":"2026-01-05T12:00:00Z",
 *      "by":"127.0.0.1","expires_at":"2026-02-05T12:00:00Z","note":"chargeback 4711"}
 *
 * `what` is "in", "out" (of an item of the file), or "forget": what was changed is so no more. The
 * value is as people write it. by, expires_at and note may be left out. Keys that are not known are
 * ignored.
 */
#ifndef SLUICE_LISTS_LIST_LINE_H
#define SLUICE_LISTS_LIST_LINE_H

#include "rules/list_view.h"
#include "rules/lists.h"
#include "service/base/status.h"
#include "service/lists/list_changes.h"

enum {
    /* Every byte of value, note and name escaped. */
    LIST_LINE_MAX = 6 * (LIST_KEY_MAX + LIST_NOTE_MAX + LIST_BY_MAX + LIST_NAME_MAX) + 512,
};

struct list_line {
    struct span list;
    enum list_type type;
    bool forget; /* else the change says what is so */
    struct list_change change;
    char key_bytes[LIST_KEY_BYTES]; /* where change.key may be */
};

/* Without a line's end; without its number, which a script of Redis puts before the rest: ends in
 * "}" and begins with "list". `out` has LIST_LINE_MAX bytes. */
void list_line_write_rest(const struct list_line *line, struct text *out);
void list_line_write(const struct list_line *line, struct text *out);

/*
 * Read a line. Texts point into *ret_owner, which the caller frees with list_line_free().
 * Errors: ST_CORRUPT: it is none; *ret_line means nothing, and nothing is to be freed.
 */
MUST_USE enum status list_line_read(struct span text, struct list_line *ret_line, void **ret_owner);
void list_line_free(void *owner);

#endif
