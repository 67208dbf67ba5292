/*
 * roster_file.h -- changes of lists in a file, a line each (list_line.h), the newest last.
 *
 * A change is appended by one write, so that it survives the process from its answer on, and the
 * machine's crash once the file was synced, a second later. A last line without its end was never
 * answered, and is cut off. When most lines speak of what is so no more the file is written anew
 * beside itself and takes its place by a rename.
 *
 * Owns:    a descriptor, locked (flock) against other processes. Threads: the caller's lock.
 */
#ifndef SLUICE_LISTS_ROSTER_FILE_H
#define SLUICE_LISTS_ROSTER_FILE_H

#include "service/lists/list_line.h"

enum {
    ROSTER_FILE_LINES_MIN = 4096,    /* below that nothing is written anew */
    ROSTER_FILE_BYTES_MAX = 1 << 30, /* a million changes with their longest notes */
};

struct roster_file;

/*
 * Open or make it, and show each line to `visit`. Errors: ST_IO; ST_CONFLICT: another process has
 * it; ST_CORRUPT: a line that is whole cannot be read; `why` (256 bytes) says which.
 */
MUST_USE enum status roster_file_open(const char *path,
                                      void (*visit)(void *user, const struct list_line *line),
                                      void *user, struct roster_file **ret_file, char *why);
void roster_file_close(struct roster_file *f); /* synced; NULL is fine */

/* Errors: ST_IO: nothing of the line is in the file. */
MUST_USE enum status roster_file_append(struct roster_file *f, const struct list_line *line);
/* What was appended before is on disk. false: it may not be. Without the caller's lock, so that
 * others may append meanwhile; not beside a rewrite. */
bool roster_file_sync(struct roster_file *f);

/* Is it worth writing it anew with `live` lines? */
bool roster_file_is_loose(const struct roster_file *f, size_t live);
/* Anew, with the lines that `next` gives until it says false; on failure the old one stays. */
MUST_USE enum status roster_file_rewrite(struct roster_file *f,
                                         bool (*next)(void *user, struct list_line *ret_line),
                                         void *user);

#endif
