/*
 * dead_letters.h -- labels whose transaction never came, one JSON object a line.
 *
 * Owns:    its file, appended to and never read.
 * Threads: one at a time.
 */
#ifndef SLUICE_CLI_DEAD_LETTERS_H
#define SLUICE_CLI_DEAD_LETTERS_H

#include "service/base/span.h"
#include "service/base/status.h"

struct dead_letters;

/* `path` "": letters go nowhere. Folders are made when needed. Errors: ST_IO. */
MUST_USE enum status dead_letters_open(const char *path, struct dead_letters **ret_letters);
void dead_letters_close(struct dead_letters *d); /* NULL is fine */

/* Errors: ST_IO. */
MUST_USE enum status dead_letters_put(struct dead_letters *d, struct span json);

#endif
