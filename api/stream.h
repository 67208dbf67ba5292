/*
 * stream.h -- the alert streams of one worker: Server-Sent Events over replies without an end.
 *
 *     asleep: nothing to send; its connection is suspended     awake: the library takes, or its
 *       first = slept longest: the next heartbeat's              socket is full; has a deadline
 *          │  put, heartbeat, drain, client gone                       │
 *          └──────────────────────────────> wakes ────────────────────>│
 *          └<────────────────── has nothing more to send ──────────────┘
 *
 *     retry: 2000                       first of all
 *
 *     event: gap                        what was asked for is not all here any more
 *     data: {"after":"7","next":"12"}
 *
 *     id: 12
 *     event: alert
 *     data: {"alert_id":...}
 *
 *     : heartbeat                       after a silence
 *
 * A stream keeps no alert, only its cursor; what it sends is written anew from the ring for each
 * piece that the library takes. One whose cursor falls out of the ring, or whose client takes
 * nothing within the request timeout, is ended: the client comes again with its Last-Event-ID.
 *
 * Owns:    the streams' bytes, from stream_new() to the end of their replies.
 * Threads: the worker's; listening is fanout.h's.
 *
 * Source: WHATWG HTML, section 9.2 (server-sent events).
 */
#ifndef SLUICE_API_STREAM_H
#define SLUICE_API_STREAM_H

#include "service/io/fanout.h"

#include <microhttpd.h>
#include <uv.h>

struct http_worker;
struct request;
struct stream;

TAILQ_HEAD(stream_list, stream);

struct streams {
    struct http_worker *worker;
    struct stream_list asleep;
    struct stream_list awake;
    int count;
    struct fanout_listener listener; /* as long as count > 0 */
    uv_async_t put;                  /* an alert came */
    uv_timer_t soon;                 /* wakes all that sleep */
    int64_t looked_us;               /* when clients were looked after last */
    char json[FANOUT_JSON_MAX];      /* the alert that is being written */
};

/* With handles of the worker's loop. */
void streams_init(struct streams *all, struct http_worker *w);
void streams_close(struct streams *all);

/* Heartbeats, and streams whose client has left while they slept. */
void streams_sweep(struct streams *all, int64_t now_us);
/* The worker drains: those that sleep end now. */
void streams_end(struct streams *all);
/* Those that are stuck with a client that takes nothing end with their connection. */
void streams_shut(struct streams *all);

/* The answer to `r`, as its r->reply.stream: what comes behind `cursor`. NULL: there are
 * limits.streams of them. */
struct stream *stream_new(struct request *r, uint64_t cursor);
/* Before its reply was made. NULL is fine. */
void stream_free(struct stream *s);
/* Its reply, which owns it; NULL: there is no memory. */
struct MHD_Response *stream_response(struct stream *s);

#endif
