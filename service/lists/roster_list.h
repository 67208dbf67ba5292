/*
 * roster_list.h -- changes of one list, by its name and type, and the view that they make of the
 * ruleset's.
 *
 *     base ── what the ruleset came with ──╮
 *     changes ── kept, or read from Redis ─┴──> view ── what decides
 *
 * A change is known when it was applied, and is in the view when it was published: many changes
 * make one view. A list that the ruleset does not have keeps its changes, and has no view.
 *
 * Owns:    changes; references of base and view. Threads: the caller's lock, but for name, type
 *          and `told`, which any thread may read.
 */
#ifndef SLUICE_LISTS_ROSTER_LIST_H
#define SLUICE_LISTS_ROSTER_LIST_H

#include "service/lists/list_line.h"

struct roster_list {
    char name[LIST_NAME_MAX + 1];
    enum list_type type;
    struct list_changes *changes;
    uint64_t version;              /* number of the newest change */
    int index;                     /* in the ruleset; -1: it has no such list */
    struct list_view *base, *view; /* NULL with index -1 */
    struct {
        _Atomic size_t changed, bytes;
        _Atomic uint64_t version;
    } told;
    /* private */
    struct list_changes *incoming; /* roster_list_take(); NULL: nothing yet */
    struct span *pending;          /* keys to publish, copies */
    size_t n_pending, pending_room;
};

/* Without changes, of no ruleset. `name` has at most LIST_NAME_MAX bytes. CHECKs on no memory. */
struct roster_list *roster_list_new(struct span name, enum list_type type);
void roster_list_free(struct roster_list *l);

/* Does the change count at that time? */
bool roster_list_counts(const struct list_change *c, int64_t now_ms);
/* Is the key in the list, by its changes and the base? Only with a base. */
bool roster_list_has(const struct roster_list *l, struct span key, int64_t now_ms);

/* The ruleset has the list as its number `index`, and came with `base`; -1 and NULL: it has none.
 * The view is made anew. O(changes). */
void roster_list_rebase(struct roster_list *l, int index, struct list_view *base, int64_t now_ms);
/* The view that the changes make of another base; a reference. O(changes). */
struct list_view *roster_list_over(const struct roster_list *l, struct list_view *base,
                                   int64_t now_ms);

/* What the line says is so; published by the next roster_list_publish(). false: what is known of
 * the value is as new, and nothing has changed. */
bool roster_list_apply(struct roster_list *l, const struct list_line *line);
bool roster_list_is_pending(const struct roster_list *l);
void roster_list_publish(struct roster_list *l, int64_t now_ms);

/* Drop what has expired, each shown to `visit` before; returns how many. O(log changes) each. */
size_t roster_list_expire(struct roster_list *l, int64_t now_ms,
                          void (*visit)(void *user, const struct roster_list *l,
                                        const struct list_change *c),
                          void *user);

/*
 * All changes are read again: each is taken, and then they take the place of what was known, but
 * for changes after number `since`, when the reading began. UINT64_MAX: numbers have begun anew.
 * The view is not made anew.
 */
void roster_list_take(struct roster_list *l, const struct list_line *line);
size_t roster_list_taken(const struct roster_list *l);
void roster_list_settle(struct roster_list *l, uint64_t since);
void roster_list_discard(struct roster_list *l); /* what was taken */

#endif
