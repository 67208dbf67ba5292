/*
 * history.h -- past events as a file of lines, whatever keeps them.
 *
 *     journal   EVENT frames, in their order ──┐
 *     stdin     as it comes                  ──┼──> unnamed file, one event a line ──> backtest.h
 *     Kafka     service/io/kafka_history.h   ──┘
 *
 * A backtest reads its history from two threads, and at its own pace: so what cannot be read twice,
 * or is being written to, is copied first. A line break within an event becomes a space: it can
 * only stand between two tokens.
 *
 * Owns:    its file, until history_take. Threads: one at a time.
 */
#ifndef SLUICE_TRIAL_HISTORY_H
#define SLUICE_TRIAL_HISTORY_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { HISTORY_WHY_BYTES = 320 };

struct history;

/* In folder `dir`, at most `bytes_max`. Errors: ST_IO (ret_why[HISTORY_WHY_BYTES] says what). */
MUST_USE enum status history_new(const char *dir, uint64_t bytes_max, struct history **ret_history,
                                 char *ret_why);
void history_free(struct history *h); /* NULL is fine */

/* Asked now and then while events are added: false gives up. Before the first of them. */
void history_ask(struct history *h, bool (*goes_on)(void *user), void *user);

/* One event. Errors: ST_TOO_LARGE (bytes_max), ST_IO, ST_CONFLICT (given up). */
MUST_USE enum status history_add(struct history *h, struct span event);

/* All that `fd` has, lines as they are. Errors: as history_add. */
MUST_USE enum status history_add_file(struct history *h, int fd);

/*
 * The events of the journal in folder `dir`, of its last `frames` frames (0: all). May run beside
 * its process. Errors: as journal_peek and history_add; ret_why[HISTORY_WHY_BYTES] says what.
 */
MUST_USE enum status history_add_journal(struct history *h, const char *dir, uint64_t frames,
                                         char *ret_why);

uint64_t history_events(const struct history *h); /* history_add, and of journals */

/* The file, whole and at its start; the caller closes it. Errors: ST_IO, ST_CONFLICT. */
MUST_USE enum status history_take(struct history *h, int *ret_fd);

#endif
