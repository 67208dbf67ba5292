/*
 * journal_folder.h -- the journal's folder: its lock, its segments, and the check at start.
 *
 *     lock                      held while a process has the folder open
 *     0000000000000001.log      segments, named by their first sequence; the last is written to
 *     00000000000186a1.log
 *
 * Owns:    two descriptors and the list of segments.
 * Threads: none here; the journal calls with its lock held, or before its threads run.
 */
#ifndef SLUICE_STATE_JOURNAL_FOLDER_H
#define SLUICE_STATE_JOURNAL_FOLDER_H

#include "service/state/journal.h"

struct segment {
    uint64_t first_seq;
    uint64_t bytes;
};

struct folder {
    char *path;
    int dir_fd, lock_fd;
    struct segment *segments; /* in order of sequence; at least one once it was checked */
    size_t n, cap;
    uint64_t bytes; /* of all segments */
};

/* Makes the folder and its parents, takes its lock, lists its segments. Errors: as journal_open. */
MUST_USE enum status folder_open(const char *path, struct folder *ret_folder, char *ret_why);
/* The segments of a folder that is there, whoever has it open: no lock, nothing is made, lock_fd
 * is -1. For reading alone. Errors: ST_NOT_FOUND (no such folder), ST_IO. */
MUST_USE enum status folder_look(const char *path, struct folder *ret_folder, char *ret_why);
void folder_close(struct folder *f);

/* Reads the last two segments, cuts the torn tail of the last, and makes the first segment of an
 * empty folder. Errors: as journal_open. */
MUST_USE enum status folder_check(struct folder *f, struct journal_opened *ret_opened,
                                  char *ret_why);

struct segment *folder_last(struct folder *f);

/* Makes the segment's file with its head; its name is on disk. Errors: ST_NO_SPACE (the disk is
 * full), ST_IO. Touches nothing in `f`: it may run without the journal's lock. */
MUST_USE enum status folder_create(const struct folder *f, uint64_t first_seq, int *ret_fd);

/* Lists a segment made by folder_create. Errors: ST_NO_SPACE (memory). */
MUST_USE enum status folder_push(struct folder *f, uint64_t first_seq);

/* The first sequence of the segment that holds `seq`; false when it is before all of them. */
bool folder_find(const struct folder *f, uint64_t seq, uint64_t *ret_first_seq);

/* Deletes the oldest segments that end before `needed_seq` while all have more than `max_bytes`. */
void folder_trim(struct folder *f, uint64_t max_bytes, uint64_t needed_seq);

#endif
