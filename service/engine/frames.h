/*
 * frames.h -- what the engine writes into the journal.
 *
 *     EVENT     | u32 nonce | u32 flags | i64 received_at_ms | body ...         |   as it came in
 *     DECISION  | u64 txn hash | claim with its answer ...                      |   claim.h
 *     VOID      | u64 txn hash | u16 n | n times: u16 key, u16 record, bytes    |   to take out
 *     ERASE     | u16 n | n times: u16 key, bytes                               |   to delete
 *     EXPIRED   | i64 now_ms                                                    |   parked labels
 *     FLAGGED   | u64 txn hash | claim with its answer | alert | u32 its bytes  |   alert.h
 *
 * Little-endian. The body is the event's own (cards hidden, txn.h), so that no frame ever holds
 * a card number.
 *
 * Owns:    nothing; parsed spans point into the frame.
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_FRAMES_H
#define SLUICE_ENGINE_FRAMES_H

#include "service/base/text.h"
#include "service/state/state.h"

enum frame_kind {
    FRAME_EVENT = 1,
    FRAME_DECISION = 2,
    FRAME_VOID = 3,
    FRAME_ERASE = 4,
    /* Labels whose wait had ended by now_ms are dead letters. */
    FRAME_EXPIRED = 5,
    /* A DECISION whose alert goes out: journalled together, so that none is without the other. */
    FRAME_FLAGGED = 6,
};

enum {
    FRAME_EVENT_HEAD_BYTES = 16,
    FRAME_DECISION_HEAD_BYTES = 8,
    FRAME_EXPIRED_BYTES = 8,
    FRAME_FLAGGED_TAIL_BYTES = 4,
};

struct frame_event {
    uint32_t nonce; /* of the attempt; its records carry it */
    int64_t received_at_ms;
    struct span body;
};

struct frame_decision {
    uint64_t txn_hash;
    struct span claim;
    struct span alert; /* of FLAGGED */
};

/* VOID and ERASE. */
struct frame_entities {
    uint64_t txn_hash;
    struct state_entity entities[STATE_ENTITIES_MAX]; /* key, and for VOID record */
    int n_entities;
};

/* out->overflow when there is no room. */
void frame_put_event(const struct frame_event *f, struct text *out);
void frame_put_void(uint64_t txn_hash, const struct state_entity *entities, int n,
                    struct text *out);
void frame_put_erase(const struct state_entity *entities, int n, struct text *out);
/* Ends a FLAGGED frame whose last bytes are the alert. */
void frame_end_flagged(struct span alert, struct text *out);
void frame_put_expired(int64_t now_ms, struct text *out);

/* Errors: ST_CORRUPT. */
MUST_USE enum status frame_get_event(struct span bytes, struct frame_event *ret_frame);
MUST_USE enum status frame_get_decision(struct span bytes, struct frame_decision *ret_frame);
MUST_USE enum status frame_get_flagged(struct span bytes, struct frame_decision *ret_frame);
MUST_USE enum status frame_get_void(struct span bytes, struct frame_entities *ret_frame);
MUST_USE enum status frame_get_erase(struct span bytes, struct frame_entities *ret_frame);
MUST_USE enum status frame_get_expired(struct span bytes, int64_t *ret_now_ms);

#endif
