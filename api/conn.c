#include "api/conn.h"

#include "api/request.h"
#include "api/tcp_bytes.h"

#include <microhttpd.h>
#include <sys/socket.h>

enum { UNREAD_MAX_BYTES = 64 << 10 };

void conns_init(struct conns *all, int64_t request_timeout_us, int64_t idle_timeout_us)
{
    *all = (struct conns){.request_timeout_us = request_timeout_us,
                          .idle_timeout_us = idle_timeout_us};
    TAILQ_INIT(&all->idle);
    TAILQ_INIT(&all->busy);
}

static void leave_list(struct conns *all, struct conn *c)
{
    if (c->phase == CONN_IDLE)
        TAILQ_REMOVE(&all->idle, c, link);
    else if (c->phase == CONN_BUSY)
        TAILQ_REMOVE(&all->busy, c, link);
}

static void enter_idle(struct conns *all, struct conn *c, int64_t now_us)
{
    c->phase = CONN_IDLE;
    c->due_us = now_us + all->request_timeout_us / 2;
    TAILQ_INSERT_TAIL(&all->idle, c, link);
}

void conns_add(struct conns *all, struct conn *c, int64_t now_us)
{
    all->count++;
    c->idle_since_us = now_us;
    c->looks = 1; /* a new connection has received nothing */
    enter_idle(all, c, now_us);
}

void conns_remove(struct conns *all, struct conn *c)
{
    leave_list(all, c);
    all->count--;
}

void conns_busy(struct conns *all, struct conn *c, int64_t now_us)
{
    if (c->phase == CONN_SHUT)
        return;
    leave_list(all, c);
    c->phase = CONN_BUSY;
    c->due_us = now_us + all->request_timeout_us;
    c->progress_bytes = 0;
    TAILQ_INSERT_TAIL(&all->busy, c, link);
}

void conns_idle(struct conns *all, struct conn *c, int64_t now_us)
{
    if (c->phase == CONN_SHUT)
        return;
    leave_list(all, c);
    c->idle_since_us = now_us;
    c->looks = 0;
    c->moved = false;
    enter_idle(all, c, now_us);
}

void conns_waiting(struct conns *all, struct conn *c)
{
    if (c->phase == CONN_SHUT)
        return;
    leave_list(all, c);
    c->phase = CONN_WAITING;
}

void conns_progress(struct conns *all, struct conn *c, size_t n, int64_t now_us)
{
    c->progress_bytes += n;
    if (c->progress_bytes >= CONN_PROGRESS_BYTES && c->phase == CONN_BUSY)
        conns_busy(all, c, now_us);
}

void conns_shut(struct conns *all, struct conn *c)
{
    leave_list(all, c);
    c->phase = CONN_SHUT;
    shutdown(c->fd, SHUT_RDWR);
}

/* Is a header trickling in? Yes when bytes came before the last look and there is no request
 * yet. */
static bool look_trickles(struct conn *c)
{
    uint64_t bytes = tcp_bytes_received(c->fd);
    bool trickles = c->moved;
    c->moved = c->looks > 0 && bytes != c->seen_bytes;
    c->seen_bytes = bytes;
    c->looks++;
    return trickles;
}

static void sweep_idle(struct conns *all, struct conn *c, int64_t now_us)
{
    if (look_trickles(c)) {
        conn_send_problem(c->fd, PROBLEM_TIMEOUT, NULL, 0);
        conns_shut(all, c);
    } else if (now_us - c->idle_since_us >= all->idle_timeout_us) {
        conns_shut(all, c);
    } else {
        TAILQ_REMOVE(&all->idle, c, link);
        enter_idle(all, c, now_us);
    }
}

static void sweep_busy(struct conns *all, struct conn *c)
{
    struct request *r = c->request;
    bool arriving = r != NULL && !r->queued && !r->lingering;
    if (arriving)
        conn_send_problem(c->fd, PROBLEM_TIMEOUT, NULL, r->id);
    conns_shut(all, c);
}

void conns_sweep(struct conns *all, int64_t now_us)
{
    struct conn *c;
    while ((c = TAILQ_FIRST(&all->busy)) != NULL && c->due_us <= now_us)
        sweep_busy(all, c);
    while ((c = TAILQ_FIRST(&all->idle)) != NULL && c->due_us <= now_us)
        sweep_idle(all, c, now_us);
}

void conns_shut_idle(struct conns *all, int64_t since_us)
{
    struct conn *c, *next;
    for (c = TAILQ_FIRST(&all->idle); c != NULL; c = next) {
        next = TAILQ_NEXT(c, link);
        if (c->idle_since_us < since_us)
            conns_shut(all, c);
    }
}

void conn_send(int fd, const struct reply *reply)
{
    char bytes[PROBLEM_BYTES_MAX + 512];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    text_printf(&out,
                "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                "Content-Length: %zu\r\n",
                reply->status, MHD_get_reason_phrase_for(reply->status), reply->body.len);
    if (reply->allow != NULL)
        text_printf(&out, "Allow: %s\r\n", reply->allow);
    if (reply->status == 503)
        text_printf(&out, "Retry-After: %d\r\n", PROBLEM_RETRY_AFTER_S);
    text_str(&out, "Connection: close\r\n\r\n");
    text_put(&out, reply->body);
    if (send(fd, out.base, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return; /* the client is gone, or reads nothing: it gets the end alone */
}

void conn_send_problem(int fd, enum problem p, const char *detail, uint64_t request_id)
{
    char bytes[PROBLEM_BYTES_MAX];
    struct text body;
    struct problem_about about = {.detail = detail, .request_id = request_id};
    text_init(&body, bytes, sizeof bytes);
    problem_write(p, &about, &body);
    struct reply reply = {.status = problem_status(p), .body = text_span(&body)};
    conn_send(fd, &reply);
}

void conn_throw_unread(int fd)
{
    char bytes[4096];
    for (size_t n = 0; n < UNREAD_MAX_BYTES; n += sizeof bytes)
        if (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
            return;
}
