/*
 * roster.h -- the ruleset's lists as they are changed while the service runs.
 *
 *     PUT, DELETE ──> kept: file, or Redis ──╮
 *     another instance's ──> Redis ──────────┴──> changes of each list ──> views ──> the snapshot
 *                                                     ^ the file's items beneath      that decides
 *     a ruleset is loaded again ──────────────────────╯
 *
 * A change is kept first and then applied. What is applied becomes active in the next *generation*,
 * a snapshot that shares all but the views of the changed lists (snapshot.h): so a transaction
 * sees all lists as they were at one moment. The first ROSTER_AT_ONCE changes of 20 ms are active
 * before they are answered; of more at once one generation is made, within 20 ms.
 *
 * Changes belong to a list by its name and type. They stay when the ruleset is loaded again, and
 * while a ruleset is active that has no such list they wait.
 *
 * An item that expires stops to count at its time by the wall clock, within 250 ms.
 *
 * Owns:    changes, two threads (the second with Redis alone). Threads: any. What is marked "may
 *          wait" waits for a disk, for Redis, or for who has the lock while a ruleset is loaded
 *          with a million changes: not on a loop.
 */
#ifndef SLUICE_LISTS_ROSTER_H
#define SLUICE_LISTS_ROSTER_H

#include "service/engine/snapshot.h"
#include "service/lists/list_changes.h"
#include "service/state/redis_address.h"

enum {
    /* Of all lists, so that with a million of a file LIST_SET_MAX holds. */
    ROSTER_CHANGES_MAX = 1000000,
    ROSTER_LISTS_MAX = 1024, /* names that were ever changed, in this ruleset or not */
    ROSTER_AT_ONCE = 32,     /* generations in 20 ms: some 20 us each */
    ROSTER_WHY_BYTES = 256,
};

struct roster;

struct roster_options {
    struct snapshot_slot *snapshots; /* outlives the roster; its dresser is the roster's */
    const char *file;                /* changes are kept there; NULL or "": nowhere */
    /* Not NULL: they are kept in Redis, shared by all instances, and not in a file. */
    const struct redis_address *redis;
    const char *prefix; /* of keys in Redis */
};

/* What is known of one value. */
struct roster_item {
    bool in;      /* is it in the list, or in one of its networks? */
    bool in_file; /* is it among the items that the ruleset came with? */
    enum list_type type;
    bool changed; /* then `change` tells, whose texts are in `bytes` */
    struct list_change change;
    uint64_t version;       /* of the list */
    struct span covered_by; /* in by this network alone, the narrowest; empty: it is in itself */
    char bytes[LIST_KEY_MAX + LIST_NOTE_MAX + LIST_BY_MAX + LIST_KEY_BYTES];
};

/* What is known of one list. */
struct roster_info {
    struct span name; /* of the snapshot: valid as long as that is held */
    enum list_type type;
    size_t count, in_file, changed, bytes;
    uint64_t version; /* the number of its last change; 0: none */
};

struct roster_counts {
    uint64_t changes; /* applied since the start, by whomever */
    uint64_t refused; /* of others: over the limits, or not understood */
    uint64_t generations;
    uint64_t expired;
    int64_t behind_ms; /* since Redis was read last; 0 without Redis */
    bool is_away;      /* Redis cannot be read now */
};

/*
 * Read what was kept, and make it active. Without Redis at hand it begins with no changes and
 * catches up. Errors: ST_IO, ST_CONFLICT, ST_CORRUPT (the file): `why` says it. CHECKs on no
 * memory.
 */
MUST_USE enum status roster_open(const struct roster_options *o, struct roster **ret_roster,
                                 char why[ROSTER_WHY_BYTES]);
void roster_close(struct roster *r); /* NULL is fine */

/* Who asks for what. */
struct roster_order {
    struct span list, value; /* the value as it is written */
    int64_t now_ms;
    int64_t expires_ms; /* 0: never */
    struct span by, note;
};

/*
 * Put the value in, or take it out; *ret_item is what is so then. May wait.
 * Errors: ST_NOT_FOUND: the ruleset has no such list; ST_INVALID: the value is none of the list's
 * type; ST_TOO_LARGE: ROSTER_CHANGES_MAX, ROSTER_LISTS_MAX; ST_UNAVAILABLE, ST_IO: not kept, and
 * nothing changed.
 */
MUST_USE enum status roster_put(struct roster *r, const struct roster_order *o,
                                struct roster_item *ret_item);
MUST_USE enum status roster_remove(struct roster *r, const struct roster_order *o,
                                   struct roster_item *ret_item);
/* May wait. Errors: ST_NOT_FOUND and ST_INVALID as above. */
MUST_USE enum status roster_find(struct roster *r, struct span list, struct span value,
                                 struct roster_item *ret_item);

/* Of list number `i` of `snap`. */
void roster_info(struct roster *r, const struct snapshot *snap, int i, struct roster_info *ret);

/*
 * Changes of a list from `place` on (0: the first), at most `max`; returns the place to go on at, 0
 * when there are no more. While it is changed one may be shown twice or not. May wait. O(room).
 */
size_t roster_each_change(struct roster *r, const struct snapshot *snap, int i, size_t place,
                          int max, void (*visit)(void *user, const struct list_change *change),
                          void *user);

void roster_counts(struct roster *r, struct roster_counts *ret_counts);

/* For Prometheus; `s` is the active snapshot. */
void roster_metrics(struct roster *r, const struct snapshot *s, struct text *out);

#endif
