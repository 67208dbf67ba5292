/*
 * list_set.h -- a set of short texts; a change makes another set that shares nearly all with it.
 *
 *     root          nodes          pages
 *     +---+        +---+---+      +-------+------+------+---------------+
 *     |   |------->|   |   |----->| count | tags | lens | key key key . |
 *     |   |---.    +---+---+      +-------+------+------+---------------+
 *     +---+   |    +---+---+
 *             '--->|   |   |--->  the first bits of a key's hash choose node and page;
 *                  +---+---+      its last 16 bits are its tag
 *
 * A page holds some 16 to 32 keys, so that a key costs its own bytes and about 7 more: with 16-byte
 * keys 24 MB a million. Asking touches root, node and page: the first two stay in the cache.
 *
 * A set never changes. list_set_edit() copies the pages it changes, the nodes above them and the
 * root, and shares the rest by counting who refers to it: of a million keys one edit copies 4 KB.
 * When pages become too full on average a set is made anew with twice as many: once in a doubling.
 *
 * Source: path copying, Driscoll, Sarnak, Sleator, Tarjan 1989; the tags are those of F14.
 *
 * Owns:    its memory, by reference; ref and unref from any thread. Keys it shows are borrowed.
 * Threads: reads need no lock; counts are atomic, so that sets that share parts may be made and
 *          released on different threads.
 */
#ifndef SLUICE_RULES_LIST_SET_H
#define SLUICE_RULES_LIST_SET_H

#include "service/base/span.h"

enum {
    LIST_KEY_MAX = 4096,    /* bytes of a key; the longest string of a schema */
    LIST_SET_MAX = 1 << 21, /* keys: a million of a file, and as many that were added */
};

struct list_set;

struct list_edit {
    struct span key;
    bool in; /* else it goes */
};

/* A set of `keys`, of which some may be equal. CHECKs on no memory and on the limits. O(n). */
struct list_set *list_set_new(const struct span *keys, size_t n);
struct list_set *list_set_ref(struct list_set *set);
void list_set_unref(struct list_set *set); /* NULL is fine; the last one is O(size) */

/* Another set, with the edits applied in order. CHECKs as list_set_new(). O(n + root). */
struct list_set *list_set_edit(const struct list_set *set, const struct list_edit *edits, size_t n);

bool list_set_has(const struct list_set *set, struct span key);
/* The set's own copy of the key; base NULL: it is not in. */
struct span list_set_find(const struct list_set *set, struct span key);
size_t list_set_count(const struct list_set *set);
size_t list_set_bytes(const struct list_set *set); /* of memory, what is shared included */

/* Each key once, in no order. */
void list_set_each(const struct list_set *set, void (*visit)(void *user, struct span key),
                   void *user);

#endif
