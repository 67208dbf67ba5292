/*
 * journal_peek.h -- read a journal's frames without opening it: beside the process that writes
 * it, or from a thread of that process.
 *
 * Only what has been written to the files is seen, some milliseconds late. A tail that is being
 * written, or was torn, is the end. Segments that are released meanwhile are missing at the
 * front.
 *
 * Threads: any.
 */
#ifndef SLUICE_STATE_JOURNAL_PEEK_H
#define SLUICE_STATE_JOURNAL_PEEK_H

#include "service/state/journal.h"

/*
 * The frames of the folder `dir`, in order, until `each` answers false; `bytes` are borrowed for
 * the call. With `last_n` other than 0 it begins so many frames before the end, or at the oldest;
 * frames of whole segments before that are not read. Errors: ST_NOT_FOUND (no such folder),
 * ST_CORRUPT (damage before the tail), ST_IO; ret_why[JOURNAL_WHY_BYTES] says which file and what.
 */
MUST_USE enum status journal_peek(const char *dir, uint64_t last_n,
                                  bool (*each)(void *user, uint64_t seq, uint8_t kind,
                                               struct span bytes),
                                  void *user, char *ret_why);

#endif
