/*
 * http.h -- the HTTP server: N workers, each a libuv loop with a libmicrohttpd daemon of its
 * own.
 *
 *     worker 0: uv loop { daemon on its SO_REUSEPORT socket | engine | connections | requests }
 *     worker 1: the same, shared nothing
 *
 * The daemon runs in external-epoll mode: the loop polls its epoll descriptor, and after each
 * MHD_run asks MHD_get_timeout, where 0 means run again. A request whose answer is not there at
 * once is suspended, and resumed on the same thread.
 *
 * Owns:    threads, sockets, pools. The engines are made and ended by the hooks.
 * Threads: start, drain and join from one thread; hooks run on workers.
 */
#ifndef SLUICE_API_HTTP_H
#define SLUICE_API_HTTP_H

#include "service/engine/score.h"
#include "service/io/audit.h"
#include "service/io/fanout.h"
#include "service/lists/roster.h"
#include "service/release/offers.h"
#include "service/release/versions.h"
#include "service/trial/backtest_jobs.h"

enum {
    HTTP_WORKERS_MAX = 256,
    HTTP_CONNECTION_BYTES =
        16 << 10,             /* the library's pool of one connection: header, piece of body */
    HTTP_REQUESTS_MAX = 2048, /* under way on one worker; past that 503 */
};

struct http_hooks {
    void *user;
    /* Before worker `index`'s thread starts: its engine, or NULL when there is no memory. */
    struct engine *(*engine_open)(void *user, int index, uv_loop_t *loop);
    /* On the worker's thread after its last request, when every score is released.
     * Handles may be left closing: the loop runs once more. */
    void (*engine_close)(void *user, int index, struct engine *engine);
    /* Can transactions be answered well? *ret_why: what is missing, static text. Any worker. */
    bool (*ready)(void *user, const struct engine *engine, const char **ret_why);
    /* Appends metrics of what only the caller knows. Any worker. */
    void (*metrics)(void *user, struct text *out);
    /* Appends lines to what /readyz answers when it is ready. Any worker. */
    void (*notes)(void *user, struct text *out);
    /* On the worker's thread: what it does beside HTTP is to end, and has ended. Its loop runs
     * until then, or until the drain's time is up. */
    void (*drain)(void *user, int index);
    bool (*is_drained)(void *user, int index);
};

struct http_options {
    const char *host;
    int port; /* 0: a free one */
    int workers;
    int64_t connections_max;
    size_t body_bytes_max;
    size_t line_bytes_max;
    uint64_t spool_bytes_max;
    const char *spool_dir;           /* borrowed */
    const char *admin_host;          /* where routes for admins are answered; NULL: on `host` */
    int admin_port;                  /* 0: a free one */
    const char *admin_keys;          /* pairs.h: name=token; borrowed; "": nobody needs one */
    struct offers *offers;           /* borrowed; by which rulesets are changed */
    struct versions *versions;       /* borrowed; NULL: none are kept */
    struct backtest_jobs *backtests; /* borrowed */
    struct fanout *fanout;           /* borrowed; the alerts that are told */
    struct roster *roster;           /* borrowed; the lists that are changed */
    struct audit *audit;             /* borrowed; where that is written down */
    int64_t streams_max;             /* of all workers; each takes a request of HTTP_REQUESTS_MAX */
    int64_t heartbeat_ms;            /* of a stream that is silent */
    int64_t request_timeout_ms;
    int64_t idle_timeout_ms;
    int64_t drain_timeout_ms;
    struct http_hooks hooks;
};

struct http_server;

/*
 * Listen and start the workers. Errors: ST_CONFLICT (the address is in use), ST_IO (it is not ours
 * ...), ST_NO_SPACE; ret_why[256] says what.
 */
MUST_USE enum status http_server_start(const struct http_options *o,
                                       struct http_server **ret_server, char *ret_why);
int http_server_port(const struct http_server *s);
int http_server_admin_port(const struct http_server *s); /* 0: there is none */

/* Not ready any more; take no connections, finish what was accepted. Any thread. */
void http_server_drain(struct http_server *s);
/* Wait for the workers' end, after http_server_drain; then free all. */
void http_server_join(struct http_server *s);

/* Does every worker's loop still turn? */
bool http_server_alive(const struct http_server *s);

#endif
