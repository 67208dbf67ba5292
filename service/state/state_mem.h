/*
 * state_mem.h -- the state in this process's memory, the same bytes as in Redis.
 *
 * One table, sharded by key; a transaction's shards are locked in address order. Optionally
 * written to a journal, with a checkpoint of every shard.
 *
 *     start:  state_table_load -> journal_read from *ret_from_seq, each frame submitted again
 *             with recover_seq -> live
 *
 * Owns:    a table owns its bytes; the journal is borrowed. A view owns room for its answers.
 * Threads: a view belongs to one loop; views of one table run beside each other.
 */
#ifndef SLUICE_STATE_STATE_MEM_H
#define SLUICE_STATE_STATE_MEM_H

#include "service/state/journal.h"
#include "service/state/state.h"

enum {
    STATE_MEM_NESTED_MAX = 64,          /* submits from `done` of submits; deeper: ST_UNAVAILABLE */
    STATE_MEM_ANSWER_BYTES = 128 << 20, /* of one view; touched only as far as answers need */
};

struct state_table;

struct state_table_stats {
    uint64_t keys, claims, bytes; /* keys: logs and claims */
};

/*
 * A table with its hash key: fixed (all zero) in replay and tests, else the one that is kept beside
 * the journal, whose frames were hashed with it. `journal` may be NULL and is borrowed. CHECKs on
 * no memory.
 */
struct state_table *state_table_new(const struct hash_key *key, struct journal *journal);
/* NULL is fine. */
void state_table_free(struct state_table *t);
struct state_table_stats state_table_stats(const struct state_table *t);

/*
 * A view of the table for one loop. With `exclusive` there is one thread only: no locks are taken,
 * and the logs that are answered point straight into the table; an operation on the same key
 * that is submitted inside `done` then ends their life.
 */
struct state *state_mem_open(struct state_table *t, bool exclusive);

/*
 * Write a checkpoint of the table into the journal's folder, shard by shard, each with the exact
 * journal position it stands for. The journal is synced before the checkpoint counts, so that it
 * never knows more than the journal. Two are kept; what is older than both is deleted, and
 * the journal told that nobody needs it. Blocks: call it from a thread of its own, beside the
 * workers, one at a time; not while the table is being rebuilt. Errors: ST_IO.
 */
MUST_USE enum status state_table_checkpoint(struct state_table *t, const char *dir);

/*
 * The newest whole checkpoint into an empty table: frames of the journal from *ret_from_seq on
 * still have to be submitted, with recover_seq. Without one it is 1, and the table stays empty;
 * also when none of them is whole, and the journal still has its first frame. Errors: ST_IO;
 * ST_CORRUPT (there are checkpoints, and none is whole, or it has another hash key, or the journal
 * ends before it: its files are not those it was made with).
 */
MUST_USE enum status state_table_load(struct state_table *t, const char *dir,
                                      uint64_t *ret_from_seq);

/*
 * For each entity's log that has not expired at the latest time the table was used at, in key
 * order: `each` gets key (with "e:") and bytes. O(n log n). Not beside writers.
 */
void state_table_each(struct state_table *t,
                      void (*each)(void *user, struct span key, struct span log), void *user);

/* The same for each claim that is no parked label's, in no order, with when it expires. */
void state_table_each_claim(struct state_table *t,
                            void (*each)(void *user, uint64_t txn_hash, struct span claim,
                                         int64_t expires_ms),
                            void *user);

#endif
