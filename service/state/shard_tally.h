/*
 * shard_tally.h -- verdicts and their sums in one shard of the memory table.
 *
 *     slot txn hash, key "v":             u8 is_fraud, i64 known_at_ms, i64 lag_ms
 *     slot shard << 56 | .., key "tally": u8 length, name, i64 columns[TALLY_COLUMNS]; ...
 *
 * Both are slots as all others, so a checkpoint has them, with the shard's position in the
 * journal. A verdict stands beside its transaction's claim, and what it adds beside it: a frame
 * is in all three or in none, and so counts once, whenever the process was killed.
 *
 * Threads: the shard is locked by who calls.
 */
#ifndef SLUICE_STATE_SHARD_TALLY_H
#define SLUICE_STATE_SHARD_TALLY_H

#include "service/state/state_table.h"
#include "service/state/tally.h"

enum { SHARD_TALLY_SLOTS = 2 };

/* Room for all that judging may write; shard_make_room() has made it for SHARD_TALLY_SLOTS more.
 * Errors: ST_NO_SPACE, ST_TOO_LARGE. */
MUST_USE enum status shard_tally_reserve(struct shard *s, uint64_t txn_hash,
                                         const struct state_verdict *v);

/* Room was reserved. Answers whether it is news: a verdict that stands may supersede it. */
bool shard_tally_judge(struct shard *s, uint64_t txn_hash, const struct state_verdict *v,
                       int64_t now_ms);

/* Add the shard's rows to `t`. `index` of the shard. */
void shard_tally_read(const struct shard *s, uint64_t index, struct tally *t);

#endif
