/*
 * line_file.h -- JSON objects, one a line, appended to a file that may be rotated.
 *
 *     FILE          {...}\n{...}\n          written, until one more would pass bytes_max
 *     FILE.1        {...}\n{...}\n          what was FILE before
 *     FILE.2 ...                            files_max in all, the oldest goes
 *
 * Each complete line is one object: what a full disk or a crash has left of another is cut off
 * before the next is appended. Several processes may append to one file, and something else may
 * move it away: a lock (flock) goes around each line, and whoever finds that the path names another
 * file opens that.
 *
 * Owns:    a descriptor, and room for one line. Threads: one at a time.
 */
#ifndef SLUICE_IO_LINE_FILE_H
#define SLUICE_IO_LINE_FILE_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>

/* Twice the longest event, or alert. What is longer without a newline is no line of ours. */
enum { LINE_FILE_LINE_MAX = 128 << 10 };

struct line_file;

struct line_file_options {
    const char *path; /* "": lines go nowhere; "/dev/stdout" and pipes are fine, and not rotated */
    uint64_t bytes_max; /* of one file; 0: never rotated */
    int files_max;      /* at least 1; with 1 a full file is begun anew */
};

/* Goes on at the end of what is there. Folders are made when needed. Errors: ST_IO, ST_TOO_LARGE
 * (the path). */
MUST_USE enum status line_file_open(const struct line_file_options *o, struct line_file **ret_file);
void line_file_close(struct line_file *f); /* NULL is fine */

/*
 * When it answers, the line is the system's; line_file_sync() puts it on the disk. A newline within
 * `json`, which can only be space between tokens, becomes a space. A file that cannot be rotated
 * grows on. Errors: ST_IO, nothing of the line is then there; ST_TOO_LARGE.
 */
MUST_USE enum status line_file_put(struct line_file *f, struct span json);

/* All lines since the last call are on the disk. Errors: ST_IO: some are perhaps not, and another
 * call would not tell; put them again. */
MUST_USE enum status line_file_sync(struct line_file *f);

#endif
