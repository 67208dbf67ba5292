/*
 * timers.h -- the deadlines of one loop, in order of time, behind one uv_timer_t.
 *
 *     uv timer ──> [ 12.003 s ] [ 12.007 s ] [ 12.007 s ] [ 12.050 s ]
 *
 * Most deadlines are a constant away, so a new one goes in at the end: O(1); an early one
 * walks back from there.
 *
 * Owns:    the uv_timer_t; the entries are their users', who take them out before they go.
 * Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_TIMERS_H
#define SLUICE_ENGINE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct timer {
    int64_t at_us;                 /* monotonic (clock.h) */
    void (*fire)(struct timer *t); /* once, when it is out of the list again */
    void *user;
    /* private */
    struct timer *prev, *next; /* NULL: not in a list */
};

struct timers {
    uv_timer_t *uv; /* on the heap: libuv lets go of it later than we do; NULL: no loop */
    struct timer head;
    int64_t armed_us; /* when the uv timer fires, while it is active */
};

/* `loop` may be NULL: entries then never fire. CHECKs on no memory. */
void timers_init(struct timers *ts, uv_loop_t *loop);
/* The list is empty. The loop must run once more for libuv to let go of its timer. */
void timers_fini(struct timers *ts);

/* Put it in, or move it to another time. */
void timers_set(struct timers *ts, struct timer *t, int64_t at_us);
/* Take it out; fine when it is not in. */
void timers_clear(struct timer *t);

#endif
