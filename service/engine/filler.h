/*
 * filler.h -- a thread that fills in (fill.h) whenever a ruleset has features that wait for it.
 *
 *     filler_look, once a second:   a new snapshot with features that are not covered  ──> it runs
 *                                   another snapshot came meanwhile                    ──> it stops
 *                                   it has ended                                       ──> told()
 *
 * After a start it looks as after a reload: what a process that died had not filled is filled then.
 * With Redis one instance fills in for all; the others see it in the coverage.
 *
 * Owns:    its thread while it runs. Threads: of one loop; `open` is called from its own.
 */
#ifndef SLUICE_ENGINE_FILLER_H
#define SLUICE_ENGINE_FILLER_H

#include "service/engine/fill.h"

enum {
    FILLER_REST = 3,         /* it works a quarter of one processor's time */
    FILLER_SOON_MS = 2000,   /* after a run that met something passing, */
    FILLER_RETRY_MS = 60000, /* and after any other; then twice as long each time, up to */
    FILLER_RETRY_MAX_MS = 3600000,
    FILLER_SETTLE_MS = 1000, /* events that still have the ruleset before have ended by then */
};

struct filler_report {
    enum status status;
    const char *why;      /* static text: it could not even begin; NULL: it could */
    struct filled filled; /* with ST_OK */
    int64_t ms;
};

struct filler_options {
    struct snapshot_slot *snapshots;
    struct journal *journal;
    /* On the run's thread: state, turn, user, delivery, peers of `o`; snap and journal are set.
     * What is not ST_OK comes with *ret_why, and there is nothing to close. */
    enum status (*open)(void *user, const atomic_bool *stop, struct fill_options *o,
                        const char **ret_why);
    void (*close)(void *user, struct fill_options *o);
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
