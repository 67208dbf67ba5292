/*
 * files.h -- whole files and folders, for what is written seldom and must not be half there.
 *
 * Threads: any; nothing is kept.
 */
#ifndef SLUICE_BASE_FILES_H
#define SLUICE_BASE_FILES_H

#include "service/base/span.h"
#include "service/base/status.h"

enum { FILES_PATH_MAX = 4096 };

/* Make the folder and those above it that are missing. Errors: ST_IO (errno says why). */
MUST_USE enum status files_make_folder(const char *path);

/* Make the folders above the file `path`. Errors: as above; ST_TOO_LARGE (the path). */
MUST_USE enum status files_make_folder_of(const char *path);

/*
 * Write `bytes` as `path`, whole or not at all: to a name beside it, to the disk, and renamed; the
 * folder is synced too. Errors: ST_IO (errno says why), ST_TOO_LARGE (the path).
 */
MUST_USE enum status files_write(const char *path, struct span bytes);

/* All of `bytes` to where `fd` stands. Errors: ST_IO (errno says why): some of it may be there. */
MUST_USE enum status files_write_all(int fd, struct span bytes);

/*
 * `name` as the file `beside` means it: relative to the folder that one is in, unless it begins
 * with '/'. Errors: ST_INVALID (no path: empty, or too long).
 */
MUST_USE enum status files_beside(const char *beside, struct span name,
                                  char ret_path[FILES_PATH_MAX]);

/* What is in `path`, with a NUL behind it that is not counted; the caller's, free(). Errors:
 * ST_NOT_FOUND, ST_IO (errno says why), ST_TOO_LARGE (more than max_bytes). */
MUST_USE enum status files_read(const char *path, size_t max_bytes, char **ret_bytes,
                                size_t *ret_len);

/* Put the folder's own entries on the disk. Errors: ST_IO. */
MUST_USE enum status files_sync_folder(const char *path);

/* Remove a file, or a folder with all in it; links are removed, not followed. What is not there is
 * fine. Errors: ST_IO. */
MUST_USE enum status files_remove(const char *path);

#endif
