/*
 * crash_notes.h -- which message was in hand when this process crashed, so that one that crashes
 * it each time goes to the dead letters.
 *
 *     <dir>/crashed     a line for each crash:  TOPIC PARTITION OFFSET
 *                       or "- 0 0": messages were under way, and none of them was in hand
 *
 * A handler of SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT (a CHECK) writes the line, and hands the
 * signal on to who had it before. SIGKILL leaves none. An orderly end empties the file.
 *
 * Owns:    the file; the process's handlers. Threads: open and close from one, before and after all
 * others; the rest from any.
 */
#ifndef SLUICE_IO_CRASH_NOTES_H
#define SLUICE_IO_CRASH_NOTES_H

#include "service/base/status.h"

#include <stdbool.h>
#include <stdint.h>

enum { CRASH_TIMES_MAX = 3 }; /* one crash may be chance, and so may two */

/* Reads what is noted, and watches from now on. Errors: ST_IO. */
MUST_USE enum status crash_notes_open(const char *dir);
/* `orderly`: nothing that was in hand is left. Nothing when it was not opened. */
void crash_notes_close(bool orderly);

/* What this thread works on from now on; `topic` lives until the next call. NULL: on no message,
 * though some may be under way. */
void crash_notes_hand(const char *topic, int32_t partition, int64_t offset);

/* Had it crashed before the start, whatever it was? */
bool crash_notes_any(void);
/* Has this message crashed us CRASH_TIMES_MAX times? */
bool crash_notes_has(const char *topic, int32_t partition, int64_t offset);

#endif
