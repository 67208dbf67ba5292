/*
 * http_worker.h -- one worker: a libuv loop, its daemon, its engine, its connections and requests.
 *
 * Private to api/.
 *
 * Threads: of the worker, but for new, start and free.
 */
#ifndef SLUICE_API_HTTP_WORKER_H
#define SLUICE_API_HTTP_WORKER_H

#include "api/conn.h"
#include "api/http.h"
#include "api/http_stats.h"
#include "api/request.h"
#include "api/stream.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

struct MHD_Daemon;

struct http_worker {
    struct http_server *server;
    int index;
    pthread_t thread;
    bool started; /* its thread runs, or has run */
    int listen_fd;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_poll_t admin_poll; /* of worker 0, with admin.listen */
    bool polls_admin;
    uv_idle_t again; /* MHD_get_timeout said 0 */
    uv_timer_t sweep;
    uv_async_t wake; /* drain */
    struct MHD_Daemon *daemon;
    struct engine *engine;
    struct conns conns;
    struct streams streams;
    struct http_stats stats;
    struct request **free_requests; /* a stack: the slot used last is warm */
    int n_free;
    void *slots;
    int offloads; /* requests whose work is on libuv's pool (offload.h) */
    uint64_t next_id;
    int64_t drain_since_us;  /* 0: serving */
    _Atomic int64_t beat_us; /* when the loop turned last */
};

struct http_server {
    struct http_options options;
    int port;
    int admin_fd;                          /* -1: none, or closed */
    struct sockaddr_storage admin_address; /* family 0: none */
    _Atomic bool draining;
    _Atomic int64_t connections; /* of all workers */
    _Atomic int64_t streams;     /* likewise */
    pthread_barrier_t served;    /* all workers have answered their last request */
    int n_workers;
    struct http_worker *workers[HTTP_WORKERS_MAX];
};

/* Those of all workers, whose counters may be read; returns how many. */
int http_engines(const struct http_server *s, const struct engine *engines[HTTP_WORKERS_MAX]);

/* CHECKs on no memory: at start only. */
struct http_worker *http_worker_new(struct http_server *s, int index);
/* Its engine, and its daemon on listen_fd. Errors: ST_NO_SPACE (memory, descriptors). */
MUST_USE enum status http_worker_open(struct http_worker *w);
/* Its thread. Only when all are open: each may be asked for the counters of all. */
void http_worker_run(struct http_worker *w);
/* Its thread has ended, or was never started. */
void http_worker_free(struct http_worker *w);

/* The library has something to do: give it a turn before the loop sleeps. (In external-epoll mode
 * a resumed connection does not make its epoll descriptor readable.) */
void http_worker_again(struct http_worker *w);

/* The worker's pool of requests. */
MUST_USE enum status requests_open(struct http_worker *w);
void requests_close(struct http_worker *w);
/* A fresh request held once, or NULL: all are under way. */
struct request *request_take(struct http_worker *w);
/* Slot `i` of HTTP_REQUESTS_MAX; all zero when it was never used. */
struct request *request_slot(const struct http_worker *w, int i);

#endif
