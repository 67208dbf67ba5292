/*
 * redo.h -- a frame of the journal, brought to the state again.
 *
 *     EVENT     observed as it was: the same claim and records, with the attempt's own nonce; in
 *               Redis only if no claim says that they are there
 *     DECISION  settled, unless another decision stands
 *     FLAGGED   the same; its alert goes to Redis with it unless it is there, or acknowledged
 *     VOID      the records taken out
 *     ERASE     the logs deleted
 *     EXPIRED   parked labels removed that are dead letters already; only with memory
 *
 * Bringing a frame twice changes nothing. Memory is
 * rebuilt with it after a start (recover.h), Redis is brought what it has missed (redeliver.h).
 *
 * Owns:    its arena. Threads: of the engine's loop.
 */
#ifndef SLUICE_ENGINE_REDO_H
#define SLUICE_ENGINE_REDO_H

#include "service/engine/call.h"
#include "service/engine/frames.h"
#include "service/engine/score.h"

struct redo {
    struct engine *engine;
    /* ST_OK: the state has it, or it can never have it (is_lost). ST_UNAVAILABLE: not now. */
    void (*then)(struct redo *r, enum status st);
    void *user;
    bool is_lost; /* in `then`: cannot be read, or the schema of today refuses it; counted */
    /* private */
    struct arena *arena;
    struct score score;
    struct call call;
    uint64_t held_seq; /* the outbox holds the alert of the call; 0: it does not */
    struct frame_entities entities;
    struct span found[STATE_PEEK_MAX];
    int64_t now_ms; /* when the newest event so far came */
};

void redo_init(struct redo *r, struct engine *e, void (*then)(struct redo *, enum status),
               void *user);
void redo_fini(struct redo *r);

/* `bytes` live until `then`, which may be called before this returns. */
void redo_frame(struct redo *r, uint64_t seq, uint8_t kind, struct span bytes);

#endif
