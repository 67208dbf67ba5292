/*
 * list_changes.h -- what was changed of one list while the service runs: value by value.
 *
 *     table: | . | change | . | change | change | . |     open addressing by the key's hash
 *     heap:  | change | change |                          which expires first
 *
 * A change puts an item in, or takes one of the file out. What was put in and is taken out again
 * is no change any more.
 *
 * All changes have one sum, which does not depend on the order they came in: two instances with the
 * same items in and out have the same. Who, when and notes do not count.
 *
 * Owns:    copies of all texts. Threads: the caller's lock.
 */
#ifndef SLUICE_LISTS_LIST_CHANGES_H
#define SLUICE_LISTS_LIST_CHANGES_H

#include "service/base/span.h"

#include <stdint.h>

enum {
    LIST_NOTE_MAX = 256, /* bytes */
    LIST_BY_MAX = 64,    /* of who changed it */
};

struct list_change {
    struct span key;    /* list_view.h */
    bool out;           /* an item of the file is not in; else the item is in */
    int64_t at_ms;      /* wall clock */
    int64_t expires_ms; /* from then on it does not count; 0: never */
    struct span by, note;
    uint64_t n; /* the number of the change: later ones have greater ones */
};

struct list_changes;

struct list_changes *list_changes_new(void);
void list_changes_free(struct list_changes *c); /* NULL is fine */

/* NULL: the value was not changed. Borrowed until the next change. */
const struct list_change *list_changes_find(const struct list_changes *c, struct span key);
/* In place of what was changed of the same key. CHECKs on no memory. */
void list_changes_put(struct list_changes *c, const struct list_change *change);
/* false: there was none. */
bool list_changes_drop(struct list_changes *c, struct span key);
/* Of those that expire; NULL: none does. Borrowed until the next change. */
const struct list_change *list_changes_first_to_expire(const struct list_changes *c);

size_t list_changes_count(const struct list_changes *c);
uint64_t list_changes_sum(const struct list_changes *c);
size_t list_changes_bytes(const struct list_changes *c);

/* Places are 0 to _room() - 1, most of them free: NULL. They stay where they are until a change. */
size_t list_changes_room(const struct list_changes *c);
const struct list_change *list_changes_at(const struct list_changes *c, size_t place);

#endif
