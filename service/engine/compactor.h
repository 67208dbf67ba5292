/*
 * compactor.h -- a thread that frees what a ruleset does not need any more, with the state in
 * memory.
 *
 *     compactor_look, once a second:  a ruleset that has decided for `after_ms`  ──> a walk
 *                                     an hour after the last one                 ──> a walk
 *
 *     of each log:  its key field is in no feature      removed
 *                   columns, filters, windows are less  tiles and records without them; folded, too
 *     what has expired                                  removed
 *
 * With Redis logs become shorter when they fold, by traffic, and go when they expire.
 *
 * Owns:    its thread while it runs. Threads: of one loop.
 */
#ifndef SLUICE_ENGINE_COMPACTOR_H
#define SLUICE_ENGINE_COMPACTOR_H

#include "service/engine/snapshot.h"
#include "service/state/state_compact.h"

#include <stdbool.h>

enum {
    COMPACTOR_REST = 3, /* it works a quarter of one processor's time */
    COMPACTOR_EVERY_MS = 3600000,
};

struct compactor_options {
    struct snapshot_slot *snapshots;
    struct state_table *table;
    int64_t after_ms; /* a ruleset that is taken back sooner finds all as it was */
    /* From compactor_look: a walk has ended, not because a reload has stopped it. */
    void (*told)(void *user, const struct compact_walk *walk);
    void *user;
};

struct compactor;

/* CHECKs on no memory. */
struct compactor *compactor_new(const struct compactor_options *o);
/* Waits for its thread, which stops soon. NULL is fine. */
void compactor_free(struct compactor *c);

void compactor_look(struct compactor *c, int64_t now_ms);
bool compactor_is_running(const struct compactor *c);

/* What becomes of a log under `s`; for tests. `arena` has room for four logs. */
enum compact_verdict compactor_judge(const struct snapshot *s, const struct layout_book *book,
                                     struct arena *arena, struct span key, struct span log,
                                     struct span *ret_log);

#endif
