/*
 * backtest_events.h -- the events that `sluice backtest --events` names, as a file to be read.
 *
 *     FILE             as it is
 *     -                stdin       ──┐
 *     journal          journal.dir ──┼──> a copy in spool_dir (history.h), without a name
 *     kafka://T[,T]    the brokers ──┘
 *
 * Owns:    nothing. Threads: one.
 */
#ifndef SLUICE_CLI_BACKTEST_EVENTS_H
#define SLUICE_CLI_BACKTEST_EVENTS_H

#include "service/cli/cli.h"

struct backtest_events {
    const struct config *config; /* kafka_check() was fine with it */
    const char *where;
    void (*progress)(void *user, uint64_t done, uint64_t all); /* of a topic; may be NULL */
    void *user;
};

/*
 * The file at its start; the caller closes it. Any error was said on stderr: ST_INVALID (the
 * configuration lacks what it takes), ST_TOO_LARGE (backtest.spool_bytes), ST_IO, and those of
 * history.h and kafka_history.h.
 */
MUST_USE enum status backtest_events_open(const struct backtest_events *e, int *ret_fd);

#endif
