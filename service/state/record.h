/*
 * record.h -- the bytes of one fact in an entity's log.
 *
 *      0        1        2        4          8         16        24       28
 *     +--------+--------+--------+----------+---------+---------+--------+--------+
 *     | magic  | kind   | length | layout   | ts_ms   | txn     | nonce  | bits   |
 *     | u8     | u8     | u16    | u32      | i64     | u64     | u32    | u32    |
 *     +--------+--------+--------+----------+---------+---------+--------+--------+
 *     32: i64 known_at_ms (corrections only), then one i64 for each column of the layout
 *
 * All little-endian; a record is a multiple of 8 bytes long. `txn` is the keyed hash of the
 * transaction's id, `nonce` names the attempt that wrote it. bits: bit i says that column i
 * holds a value; bit (columns + j) that filter j is true. A correction carries filter bits
 * and no columns.
 */
#ifndef SLUICE_STATE_RECORD_H
#define SLUICE_STATE_RECORD_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

enum {
    RECORD_MAGIC = 0xA7,
    RECORD_FIXED_BYTES = 32,
    RECORD_BITS_MAX = 32, /* columns and filters of one layout share one word */
    RECORD_COLUMNS_MAX = 24,
    RECORD_BYTES_MAX = RECORD_FIXED_BYTES + 8 + 8 * RECORD_COLUMNS_MAX,
};

/* 0 is a transaction; the corrections' values are those of enum outcome (txn/txn.h). */
enum record_kind {
    RECORD_TRANSACTION = 0,
    RECORD_FRAUD = 1,
    RECORD_LEGITIMATE = 2,
    RECORD_DECLINED = 3,
    RECORD_REVERSED = 4,
    RECORD_KINDS,
};

struct record {
    enum record_kind kind;
    uint32_t layout;
    int64_t ts_ms;       /* event time of the transaction, for corrections too */
    int64_t known_at_ms; /* corrections: when it became known; transactions: ts_ms */
    uint64_t txn;
    uint32_t nonce;
    uint32_t bits;
    const char *columns; /* i64 each, unaligned; record_column() */
    size_t bytes;        /* whole length in the log */
};

static inline int64_t record_column(const struct record *r, int i)
{
    int64_t v;
    memcpy(&v, r->columns + (size_t)i * 8, sizeof v);
    return v;
}

/* The order in which records fold: a correction is as old as what it became known at. */
static inline int64_t record_age_key(const struct record *r)
{
    return r->known_at_ms > r->ts_ms ? r->known_at_ms : r->ts_ms;
}

/*
 * Decode the record at the front of `log`. Errors: ST_CORRUPT when these bytes are no record
 * (wrong magic, kind or length); *ret_record is then untouched. Inline: every read of an
 * entity runs it for every record.
 */
MUST_USE static inline enum status record_decode(struct span log, struct record *ret_record)
{
    if (log.len < RECORD_FIXED_BYTES || (unsigned char)log.base[0] != RECORD_MAGIC)
        return ST_CORRUPT;
    uint8_t kind = (uint8_t)log.base[1];
    uint16_t bytes;
    memcpy(&bytes, log.base + 2, sizeof bytes);
    size_t fixed = RECORD_FIXED_BYTES + (kind == RECORD_TRANSACTION ? 0u : 8u);
    if (kind >= RECORD_KINDS || bytes < fixed || bytes > RECORD_BYTES_MAX || bytes % 8 != 0 ||
        bytes > log.len)
        return ST_CORRUPT;
    ret_record->kind = (enum record_kind)kind;
    ret_record->bytes = bytes;
    ret_record->columns = log.base + fixed;
    memcpy(&ret_record->layout, log.base + 4, sizeof ret_record->layout);
    memcpy(&ret_record->ts_ms, log.base + 8, sizeof ret_record->ts_ms);
    memcpy(&ret_record->txn, log.base + 16, sizeof ret_record->txn);
    memcpy(&ret_record->nonce, log.base + 24, sizeof ret_record->nonce);
    memcpy(&ret_record->bits, log.base + 28, sizeof ret_record->bits);
    ret_record->known_at_ms = ret_record->ts_ms;
    if (kind != RECORD_TRANSACTION)
        memcpy(&ret_record->known_at_ms, log.base + RECORD_FIXED_BYTES,
               sizeof ret_record->known_at_ms);
    return ST_OK;
}

/* Write a record of `n_columns` columns to `out` (RECORD_BYTES_MAX bytes); answers its length. */
size_t record_encode(const struct record *r, const int64_t *columns, int n_columns, char *out);

#endif
