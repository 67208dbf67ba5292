#include "api/http_worker.h"

#include "api/exchange.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SWEEP_MS = 50,          /* how late a deadline may be seen */
    DRAIN_IDLE_US = 500000, /* a client that keeps its connection sends the next request within */
    CONNECTIONS_SLACK = 64, /* the library's limit lies above ours: there clients wait in silence */
};

/* ---- connections ---- */

static void refuse_connection(struct http_worker *w, struct conn *c)
{
    c->refused = true;
    stats_add(&w->stats.connections_refused, 1);
    conn_send_problem(c->fd, PROBLEM_OVERLOADED, "too many connections", 0);
    shutdown(c->fd, SHUT_RDWR);
}

static bool same_end(const struct sockaddr_storage *bound, const struct sockaddr_storage *here)
{
    const struct sockaddr_in *a4 = (const void *)bound, *b4 = (const void *)here;
    const struct sockaddr_in6 *a6 = (const void *)bound, *b6 = (const void *)here;
    if (bound->ss_family != here->ss_family)
        return false;
    if (bound->ss_family == AF_INET)
        return a4->sin_port == b4->sin_port && (a4->sin_addr.s_addr == htonl(INADDR_ANY) ||
                                                a4->sin_addr.s_addr == b4->sin_addr.s_addr);
    return a6->sin6_port == b6->sin6_port && (IN6_IS_ADDR_UNSPECIFIED(&a6->sin6_addr) ||
                                              IN6_ARE_ADDR_EQUAL(&a6->sin6_addr, &b6->sin6_addr));
}

/* The library does not say through which socket a connection came; its own end does. */
static bool is_to_admin(const struct http_server *s, int fd)
{
    struct sockaddr_storage here = {0};
    socklen_t len = sizeof here;
    if (s->admin_address.ss_family == AF_UNSPEC ||
        getsockname(fd, (struct sockaddr *)&here, &len) != 0)
        return false;
    return same_end(&s->admin_address, &here);
}

static void open_conn(struct http_worker *w, struct MHD_Connection *mhd, void **socket_context)
{
    struct conn *c = calloc(1, sizeof *c);
    CHECK(c != NULL); /* the library has just had memory for a hundred times as much */
    c->owner = w;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    c->is_admin = is_to_admin(w->server, c->fd);
    *socket_context = c;
    conns_add(&w->conns, c, clock_mono_us());
    if (atomic_fetch_add(&w->server->connections, 1) >= w->server->options.connections_max)
        refuse_connection(w, c);
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_worker *w = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        open_conn(w, mhd, socket_context);
    } else {
        struct conn *c = *socket_context;
        conns_remove(&w->conns, c);
        atomic_fetch_sub(&w->server->connections, 1);
        free(c);
    }
}

/* ---- the loop ---- */

/* One turn of the library. Its sockets are edge-triggered: when it has more to do it must be
 * asked again at once, but other events get their turn in between. */
static void drive(struct http_worker *w)
{
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(w->daemon);
    if (MHD_get_timeout(w->daemon, &ms) == MHD_YES && ms == 0)
        http_worker_again(w);
}

static void on_again(uv_idle_t *handle)
{
    uv_idle_stop(handle);
    drive(handle->data);
}

void http_worker_again(struct http_worker *w)
{
    uv_idle_start(&w->again, on_again);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    drive(handle->data);
}

/* The connections that the kernel has accepted for us are ours to answer. */
static void accept_from(struct http_worker *w, int listen_fd)
{
    for (;;) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd =
            accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (MHD_add_connection(w->daemon, fd, (struct sockaddr *)&address, len) != MHD_YES)
            return; /* the library has closed it */
    }
}

static void on_admin_poll(uv_poll_t *handle, int status, int events)
{
    struct http_worker *w = handle->data;
    (void)status;
    (void)events;
    accept_from(w, w->server->admin_fd);
    drive(w);
}

static void stop_admin(struct http_worker *w)
{
    if (!w->polls_admin)
        return;
    uv_poll_stop(&w->admin_poll);
    accept_from(w, w->server->admin_fd);
    close(w->server->admin_fd);
    w->server->admin_fd = -1;
}

static void begin_drain(struct http_worker *w)
{
    if (w->drain_since_us != 0)
        return;
    w->drain_since_us = clock_mono_us();
    w->server->options.hooks.drain(w->server->options.hooks.user, w->index);
    MHD_quiesce_daemon(w->daemon);
    accept_from(w, w->listen_fd);
    close(w->listen_fd);
    w->listen_fd = -1;
    stop_admin(w);
    streams_end(&w->streams);
    drive(w);
}

static void on_wake(uv_async_t *handle)
{
    begin_drain(handle->data);
}

static void drain_turn(struct http_worker *w, int64_t now_us)
{
    const struct http_hooks *hooks = &w->server->options.hooks;
    int64_t limit_us = w->server->options.drain_timeout_ms * 1000;
    if (now_us - w->drain_since_us > DRAIN_IDLE_US) {
        conns_shut_idle(&w->conns, now_us - DRAIN_IDLE_US);
        streams_shut(&w->streams);
    }
    bool done = w->conns.count == 0 && w->n_free == HTTP_REQUESTS_MAX &&
                hooks->is_drained(hooks->user, w->index);
    if (done || now_us - w->drain_since_us > limit_us)
        uv_stop(&w->loop);
}

static void on_sweep(uv_timer_t *handle)
{
    struct http_worker *w = handle->data;
    int64_t now_us = clock_mono_us();
    atomic_store(&w->beat_us, now_us);
    conns_sweep(&w->conns, now_us);
    streams_sweep(&w->streams, now_us);
    if (w->drain_since_us != 0)
        drain_turn(w, now_us);
}

static size_t keep_encoded(void *cls, struct MHD_Connection *mhd, char *s)
{
    (void)cls;
    (void)mhd;
    return strlen(s); /* uri.h decodes, after the path was taken apart */
}

static struct MHD_Daemon *start_daemon(struct http_worker *w)
{
    unsigned limit = (unsigned)w->server->options.connections_max + CONNECTIONS_SLACK;
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL,
                            exchange_access, w, MHD_OPTION_LISTEN_SOCKET, w->listen_fd,
                            MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)HTTP_CONNECTION_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
                            MHD_OPTION_NOTIFY_COMPLETED, exchange_completed, w,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, w, MHD_OPTION_END);
}

static void watch_daemon(struct http_worker *w)
{
    int fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    CHECK(uv_poll_init(&w->loop, &w->poll, fd) == 0);
    CHECK(uv_poll_start(&w->poll, UV_READABLE, on_poll) == 0);
    if (w->index == 0 && w->server->admin_fd >= 0) {
        CHECK(uv_poll_init(&w->loop, &w->admin_poll, w->server->admin_fd) == 0);
        CHECK(uv_poll_start(&w->admin_poll, UV_READABLE, on_admin_poll) == 0);
        w->polls_admin = true;
    }
    CHECK(uv_timer_start(&w->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
}

static void close_handles(struct http_worker *w)
{
    if (w->daemon != NULL)
        uv_close((uv_handle_t *)&w->poll, NULL);
    if (w->polls_admin)
        uv_close((uv_handle_t *)&w->admin_poll, NULL);
    uv_close((uv_handle_t *)&w->again, NULL);
    uv_close((uv_handle_t *)&w->sweep, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
    streams_close(&w->streams);
}

/* Past the drain's limit some requests may still sleep; the library wants them awake to
 * stop. */
static void wake_sleepers(struct http_worker *w)
{
    for (int i = 0; i < HTTP_REQUESTS_MAX && w->slots != NULL; i++)
        request_wake(request_slot(w, i));
}

static void shut(struct http_worker *w)
{
    const struct http_hooks *hooks = &w->server->options.hooks;
    if (w->engine != NULL)
        hooks->engine_close(hooks->user, w->index, w->engine);
    wake_sleepers(w);
    if (w->daemon != NULL) {
        uv_poll_stop(&w->poll); /* its descriptor goes with the daemon */
        MHD_stop_daemon(w->daemon);
    }
    close_handles(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void *worker_main(void *arg)
{
    struct http_worker *w = arg;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    pthread_barrier_wait(&w->server->served); /* until then another may read our counters */
    shut(w);
    return NULL;
}

/* ---- start and end ---- */

static void init_handles(struct http_worker *w)
{
    CHECK(uv_loop_init(&w->loop) == 0);
    CHECK(uv_idle_init(&w->loop, &w->again) == 0);
    CHECK(uv_timer_init(&w->loop, &w->sweep) == 0);
    CHECK(uv_async_init(&w->loop, &w->wake, on_wake) == 0);
    streams_init(&w->streams, w);
    w->again.data = w->sweep.data = w->wake.data = w->poll.data = w->admin_poll.data = w;
}

struct http_worker *http_worker_new(struct http_server *s, int index)
{
    struct http_worker *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->server = s;
    w->index = index;
    w->listen_fd = -1;
    w->next_id = hash_random_u64();
    w->beat_us = clock_mono_us();
    conns_init(&w->conns, s->options.request_timeout_ms * 1000, s->options.idle_timeout_ms * 1000);
    init_handles(w);
    return w;
}

void http_worker_free(struct http_worker *w)
{
    if (w->listen_fd >= 0)
        close(w->listen_fd);
    if (!w->started)
        shut(w);
    CHECK(uv_loop_close(&w->loop) == 0);
    requests_close(w);
    free(w);
}

enum status http_worker_open(struct http_worker *w)
{
    const struct http_hooks *hooks = &w->server->options.hooks;
    if (requests_open(w) != ST_OK)
        return ST_NO_SPACE;
    w->engine = hooks->engine_open(hooks->user, w->index, &w->loop);
    w->daemon = w->engine ? start_daemon(w) : NULL;
    if (w->daemon == NULL)
        return ST_NO_SPACE;
    watch_daemon(w);
    return ST_OK;
}

void http_worker_run(struct http_worker *w)
{
    CHECK(pthread_create(&w->thread, NULL, worker_main, w) == 0);
    w->started = true;
}
