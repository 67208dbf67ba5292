/*
 * spool.h -- the answers of a batch, kept until its last line was read.
 *
 *     | block in memory (SPOOL_BLOCK_BYTES) |  --full-->  | unnamed file in the spool folder |
 *
 * libmicrohttpd cannot send before a request was read whole, and many clients do not read
 * before they have sent all; so answers wait here, and memory stays one block however long the
 * batch is. A small batch never touches the disk.
 *
 * Owns:    its block and its file, which has no name and goes with the process.
 */
#ifndef SLUICE_API_SPOOL_H
#define SLUICE_API_SPOOL_H

#include "service/base/span.h"
#include "service/base/status.h"

#include <stdint.h>
#include <sys/types.h>

enum { SPOOL_BLOCK_BYTES = 256 << 10 }; /* about a thousand decisions */

struct spool;

/* `dir` is borrowed. NULL when there is no memory. */
struct spool *spool_new(const char *dir, uint64_t max_bytes);
void spool_free(struct spool *s);

/* Append. Errors: ST_TOO_LARGE (over max_bytes), ST_IO (the disk); the spool then stays as
 * it was. */
MUST_USE enum status spool_put(struct spool *s, struct span bytes);
uint64_t spool_bytes(const struct spool *s);

/* Up to `cap` bytes from `offset`; 0 at the end, -1 when the disk fails. */
ssize_t spool_read(struct spool *s, uint64_t offset, char *out, size_t cap);

#endif
