/*
 * unlost.h -- since when a journal has all that its process gave to Redis.
 *
 *     <dir>/unlost    "<since ms> open\n" while it runs, "<since ms> closed\n" once it has ended,
 *                     or from the start on where answers wait for the disk
 *
 * A frame goes to Redis as soon as it is in the journal's buffer. A process that is killed takes
 * buffered frames with it, and with a machine more is gone: then Redis has events that no journal
 * has. A journal that was not closed in order has all only since it was opened again. Where
 * answers wait for the disk what is lost was never accepted.
 *
 * Threads: one at a time.
 */
#ifndef SLUICE_CLI_UNLOST_H
#define SLUICE_CLI_UNLOST_H

#include "service/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * The journal in folder `dir` was opened, at `now_ms`; `has_frames` of before; it `loses_none` from
 * now on (journal.fsync always). *ret_since_ms: 0: from its first frame on. Errors: ST_IO.
 */
MUST_USE enum status unlost_open(const char *dir, bool has_frames, bool loses_none, int64_t now_ms,
                                 int64_t *ret_since_ms);

/* It was closed, and all of it is on the disk. Errors: ST_IO: the next start finds it open. */
MUST_USE enum status unlost_close(const char *dir, int64_t since_ms);

#endif
