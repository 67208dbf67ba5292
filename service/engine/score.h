/*
 * score.h -- one event's way through the engine: read, observe, decide, answer.
 *
 *     score_start ──> reader ──> observe (claim, append, read back) ──> decide ──> settle ──> done
 *                                   │ another attempt's claim: wait, then decide as it would
 *                                   │ its decision: answer that
 *                                   └ deadline, or no state: decide without (degraded), or refuse
 *
 * observe (observe.h) is the asynchronous half, decide (decide.h) the pure one. HTTP, Kafka and replay
 * all call score_start.
 *
 * Owns:    nothing; a struct score is its caller's, with its arena, and may be reused after `released`.
 * Threads: a score lives on one loop.
 */
#ifndef SLUICE_ENGINE_SCORE_H
#define SLUICE_ENGINE_SCORE_H

#include "service/engine/snapshot.h"
#include "service/state/journal.h"
#include "service/state/state.h"
#include "service/txn/reader.h"

#include <uv.h>

enum {
    SCORE_ARENA_BYTES = 256 << 10, /* a body, its slots, records, logs' scratch, the answer */
    SCORE_ANSWER_MAX = 48 << 10,
};

enum on_unavailable { ON_UNAVAILABLE_DEGRADE, ON_UNAVAILABLE_REJECT };

struct engine_options {
    int64_t max_skew_ms, dedupe_for_ms, label_wait_ms;
    int64_t remember_for_ms; /* 0: the snapshot's */
    int deadline_ms;
    enum on_unavailable on_unavailable;
    bool synced_answers; /* journal fsync always: an answer waits for its frames */
};

struct engine_stats; /* counters of this loop, see engine_stats.h */

/* One loop's engine. */
struct engine {
    uv_loop_t *loop; /* NULL: no timers (replay on memory) */
    struct state *state;
    struct journal *journal; /* may be NULL */
    struct snapshot_slot *snapshots;
    const struct layout_book *layouts;
    struct engine_options options;
    struct engine_stats *stats;
    /* private */
    struct fold_jobs *folds;
};

/* How the event came in. */
struct score_intake {
    int64_t now_ms;      /* wall clock, or the stream's time in replay */
    int64_t deadline_us; /* monotonic (clock.h); 0: none */
    bool historic;       /* no max_skew check */
    bool explain;
    bool labels_allowed, transactions_allowed; /* which kinds may come this way */
};

enum score_answer {
    SCORE_DECIDED,     /* answer: the decision's JSON */
    SCORE_LABELLED,    /* label taken: answer: {"transaction_id":..,"outcome":..,"status":"recorded"} ("duplicate" too) */
    SCORE_PARKED,      /* label of a transaction not seen yet: 202, status "parked" */
    SCORE_REFUSED,     /* error: what the reader, or the contract, refuses */
    SCORE_CONFLICT,    /* the id came before with another body: 422 */
    SCORE_UNAVAILABLE, /* under on_unavailable: reject, or a label without state: 503 */
    SCORE_OVERLOADED,  /* too many under way: 503 */
};

struct score {
    struct engine *engine;
    struct arena *arena; /* of SCORE_ARENA_BYTES, reset by the caller before score_start */
    struct score_intake intake;

    /* out, valid in `done` and until the caller resets the arena */
    enum score_answer kind;
    struct span answer;        /* compact JSON, no newline */
    struct reader_error error; /* SCORE_REFUSED, SCORE_CONFLICT */
    bool replayed;             /* the first answer again */
    bool degraded;
    bool flagged;
    int64_t state_us; /* time spent waiting for state */

    /* The answer is there. Called exactly once. */
    void (*done)(struct score *s);
    /* Nothing refers to the score or its arena any more; called exactly once, after `done` (a reply
     * of Redis may still be under way when a deadline answers). */
    void (*released)(struct score *s);
    void *user;
    /* private to the engine: the steps' own storage */
    struct score_steps *steps; /* from the arena */
};

/* Score `body` (it must live until `released`; the caller keeps a copy in the arena or elsewhere). Never blocks; may call done and released before it returns. */
void score_start(struct score *s, struct span body);

#endif
