/*
 * roster_redis.h -- changes of lists in Redis, shared by all instances.
 *
 *     PREFIXlist:NAME     hash    value -> the change as a line (list_line.h)
 *     PREFIXlists:names   set     the names that have such a hash
 *     PREFIXlists:n       number of the newest change
 *     PREFIXlists:log     stream  n-0 -> the line; the last 100,000 or so
 *     PREFIXlists:epoch   made with the first change: another one is another Redis
 *
 * One script writes all of it at once. Reading goes on in the stream where it was; who has fallen
 * behind its begin, or meets another epoch, reads the hashes again.
 *
 * Owns:    one connection. Threads: one at a time; never a loop of the workers.
 */
#ifndef SLUICE_LISTS_ROSTER_REDIS_H
#define SLUICE_LISTS_ROSTER_REDIS_H

#include "service/lists/list_line.h"
#include "service/state/redis_address.h"

enum {
    ROSTER_LOG_MAX = 100000, /* lines of the stream: ten seconds of what is allowed for */
    ROSTER_READ_MAX = 2000,  /* lines of one reading */
    ROSTER_EPOCH_BYTES = 33,
};

struct roster_redis;

struct roster_redis *roster_redis_new(const struct redis_address *address, const char *prefix);
void roster_redis_free(struct roster_redis *rr); /* NULL is fine */

/* Keep a change; *ret_n is its number. Errors: ST_UNAVAILABLE; it may have been kept. */
MUST_USE enum status roster_redis_keep(struct roster_redis *rr, const struct list_line *line,
                                       uint64_t *ret_n);
/* The same, unless something is kept of the value: for a Redis that has lost all. */
MUST_USE enum status roster_redis_restore(struct roster_redis *rr, const struct list_line *line);
/* What has expired goes from the hash, if it still is what stands there. */
MUST_USE enum status roster_redis_expire(struct roster_redis *rr, const struct list_line *line);

/* Where a reader is; zeroed: nowhere yet. */
struct roster_cursor {
    char epoch[ROSTER_EPOCH_BYTES];
    uint64_t n;
    bool is_ahead; /* the number was greater than the stream had; twice: it was trimmed */
};

enum roster_read {
    ROSTER_READ_ON,     /* what was new was shown */
    ROSTER_READ_BEHIND, /* changes were missed: read all */
    ROSTER_READ_EMPTY,  /* another epoch, or none any more, where there was one */
    ROSTER_READ_AWAY,   /* Redis does not answer */
};

typedef void roster_visit(void *user, const struct list_line *line);

/* Show what is new, waiting up to 250 ms for it. *n_wrong grows by lines that cannot be read. */
enum roster_read roster_redis_read(struct roster_redis *rr, struct roster_cursor *cursor,
                                   roster_visit *visit, void *user, uint64_t *n_wrong);
/* Show all that is kept; *cursor is then where to read on. Errors: ST_UNAVAILABLE. */
MUST_USE enum status roster_redis_read_all(struct roster_redis *rr,
                                           struct roster_cursor *ret_cursor, roster_visit *visit,
                                           void *user, uint64_t *n_wrong);

#endif
