/*
 * fold.h -- from the bytes of an entity's log to its features, and to a shorter log.
 *
 * Pure: no backend, no clock, no allocation but the scratch arena. A log is
 *
 *     [ header | blocks of tiles ] record record record ...        (the header only once folded)
 *
 * The definition, from which readers, folders, memory, Redis and replay all follow:
 *
 *  - Records are taken in log order. A transaction whose hash is among the records that still
 *    stand or the last 64 that folded, or a correction whose (hash, kind, known_at) still
 *    stands, is a duplicate and is not there.
 *  - A record older than the newest transaction before it by more than the horizon is late and
 *    is not there either, but for itself. That is judged once: what stood at a fold point was
 *    not late, however new the header's newest is.
 *  - After distinct record k, for k a multiple of FOLD_STEP: records older than the newest
 *    by the horizon and an eighth are dropped (the eighth keeps transactions that come a little
 *    out of order exact). Then, for k > exact_events + FOLD_STEP, while more than exact_events
 *    transactions, or more than exact_events corrections, are left, the one oldest by
 *    max(ts, known_at) goes into the tiles. What a transaction sees is the log before its own
 *    record, folded so, and that record; a look at an entity sees the whole log, folded so.
 *
 * A reader applies that as if it were done; fold_write makes the bytes in which it is done,
 * and writing those back is only caching. Tiles: tiles.h.
 */
#ifndef SLUICE_STATE_FOLD_H
#define SLUICE_STATE_FOLD_H

#include "service/state/plan.h"

enum {
    FOLD_STEP = 64,
    FOLD_MARGIN = 8, /* records are kept for the horizon and 1/8 of it */
    FOLD_LOG_BYTES_MAX =
        4 << 20, /* longer is corrupt: tens of thousands of records between two folds */
    FOLD_FETCH_BYTES =
        1024,              /* of a cold log, asked for ahead: a memory's latency at 5 ns a record */
    FOLD_DOUBTS_MAX = 512, /* records looked up before one fold */
};

/* What is asked of a log. */
struct fold_query {
    struct span log;
    int64_t t_ms; /* the transaction's time, or that of a look at the entity */
    bool has_own; /* false: a look: the whole log, nobody's own event */
    /* Its first record in the log ends what is seen, and brings its time and values. */
    uint64_t own_txn;
    /* Another attempt wrote a record before, which may have folded: where it may, the values are
     * bounds that hold whether it did or not. */
    bool own_is_retry;
};

struct fold_seen {
    bool own_found;
    uint32_t own_nonce; /* the attempt that wrote the own record */
    bool own_late;      /* scored, but not there for others */
    bool wants_fold;    /* the log passed a fold point, or duplicates make a third of it */
};

/*
 * All features of one log, in one pass. `values` has room for plan_feature_count(). `scratch` needs
 * about four times the log when it passed a fold point, else nothing beyond a few KB.
 * Errors: ST_NOT_FOUND: a record or block has a layout that is not in the book (load the layouts
 * from the state and ask again), ST_CORRUPT, ST_NO_SPACE.
 */
MUST_USE enum status fold_read(const struct plan *plan, const struct layout_book *book,
                               const struct fold_query *query, struct arena *scratch,
                               struct window_value *values, struct fold_seen *ret_seen);

/* Ask for the front of a cold log before another one is read; reading asks for the rest. */
static inline void fold_prefetch(struct span log)
{
    for (size_t at = 0; at < log.len && at < FOLD_FETCH_BYTES; at += 64)
        __builtin_prefetch(log.base + at);
}

/* An attempt, by what its records carry, and what its transaction's claim said of it. */
struct fold_attempt {
    uint64_t txn;
    uint32_t nonce;
    bool lost; /* the claim names another attempt: the record is no event */
};

/*
 * The attempts whose claims should be looked up before fold_write: those of records that would
 * fold although they came after the last fold, or that may be duplicates of what is in
 * tiles. `lost` is false in all of them. Mostly there are none. Of more than there is room for,
 * those that may be duplicates wait for the next fold.
 */
MUST_USE enum status fold_doubts(const struct plan *plan, const struct layout_book *book,
                                 struct span log, struct arena *scratch,
                                 struct fold_attempt ret_doubts[FOLD_DOUBTS_MAX], int *ret_count);

struct fold_written {
    struct span bytes;        /* the new log, in scratch */
    uint64_t old_generation;  /* of the header that was read; 0: there was none */
    size_t old_bytes;         /* length of the log that was read */
    size_t last_record_bytes; /* length of its last record; both are the write's condition */
};

/*
 * The log with its folds done and duplicates taken out. `known` are attempts whose claims were
 * looked up: the lost ones are taken out too, the others may fold. A record that may be a
 * duplicate of a folded one, and is not known, stays a record (and makes features inexact by
 * one). `generation` is random and not 0. Errors: as fold_read.
 */
MUST_USE enum status fold_write(const struct plan *plan, const struct layout_book *book,
                                struct span log, const struct fold_attempt *known, int n_known,
                                uint64_t generation, struct arena *scratch,
                                struct fold_written *ret_written);

/* What the log of one entity takes. */
struct fold_size {
    size_t record_bytes;     /* of a transaction */
    size_t correction_bytes; /* of a label; 0: none of its features counts them */
    /* What a transaction reads at most: as many records as there can be before they fold, and
     * every tile. While a fold is written back others may append some more. */
    size_t bytes_max;
};

void fold_size_of(const struct plan *plan, struct fold_size *ret_size);

/* Length of the header, 0 when there is none; its generation, 0 when there is none. */
size_t fold_header_bytes(struct span log);
uint64_t fold_generation(struct span log);

#endif
