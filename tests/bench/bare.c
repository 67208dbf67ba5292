/*
 * bare -- the floor of the bench: a libmicrohttpd server of the shape of `sluice serve` that
 * reads a body and answers a constant.
 *
 *     bare PORT WORKERS [none|all]
 *
 * Each worker is one libuv loop with a daemon in external-epoll mode on a SO_REUSEPORT socket.
 * `all` adds the armour of design.md section 5: the checks of framing headers, a body limit, and
 * an absolute deadline for each request; `none` leaves it out. It ends at SIGTERM or SIGINT.
 */
#include "service/base/check.h"
#include "service/base/clock.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    WORKERS_MAX = 64,
    CONNECTION_BYTES = 16 << 10, /* as `sluice serve` */
    CONNECTIONS_MAX = 2048,
    BODY_MAX = 64 << 10,
    DEADLINE_US = 10 * 1000 * 1000,
    SWEEP_MS = 100, /* how often deadlines are looked at */
};

/* About as long as a decision without reasons. */
static const char answer_text[] =
    "{\"transaction_id\":\"w00-000000000000\",\"decision\":\"allow\",\"score\":0,\"reasons\":[],"
    "\"ruleset\":\"0000000000000000\",\"degraded\":[]}";

struct request {
    struct request *next, *prev; /* of the worker's requests under way, oldest first */
    struct MHD_Connection *connection;
    int64_t deadline_us;
    size_t body_bytes;
};

struct worker {
    uv_thread_t thread;
    uv_loop_t loop;
    uv_poll_t poll;
    uv_timer_t timer, sweep;
    uv_idle_t again;
    uv_async_t stop;
    struct MHD_Daemon *daemon;
    struct MHD_Response *answer;
    struct request under_way;      /* head of a ring */
    struct request *free_requests; /* through next */
    struct request requests[CONNECTIONS_MAX];
    bool armour;
    int port;
};

/* ---- armour ---- */

struct framing {
    int lengths, hosts, encodings;
    bool bad;
};

static enum MHD_Result look_at_header(void *cls, enum MHD_ValueKind kind, const char *key,
                                      const char *value)
{
    (void)kind;
    struct framing *f = cls;
    size_t n = strlen(key);
    f->bad |= n > 0 && (key[n - 1] == ' ' || key[n - 1] == '\t');
    if (strcasecmp(key, "content-length") == 0)
        f->lengths++;
    else if (strcasecmp(key, "host") == 0)
        f->hosts++;
    else if (strcasecmp(key, "transfer-encoding") == 0) {
        f->encodings++;
        f->bad |= value == NULL || strcasecmp(value, "chunked") != 0;
    }
    return MHD_YES;
}

static bool framing_is_sound(struct MHD_Connection *connection)
{
    struct framing f = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at_header, &f);
    return !f.bad && f.hosts == 1 && f.lengths + f.encodings == 1;
}

static void under_way_add(struct worker *w, struct request *r)
{
    r->deadline_us = clock_mono_us() + DEADLINE_US;
    r->next = &w->under_way;
    r->prev = w->under_way.prev;
    r->prev->next = r;
    w->under_way.prev = r;
}

static void under_way_remove(struct request *r)
{
    r->prev->next = r->next;
    r->next->prev = r->prev;
}

static void shut(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info != NULL)
        shutdown(info->connect_fd, SHUT_RDWR);
}

static void on_sweep(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    int64_t now_us = clock_mono_us();
    for (struct request *r = w->under_way.next; r != &w->under_way; r = r->next) {
        if (r->deadline_us > now_us)
            return;
        shut(r->connection);
    }
}

/* ---- requests ---- */

static struct request *request_start(struct worker *w, struct MHD_Connection *connection)
{
    struct request *r = w->free_requests;
    if (r == NULL)
        return NULL;
    w->free_requests = r->next;
    *r = (struct request){.connection = connection};
    if (w->armour)
        under_way_add(w, r);
    return r;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **request,
                         enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct worker *w = cls;
    struct request *r = *request;
    if (r == NULL)
        return;
    if (w->armour)
        under_way_remove(r);
    r->next = w->free_requests;
    w->free_requests = r;
    *request = NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *body,
                                  size_t *body_bytes, void **request)
{
    (void)url;
    (void)method;
    (void)version;
    (void)body;
    struct worker *w = cls;
    struct request *r = *request;
    if (r == NULL) {
        *request = r = request_start(w, connection);
        return r != NULL && (!w->armour || framing_is_sound(connection)) ? MHD_YES : MHD_NO;
    }
    if (*body_bytes > 0) {
        r->body_bytes += *body_bytes;
        *body_bytes = 0;
        return !w->armour || r->body_bytes <= BODY_MAX ? MHD_YES : MHD_NO;
    }
    return MHD_queue_response(connection, MHD_HTTP_OK, w->answer);
}

/* ---- the loop ---- */

static void on_again(uv_idle_t *idle);
static void on_timer(uv_timer_t *timer);

/* After MHD_run its timeout says when to run next; 0 is at once, for its sockets are
 * edge-triggered. */
static void run_daemon(struct worker *w)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    MHD_run(w->daemon);
    bool any = MHD_get_timeout(w->daemon, &timeout_ms) == MHD_YES;
    if (any && timeout_ms == 0)
        uv_idle_start(&w->again, on_again);
    else
        uv_idle_stop(&w->again);
    if (any && timeout_ms > 0)
        uv_timer_start(&w->timer, on_timer, timeout_ms, 0);
    else
        uv_timer_stop(&w->timer);
}

static void on_again(uv_idle_t *idle)
{
    run_daemon(idle->data);
}

static void on_timer(uv_timer_t *timer)
{
    run_daemon(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run_daemon(poll->data);
}

static void on_stop(uv_async_t *async)
{
    struct worker *w = async->data;
    uv_stop(&w->loop);
}

static int listen_on(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    CHECK(fd >= 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) == 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0) {
        perror("bare: cannot listen");
        exit(1);
    }
    return fd;
}

static void start_daemon(struct worker *w)
{
    w->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, w, MHD_OPTION_LISTEN_SOCKET, listen_on(w->port),
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_END);
    CHECK(w->daemon != NULL);
    w->answer = MHD_create_response_from_buffer(
        sizeof answer_text - 1, (void *)(uintptr_t)answer_text, MHD_RESPMEM_PERSISTENT);
    CHECK(w->answer != NULL);
    MHD_add_response_header(w->answer, "Content-Type", "application/json");
}

static void worker_init(struct worker *w, int port, bool armour)
{
    w->port = port;
    w->armour = armour;
    w->under_way.next = w->under_way.prev = &w->under_way;
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        w->requests[i].next = w->free_requests;
        w->free_requests = &w->requests[i];
    }
    start_daemon(w);
    CHECK(uv_loop_init(&w->loop) == 0);
    int epoll_fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    CHECK(uv_poll_init(&w->loop, &w->poll, epoll_fd) == 0);
    uv_timer_init(&w->loop, &w->timer);
    uv_timer_init(&w->loop, &w->sweep);
    uv_idle_init(&w->loop, &w->again);
    uv_async_init(&w->loop, &w->stop, on_stop);
    w->poll.data = w->timer.data = w->sweep.data = w->again.data = w->stop.data = w;
    uv_poll_start(&w->poll, UV_READABLE, on_ready);
    if (armour)
        uv_timer_start(&w->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
}

static void worker_main(void *arg)
{
    struct worker *w = arg;
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

/* The process ends right after: what it holds goes with it. */
int main(int argc, char **argv)
{
    int port = argc > 1 ? atoi(argv[1]) : 0, workers = argc > 2 ? atoi(argv[2]) : 0;
    bool armour = argc > 3 && strcmp(argv[3], "all") == 0;
    if (port < 1 || port > 65535 || workers < 1 || workers > WORKERS_MAX) {
        fputs("usage: bare PORT WORKERS [none|all]\n", stderr);
        return 2;
    }
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct worker *all = calloc((size_t)workers, sizeof *all);
    CHECK(all != NULL);
    for (int i = 0; i < workers; i++) {
        worker_init(&all[i], port, armour);
        CHECK(uv_thread_create(&all[i].thread, worker_main, &all[i]) == 0);
    }
    int got = 0;
    sigwait(&ends, &got);
    for (int i = 0; i < workers; i++)
        uv_async_send(&all[i].stop);
    for (int i = 0; i < workers; i++)
        uv_thread_join(&all[i].thread);
    free(all);
    return 0;
}
