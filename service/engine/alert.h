/*
 * alert.h -- what a flagged transaction becomes.
 *
 *     record:  | u16 id | u16 trace | i64 ts_ms | transaction id | traceparent | JSON ... |
 *                ^ bytes of both                                                 ^ the rest
 *     JSON:    {"alert_id":"<32 hex>","transaction":{"transaction_id":...},
 *               <members of the decision, with features>}
 *
 * The transaction has its declared fields by name, but for those that the schema keeps private. A
 * record is what an outbox keeps: all that is needed to send it again, byte for byte.
 *
 * Owns:    nothing; a decoded alert borrows from its record.
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_ALERT_H
#define SLUICE_ENGINE_ALERT_H

#include "service/base/status.h"
#include "service/base/text.h"

enum {
    ALERT_ID_DIGITS = 32,
    ALERT_HEAD_BYTES = 12,
    /* A decision and a transaction, written again with short names; a frame and a message of
     * 1 MB hold it. What does not fit goes without features, then without reasons' texts. */
    ALERT_BYTES_MAX = 64 << 10,
};

struct alert {
    char id[ALERT_ID_DIGITS + 1]; /* of the transaction's id: the same for each attempt */
    struct span transaction_id;
    struct span traceparent; /* empty: none came with the transaction */
    int64_t ts_ms;           /* event time of the transaction */
    struct span json;
};

/* The first 32 hex digits of SHA-256("alert:" + transaction_id). */
void alert_id(struct span transaction_id, char ret_id[ALERT_ID_DIGITS + 1]);

/* Errors: ST_CORRUPT. */
MUST_USE enum status alert_decode(struct span record, struct alert *ret_alert);

#endif
