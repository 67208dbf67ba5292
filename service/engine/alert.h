/*
 * alert.h -- what a flagged transaction becomes.
 *
 *     record:  | u16 id | u16 trace | i64 ts_ms | transaction id | traceparent | JSON ... |
 *                ^ bytes of both                                                 ^ the rest
 *     JSON:    {"alert_id":"<32 hex>","transaction":{"transaction_id":"t-11",...},
 *               "transaction_id":"t-11","decision":"flag", ... decision.h, with features}
 *
 * The transaction has its declared fields by name, but for those that the schema keeps private. A
 * record is what an outbox keeps: all that is needed to send it again, byte for byte.
 *
 * Owns:    nothing; a decoded alert borrows from its record.
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_ALERT_H
#define SLUICE_ENGINE_ALERT_H

#include "service/engine/decision.h"
#include "service/txn/txn.h"

enum {
    ALERT_ID_DIGITS = HASH_ID_DIGITS,
    ALERT_HEAD_BYTES = 12,
    /* Of a record. What does not fit goes: fields at the end of a very long transaction ("omitted"
     * counts them), then features and the models' reasons, then the texts of rules' reasons. */
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

/* What an alert is written from. */
struct alert_source {
    const struct snapshot *snap;
    const struct event *event;
    const struct decision *decision;
    const struct window_value *values; /* in the order of features */
    struct span traceparent;           /* at most 255 bytes; empty: none */
};

/* Appends the record, with ALERT_BYTES_MAX of room: it always fits. */
void alert_write(const struct alert_source *from, struct text *out);

/* Errors: ST_CORRUPT. */
MUST_USE enum status alert_decode(struct span record, struct alert *ret_alert);

#endif
