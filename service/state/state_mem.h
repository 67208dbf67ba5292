/*
 * state_mem.h -- the state in this process's memory, the same bytes as in Redis.
 *
 * One table, sharded by key; a transaction's shards are locked in address order. Optionally
 * written to a journal, with a checkpoint of every shard.
 */
#ifndef SLUICE_STATE_STATE_MEM_H
#define SLUICE_STATE_STATE_MEM_H

#include "service/state/journal.h"
#include "service/state/state.h"

struct state_table;

struct state_table_stats {
    uint64_t keys, claims, bytes;
};

/*
 * A table with its hash key: fixed (all zero) in replay and tests, else random or as loaded from a checkpoint.
 * `journal` may be NULL and is borrowed. CHECKs on no memory at start.
 */
struct state_table *state_table_new(const struct hash_key *key, struct journal *journal);
void state_table_free(struct state_table *t);
struct state_table_stats state_table_stats(const struct state_table *t);

/*
 * A view of the table for one loop. With `exclusive` there is one thread only: no locks are taken, and the
 * logs that are answered point straight into the table.
 */
struct state *state_mem_open(struct state_table *t, bool exclusive);

/*
 * Write a checkpoint of the table into the journal's folder, shard by shard, each shard with
 * the exact journal position it stands for; older segments and checkpoints that it makes needless are
 * then removable. Runs on a thread of its own beside the workers.
 * state_table_load: the newest whole checkpoint into an empty table; per-shard positions tell
 * which frames state_table_wants() of the journal's tail still have to be applied.
 */
MUST_USE enum status state_table_checkpoint(struct state_table *t, const char *dir);
MUST_USE enum status state_table_load(struct state_table *t, const char *dir, uint64_t *ret_from_seq);

/* For each entity log, in key order: `each` gets key (with "e:") and bytes. Not beside writers. */
void state_table_each(struct state_table *t, void (*each)(void *user, struct span key, struct span log), void *user);

#endif
