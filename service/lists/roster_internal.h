/*
 * roster_internal.h -- what the files of roster.h share.
 *
 *     roster.c             what is asked, and changes
 *     roster_generation.c  views ──> the snapshot that decides
 *     roster_upkeep.c      a thread: expiry, what waits to be published, the file
 *     roster_reader.c      a thread: changes from Redis, of all instances, in their order
 *
 * Nobody waits for a disk or for Redis under the lock, but for appending to the file.
 */
#ifndef SLUICE_LISTS_ROSTER_INTERNAL_H
#define SLUICE_LISTS_ROSTER_INTERNAL_H

#include "service/lists/roster.h"
#include "service/lists/roster_file.h"
#include "service/lists/roster_lines.h"
#include "service/lists/roster_list.h"
#include "service/lists/roster_redis.h"

#include <pthread.h>

enum {
    ROSTER_WINDOW_MS = 20, /* in which ROSTER_AT_ONCE generations are made, and then one */
    ROSTER_TURN_MS = 250,  /* of the upkeep when there is nothing to do */
};

struct roster {
    pthread_mutex_t lock;
    pthread_cond_t changed; /* something waits for the upkeep */
    pthread_cond_t read;    /* read_n has grown */
    struct snapshot_slot *snapshots;
    struct snapshot *loaded; /* whose lists are changed */
    /* They stay until the end, and n_lists only grows: any thread may look for one. */
    struct roster_list *lists[ROSTER_LISTS_MAX];
    _Atomic int n_lists;
    size_t n_changes; /* of all lists */
    uint64_t n;       /* of the newest change, where no Redis counts */
    bool is_dirty, is_stopping;
    int64_t window_ms; /* when it began */
    int in_window;     /* generations made since */
    struct {
        _Atomic uint64_t changes, refused, generations, expired;
        _Atomic int64_t read_ms; /* when Redis was read last */
        _Atomic bool is_away;
    } told;
    struct roster_file *file;
    uint64_t read_n;              /* of Redis, what is known up to there */
    pthread_mutex_t keeping;      /* over `writer` */
    struct roster_redis *writer;  /* NULL: no Redis */
    struct roster_redis *reader;  /* of the reading thread */
    struct roster_cursor cursor;  /* likewise */
    bool is_lost;                 /* likewise: Redis has lost what stood there */
    struct roster_redis *cleaner; /* of the upkeep */
    struct roster_lines expired;  /* likewise: still in Redis */
    pthread_t upkeep_thread, reading_thread;
};

/* ---- roster.c; with the lock ---- */

/* NULL: there is none. Needs no lock. */
struct roster_list *roster_list_named(struct roster *r, struct span name, enum list_type type);
/* The same, made if need be; NULL: there are ROSTER_LISTS_MAX. */
struct roster_list *roster_list_make(struct roster *r, struct span name, enum list_type type);
/* What a line says is so from now on, unless it is known or too much. */
void roster_apply(struct roster *r, const struct list_line *line);

/* All changes, one after the other; zeroed but for the roster it begins. */
struct roster_walk {
    struct roster *roster;
    int list;
    size_t place;
};
/* For roster_file_rewrite(). */
bool roster_walk_next(void *user, struct list_line *ret_line);

/* ---- roster_generation.c; with the lock ---- */

/* The number of `l` in `s`, -1: none. */
int roster_index_in(const struct snapshot *s, const struct roster_list *l);
void roster_publish(struct roster *r);
/* At once, unless there were many of late: then the upkeep does. */
void roster_publish_soon(struct roster *r);
/* All views anew from the lists of the ruleset that was loaded. */
void roster_renew_views(struct roster *r);
/* For the slot: the lock is taken there. */
extern const struct snapshot_dresser roster_dresser;

/* ---- threads ---- */

void *roster_upkeep(void *roster);
void *roster_reading(void *roster);
/* Changes as they are in Redis now. Errors: ST_UNAVAILABLE. */
MUST_USE enum status roster_read_all(struct roster *r);

#endif
