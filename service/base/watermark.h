/*
 * watermark.h -- up to where everything is done, when things finish out of order.
 *
 *     done, done, done, [waiting], done, done, [waiting], ...
 *                    ^ the watermark: all numbers up to here are done
 *
 * Owns:    one bit for each number between the watermark and WATERMARK_AHEAD_MAX past it.
 * Threads: any (one lock inside); watermark_get does not wait for it.
 */
#ifndef SLUICE_BASE_WATERMARK_H
#define SLUICE_BASE_WATERMARK_H

#include "service/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* How far past the watermark a number may end: seconds of full load, in 128 KB of bits. */
enum { WATERMARK_AHEAD_MAX = 1 << 20 };

struct watermark;

/* Numbers up to `done` are done. CHECKs on no memory: it is made at start. */
struct watermark *watermark_new(uint64_t done);
/* NULL is fine. */
void watermark_free(struct watermark *w);

/*
 * `number` is done. Repeats and numbers below the watermark are fine. Amortised O(1).
 * Errors: ST_NO_SPACE: further than WATERMARK_AHEAD_MAX past the watermark; it stays undone.
 */
MUST_USE enum status watermark_end(struct watermark *w, uint64_t number);

/* Has `number` ended? Waits for the lock. */
bool watermark_has(struct watermark *w, uint64_t number);

uint64_t watermark_get(const struct watermark *w);

/* Start again from `done` (what the other side really has); ends above it are forgotten. */
void watermark_reset(struct watermark *w, uint64_t done);

#endif
