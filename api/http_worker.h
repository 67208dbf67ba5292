/*
 * http_worker.h -- one worker's parts; private to http.c, request.c and the handlers.
 */
#ifndef SLUICE_API_HTTP_WORKER_H
#define SLUICE_API_HTTP_WORKER_H

#include "api/conn.h"
#include "api/http.h"
#include "api/http_stats.h"
#include "api/request.h"

#include <pthread.h>

struct MHD_Daemon;

struct http_worker {
    struct http_server *server;
    int index;
    pthread_t thread;
    int listen_fd;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_idle_t again;   /* MHD_get_timeout said 0 */
    uv_timer_t sweep;
    uv_async_t wake;   /* drain */
    struct MHD_Daemon *daemon;
    struct engine *engine;
    struct conns conns;
    struct http_stats stats;
    struct request **free_requests; /* a stack: the slot used last is warm */
    int n_free;
    void *slots;
    uint64_t next_id;
    int64_t drain_since_us; /* 0: serving */
    _Atomic int64_t beat_us; /* when the loop turned last */
};

struct http_server {
    struct http_options options;
    int port;
    int64_t started_ms;
    _Atomic bool draining;
    _Atomic int64_t connections; /* of all workers */
    int n_workers;
    struct http_worker *workers[HTTP_WORKERS_MAX];
};

/* The worker's pool of requests. */
MUST_USE enum status requests_open(struct http_worker *w);
void requests_close(struct http_worker *w);
/* A fresh request held once, or NULL: all are under way. */
struct request *request_take(struct http_worker *w);
/* Slot `i` of HTTP_REQUESTS_MAX; all zero when it was never used. */
struct request *request_slot(const struct http_worker *w, int i);

#endif
