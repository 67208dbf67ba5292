/*
 * far_state.h -- a state that is far away: a memory state whose answers come when the test
 * says, or not at all. For deadlines, lost connections and redelivery.
 */
#ifndef SLUICE_TESTS_ENGINE_FAR_STATE_H
#define SLUICE_TESTS_ENGINE_FAR_STATE_H

#include "service/state/state_mem.h"

enum { FAR_HELD_MAX = 64 };

struct far_state {
    struct state state;
    struct state_table *table;
    struct state *near;
    bool is_away;    /* not available, and everything submitted fails */
    bool is_holding; /* what is submitted waits for far_state_answer() */
    bool is_losing;  /* it takes effect, and its answer is lost */
    struct state_op *held[FAR_HELD_MAX];
    int n_held;
    int n_submitted, n_beacons;
    int n_alerts;           /* settled with an alert; kept as n_alerts-0 */
    bool alert_was_nobodys; /* the last of them */
    int fails_at; /* of n_submitted: this one alone is refused, as by a server that is full ... */
    bool fails_lost; /* ... or takes effect, and its answer is lost */
};

/* Over a table of its own. */
struct far_state *far_state_new(void);
/* Another connection to the same table. */
struct far_state *far_state_beside(struct far_state *other);
/* Everything held takes effect and answers, in order; what that submits is held again. */
void far_state_answer(struct far_state *f);
/* Everything held fails, as when the connection is lost before it was sent. */
void far_state_fail(struct far_state *f);

#endif
