/*
 * filler.h -- a thread that fills in (fill.h) whenever a ruleset has features that wait for it.
 *
 *     filler_look, once a second:   a new snapshot with features that are not covered  ──> it runs
 *                                   another snapshot came meanwhile                    ──> it stops
 *                                   it has ended                                       ──> told()
 *
 * After a start it looks as after a reload: what a process that died had not filled is filled then.
 *
 * Owns:    its thread while it runs. Threads: of one loop; `open` is called from its own.
 */
#ifndef SLUICE_ENGINE_FILLER_H
#define SLUICE_ENGINE_FILLER_H

#include "service/engine/fill.h"

enum {
    FILLER_REST = 3,         /* it works a quarter of one processor's time */
    FILLER_RETRY_MS = 60000, /* after a run; then twice as long each time, up to */
    FILLER_RETRY_MAX_MS = 3600000,
    FILLER_SETTLE_MS = 1000, /* events that still have the ruleset before have ended by then */
};

struct filler_report {
    enum status status;
    struct filled filled; /* with ST_OK */
    int64_t ms;
};

struct filler_options {
    struct snapshot_slot *snapshots;
    struct journal *journal;
    struct state *(*open)(void *user); /* a view of the state that answers at once */
    struct engine_options engine;
    uint64_t table_bytes_max;
    /* From filler_look: a run has ended, not because a reload has stopped it, and has done
     * something, or come to another end than the last one of this snapshot. */
    void (*told)(void *user, const struct filler_report *report);
    void *user;
};

struct filler;

/* CHECKs on no memory. */
struct filler *filler_new(const struct filler_options *o);
/* Waits for its thread, which stops soon. NULL is fine. */
void filler_free(struct filler *f);

void filler_look(struct filler *f, int64_t now_ms);
bool filler_is_running(const struct filler *f);

#endif
