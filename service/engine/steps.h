/*
 * steps.h -- what one event carries along its way; private to the files that are its steps.
 *
 *     score.c     read and check, decide, settle, answer, release
 *     observe.c   claim, append, read back, fold
 *     await.c     another attempt's claim: wait for its decision
 *     parked.c    labels that waited for this transaction
 *     label.c     the way of a label
 *
 * At most one operation on the state is under way at a time (`call`). Two things end a score:
 * its answer has been told, and its last operation has returned; in either order.
 *
 * Threads: of the engine's loop.
 */
#ifndef SLUICE_ENGINE_STEPS_H
#define SLUICE_ENGINE_STEPS_H

#include "service/engine/decide.h"
#include "service/engine/engine_internal.h"
#include "service/engine/intent.h"
#include "service/engine/learn.h"
#include "service/engine/outbox.h"
#include "service/engine/score.h"
#include "service/engine/synced.h"
#include "service/state/fold.h"

/* What observing a transaction came to. */
enum observed_as {
    OBSERVED_FIRST,     /* the claim is ours */
    OBSERVED_PARKED,    /* it will be: labels stood there */
    OBSERVED_UNDECIDED, /* another attempt's, with the same body */
    OBSERVED_DECIDED,   /* its answer is in `stored` */
    OBSERVED_CONFLICT,  /* it had another body */
    OBSERVED_NOTHING,   /* no state */
};

struct score_steps {
    struct score *score;
    struct engine *engine;
    struct hold *hold;
    struct snapshot *snap; /* of the hold */
    struct arena *arena;
    struct event event;
    struct row row;
    struct observed seen;
    struct decision decision; /* once has_decision */
    enum observed_as as;
    enum status fold_status;
    struct span found[1];
    struct span stored;        /* an answer that stood in the claim */
    struct span parked;        /* labels that waited and are still to be written, as in claim.h */
    struct span parked_before; /* those that stood there when we looked */
    size_t parked_mark;        /* of the arena: behind them */
    int n_judging, n_judged;   /* of `judging` */
    struct timer timer;
    struct synced_wait disk;
    struct outbox_place place; /* of the alert, while its decision is being kept */
    int64_t started_us;
    int64_t await_ms;  /* until the next look at another attempt's claim */
    struct span frame; /* for the journal, with the next operation; empty: none */
    uint8_t frame_kind;
    uint64_t frame_seq;   /* the last frame of ours in the journal; 0: none */
    uint64_t undelivered; /* it has not reached the state yet; 0: it has */
    bool is_late;         /* older than its entities' horizon: scored, not stored */
    bool was_there;       /* the label had been recorded before */
    bool has_verdict;     /* `verdict` is what the label says of its transaction's rules */
    bool has_learned;     /* layouts were read from the state, once */
    bool is_awaiting;     /* another attempt: nothing is under way but the timer */
    bool has_decision;    /* the answer is written, and may be settled */
    bool is_answered;     /* nothing changes the answer any more */
    bool is_told;         /* done() was called */
    bool is_finished;     /* no operation is under way, and none will start */

    /* From here on not cleared at the start, for the time it takes: written before it is read. */
    struct call call;
    struct intent intent;
    struct intent label; /* the records of a label: of a parked one, or of the event itself */
    struct state_verdict verdict;
    struct span judging[STATE_PARKED_MAX]; /* labels that waited and are written, to be judged */
    struct reader_error parked_error;
    struct learning learning;
};

/* ---- score.c ---- */

/* Observing has come to x->as. */
void score_observed(struct score_steps *x);
/* Write the answer as the claim's decision, and then finish. */
void score_settle(struct score_steps *x);
/* The answer stands in the score: tell it, once the disk has its frames if that is asked. Only
 * the first counts. */
void score_answer(struct score_steps *x);
/* Another body under a known id: take its records out again, and say so. */
void score_conflict(struct score_steps *x);
/* Answer without a decision. */
void score_refuse(struct score_steps *x, enum score_answer kind);
/* The last operation has returned. x may be gone afterwards. */
void score_finish(struct score_steps *x);
/* Fill the score's error. `pointer` is a JSON Pointer. */
void score_error(struct score_steps *x, struct span pointer, const char *detail);

/*
 * Start an operation of this event: x->call.op with `verb` and, besides what the caller has set in
 * `op`, the time, the transaction and the journal's frame.
 */
void steps_call(struct score_steps *x, const struct state_op *op, void (*take)(struct call *),
                void (*then)(struct call *));
/* First in every `then`: settles what became of the frame. */
struct score_steps *steps_returned(struct call *c);

/*
 * Append a frame for the operation that follows: with a state that keeps the journal itself it
 * rides in that operation, else it is written now. Errors: ST_UNAVAILABLE: the journal takes no
 * more.
 */
MUST_USE enum status steps_journal(struct score_steps *x, uint8_t kind, struct span frame);
/* The event itself, as a frame. Errors: also ST_NO_SPACE. */
MUST_USE enum status steps_journal_event(struct score_steps *x);
/* The operation for the last frame will not come now: another engine's delivery brings it. */
void steps_journal_lost(struct score_steps *x);

/* ---- the other steps ---- */

void observe_start(struct score_steps *x);
/* Fold the logs of x->call into x->seen; inside take. */
void observe_fold(struct score_steps *x);
void await_other(struct score_steps *x);
/* x->timer has fired while another attempt is awaited and the deadline is ahead. */
void await_look(struct score_steps *x);
/* Write the records of parked labels, exchange them for the claim, then settle. */
void parked_take(struct score_steps *x);
/* Behind a settled decision: judge by it the labels that waited, then finish. */
void parked_judge(struct score_steps *x);
void label_start(struct score_steps *x);
/* A verdict was counted. */
void label_note(struct score_steps *x, const struct state_verdict *v);

#endif
