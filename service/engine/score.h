/*
 * score.h -- one event's way through the engine: read, observe, decide, settle, answer.
 *
 *     score_start ──> reader ──> observe (claim, append, read back) ──> decide ──> settle ──> done
 *                                   │ another attempt's claim: wait, then decide as it would
 *                                   │ its decision: answer that
 *                                   └ deadline, or no state: decide without (degraded), or refuse
 *
 * observe (observe.h) is the asynchronous half, decide (decide.h) the pure one. HTTP, Kafka and
 * replay all call score_start.
 *
 * Owns:    nothing; a struct score is its caller's, with its arena, and may be reused after
 *          `released`.
 * Threads: a score lives on its engine's loop.
 */
#ifndef SLUICE_ENGINE_SCORE_H
#define SLUICE_ENGINE_SCORE_H

#include "service/engine/decision.h"
#include "service/engine/engine.h"
#include "service/txn/reader.h"

enum {
    SCORE_ARENA_BYTES = 384 << 10, /* slots, row, records, a journal frame, models' inputs, answer,
                                    * alert */
    SCORE_ANSWER_MAX = 48 << 10,
};

/* How the event came in. */
struct score_intake {
    int64_t now_ms;              /* wall clock, or the stream's time in replay */
    int64_t deadline_us;         /* monotonic (clock.h); 0: none */
    bool historic;               /* no max_skew check */
    enum decision_detail detail; /* of the answer: DECISION_PLAIN, _RULES or _EXPLAINED */
    bool labels_allowed, transactions_allowed; /* which kinds may come this way */
    /* Without state, or while it lacks what the journal is bringing it, it is not decided:
     * SCORE_UNAVAILABLE, to be scored again later. For a source that keeps what it could not bring,
     * with deadline_us 0. */
    bool patient;
    struct span traceparent; /* valid (trace.h), or empty; lives until `released` */
    /* The event is a frame of the journal that is brought to the state again (redo.h):
     * observed, not decided, not written to the journal. 0: live. */
    uint64_t redo_seq;
    uint32_t redo_nonce;
};

enum score_answer {
    SCORE_DECIDED,     /* answer: the decision's JSON */
    SCORE_LABELLED,    /* answer: {"transaction_id","outcome","status":"recorded" or "duplicate"} */
    SCORE_PARKED,      /* a label of a transaction not seen yet: the same with status "parked" */
    SCORE_REFUSED,     /* error: what the reader, or the contract, refuses */
    SCORE_CONFLICT,    /* the id came before with another body; error says so */
    SCORE_UNAVAILABLE, /* under on_unavailable: reject, a label without state, or no journal */
    SCORE_OVERLOADED,  /* too much under way */
};

struct score_steps; /* steps.h */

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
    /* Nothing refers to the score or its arena any more. Called exactly once, after `done`: a reply
     * of Redis may still be under way when a deadline answers. */
    void (*released)(struct score *s);
    void *user;
    struct score_steps *steps; /* private; in the arena */
};

/*
 * Score `body`, which must live until `released`. Never blocks; may call done and released
 * before it returns.
 */
void score_start(struct score *s, struct span body);

/*
 * The same for an event that is already read, by the schema of the active snapshot. The event's
 * body and values live until `released`.
 */
void score_start_event(struct score *s, const struct event *event);

/* The id of the transaction or label; after SCORE_DECIDED, until the arena is reset. */
struct span score_transaction_id(const struct score *s);
/* Of a transaction, likewise. */
struct span score_account_id(const struct score *s);

/* What the steps found out about the features, valid in `done` after SCORE_DECIDED that is not
 * replayed from a claim; in the order of the snapshot's features. NULL: nothing. */
const struct window_value *score_features(const struct score *s);

/* Of a transaction that was decided here: fields, derived fields and features as expressions saw
 * them (snapshot.h); valid as the features are. */
const struct cel_value *score_row(const struct score *s);

struct decision; /* decision.h */

/* What was decided here, valid as the features are. NULL: nothing; an answer that stood in a claim
 * was decided before. */
const struct decision *score_decision(const struct score *s);

#endif
