/*
 * backtest_jobs.h -- backtests that a running service is asked for: each on threads of its own,
 * below serving, over the journal, with a result that is kept for a while.
 *
 *     start ──> running ──┬──> done       the JSON of backtest_json()
 *                         ├──> failed     why, and the candidate's diagnostics
 *                         └──> cancelled
 *
 * A job touches nothing that serves: its own snapshots, a memory state of its own, the journal
 * read without its lock. One at a time, at the lowest priority: what it takes is what serving
 * leaves. Its memory is the journal's state, and 64 bytes a transaction (backtest_rulings.h).
 *
 * Owns:    threads, results. Threads: any; one lock.
 */
#ifndef SLUICE_TRIAL_BACKTEST_JOBS_H
#define SLUICE_TRIAL_BACKTEST_JOBS_H

#include "service/base/text.h"
#include "service/engine/engine.h"

enum {
    BACKTEST_JOBS_KEPT = 8,     /* the running one included; the oldest goes */
    BACKTEST_JOB_ID_BYTES = 17, /* 16 hex and a NUL */
    BACKTEST_JOB_PATH_MAX = 1024,
    BACKTEST_NICE = 19,
};

struct backtest_jobs_options {
    struct snapshot_slot *snapshots; /* the active one is the baseline; borrowed, as all below */
    struct engine_options engine;
    int exact_events;
    const char *journal_dir; /* "": there is no history, and nothing is started */
    const char *spool_dir;
    uint64_t spool_bytes;
};

struct backtest_jobs;

/* CHECKs on no memory. */
struct backtest_jobs *backtest_jobs_new(const struct backtest_jobs_options *o);
/* Cancels, and waits for what is under way. NULL is fine. */
void backtest_jobs_free(struct backtest_jobs *j);

/* A candidate as jobs load it. Errors: as snapshot_load. */
MUST_USE enum status backtest_jobs_load(const struct backtest_jobs *j, const char *path,
                                        struct diag_list *diags, struct snapshot **ret_snap);

struct backtest_job {
    struct snapshot *candidate; /* the reference is taken, if it is started; NULL: see path */
    const char *path;           /* of the candidate's ruleset file; copied. NULL: see candidate */
    /* Called once with `path` when nobody reads the files any more; may be NULL. Any thread. */
    void (*drop)(const char *path);
    int64_t from_ms, to_ms; /* as backtest_options */
};

/*
 * Start one; a candidate that is a path is loaded on its thread. Errors: ST_CONFLICT (one is
 * under way), ST_NOT_FOUND (there is no journal), ST_TOO_LARGE (the path): `drop` was not
 * called.
 */
MUST_USE enum status backtest_jobs_start(struct backtest_jobs *j, const struct backtest_job *job,
                                         char ret_id[BACKTEST_JOB_ID_BYTES]);

/*
 * {"id":"..","state":"running","progress":0.42}
 * {"id":"..","state":"done","progress":1,"result":{...}}
 * {"id":"..","state":"failed","progress":..,"why":"..","diagnostics":"..."}
 *
 * Errors: ST_NOT_FOUND; ST_NO_SPACE: `out` has less than backtest_jobs_bytes() left.
 */
MUST_USE enum status backtest_jobs_write(struct backtest_jobs *j, const char *id, struct text *out);
size_t backtest_jobs_bytes(struct backtest_jobs *j, const char *id); /* 0: there is none */

/* It stops soon; one that has ended is forgotten. Errors: ST_NOT_FOUND. */
MUST_USE enum status backtest_jobs_cancel(struct backtest_jobs *j, const char *id);

#endif
