/*
 * backtest.h -- two rulesets over one history: what the candidate would have decided, beside the
 * baseline.
 *
 *     the two observe alike   events ──> one engine ──┬──> baseline decides ──> rulings
 *     (snapshot.observed_id)                          └──> candidate decides ─> rulings
 *
 *     they do not             events ──> an engine, a thread ──> baseline  ──> rulings
 *                             events ──> an engine, a thread ──> candidate ──> rulings
 *
 *     then   rulings ──> truth of the labels ──> measures
 *
 * Each engine is replay's: a memory state of its own, score_start, the stream's own time; a
 * decision sees the labels that were known at its time, and no others. Reading is on a thread of
 * its own. Serving is not touched: no journal, no slot, no state of it.
 *
 * Memory: the history's state once for each engine, and what backtest_rulings.h says, twice.
 *
 * Owns:    threads and states for the time of the run; snapshots are borrowed.
 * Threads: any one that may block.
 */
#ifndef SLUICE_TRIAL_BACKTEST_H
#define SLUICE_TRIAL_BACKTEST_H

#include "service/engine/engine.h"
#include "service/trial/backtest_measure.h"
#include "service/txn/reader.h"

#include <stdio.h>

struct backtest_progress {
    uint64_t bytes; /* of the events, of the pass that is behind */
    uint64_t bytes_all;
};

struct backtest_options {
    struct snapshot *candidate, *baseline;
    struct engine_options engine;
    /* NDJSON, a regular file or an unnamed one, read from its start; each pass opens it anew. */
    int events_fd;
    /* Measured are transactions with from_ms <= timestamp < to_ms, and of those the last `last_n`
     * (0: all); every one is observed. INT64_MIN, INT64_MAX, 0: the whole. */
    int64_t from_ms, to_ms;
    uint64_t last_n;
    int nice;        /* of the passes' threads, 0 to 19 */
    bool ahead;      /* lines are read on threads of their own */
    FILE *decisions; /* the candidate's, of what is measured, as `sluice replay --plain`; or NULL */
    /* From the threads of passes and measures, one at a time and many times a second; false: give
     * up. May be NULL. */
    bool (*progress)(void *user, const struct backtest_progress *p);
    /* A line that the baseline's pass refuses; likewise. */
    void (*refused)(void *user, uint64_t line, const struct reader_error *error);
    void *user;
};

struct backtest_side {
    struct measure measure;
    uint64_t refused; /* lines */
};

struct backtest_result {
    struct backtest_side candidate, baseline;
    struct measure_overlap overlap; /* a: the candidate */
    uint64_t transactions, labels;  /* of the whole history, as the baseline read it */
    int64_t first_ms, last_ms;      /* measured; 0 when there is nothing */
    int64_t elapsed_us;
    bool observed_once;
    bool several_currencies; /* of what is measured: sums of money are of numbers */
};

/*
 * Run it. The caller ends the result with backtest_fini. Errors: ST_IO (the events, or decisions),
 * ST_TOO_LARGE (a limit of backtest_rulings.h, or 2^32 lines), ST_NO_SPACE, ST_CONFLICT (progress
 * gave up).
 */
MUST_USE enum status backtest_run(const struct backtest_options *o,
                                  struct backtest_result *ret_result);
void backtest_fini(struct backtest_result *r);

#endif
