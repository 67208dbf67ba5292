/*
 * scan.h -- the records of a log, one after the other, each with its verdict.
 *
 * Duplicates are found by a bitmap of hashed identities; only where a bit is set already are
 * the earlier records compared.
 */
#ifndef SLUICE_STATE_SCAN_H
#define SLUICE_STATE_SCAN_H

#include "service/state/record.h"

/* Bits for each record: one in a hundred meets a bit that another has set. Short logs use few
 * of them, since clearing them costs more than reading a record. */
enum { SCAN_BITS_MIN = 1 << 10, SCAN_BITS_MAX = 1 << 14, SCAN_BITS_EACH = 64 };

enum scan_verdict {
    SCAN_EVENT,     /* counts */
    SCAN_LATE,      /* older than the newest before it by more than the horizon */
    SCAN_DUPLICATE, /* its identity stood before */
};

struct scan {
    const char *start, *p, *end;
    int64_t horizon_ms;
    int64_t newest_ms; /* of the transactions so far, INT64_MIN: none */
    uint64_t mask;     /* of the bits in use, a power of two less one */
    uint64_t seen[SCAN_BITS_MAX / 64];
};

/* `records` is the log behind its header, `newest_ms` the header's. */
static inline void scan_init(struct scan *s, struct span records, int64_t horizon_ms,
                             int64_t newest_ms)
{
    s->start = s->p = records.base;
    s->end = records.base + records.len;
    s->horizon_ms = horizon_ms;
    s->newest_ms = newest_ms;
    uint64_t bits = SCAN_BITS_MIN;
    while (bits < SCAN_BITS_MAX && bits < SCAN_BITS_EACH * (records.len / RECORD_FIXED_BYTES))
        bits *= 2;
    s->mask = bits - 1;
    memset(s->seen, 0, bits / 8);
}

/* Same transaction; of corrections also same kind and same known_at. */
static inline bool record_same(const struct record *a, const struct record *b)
{
    return a->txn == b->txn && a->kind == b->kind &&
           (a->kind == RECORD_TRANSACTION || a->known_at_ms == b->known_at_ms);
}

/* A transaction's hash is keyed and as good as random; a correction adds its own two parts (Knuth's
 * multiplicative hashing). */
static inline uint64_t record_identity_hash(const struct record *r)
{
    if (r->kind == RECORD_TRANSACTION)
        return r->txn;
    uint64_t h = r->txn ^ ((uint64_t)r->known_at_ms + r->kind) * UINT64_C(0x9E3779B97F4A7C15);
    return h ^ h >> 29;
}

static inline bool scan_is_late(const struct scan *s, const struct record *r)
{
    return s->newest_ms != INT64_MIN && r->ts_ms < s->newest_ms - s->horizon_ms;
}

/* Marks the identity; true when its bit was set before, and it may be a duplicate. */
static inline bool scan_mark(struct scan *s, uint64_t identity_hash)
{
    uint64_t h = identity_hash & s->mask;
    uint64_t bit = UINT64_C(1) << h % 64;
    bool before = s->seen[h / 64] & bit;
    s->seen[h / 64] |= bit;
    return before;
}

#endif
