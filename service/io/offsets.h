/*
 * offsets.h -- how far one partition is finished, when its messages finish out of order.
 *
 *     taken:     17 18 19 . . 22 23 24        (20 and 21 never came: compacted, or markers)
 *     finished:   x  x     .  .  x
 *                      ^ offsets_done: 19, the first that is to be read again
 *
 * Messages are taken in the order of their offsets, and are finished in any.
 *
 * Owns:    a ring of one entry for each message taken and not yet passed; it grows with what is
 *          under way, up to a bound. Threads: one at a time.
 */
#ifndef SLUICE_IO_OFFSETS_H
#define SLUICE_IO_OFFSETS_H

#include "service/base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offsets_entry; /* private */

struct offsets {
    struct offsets_entry *ring;
    size_t cap, max;      /* entries; cap is a power of two */
    uint64_t first, next; /* tickets under way: [first, next) */
    int64_t done;         /* -1: nothing is finished yet */
    int64_t last;         /* the offset taken last; -1: none */
};

/* At most `max` messages under way. */
void offsets_init(struct offsets *o, size_t max);
void offsets_fini(struct offsets *o);

/*
 * A message is taken; its ticket finishes it. CHECKs on no memory. Errors: ST_NO_SPACE (`max` are
 * under way), ST_INVALID (its offset is not behind the one before: it was taken already).
 */
MUST_USE enum status offsets_take(struct offsets *o, int64_t offset, uint64_t *ret_ticket);

/* Once for each ticket. Amortised O(1). */
void offsets_finish(struct offsets *o, uint64_t ticket);

/* The offset of a ticket that is under way. */
int64_t offsets_at(const struct offsets *o, uint64_t ticket);

/* The offset to go on from: all before it is finished. -1: nothing is. */
int64_t offsets_done(const struct offsets *o);

/* How many were taken behind offsets_done(), finished or not. */
size_t offsets_pending(const struct offsets *o);

#endif
