/*
 * synced.h -- answers that wait for the disk (journal fsync always).
 *
 *     journal's thread ──uv_async──> loop: all waits up to journal_safe_seq go on
 *
 * Owns:    a uv_async_t. Threads: of the loop; the journal's thread only wakes it.
 */
#ifndef SLUICE_ENGINE_SYNCED_H
#define SLUICE_ENGINE_SYNCED_H

#include "service/base/status.h"
#include "service/state/journal.h"

#include <uv.h>

struct synced;

struct synced_wait {
    uint64_t seq;
    void (*then)(struct synced_wait *w, enum status st); /* ST_IO: the disk refuses */
    void *user;
    struct synced_wait *next; /* private */
};

/* CHECKs on no memory. The journal outlives it. */
struct synced *synced_new(struct journal *j, uv_loop_t *loop);
/* Nobody waits any more. The loop must run once more. NULL is fine. */
void synced_free(struct synced *s);

/* `w->then` is called once, at once if `w->seq` is safe already. Sequences come in ascending
 * order. */
void synced_start(struct synced *s, struct synced_wait *w);

#endif
