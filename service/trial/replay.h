/*
 * replay.h -- a file of events through the engine, line by line, as fast as it goes.
 *
 *     memory:  each line is observed and decided before the next one starts
 *     Redis:   several lines are under way at once, as long as they share nothing (touches.h)
 *
 * Lines take effect in their order, and answers come in it. Time is the stream's own: the latest
 * timestamp seen so far; the wall clock has no say.
 */
#ifndef SLUICE_TRIAL_REPLAY_H
#define SLUICE_TRIAL_REPLAY_H

#include "service/engine/score.h"

#include <stdio.h>

struct replay_progress {
    uint64_t lines, bytes;
};

struct replay_options {
    int events_fd;
    FILE *decisions, *final;       /* NULL: not wanted */
    struct training_csv *features; /* training_csv.h; likewise */
    enum decision_detail detail;   /* of the decisions */
    bool ahead;                    /* lines are read and parsed on a thread of their own */
    void (*progress)(void *user, const struct replay_progress *p);
    void (*refused)(void *user, uint64_t line, const struct reader_error *error);
    void *user;
};

struct replay_stats {
    uint64_t transactions, labels, flagged, replayed, refused;
    int64_t elapsed_us;
};

/* Errors: ST_IO (a file), ST_UNAVAILABLE (the state), ST_TOO_LARGE (labels: truths.h),
 * ST_NO_SPACE. */
MUST_USE enum status replay_run(struct engine *e, const struct replay_options *o,
                                struct replay_stats *ret_stats);

#endif
