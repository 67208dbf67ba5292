/*
 * replay.h -- a file of events through the engine, line by line, as fast as it goes.
 *
 *     memory:  each line is observed and decided before the next one starts
 *     Redis:   several lines are under way at once, as long as they share neither transaction nor entity;
 *              labels wait for all before them
 *
 * Lines take effect in their order, and answers come in it. Time is the stream's own: the latest timestamp
 * seen so far; the wall clock has no say.
 *
 * Owns:    what it needs for the run. Threads: the caller's, and one that reads ahead.
 */
#ifndef SLUICE_ENGINE_REPLAY_H
#define SLUICE_ENGINE_REPLAY_H

#include "service/engine/event_source.h"
#include "service/engine/score.h"

struct replay_answer {
    uint64_t line;
    const struct score *score;
    const struct snapshot *snap;
    struct span transaction_id;        /* empty for a line that was refused */
    const struct window_value *values; /* of a transaction, in the order of features; NULL: none */
    bool is_label;
};

struct replay_options {
    struct engine *engine; /* with a loop when its state needs one */
    int fd;
    bool explain;
    bool read_ahead; /* on a thread of its own */
    /* Each line's answer, in order of lines; may be NULL. */
    void (*answered)(void *user, const struct replay_answer *a);
    /* Now and then; may be NULL. */
    void (*progress)(void *user, uint64_t bytes, uint64_t transactions);
    void *user;
};

struct replayed {
    uint64_t transactions, labels, refused;
    uint64_t bytes;
    int64_t end_ms; /* the latest timestamp; INT64_MIN: there was none */
};

/* O(lines). Errors: ST_IO: the file; ST_UNAVAILABLE: the state, *ret_replayed then says how far it came. */
MUST_USE enum status replay(const struct replay_options *o, struct replayed *ret_replayed);

#endif
