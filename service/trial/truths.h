/*
 * truths.h -- what labels say of transactions, over a whole history.
 *
 *     label  | u64 txn hash | i64 known at | truth |      24 B, sorted once all are there
 *     places | u32 | u32 | ...                            hash -> 1 + its label's index
 *
 * Of a transaction's labels the latest by its own time counts, fraud before legitimate where two
 * have the same; other outcomes say nothing of it.
 *
 * Owns:    its arrays. Threads: one at a time; any, for truths_find() of settled ones.
 */
#ifndef SLUICE_TRIAL_TRUTHS_H
#define SLUICE_TRIAL_TRUTHS_H

#include "service/base/status.h"
#include "service/trial/patience.h"
#include "service/txn/txn.h"

enum { TRUTHS_MAX = 16 << 20 }; /* labels: 384 MB */

enum truth { TRUTH_UNKNOWN, TRUTH_LEGITIMATE, TRUTH_FRAUD };

struct truth_label {
    uint64_t txn_hash;
    int64_t known_at_ms;
    enum truth truth;
};

struct truths {
    struct truth_label *labels;
    size_t n;
    /* private */
    size_t cap;
    uint32_t *places; /* open addressing, at most half full; NULL: not settled */
    size_t mask;
};

/* `t` is zeroed before its first use. */
void truths_fini(struct truths *t);

/* Errors: ST_TOO_LARGE (TRUTHS_MAX), ST_NO_SPACE. */
MUST_USE enum status truths_add(struct truths *t, uint64_t txn_hash, enum outcome outcome,
                                int64_t known_at_ms);

/*
 * One label of each transaction is kept. O(n log n). Errors: ST_NO_SPACE, ST_CONFLICT (given up:
 * they are good for nothing but truths_fini).
 */
MUST_USE enum status truths_settle(struct truths *t, const struct patience *p);

/* The label that counts, of settled ones; NULL: there is none. */
const struct truth_label *truths_find(const struct truths *t, uint64_t txn_hash);

#endif
