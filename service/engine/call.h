/*
 * call.h -- one operation on the state, and what follows it.
 *
 *     call_start ──> state_submit ──> done: take()   what the state answers is borrowed: read it
 *                                           then()   nothing is borrowed any more: go on
 *
 * `then` runs when state_submit has returned (memory) or from the loop (Redis), so that a step may
 * start the next operation without ever standing inside the state.
 *
 * Owns:    nothing; the call is its user's and lives until `then`, which may reuse it.
 * Threads: of the state's loop.
 */
#ifndef SLUICE_ENGINE_CALL_H
#define SLUICE_ENGINE_CALL_H

#include "service/state/state.h"

struct call {
    struct state_op op;
    enum status status;           /* what the operation answered */
    void (*take)(struct call *c); /* only after ST_OK; may be NULL */
    void (*then)(struct call *c); /* always */
    void *user;
    /* private */
    bool is_starting;
    bool is_under_way;
};

/* Start c->op. `then` is called exactly once, perhaps before this returns. */
void call_start(struct state *state, struct call *c);

static inline bool call_is_under_way(const struct call *c)
{
    return c->is_under_way;
}

#endif
