/*
 * state_suite.h -- what every state backend must do, as one suite of tests.
 *
 * A backend's test makes a struct state_suite and calls state_suite_run(), which is a whole
 * cmocka group and answers the number of tests that failed.
 */
#ifndef SLUICE_TESTS_UNIT_STATE_STATE_SUITE_H
#define SLUICE_TESTS_UNIT_STATE_STATE_SUITE_H

#include "service/state/state.h"

struct state_suite {
    /* A state with nothing in it, and its end; for each test anew. */
    struct state *(*open)(struct state_suite *suite);
    void (*close)(struct state_suite *suite, struct state *state);
    /* Runs the event loop until *done, a bounded time; returns at once when it is set. */
    void (*pump)(struct state_suite *suite, const bool *done);
    /* Expiry follows op->now_ms; else the backend has a clock of its own. */
    bool expires_by_now;
    void *user;

    struct state *state; /* the suite's own, of the running test */
};

int state_suite_run(const char *name, struct state_suite *suite);

#endif
