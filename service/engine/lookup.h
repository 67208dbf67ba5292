/*
 * lookup.h -- a look at one decision that was given, by its transaction's id.
 *
 * Owns:    nothing; a lookup is its caller's, with its arena, until `released`.
 * Threads: of the engine's loop.
 */
#ifndef SLUICE_ENGINE_LOOKUP_H
#define SLUICE_ENGINE_LOOKUP_H

#include "service/engine/call.h"
#include "service/engine/engine.h"
#include "service/engine/timers.h"

struct lookup {
    struct engine *engine;
    struct arena *arena; /* of SCORE_ARENA_BYTES */
    struct span txn_id;  /* for the call of lookup_start alone */
    int64_t now_ms;
    int64_t deadline_us; /* monotonic; 0: none */

    /* out. status: ST_OK; ST_NOT_FOUND: no decision is kept under this id; ST_CORRUPT: what is kept
     * cannot be read; ST_UNAVAILABLE: no state, or not in time; ST_NO_SPACE. */
    enum status status;
    struct span answer; /* the decision's JSON, in the arena */

    void (*done)(struct lookup *l);     /* once */
    void (*released)(struct lookup *l); /* once, after done: nothing refers to it any more */
    void *user;

    /* private */
    struct call call;
    struct timer timer;
    uint64_t hash;
    struct span found;
    enum status found_status;
    bool is_told;
};

void lookup_start(struct lookup *l);

#endif
