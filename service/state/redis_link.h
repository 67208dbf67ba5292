/*
 * redis_link.h -- one asynchronous connection on a loop: made, checked, kept, and made again.
 *
 *     down ──connect──> AUTH, SELECT, INFO, hash key, beacon ──> up ──lost──> down
 *                              │ refused: why                     │ no reply for REDIS_STALL_MS
 *                              └──> down                          └──> stalled, until one comes
 *
 * Commands are appended to one buffer and leave in one write at the end of the loop's turn.
 *
 * Owns:    the hiredis context, its replies, three libuv handles. Threads: of the loop.
 */
#ifndef SLUICE_STATE_REDIS_LINK_H
#define SLUICE_STATE_REDIS_LINK_H

#include "service/state/state_redis.h"

#include <hiredis/async.h>

enum { REDIS_SERVER_BYTES = 96 }; /* two names of 40 hex */

struct redis_link {
    struct state_redis_options options;
    struct hash_key key;
    uv_loop_t *loop;
    redisAsyncContext *context; /* NULL: none */
    struct arena *replies;      /* the one that is read */
    uv_poll_t *poll;            /* of `context` */
    int poll_events;
    uv_prepare_t flush; /* the end of a turn */
    uv_timer_t timer;   /* to connect again, or to see a stall */
    uv_getaddrinfo_t lookup;
    int open_handles; /* the two, and a lookup under way */
    bool is_up, is_dirty, is_flushing, is_stalled, is_closing;
    bool has_beacon; /* this connection has seen one stand */
    bool is_emptied; /* and then none: by the next connection everything is to come again */
    int64_t retry_ms;
    int64_t waiting_since_ms; /* of the loop's clock: since then no reply though some are due */
    uint64_t beacon;
    /* run_id and master_replid of the server: of this connection, and of the last that was up */
    char server[REDIS_SERVER_BYTES], last_server[REDIS_SERVER_BYTES];
    uint64_t told_beacon; /* the last that was acknowledged to us; 0: none */
    bool is_kept;         /* nothing is lost but what was under way */
    const char *refused;  /* why the server was refused, static text; NULL: it was not */
    const char *told;     /* of that, what options.refused was told last */
    bool told_up;         /* what options.served was told last */
    struct state_redis_stats stats;
    void (*up)(void *user, uint64_t beacon, bool is_kept);
    void *up_user;
    void (*closed)(void *user); /* everything is gone */
    void *closed_user;
};

void redis_link_open(struct redis_link *l);
/* Fails what is under way; `closed` is called when the loop has let go. */
void redis_link_close(struct redis_link *l);

/*
 * Is it worth sending? Not while hiredis ends a connection: it then answers what was under way
 * before it says so, takes nothing more, and would never answer it.
 */
static inline bool redis_link_is_up(const struct redis_link *l)
{
    return l->is_up && !l->is_stalled &&
           !(l->context->c.flags & (REDIS_DISCONNECTING | REDIS_FREEING));
}

/*
 * One command, already in Redis's protocol, on a link that is up; `reply` NULL: only errors are
 * looked at.
 */
void redis_link_send(struct redis_link *l, struct span command, redisCallbackFn *reply, void *user);

/* A reply has come: counts its error if it is one, or those inside an EXEC's. */
void redis_link_note(struct redis_link *l, const redisReply *reply);

/* `beacon` was set, and `before` stood there. None where one had stood: the server was emptied
 * under us (FLUSHALL). The connection is made again, hash key and all. */
void redis_link_beacon(struct redis_link *l, uint64_t beacon, const redisReply *before);

/* What INFO says of a server we cannot use, static text; NULL: it is fine. */
const char *redis_info_refuses(struct span info);

#endif
