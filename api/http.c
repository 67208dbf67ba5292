#include "api/http.h"

#include "api/armour.h"
#include "api/http_worker.h"
#include "api/library_pages.h"
#include "api/spool.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LISTEN_BACKLOG = 1024,
    SWEEP_MS = 50, /* how late a deadline may be seen */
    ALIVE_US = 5000000, /* a loop that has not turned for so long hangs */
    DRAIN_IDLE_US = 500000, /* a client that keeps its connection sends the next request within */
    THROWN_KEEP_BYTES = READER_BODY_MAX, /* of a refused body; past that the connection ends */
    THROWN_MAX_BYTES = 4 << 20, /* taken after the answer, so that the client gets to read it */
    CONNECTIONS_SLACK = 64, /* the library's own limit lies above ours: there clients wait in silence */
};

/* ---- the reply ------------------------------------------------------------------------------ */

static void header(struct MHD_Response *response, const char *name, const char *value)
{
    /* Without memory for a header the reply goes out without it. */
    if (MHD_add_response_header(response, name, value) != MHD_YES)
        return;
}

static void put_timing(struct MHD_Response *response, const struct request *r)
{
    char bytes[64];
    struct text out;
    text_init(&out, bytes, sizeof bytes - 1);
    if (r->reply.state_us > 0) {
        text_str(&out, "state;dur=");
        text_fixed(&out, r->reply.state_us, 1000);
        text_str(&out, ", ");
    }
    text_str(&out, "total;dur=");
    text_fixed(&out, clock_mono_us() - r->started_us, 1000);
    out.base[out.len] = '\0';
    header(response, "Server-Timing", bytes);
}

static void put_headers(struct MHD_Response *response, const struct request *r)
{
    const struct reply *reply = &r->reply;
    header(response, "Content-Type", reply->content_type);
    put_timing(response, r);
    if (reply->allow != NULL)
        header(response, "Allow", reply->allow);
    if (reply->retry_after)
        header(response, "Retry-After", "1");
    if (reply->replayed)
        header(response, "Idempotent-Replayed", "true");
    if (reply->close || r->worker->drain_since_us != 0)
        header(response, "Connection", "close");
}

/* A spool on its way out; the library's response owns it. */
struct sending {
    struct spool *spool;
    struct conn *conn;
    struct http_worker *worker;
};

static ssize_t send_block(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct sending *s = cls;
    ssize_t n = spool_read(s->spool, pos, buf, max);
    if (n <= 0)
        return n == 0 ? MHD_CONTENT_READER_END_OF_STREAM : MHD_CONTENT_READER_END_WITH_ERROR;
    conns_progress(&s->worker->conns, s->conn, (size_t)n, clock_mono_us());
    return n;
}

static void send_end(void *cls)
{
    struct sending *s = cls;
    spool_free(s->spool);
    free(s);
}

static struct MHD_Response *spool_response(struct request *r)
{
    struct sending *s = malloc(sizeof *s);
    if (s == NULL)
        return NULL;
    *s = (struct sending){r->reply.spool, r->conn, r->worker};
    struct MHD_Response *response = MHD_create_response_from_callback(
        spool_bytes(s->spool), CONN_PROGRESS_BYTES, send_block, s, send_end);
    if (response == NULL)
        free(s);
    else
        r->reply.spool = NULL;
    return response;
}

static struct MHD_Response *make_response(struct request *r)
{
    if (r->reply.spool != NULL)
        return spool_response(r);
    return MHD_create_response_from_buffer(
        r->reply.body.len, (void *)(uintptr_t)r->reply.body.base,
        r->reply.body_is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
}

/* Hand the reply to the library. MHD_NO ends the connection. */
static enum MHD_Result queue_reply(struct request *r)
{
    struct MHD_Response *response = make_response(r);
    if (response == NULL)
        return MHD_NO;
    put_headers(response, r);
    conns_busy(&r->worker->conns, r->conn, clock_mono_us());
    enum MHD_Result ok = library_queue(r->mhd, r->reply.status, response);
    MHD_destroy_response(response);
    r->queued = true;
    return ok;
}

/* ---- the request ---------------------------------------------------------------------------- */

static struct conn *conn_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                  size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    armour_header(cls, span_of(name, name_len), span_of(value ? value : "", value_len));
    return MHD_YES;
}

static struct armour inspect(struct MHD_Connection *mhd, const char *version)
{
    struct armour a = {0};
    MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, see_header, &a);
    armour_verdict(&a, strcmp(version, "HTTP/1.0") == 0);
    return a;
}

static void refuse_media(struct request *r)
{
    char detail[96];
    snprintf(detail, sizeof detail, "send %s, without Content-Encoding", r->route->content_type);
    request_problem(r, PROBLEM_MEDIA_TYPE, detail);
}

/* Is there a way to answer this path, method and body? Else the refusal is the reply. */
static void admit(struct request *r, const struct armour *a, const char *url, const char *method)
{
    struct span path = uri_path(span_str(url)), raw[URI_PARAMS_MAX] = {{0}};
    switch (route_find(route_method(method), path, &r->route, raw, &r->reply.allow)) {
    case ROUTE_NO_PATH:
        request_problem(r, PROBLEM_NOT_FOUND, NULL);
        return;
    case ROUTE_NO_METHOD:
        request_problem(r, PROBLEM_METHOD, NULL);
        return;
    case ROUTE_FOUND:
        break;
    }
    for (int i = 0; i < URI_PARAMS_MAX; i++)
        if (uri_decode(raw[i], &r->arena, &r->params[i]) != ST_OK) {
            request_problem(r, PROBLEM_PARAMETER, "the path is not clean percent-encoded UTF-8");
            return;
        }
    if (a->expects_else)
        request_problem(r, PROBLEM_EXPECTATION, NULL);
    else if (r->route->content_type != NULL &&
             (!route_takes(request_header(r, "Content-Type"), r->route->content_type) ||
              request_header(r, "Content-Encoding") != NULL))
        refuse_media(r);
    else if (r->route->body != ROUTE_BODY_STREAM &&
             a->content_length > r->worker->server->options.body_bytes_max)
        request_problem(r, PROBLEM_TOO_LARGE, NULL);
}

static struct request *new_request(struct http_worker *w, struct MHD_Connection *mhd,
                                   struct conn *c)
{
    struct request *r = request_take(w);
    if (r == NULL)
        return NULL;
    r->mhd = mhd;
    r->conn = c;
    c->request = r;
    conns_busy(&w->conns, c, r->started_us);
    return r;
}

/* The header is whole. A reply queued here ends the connection with it, body unread. */
static enum MHD_Result begin_request(struct http_worker *w, struct MHD_Connection *mhd,
                                     const char *url, const char *method, const char *version,
                                     void **con_cls)
{
    struct conn *c = conn_of(mhd);
    struct request *r = c->refused ? NULL : new_request(w, mhd, c);
    if (r == NULL) {
        if (!c->refused)
            conn_send_problem(c->fd, PROBLEM_OVERLOADED, NULL, 0);
        return MHD_NO;
    }
    *con_cls = r;
    struct armour a = inspect(mhd, version);
    if (a.fault != NULL) {
        r->reply.close = true;
        request_problem(r, PROBLEM_BAD_REQUEST, a.fault);
        return queue_reply(r);
    }
    admit(r, &a, url, method);
    if (r->reply.status != 0 && (a.expects_continue || a.expects_else)) {
        r->reply.close = true;
        return queue_reply(r);
    }
    return MHD_YES;
}

/* Answer now, whatever is still to come, and close our side; what comes is thrown away. */
static void answer_ahead(struct request *r)
{
    conn_send(r->conn->fd, r->reply.status, r->reply.body);
    shutdown(r->conn->fd, SHUT_WR);
    r->lingering = true;
}

static enum MHD_Result throw_away(struct request *r, size_t *size)
{
    r->thrown_bytes += *size;
    *size = 0;
    if (!r->lingering && r->thrown_bytes > THROWN_KEEP_BYTES)
        answer_ahead(r);
    return r->thrown_bytes > THROWN_MAX_BYTES ? MHD_NO : MHD_YES;
}

static void keep_body(struct request *r, const char *data, size_t n)
{
    if (n > r->worker->server->options.body_bytes_max - r->body.len) {
        request_problem(r, PROBLEM_TOO_LARGE, NULL);
        answer_ahead(r);
        return;
    }
    memcpy(r->body_bytes + r->body.len, data, n);
    r->body.len += n;
}

static void sleep_until_answered(struct request *r)
{
    r->suspended = true;
    conns_waiting(&r->worker->conns, r->conn);
    MHD_suspend_connection(r->mhd);
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t *size)
{
    if (r->reply.status != 0)
        return throw_away(r, size);
    if (r->route->body != ROUTE_BODY_STREAM) {
        keep_body(r, data, *size);
        *size = 0;
        return MHD_YES;
    }
    size_t taken = batch_feed(r, data, *size);
    conns_progress(&r->worker->conns, r->conn, taken, clock_mono_us());
    *size -= taken;
    if (*size > 0 && r->reply.status != 0)
        return throw_away(r, size);
    if (r->batch.under_way)
        sleep_until_answered(r);
    return MHD_YES;
}

static enum MHD_Result end_of_body(struct request *r)
{
    if (r->lingering)
        return MHD_NO;
    if (r->reply.status == 0 && !r->begun) {
        r->begun = true;
        r->route->handle(r);
    }
    if (r->reply.status != 0)
        return queue_reply(r);
    sleep_until_answered(r);
    return MHD_YES;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **con_cls)
{
    struct request *r = *con_cls;
    if (r == NULL)
        return begin_request(cls, mhd, url, method, version, con_cls);
    return *size > 0 ? take_body(r, data, size) : end_of_body(r);
}

static int bucket_of(int64_t us)
{
    static const int64_t edges[] = {
#define X(us) us,
        HTTP_BUCKET_TABLE(X)
#undef X
    };
    int i = 0;
    while (i < HTTP_BUCKETS && us > edges[i])
        i++;
    return i;
}

static void count_request(struct http_stats *stats, const struct request *r)
{
    ptrdiff_t row = r->route ? r->route - routes : HTTP_NO_ROUTE;
    int64_t us = clock_mono_us() - r->started_us;
    http_count_add(&stats->requests[row][r->reply.status / 100 % HTTP_STATUS_CLASSES], 1);
    http_count_add(&stats->latency_buckets[row][bucket_of(us)], 1);
    http_count_add(&stats->latency_us_sum[row], (uint64_t)us);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct http_worker *w = cls;
    struct request *r = *con_cls;
    (void)mhd;
    (void)why;
    if (r == NULL)
        return;
    *con_cls = NULL;
    count_request(&w->stats, r);
    r->conn->request = NULL;
    conns_idle(&w->conns, r->conn, clock_mono_us());
    r->suspended = false; /* nobody is left to wake */
    request_drop(r);
}

/* ---- connections ---------------------------------------------------------------------------- */

static void refuse_connection(struct http_worker *w, struct conn *c)
{
    c->refused = true;
    http_count_add(&w->stats.connections_refused, 1);
    conn_send_problem(c->fd, PROBLEM_OVERLOADED, "too many connections", 0);
    shutdown(c->fd, SHUT_RDWR);
}

static void open_conn(struct http_worker *w, struct MHD_Connection *mhd, void **socket_context)
{
    struct conn *c = calloc(1, sizeof *c);
    CHECK(c != NULL); /* the library has just had memory for a hundred times as much */
    c->owner = w;
    c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
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
    atomic_store_explicit(&w->stats.connections, (uint64_t)w->conns.count, memory_order_relaxed);
}

/* ---- the loop ------------------------------------------------------------------------------- */

static void on_again(uv_idle_t *handle);

/* One turn of the library. Its sockets are edge-triggered: when it has more to do it must be
 * asked again at once, but other events get their turn in between. */
static void drive(struct http_worker *w)
{
    MHD_UNSIGNED_LONG_LONG ms;
    MHD_run(w->daemon);
    if (MHD_get_timeout(w->daemon, &ms) == MHD_YES && ms == 0)
        uv_idle_start(&w->again, on_again);
    else
        uv_idle_stop(&w->again);
}

static void on_again(uv_idle_t *handle)
{
    drive(handle->data);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    (void)status;
    (void)events;
    drive(handle->data);
}

/* The connections that the kernel has accepted for us are ours to answer. */
static void accept_rest(struct http_worker *w)
{
    for (;;) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd = accept4(w->listen_fd, (struct sockaddr *)&address, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        if (MHD_add_connection(w->daemon, fd, (struct sockaddr *)&address, len) != MHD_YES)
            return; /* the library has closed it */
    }
}

static void begin_drain(struct http_worker *w)
{
    if (w->drain_since_us != 0)
        return;
    w->drain_since_us = clock_mono_us();
    MHD_quiesce_daemon(w->daemon);
    accept_rest(w);
    close(w->listen_fd);
    w->listen_fd = -1;
    drive(w);
}

static void on_wake(uv_async_t *handle)
{
    begin_drain(handle->data);
}

static void drain_turn(struct http_worker *w, int64_t now_us)
{
    int64_t limit_us = w->server->options.drain_timeout_ms * 1000;
    if (now_us - w->drain_since_us > DRAIN_IDLE_US)
        conns_shut_idle(&w->conns, now_us - DRAIN_IDLE_US);
    bool done = w->conns.count == 0 && w->n_free == HTTP_REQUESTS_MAX;
    if (done || now_us - w->drain_since_us > limit_us)
        uv_stop(&w->loop);
}

static void on_sweep(uv_timer_t *handle)
{
    struct http_worker *w = handle->data;
    int64_t now_us = clock_mono_us();
    atomic_store(&w->beat_us, now_us);
    conns_sweep(&w->conns, now_us);
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
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_access, w,
        MHD_OPTION_LISTEN_SOCKET, w->listen_fd, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_CONNECTION_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK, keep_encoded, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, w, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        w, MHD_OPTION_END);
}

static void watch_daemon(struct http_worker *w)
{
    int fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    CHECK(uv_poll_init(&w->loop, &w->poll, fd) == 0);
    CHECK(uv_poll_start(&w->poll, UV_READABLE, on_poll) == 0);
    CHECK(uv_timer_start(&w->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
}

static void close_handles(struct http_worker *w)
{
    if (w->daemon != NULL)
        uv_close((uv_handle_t *)&w->poll, NULL);
    uv_close((uv_handle_t *)&w->again, NULL);
    uv_close((uv_handle_t *)&w->sweep, NULL);
    uv_close((uv_handle_t *)&w->wake, NULL);
}

/* Past the drain's limit some requests may still sleep; the library wants them awake to stop. */
static void wake_sleepers(struct http_worker *w)
{
    for (int i = 0; i < HTTP_REQUESTS_MAX; i++)
        request_wake(request_slot(w, i));
}

static void *worker_main(void *arg)
{
    struct http_worker *w = arg;
    uv_run(&w->loop, UV_RUN_DEFAULT);
    w->server->options.hooks.engine_close(w->server->options.hooks.user, w->index, w->engine);
    wake_sleepers(w);
    uv_poll_stop(&w->poll); /* its descriptor goes with the daemon */
    MHD_stop_daemon(w->daemon);
    close_handles(w);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* ---- start and end -------------------------------------------------------------------------- */

static int bind_socket(const struct addrinfo *at, bool shared)
{
    int on = 1;
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, at->ai_addr, at->ai_addrlen) == 0)
        return fd;
    close(fd);
    return -1;
}

static int bound_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

static void set_port(struct addrinfo *at, int port)
{
    if (at->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)at->ai_addr)->sin_port = htons((uint16_t)port);
}

/* The workers share one port. A first socket that shares nothing makes sure that it is ours alone. */
static enum status listen_all(struct http_server *s, struct addrinfo *at)
{
    int probe = bind_socket(at, false);
    if (probe < 0 || listen(probe, 1) != 0) {
        if (probe >= 0)
            close(probe);
        return ST_IO;
    }
    s->port = bound_port(probe);
    set_port(at, s->port);
    close(probe);
    for (int i = 0; i < s->n_workers; i++) {
        s->workers[i]->listen_fd = bind_socket(at, s->n_workers > 1);
        if (s->workers[i]->listen_fd < 0 || listen(s->workers[i]->listen_fd, LISTEN_BACKLOG) != 0)
            return ST_IO;
    }
    return ST_OK;
}

static enum status open_sockets(struct http_server *s, char *ret_why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *at;
    char port[8];
    snprintf(port, sizeof port, "%d", s->options.port & 0xFFFF);
    int bad = getaddrinfo(s->options.host, port, &hints, &at);
    if (bad != 0) {
        snprintf(ret_why, 256, "%s: %s", s->options.host, gai_strerror(bad));
        return ST_IO;
    }
    enum status st = listen_all(s, at);
    if (st != ST_OK)
        snprintf(ret_why, 256, "%s:%d: %s", s->options.host, s->options.port, strerror(errno));
    freeaddrinfo(at);
    return st;
}

static void init_handles(struct http_worker *w)
{
    CHECK(uv_loop_init(&w->loop) == 0);
    CHECK(uv_idle_init(&w->loop, &w->again) == 0);
    CHECK(uv_timer_init(&w->loop, &w->sweep) == 0);
    CHECK(uv_async_init(&w->loop, &w->wake, on_wake) == 0);
    w->again.data = w->sweep.data = w->wake.data = w->poll.data = w;
}

static struct http_worker *worker_new(struct http_server *s, int index)
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

static void worker_free(struct http_worker *w)
{
    if (w == NULL)
        return;
    if (w->listen_fd >= 0)
        close(w->listen_fd);
    CHECK(uv_loop_close(&w->loop) == 0);
    requests_close(w);
    free(w);
}

static enum status worker_start(struct http_worker *w)
{
    const struct http_hooks *hooks = &w->server->options.hooks;
    if (requests_open(w) != ST_OK)
        return ST_NO_SPACE;
    w->engine = hooks->engine_open(hooks->user, w->index, &w->loop);
    w->daemon = w->engine ? start_daemon(w) : NULL;
    if (w->daemon == NULL)
        return ST_NO_SPACE;
    watch_daemon(w);
    CHECK(pthread_create(&w->thread, NULL, worker_main, w) == 0);
    return ST_OK;
}

/* Before any worker has started. */
static void give_up(struct http_server *s)
{
    for (int i = 0; i < s->n_workers; i++) {
        close_handles(s->workers[i]);
        uv_run(&s->workers[i]->loop, UV_RUN_DEFAULT);
        worker_free(s->workers[i]);
    }
    free(s);
}

enum status http_server_start(const struct http_options *o, struct http_server **ret_server,
                              char *ret_why)
{
    CHECK(o->workers > 0 && o->workers <= HTTP_WORKERS_MAX);
    struct http_server *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->options = *o;
    s->n_workers = o->workers;
    s->started_ms = clock_wall_ms();
    for (int i = 0; i < s->n_workers; i++)
        s->workers[i] = worker_new(s, i);
    enum status st = open_sockets(s, ret_why);
    if (st != ST_OK) {
        give_up(s);
        return st;
    }
    for (int i = 0; i < s->n_workers; i++)
        CHECK(worker_start(s->workers[i]) == ST_OK);
    *ret_server = s;
    return ST_OK;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

void http_server_drain(struct http_server *s)
{
    atomic_store(&s->draining, true);
    for (int i = 0; i < s->n_workers; i++)
        uv_async_send(&s->workers[i]->wake);
}

void http_server_join(struct http_server *s)
{
    for (int i = 0; i < s->n_workers; i++)
        pthread_join(s->workers[i]->thread, NULL);
    for (int i = 0; i < s->n_workers; i++)
        worker_free(s->workers[i]);
    free(s);
}

bool http_server_alive(const struct http_server *s)
{
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < s->n_workers; i++)
        if (now_us - atomic_load(&s->workers[i]->beat_us) > ALIVE_US)
            return false;
    return true;
}
