/*
 * redis_sync.h -- one blocking connection to a Redis server, for admin work off the loops.
 *
 *     new ──> not connected ──first command──> connect, AUTH, SELECT ──> connected
 *                  ^                                  │                     │
 *                  └───────────── refused, lost, or no reply in time <──────┘
 *
 * A command that finds no connection makes one; a lost connection fails the command under way (it
 * may have run) and the next one connects again. The hot path has redis_link.h instead.
 *
 * Owns:    the hiredis context. Threads: one at a time; never a loop of the workers. The process
 *          ignores SIGPIPE: hiredis writes to what may be closed.
 */
#ifndef SLUICE_STATE_REDIS_SYNC_H
#define SLUICE_STATE_REDIS_SYNC_H

#include "service/state/redis_address.h"

#include <hiredis/hiredis.h>

enum {
    REDIS_SYNC_WHY_BYTES = 256,
    REDIS_SYNC_TIMEOUT_MS = 2000, /* to connect, and for each reply: an analyst waits for it */
};

struct redis_sync;

/* Connects with the first command. `timeout_ms` bounds the connecting and the wait for each reply.
 * CHECKs on no memory. */
struct redis_sync *redis_sync_new(const struct redis_address *address, int timeout_ms);
void redis_sync_free(struct redis_sync *s); /* NULL is fine */

/*
 * One command, as redisCommand() formats it (%s text, %b bytes and size_t), and its reply, which is
 * the caller's: freeReplyObject(). Errors: ST_UNAVAILABLE (no connection, none in time, lost),
 * ST_INVALID (the server answered an error, or one stands in the reply of an EXEC);
 * redis_sync_why() then tells.
 */
MUST_USE enum status redis_sync_command(struct redis_sync *s, redisReply **ret_reply,
                                        const char *format, ...);

/* The same where the reply says no more than that it was done. */
MUST_USE enum status redis_sync_do(struct redis_sync *s, const char *format, ...);

/* Why the last command failed: "cannot connect: Connection refused". Valid until the next one. */
const char *redis_sync_why(const struct redis_sync *s);

#endif
