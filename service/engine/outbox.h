/*
 * outbox.h -- alerts between the decision and the sink's acknowledgement: one for a process.
 *
 *     worker ──outbox_put──> [ waiting ] ──outbox_take──> sink ──outbox_done──> forgotten
 *                                ^                          │ outbox_again
 *                                └──────────────────────────┘
 *
 * What survives a crash lies elsewhere, and is forgotten there with outbox_done: with the state in
 * memory the journal's frame of the decision has the alert; with Redis a stream that was written
 * with the decision. outbox_sweep.h reads what a crash has left there, and what did not fit here.
 *
 * Alerts have numbers, from 1, in the order they were put; outbox_settled() tells up to where all
 * are acknowledged.
 *
 * Owns:    copies of the alerts. Threads: put and the numbers from any; take, done and again from
 * the sink's alone.
 */
#ifndef SLUICE_ENGINE_OUTBOX_H
#define SLUICE_ENGINE_OUTBOX_H

#include "service/engine/alert.h"
#include "service/state/state.h"

struct outbox;

/* One alert; the outbox's, and lent to the sink from take to done or again. */
struct outbox_item {
    struct outbox_item *next, *prev; /* private */
    uint64_t number;
    struct alert alert;
    uint64_t seq;            /* of the journal's frame that has it; 0: none */
    struct state_alert kept; /* in Redis; {0}: not there */
    int64_t put_us;          /* monotonic */
    int tries;
};

struct outbox_options {
    int waiting_max; /* items; one more stays where it survives, and comes by a sweep */
    /* May be NULL; from any thread that puts, under the outbox's lock: `alert` was decided. */
    void (*seen)(void *user, const struct alert *alert);
    /* May be NULL; from any thread: there is something to take. Short, such as uv_async_send. */
    void (*woken)(void *user);
    void *user;
};

/* CHECKs on no memory. */
struct outbox *outbox_new(const struct outbox_options *o);
void outbox_free(struct outbox *o); /* NULL is fine */

/* ---- the sink's ---- */

/* The oldest that waits, or NULL. */
struct outbox_item *outbox_take(struct outbox *o);
/* The sink has it for good. */
void outbox_done(struct outbox *o, struct outbox_item *item);
/* The sink could not: it waits again, before all others. */
void outbox_again(struct outbox *o, struct outbox_item *item);

/* ---- anybody's ---- */

/* The number of the newest that was put; 0: none ever. */
uint64_t outbox_last(struct outbox *o);
/* Every alert with a number up to this one is acknowledged. */
uint64_t outbox_settled(struct outbox *o);

struct outbox_stats {
    uint64_t waiting, sending;        /* gauges */
    uint64_t put, sent, failed, left; /* counters; left: no room, to come by a sweep */
};

struct outbox_stats outbox_stats(struct outbox *o);

#endif
