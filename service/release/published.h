/*
 * published.h -- the ruleset that all instances of one Redis are to decide by, and which one each
 * does.
 *
 *     PREFIX ruleset    hash  {id, seq, who, at_ms, judged, bundle}    one key: all or nothing
 *     PREFIX nodes      set   of ids
 *     PREFIX node:ID    {"node":"host:8080","ruleset":...}    gone 10 s after it was said
 *
 * `seq` goes up by one with each publishing: an instance that polls it takes the bundle when it is
 * another one than it has seen. There is one bundle, the last; older ones are each instance's own
 * versions.
 *
 * Owns:    nothing; the connection is its caller's (redis_sync.h). Threads: one at a time.
 */
#ifndef SLUICE_RELEASE_PUBLISHED_H
#define SLUICE_RELEASE_PUBLISHED_H

#include "service/release/versions.h"
#include "service/state/redis_sync.h"

enum {
    PUBLISHED_POLL_MS = 500, /* two instances differ no longer than that, and what a load takes */
    NODE_SAY_MS = 2000,
    NODE_LIVE_S = 10,
    NODE_ID_BYTES = 17,
    NODES_MAX = 1024, /* that are listed */
};

struct published {
    struct redis_sync *redis; /* borrowed */
    const char *prefix;       /* of every key; borrowed */
};

struct published_note {
    char id[VERSION_ID_BYTES];
    uint64_t seq;
    char who[VERSION_WHO_BYTES]; /* as it is read: UTF-8 without control characters */
    bool judged; /* where it came from the gate was asked, or told to be quiet: once is enough */
};

/* Errors of all: ST_UNAVAILABLE, ST_INVALID: redis_sync_why() says what. */

/* `note`: id, who, judged. */
MUST_USE enum status published_put(const struct published *p, const struct published_note *note,
                                   struct span bundle);
/* Which one it is. Errors: ST_NOT_FOUND: nothing was published. */
MUST_USE enum status published_look(const struct published *p, struct published_note *ret_note);
/* With its bytes, free(). Errors: as published_look; ST_CORRUPT: the key is not of this form. */
MUST_USE enum status published_take(const struct published *p, struct published_note *ret_note,
                                    char **ret_bundle, size_t *ret_len);

/* `json` says how the node `id` is; it is forgotten after NODE_LIVE_S. */
MUST_USE enum status published_say(const struct published *p, const char *id, struct span json);
/* That node is gone. */
MUST_USE enum status published_leave(const struct published *p, const char *id);
/* What the live nodes say, as a JSON array of up to NODES_MAX; the caller's, free(). */
MUST_USE enum status published_nodes(const struct published *p, char **ret_json);

#endif
