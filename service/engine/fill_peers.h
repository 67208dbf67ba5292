/*
 * fill_peers.h -- the journals of the other instances, for the one that fills in.
 *
 *     fill_peers_open     who writes (writers.h)? ──> all run our ruleset, and have journals
 *                                                 ──> the session is ours
 *     fill_peers_ask      "all up to now" ──> each feeds (fill_feed.h)
 *     fill_peers_take     their frames, merged by when events came, each instance's in its order
 *
 * What none of the journals has is from before fill_peers_from_ms: of instances that are gone, of
 * those whose journal was cut, or from before writers said that they write.
 *
 * Owns:    a connection. Threads: one, of its own; blocks.
 */
#ifndef SLUICE_ENGINE_FILL_PEERS_H
#define SLUICE_ENGINE_FILL_PEERS_H

#include "service/engine/fill_chunk.h"
#include "service/state/writers.h"

#include <stdatomic.h>

enum {
    /* An instance that has been silent for so long does not come back with its journal soon: what
     * it wrote counts as lost. Before that it is waited for. */
    FILL_PEERS_GONE_MS = 60000,
    FILL_PEERS_SILENT_MS = 15000, /* one that was asked; then it is given up */
};

struct fill_peers_options {
    struct redis_address address;
    const char *prefix;
    const char *instance;
    uint64_t ruleset;
    const atomic_bool *stop; /* give up */
};

struct fill_peers;

/*
 * Errors, with *ret_why static text: ST_CONFLICT (another instance fills in), ST_UNAVAILABLE
 * (Redis, or not all instances are as far: later).
 */
MUST_USE enum status fill_peers_open(const struct fill_peers_options *o,
                                     struct fill_peers **ret_peers, const char **ret_why);
void fill_peers_close(struct fill_peers *p); /* NULL is fine */

/* From when on all that anybody but us wrote is in the peers' journals; INT64_MIN: all. */
int64_t fill_peers_from_ms(const struct fill_peers *p);
int fill_peers_count(const struct fill_peers *p);

/* All of them are to give what their journals have by now, on from what they have given. */
MUST_USE enum status fill_peers_ask(struct fill_peers *p);

/*
 * The frames of events that came up to `until_ms`, waiting for them; with INT64_MAX up to the end
 * of what was asked for. What is not ST_OK from `each` ends it. Errors: ST_UNAVAILABLE (one is
 * silent, or has begun again; the session is another's), ST_CONFLICT (another ruleset, *stop),
 * ST_NOT_FOUND (a journal was cut meanwhile), ST_CORRUPT.
 */
MUST_USE enum status fill_peers_take(struct fill_peers *p, int64_t until_ms,
                                     enum status (*each)(void *user, const struct fill_frame *f),
                                     void *user);

/* Now and then: the session goes on. Errors: ST_UNAVAILABLE. */
MUST_USE enum status fill_peers_go_on(struct fill_peers *p);

/* Before what was filled in counts: are they still all that write, under our ruleset? Errors:
 * ST_CONFLICT, ST_UNAVAILABLE. */
MUST_USE enum status fill_peers_are_all(struct fill_peers *p);

#endif
