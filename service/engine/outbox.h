/*
 * outbox.h -- alerts between the decision and the sink's acknowledgement: one for a process.
 *
 *     worker ──open_place──> state ──put──> [ waiting ] ──take──> sink ──done──> forgotten
 *                                               ^                   │ again
 *                                               └───────────────────┘
 *
 * What survives a crash lies elsewhere, and is forgotten there with outbox_done: with the state in
 * memory the journal's frame of the decision has the alert; with Redis a stream that is written
 * with the decision. outbox_sweep.h reads what a crash has left there, and what did not fit here.
 *
 * Alerts have numbers, from 1, in the order they were put; outbox_settled() tells up to where all
 * are acknowledged.
 *
 * Owns:    copies of the alerts. Threads: take, done and again from the sink's alone; all others
 * from any.
 */
#ifndef SLUICE_ENGINE_OUTBOX_H
#define SLUICE_ENGINE_OUTBOX_H

#include "service/engine/alert.h"
#include "service/state/journal.h"
#include "service/state/state.h"

#include <sys/queue.h>

struct outbox;

/* One alert; the outbox's, and lent to the sink from take to done or again. */
struct outbox_item {
    TAILQ_ENTRY(outbox_item) link;    /* private: all, by number */
    TAILQ_ENTRY(outbox_item) waiting; /* private: those not taken */
    size_t cap;                       /* private: room for the record behind it */
    TAILQ_ENTRY(outbox_item) unkept;  /* private: in a frame, and not in Redis, by seq ... */
    bool is_unkept;                   /* ... is among them */
    uint64_t number;
    struct alert alert;
    uint64_t seq;            /* of the journal's frame that has it; 0: none */
    struct state_alert kept; /* in Redis; {0}: not there */
    int64_t put_us;          /* monotonic */
};

/*
 * A worker's promise of an alert, from before its frame is written until it is put: without it the
 * mark of what is acknowledged could pass a frame whose alert nobody knows yet.
 */
struct outbox_place {
    TAILQ_ENTRY(outbox_place) link;
    uint64_t from_seq; /* its frame will have this number, or a later one */
    bool has_room;     /* else the alert stays where it survives, and comes by a sweep */
    bool is_open;
};

struct outbox_options {
    int waiting_max;         /* items; one more stays where it survives */
    struct journal *journal; /* NULL: none */
    bool journal_keeps;      /* alerts survive in its FLAGGED frames ... */
    bool redis_keeps;        /* ... or in Redis, once they have reached it */
    /* The journal's mark at the start (outbox_mark.h): what an earlier process has left is in the
     * frames behind it. */
    uint64_t acknowledged_seq;
    /* May be NULL; from any thread that puts: `alert` was decided. */
    void (*seen)(void *user, const struct alert *alert);
    /* May be NULL; from any thread that puts: there is something to take. Short. */
    void (*woken)(void *user);
    void *user;
};

/* CHECKs on no memory. */
struct outbox *outbox_new(const struct outbox_options *o);
void outbox_free(struct outbox *o); /* NULL is fine */

/* ---- the worker's ---- */

void outbox_open_place(struct outbox *o, struct outbox_place *place);
/*
 * `record` (alert.h) was decided; `seq` is its frame, or 0, or one from before the place, which is
 * not its; `kept` its entry in Redis, or {0}.
 * CHECKs on no memory, as on a record that is none.
 */
void outbox_put(struct outbox *o, struct outbox_place *place, struct span record, uint64_t seq,
                struct state_alert kept);
/* There is no alert after all; nothing when the place is not open. */
void outbox_close_place(struct outbox *o, struct outbox_place *place);

/* ---- the sink's ---- */

/* The oldest that waits, or NULL. */
struct outbox_item *outbox_take(struct outbox *o);
/* The sink has it for good. */
void outbox_done(struct outbox *o, struct outbox_item *item);
/* The sink could not: it waits again, before all others. */
void outbox_again(struct outbox *o, struct outbox_item *item);

/* ---- the sweep's ---- */

/* What was left for want of room: frames *ret_from..*ret_to have it. false: nothing was. */
bool outbox_left(struct outbox *o, uint64_t *ret_from, uint64_t *ret_to);
/* How many more there is room for. */
int outbox_room(struct outbox *o);
/* One that was left, or that another process has left. */
void outbox_put_swept(struct outbox *o, struct span record, uint64_t seq, struct state_alert kept);
/* What was left up to `seq` has been put. */
void outbox_swept(struct outbox *o, uint64_t seq);
/* Every alert of a frame up to this one is acknowledged. `last_seq`, read before this call: the
 * journal's newest, or with Redis the last that has reached it. Never less than before. */
uint64_t outbox_acknowledged_seq(struct outbox *o, uint64_t last_seq);
/* At most `max` entries of Redis whose alerts are acknowledged, each answered once. */
int outbox_take_done(struct outbox *o, struct state_alert *ret_entries, int max);
/*
 * Redis: the alert of this frame is neither here nor there, as far as this process knows, so it
 * must be brought with its decision: an earlier process wrote it, and the mark does not have it, or
 * there was no room, or its place is open still.
 */
bool outbox_lacks(struct outbox *o, uint64_t seq);
/* Redis: the alert of this frame waits here, and is not there: once the frame has reached Redis, a
 * crash would lose it. So it is brought with its decision, as ours. */
bool outbox_holds(struct outbox *o, uint64_t seq);
/* It was: `kept` is its entry; {0}: none was made, since the decision stood there. */
void outbox_kept(struct outbox *o, uint64_t seq, struct state_alert kept);

/* ---- anybody's ---- */

/* The number of the newest that was put; 0: none ever. */
uint64_t outbox_last(struct outbox *o);
/* Every alert with a number up to this one is acknowledged, or lies where it survives. */
uint64_t outbox_settled(struct outbox *o);

/* X(member, kind, help) */
#define OUTBOX_STATS_TABLE(X)                                                       \
    X(waiting, "gauge", "Alerts that no sink has taken for good")                   \
    X(put_total, "counter", "Alerts that were decided, or left by another process") \
    X(sent_total, "counter", "Alerts that the sink has taken for good")             \
    X(retries_total, "counter", "Times the sink could not take an alert")           \
    X(left_total, "counter", "Alerts without room in memory, which came later")     \
    X(lost_total, "counter", "Alerts without room, and without a place that survives")

struct outbox_stats {
#define X(member, kind, help) uint64_t member;
    OUTBOX_STATS_TABLE(X)
#undef X
};

struct outbox_stats outbox_stats(struct outbox *o);

#endif
