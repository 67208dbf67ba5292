#include "api/http.h"

#include "api/http_worker.h"
#include "service/base/check.h"
#include "service/base/clock.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    LISTEN_BACKLOG = 1024,
    ALIVE_US = 5000000, /* a loop that has not turned for so long hangs */
};

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
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {0};
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

static void set_port(struct addrinfo *at, int port)
{
    if (at->ai_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)at->ai_addr)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)at->ai_addr)->sin_port = htons((uint16_t)port);
}

/* The workers share one port. A first socket that shares nothing makes sure that it is ours
 * alone; it does not listen, for whoever connected to it would be cut off. */
static enum status listen_all(struct http_server *s, struct addrinfo *at)
{
    int probe = bind_socket(at, false);
    if (probe < 0)
        return ST_IO;
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

/* One socket, of worker 0: admins are few. */
static enum status listen_admin(struct http_server *s, struct addrinfo *at)
{
    socklen_t len = sizeof s->admin_address;
    s->admin_fd = bind_socket(at, false);
    if (s->admin_fd < 0 || listen(s->admin_fd, LISTEN_BACKLOG) != 0 ||
        getsockname(s->admin_fd, (struct sockaddr *)&s->admin_address, &len) != 0)
        return ST_IO;
    return ST_OK;
}

static enum status open_socket(struct http_server *s, const char *host, int port_number,
                               enum status (*open)(struct http_server *s, struct addrinfo *at),
                               char *ret_why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *at;
    char port[8];
    snprintf(port, sizeof port, "%d", port_number & 0xFFFF);
    int bad = getaddrinfo(host, port, &hints, &at);
    if (bad != 0) {
        snprintf(ret_why, 256, "%s: %s", host, gai_strerror(bad));
        return ST_IO;
    }
    enum status st = open(s, at);
    bool is_taken = st != ST_OK && errno == EADDRINUSE;
    if (st != ST_OK)
        snprintf(ret_why, 256, "%s:%d: %s", host, port_number, strerror(errno));
    freeaddrinfo(at);
    return is_taken ? ST_CONFLICT : st;
}

static enum status open_sockets(struct http_server *s, char *ret_why)
{
    const struct http_options *o = &s->options;
    enum status st = open_socket(s, o->host, o->port, listen_all, ret_why);
    if (st == ST_OK && o->admin_host != NULL)
        st = open_socket(s, o->admin_host, o->admin_port, listen_admin, ret_why);
    return st;
}

static enum status open_workers(struct http_server *s, char *ret_why)
{
    enum status st = ST_OK;
    for (int i = 0; i < s->n_workers && st == ST_OK; i++)
        st = http_worker_open(s->workers[i]);
    if (st != ST_OK)
        snprintf(ret_why, 256, "no memory or descriptors for %d workers", s->n_workers);
    return st;
}

/* Before any worker runs. */
static void give_up(struct http_server *s)
{
    for (int i = 0; i < s->n_workers; i++) {
        http_worker_free(s->workers[i]);
    }
    if (s->admin_fd >= 0)
        close(s->admin_fd);
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
    s->admin_fd = -1;
    CHECK(pthread_barrier_init(&s->served, NULL, (unsigned)s->n_workers) == 0);
    for (int i = 0; i < s->n_workers; i++)
        s->workers[i] = http_worker_new(s, i);
    enum status st = open_sockets(s, ret_why);
    if (st == ST_OK)
        st = open_workers(s, ret_why);
    if (st != ST_OK) {
        give_up(s);
        return st;
    }
    for (int i = 0; i < s->n_workers; i++)
        http_worker_run(s->workers[i]);
    *ret_server = s;
    return ST_OK;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

int http_server_admin_port(const struct http_server *s)
{
    const struct sockaddr_storage *at = &s->admin_address;
    if (at->ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)(const void *)at)->sin6_port);
    return at->ss_family == AF_INET
               ? ntohs(((const struct sockaddr_in *)(const void *)at)->sin_port)
               : 0;
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
        http_worker_free(s->workers[i]);
    pthread_barrier_destroy(&s->served);
    free(s);
}

int http_engines(const struct http_server *s, const struct engine *engines[HTTP_WORKERS_MAX])
{
    for (int i = 0; i < s->n_workers; i++)
        engines[i] = s->workers[i]->engine;
    return s->n_workers;
}

bool http_server_alive(const struct http_server *s)
{
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < s->n_workers; i++)
        if (now_us - atomic_load(&s->workers[i]->beat_us) > ALIVE_US)
            return false;
    return true;
}
