/*
 * outbox_mark.h -- up to which frame of the journal all alerts are acknowledged.
 *
 *     DIR/outbox:  | u64 seq | u64 its complement |
 *
 * Written in place: it survives the process with the page cache. Where a machine stopped, or the
 * file is not whole, an earlier mark only brings alerts again, under the same ids.
 *
 * Owns:    its descriptor. Threads: one at a time.
 */
#ifndef SLUICE_ENGINE_OUTBOX_MARK_H
#define SLUICE_ENGINE_OUTBOX_MARK_H

#include "service/engine/delivery.h"
#include "service/engine/outbox.h"

#include <stdint.h>

struct outbox_mark;

/* Made when it is not there. *ret_seq: 0 when nothing is known. Errors: ST_IO. */
MUST_USE enum status outbox_mark_open(const char *dir, struct outbox_mark **ret_mark,
                                      uint64_t *ret_seq);
void outbox_mark_close(struct outbox_mark *m); /* NULL is fine */

/*
 * To where all alerts of `o` are acknowledged; the journal keeps what is behind it. With Redis
 * (`delivery`; NULL: memory) it waits for frames that have not reached it: they may have an alert
 * that is nowhere else. Errors: ST_IO; the mark of before may stand.
 */
MUST_USE enum status outbox_mark_move(struct outbox_mark *m, struct outbox *o, struct journal *j,
                                      const struct delivery *delivery);

/* Errors: ST_IO; the mark of before may stand. */
MUST_USE enum status outbox_mark_set(struct outbox_mark *m, uint64_t seq);

#endif
