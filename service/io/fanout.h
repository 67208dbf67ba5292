/*
 * fanout.h -- the recent alerts of this process, and who waits for the next one.
 *
 *     put ──> [ floor | id 7  id 8  id 9 ]           a ring: the oldest go for the newest
 *                         ^      ^    ^
 *                    cursors: one number for each reader, the id of the last alert it has
 *
 * An id is the wall clock in microseconds at the put, made strictly increasing; so ids grow over a
 * restart too, and an id of another process of about the same clock means about the same moment.
 * The floor is the id of the last alert that is gone, at the start the time of the start: behind a
 * cursor at the floor, or past it, nothing is missing.
 *
 * A reader has no place of its own here. However slow it is, a put does not wait for it; its cursor
 * falls out of the ring, and it is told.
 *
 * Owns:    copies of the alerts, within bytes_max. Threads: any; one lock, held while one alert is
 * copied in or out.
 */
#ifndef SLUICE_IO_FANOUT_H
#define SLUICE_IO_FANOUT_H

#include "service/engine/alert.h"

#include <sys/queue.h>

enum {
    FANOUT_JSON_MAX = ALERT_BYTES_MAX,
    FANOUT_BYTES_MIN = 4 * FANOUT_JSON_MAX, /* an alert, and the gap that it may leave at the end */
};

struct fanout;

struct fanout_options {
    int recent_max;   /* alerts, at least 1 */
    size_t bytes_max; /* of their JSON, at least FANOUT_BYTES_MIN; past it the oldest go earlier */
    int64_t now_ms;   /* wall clock */
};

/* CHECKs on no memory. */
struct fanout *fanout_new(const struct fanout_options *o);
/* When nobody listens any more. NULL is fine. */
void fanout_free(struct fanout *f);

/* `now_ms` is the wall clock, and may step back. Calls the listeners. */
void fanout_put(struct fanout *f, const struct alert *alert, int64_t now_ms);

/* ---- reading ---- */

enum fanout_found {
    FANOUT_FOUND,
    FANOUT_NOTHING, /* no alert is newer than the cursor */
    FANOUT_LAGGED,  /* alerts behind the cursor are gone */
};

struct fanout_item {
    uint64_t id;
    struct span json; /* one line; in the caller's bytes */
};

/* The first alert behind `cursor`, copied to `json`; ret_item is set only when it was found.
 * O(log n). */
enum fanout_found fanout_next(struct fanout *f, uint64_t cursor, char json[FANOUT_JSON_MAX],
                              struct fanout_item *ret_item);

/* The cursor with nothing behind it: what comes from now on. */
uint64_t fanout_last(struct fanout *f);
/* The cursor with the newest `n` alerts behind it, or all when there are fewer. */
uint64_t fanout_back(struct fanout *f, int n);
/* The cursor with all alerts behind it that are still here. */
uint64_t fanout_floor(struct fanout *f);

/* ---- listening ---- */

struct fanout_listener {
    TAILQ_ENTRY(fanout_listener) link; /* private */
    /* From the thread that puts, under the lock: no more than uv_async_send. */
    void (*called)(struct fanout_listener *listener);
};

/* Borrowed until fanout_unlisten(), after whose return it is not called any more. */
void fanout_listen(struct fanout *f, struct fanout_listener *listener);
void fanout_unlisten(struct fanout *f, struct fanout_listener *listener);

#endif
