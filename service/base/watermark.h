/*
 * watermark.h -- up to where everything is done, when things finish out of order.
 *
 *     done, done, done, [waiting], done, done, [waiting], ...
 *                     ^ the watermark: all numbers up to here are done
 *
 * Threads: begin and end from any thread (one lock inside).
 */
#ifndef SLUICE_BASE_WATERMARK_H
#define SLUICE_BASE_WATERMARK_H

#include "service/base/status.h"

#include <stdint.h>

struct watermark;

/* Numbers up to `done` are done. At most 2^20 numbers may lie between the watermark and the newest that ended. */
struct watermark *watermark_new(uint64_t done);
void watermark_free(struct watermark *w);

/* `number` is done. Repeats and numbers below the watermark are fine. ST_NO_SPACE: too far ahead; it stays undone. */
MUST_USE enum status watermark_end(struct watermark *w, uint64_t number);
uint64_t watermark_get(const struct watermark *w);
/* Start again from `done` (what the other side really has); ends above it are forgotten. */
void watermark_reset(struct watermark *w, uint64_t done);

#endif
