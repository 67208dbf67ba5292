/*
 * tally_look.h -- a look at the tally of labels, by a deadline.
 *
 * Owns:    the look is its caller's until `released`; it owns its tally until then.
 * Threads: of the engine's loop.
 */
#ifndef SLUICE_ENGINE_TALLY_LOOK_H
#define SLUICE_ENGINE_TALLY_LOOK_H

#include "service/engine/call.h"
#include "service/engine/engine.h"
#include "service/engine/timers.h"

struct tally_look {
    struct engine *engine;
    int64_t deadline_us; /* monotonic; 0: none */

    /* out. status: ST_OK, or ST_UNAVAILABLE: no state, or not in time, and the tally is empty */
    enum status status;
    struct tally *tally; /* until `done` returns */

    void (*done)(struct tally_look *l);     /* once */
    void (*released)(struct tally_look *l); /* once, after done: nothing refers to it any more */
    void *user;

    /* private */
    struct call call;
    struct timer timer;
    struct tally sums, none;
    bool is_told;
};

/* CHECKs on no memory: not for the hot path. O(rows). */
void tally_look_start(struct tally_look *l);

#endif
