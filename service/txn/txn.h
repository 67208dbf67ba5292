/*
 * txn.h -- one event as it came in: a transaction or a label, in typed slots.
 *
 * Owns:    nothing. Strings point into the message where they have no escapes, else into
 *          the request's arena; both outlive the event.
 * Threads: belongs to one.
 */
#ifndef SLUICE_TXN_TXN_H
#define SLUICE_TXN_TXN_H

#include "service/base/hash.h"
#include "service/txn/schema.h"

struct geo {
    double lat_deg;
    double lon_deg;
};

/* One slot. Which member is valid follows from the field's type. */
struct txn_value {
    bool present; /* false: not in the message, or null */
    union {
        struct span text; /* string, ip (canonical text) */
        int64_t i64;      /* decimal (1e-4), integer, timestamp (ms) */
        double f64;       /* number */
        bool flag;        /* bool */
        struct geo geo;
    };
};

enum event_kind { EVENT_TRANSACTION, EVENT_LABEL };

/* X(name, text): what a label can say; also the kind byte of its record (record.h). */
#define OUTCOME_TABLE(X)                   \
    X(OUTCOME_FRAUD, 1, "fraud")           \
    X(OUTCOME_LEGITIMATE, 2, "legitimate") \
    X(OUTCOME_DECLINED, 3, "declined")     \
    X(OUTCOME_REVERSED, 4, "reversed")

enum outcome {
#define X(name, value, text) name = (value),
    OUTCOME_TABLE(X)
#undef X
};

/* The table's text; static storage. */
const char *outcome_text(enum outcome o);

struct event {
    enum event_kind kind;
    struct span body; /* the message's bytes, without card numbers */
    struct span transaction_id;
    uint64_t txn_hash;        /* SipHash of transaction_id */
    struct hash128 digest;    /* of the body, whatever its order; see reader.h */
    int64_t ts_ms;            /* a transaction's event time; a label's known_at */
    struct txn_value *values; /* [schema->count], by slot; a label's has the fields it carries */
    /* labels only */
    enum outcome outcome; /* 0 in a transaction */
    bool has_txn_ts;
    int64_t txn_ts_ms; /* `transaction_timestamp`: event time of the transaction spoken of */
};

#endif
