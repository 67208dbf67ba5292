/*
 * request.h -- one HTTP request on its way to its answer, as the handlers (on_*.c) see it.
 *
 *     slot: | struct request | body: READER_BODY_MAX | arena: SCORE_ARENA_BYTES |
 *
 * A handler answers with request_reply() or request_problem(), at once or later from the same
 * loop; the connection sleeps in between. Two parties may still need the slot when the answer
 * has left: the connection, and a reply of Redis that came too late. request_hold/request_drop
 * count them.
 *
 * Owns:    its slot of the worker's pool. Nothing here allocates.
 * Threads: a request lives on its worker's loop.
 */
#ifndef SLUICE_API_REQUEST_H
#define SLUICE_API_REQUEST_H

#include "api/admin.h"
#include "api/batch.h"
#include "api/problem.h"
#include "api/route.h"
#include "service/engine/score.h"

struct MHD_Connection;
struct http_worker;
struct conn;

struct reply {
    unsigned status;          /* 0: not there yet */
    const char *content_type; /* NULL: there is no body */
    struct span body;
    bool body_is_static;   /* lives as long as the process: not copied */
    struct spool *spool;   /* instead of `body`; the reply owns it */
    struct stream *stream; /* likewise */
    char *owned;           /* where `body` is, when on the heap; freed with the request */
    const char *allow;     /* header Allow, NULL: none */
    const char *location;  /* header Location, NULL: none */
    const char *etag;      /* header ETag with its quotes, NULL: none */
    bool retry_after;
    bool no_store;    /* header Cache-Control */
    bool replayed;    /* header Idempotent-Replayed: true */
    bool close;       /* the connection ends with this reply */
    int64_t state_us; /* in Server-Timing, when not 0 */
};

struct request {
    struct http_worker *worker;
    struct conn *conn;
    struct MHD_Connection *mhd;
    const struct route *route; /* NULL: none fits */
    bool is_head;              /* the answer's headers alone are asked for */
    uint64_t id;               /* names it in problems and the log */
    int64_t started_us;
    struct span params[URI_PARAMS_MAX]; /* decoded, in the arena */
    struct span body;                   /* whole, in `body_bytes`, when the handler runs */
    struct arena arena;
    struct score score;
    struct batch batch;
    struct batch_line line; /* of another request's batch */
    struct spool *upload;   /* the body of a ROUTE_BODY_FILE; NULL: not begun */
    /* Of a route for admins; else "". */
    char who[ADMIN_WHO_BYTES];
    char address[ADMIN_ADDRESS_BYTES];
    struct reply reply;
    /* private to http.c */
    int holds;
    bool query_seen[ROUTE_QUERY_MAX];
    bool begun;     /* the handler was called */
    bool suspended; /* the connection sleeps */
    bool queued;    /* the reply is the library's */
    bool lingering; /* answered ahead of its body, which is thrown away */
    bool gone;      /* the connection is not interested any more */
    size_t thrown_bytes;
    char *body_bytes;
    _Alignas(16) char problem_bytes[PROBLEM_BYTES_MAX]; /* the body behind it is aligned too */
};

/* The answer. `body` must live until the request is dropped, or be static. */
void request_reply(struct request *r, unsigned status, const char *content_type, struct span body);
void request_problem(struct request *r, enum problem p, const char *detail);
/* With its place in the body; `error` may be NULL. */
void request_problem_about(struct request *r, enum problem p, const struct problem_error *error);
/* The answer is r->reply as it was filled. */
void request_finish(struct request *r);

/* Until request_wake() the connection is not read from nor written to, and has no deadline of ours.
 * Only from within a callback of the library for it. */
void request_sleep(struct request *r);
/* A batch took all it was given, or may go on after it answered less: wakes the connection. */
void request_wake(struct request *r);

/* A query parameter as sent (still encoded), or NULL; "" when it has no value. */
const char *request_query(struct request *r, const char *name);
const char *request_header(struct request *r, const char *name);
/* A query parameter that is true or false. ST_INVALID: something else, and the problem was
 * sent. */
MUST_USE enum status request_query_bool(struct request *r, const char *name, bool *ret_value);
/* The header Sluice-Deadline-Ms, else the configured one. ST_INVALID: it is no such number, and the
 * problem was sent. */
MUST_USE enum status request_deadline_ms(struct request *r, int64_t *ret_ms);

/*
 * A writer of `cap` bytes for a body that may be larger than the arena: on the heap, freed with
 * the request. Not for the hot path. Errors: ST_NO_SPACE, and the problem was sent.
 */
MUST_USE enum status request_heap_text(struct request *r, size_t cap, struct text *ret_text);

void request_hold(struct request *r);
void request_drop(struct request *r);

#endif
