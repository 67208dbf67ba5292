/*
 * state_compact.h -- the memory backend's table, walked beside its users, so that what nobody asks
 * for any more does not stay until its turn of traffic comes.
 *
 *     shard 0: [ slot slot slot ... ]   COMPACT_AT_ONCE under the shard's lock, then the next ones
 *     shard 1: [ ...
 *
 * What has expired is removed. Of each other log it is asked what becomes of it. Slots may move
 * between two steps: one may be met twice in a walk, or not at all; the next walk meets it.
 *
 * Threads: any, one walk at a time.
 */
#ifndef SLUICE_STATE_STATE_COMPACT_H
#define SLUICE_STATE_STATE_COMPACT_H

#include "service/state/state_mem.h"

enum { COMPACT_AT_ONCE = 16 }; /* a log is folded in 5 to 20 us: others wait for 0.3 ms at most */

enum compact_verdict { COMPACT_KEEP, COMPACT_REMOVE, COMPACT_REPLACE };

struct compact_walk {
    int shard;
    uint32_t slot;
    uint64_t looked, removed, replaced; /* logs so far, and expired claims in `removed` */
};

/* `log` is borrowed for the call. COMPACT_REPLACE: *ret_log, not longer than it, lives until the
 * next call. */
typedef enum compact_verdict compact_judge_fn(void *user, struct span key, struct span log,
                                              struct span *ret_log);

/* A step of a walk that began with {0}. false: it has ended. */
bool state_table_compact(struct state_table *t, struct compact_walk *walk, int64_t now_ms,
                         compact_judge_fn *judge, void *user);

#endif
