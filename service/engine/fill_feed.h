/*
 * fill_feed.h -- this instance among those that write to one Redis: it says so (writers.h), and
 * gives its journal to the one that fills in.
 *
 *     each second                    writers_say: our ruleset, and what our journal reaches back to
 *     another one's session stands   its asks ──> frames of our journal up to its end by then,
 *                                    once they are in Redis ──> PREFIX fill:<session>:<instance>
 *
 * An ask is a number in the list PREFIX fill:<session>:<instance>:ask; the answer is chunks
 * (fill_chunk.h), of which FILL_FEED_WAITING_MAX wait at most. Both lists expire when nobody goes
 * on.
 *
 * Owns:    a connection and a thread; the rest is borrowed. Threads: one starts and stops it.
 */
#ifndef SLUICE_ENGINE_FILL_FEED_H
#define SLUICE_ENGINE_FILL_FEED_H

#include "service/engine/delivery.h"
#include "service/engine/snapshot.h"
#include "service/state/journal.h"
#include "service/state/writers.h"

enum {
    FILL_FEED_WAITING_MAX = 8, /* chunks: two megabytes in Redis for each instance */
    FILL_FEED_LIST_MS = 30000, /* lists of a session that nobody goes on with */
    FILL_FEED_REST = 3,        /* it works a quarter of one processor's time */
};

struct fill_feed_options {
    struct redis_address address;
    const char *prefix;
    const char *instance;
    struct journal *journal; /* NULL: there is none, which is said too */
    int64_t since_ms;        /* what came before may be in Redis and not in it; 0: it is not so */
    struct delivery *delivery;
    struct snapshot_slot *snapshots;
};

struct fill_feed;

/*
 * What `journal` has: all that came since *ret_from_ms; INT64_MIN: all there ever was; INT64_MAX:
 * nothing. `since_ms` as above. Reads up to its first event. Errors: as journal_read.
 */
MUST_USE enum status fill_reach(struct journal *journal, int64_t since_ms, int64_t *ret_from_ms);

/* Says once that we write, before anything is written: without Redis, as soon as it is there.
 * CHECKs on no memory. */
struct fill_feed *fill_feed_new(const struct fill_feed_options *o);
void fill_feed_free(struct fill_feed *f); /* NULL is fine */

#endif
