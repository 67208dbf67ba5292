/*
 * writers.h -- the processes that write events to one Redis, and which of them fills in.
 *
 * Whoever rebuilds logs from journals has to know that no others wrote. So each one that writes
 * says so before its first event, and each second from then on:
 *
 *     PREFIX writers   hash     <instance>  "<seen ms> <ruleset> <journal from ms, or ->"
 *                               since       who wrote before it may not be there; 0: all are
 *     PREFIX fill      string   the session of who fills in: "<instance>:<16 hex>"; expires
 *
 * `seen` is by the server's clock. Of more than WRITERS_MAX the one that is gone for longest is
 * dropped, and `since` becomes the time it was seen last. A state that has no coverage yet
 * (coverage.h) has had no events.
 *
 * Owns:    nothing; the connection is its caller's (redis_sync.h). Threads: one at a time.
 */
#ifndef SLUICE_STATE_WRITERS_H
#define SLUICE_STATE_WRITERS_H

#include "service/state/redis_sync.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WRITERS_MAX = 256,
    WRITERS_SAY_MS = 1000,
    WRITER_LIVE_MS =
        10000, /* one that has said nothing for so long does not run, or has no Redis */
    WRITER_NAME_BYTES = 33,
    SESSION_BYTES = WRITER_NAME_BYTES + 17,
    SESSION_LIVE_MS = 10000,
};

/* A writer's journal does not reach back at all: it has none. */
#define WRITER_NO_JOURNAL INT64_MAX

struct writer {
    char instance[WRITER_NAME_BYTES];
    int64_t seen_ms;
    uint64_t ruleset; /* snapshot.id, once its last event under another one has ended; 0: not yet */
    int64_t from_ms;  /* its journal has all that came since; INT64_MIN: all it ever had */
};

struct writers {
    int64_t now_ms;   /* the server's clock */
    int64_t since_ms; /* 0: from the first on */
    struct writer all[WRITERS_MAX];
    int n;
};

/* `redis` is borrowed, and `prefix` of every key. */
struct writers_of {
    struct redis_sync *redis;
    const char *prefix;
};

/* Errors of all: ST_UNAVAILABLE, ST_INVALID: redis_sync_why() says what. */

/* `w`: seen_ms is the server's. */
MUST_USE enum status writers_say(const struct writers_of *of, const struct writer *w);
MUST_USE enum status writers_list(const struct writers_of *of, struct writers *ret_writers);

/* Begin to fill in. Errors: ST_CONFLICT: another one does. */
MUST_USE enum status writers_begin(const struct writers_of *of, const char *session);
/* Go on for SESSION_LIVE_MS. Errors: ST_CONFLICT: it is another's by now. */
MUST_USE enum status writers_go_on(const struct writers_of *of, const char *session);
void writers_end(const struct writers_of *of, const char *session);
/* "": nobody fills in. */
MUST_USE enum status writers_session(const struct writers_of *of, char ret_session[SESSION_BYTES]);

#endif
