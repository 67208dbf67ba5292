#include "api/stream.h"

#include "api/http_worker.h"
#include "service/base/check.h"
#include "service/base/clock.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
    RETRY_MS = 2000, /* how long a client waits before it comes again */
    /* Alerts that come within so long wake the streams once; many of both must not keep the worker
     * from scoring. */
    GATHER_MS = 10,
    LOOK_US = 1000000, /* a stream whose client has left takes a place of limits.streams */
    /* Of one client in the kernel, which else keeps some megabytes for one that does not read. */
    SEND_BUFFER_BYTES = 256 << 10,
    BLOCK_BYTES = 4096, /* the library's, for a client of HTTP/1.0 */
    NOTE_BYTES = 128,
};

struct stream {
    TAILQ_ENTRY(stream) link;
    struct request *request;
    bool is_asleep;
    bool is_left;          /* the client has gone */
    bool is_lagged;        /* its cursor fell out of the ring */
    int64_t since_us;      /* asleep: since when */
    uint64_t cursor;       /* the last alert that was sent whole */
    size_t sent;           /* bytes of the event behind it that are sent */
    char note[NOTE_BYTES]; /* goes before the next event */
    size_t note_bytes, note_sent;
};

/* ---- sleep ---- */

static struct streams *home(const struct stream *s)
{
    return &s->request->worker->streams;
}

static void sleep_now(struct stream *s)
{
    TAILQ_REMOVE(&home(s)->awake, s, link);
    TAILQ_INSERT_TAIL(&home(s)->asleep, s, link);
    s->is_asleep = true;
    s->since_us = clock_mono_us();
    request_sleep(s->request);
}

static void wake(struct stream *s)
{
    TAILQ_REMOVE(&home(s)->asleep, s, link);
    TAILQ_INSERT_TAIL(&home(s)->awake, s, link);
    s->is_asleep = false;
    request_wake(s->request);
}

static void wake_all(struct streams *all)
{
    struct stream *s;
    while ((s = TAILQ_FIRST(&all->asleep)) != NULL)
        wake(s);
}

/* ---- what is sent ---- */

static void put_note(struct stream *s, const char *note)
{
    size_t n = strlen(note);
    CHECK(s->note_sent == s->note_bytes && n <= sizeof s->note);
    memcpy(s->note, note, n);
    s->note_bytes = n;
    s->note_sent = 0;
}

/* As much of `part` as there is room for, but for its first *skip bytes; those that lie in it are
 * taken off *skip. Answers what was written. */
static size_t put_part(struct span part, size_t *skip, struct text *out)
{
    size_t from = *skip < part.len ? *skip : part.len;
    size_t n = part.len - from, room = out->cap - out->len;
    *skip -= from;
    n = n < room ? n : room;
    text_put(out, span_of(part.base + from, n));
    return n;
}

/* The event, from its byte s->sent on; true when its end was written. */
static bool put_event(struct stream *s, const struct fanout_item *item, struct text *out)
{
    char head[64];
    struct text line;
    size_t skip = s->sent, whole;
    text_init(&line, head, sizeof head);
    text_printf(&line, "id: %llu\nevent: alert\ndata: ", (unsigned long long)item->id);
    struct span parts[] = {text_span(&line), item->json, span_str("\n\n")};
    whole = parts[0].len + parts[1].len + parts[2].len;
    for (int i = 0; i < 3; i++)
        s->sent += put_part(parts[i], &skip, out);
    if (s->sent < whole)
        return false;
    s->cursor = item->id;
    s->sent = 0;
    return true;
}

/* As much as there is and `out` has room for. */
static enum fanout_found fill(struct stream *s, struct text *out)
{
    struct fanout *fanout = home(s)->worker->server->options.fanout;
    struct fanout_item item;
    size_t skip = s->note_sent;
    s->note_sent += put_part(span_of(s->note, s->note_bytes), &skip, out);
    while (out->len < out->cap) {
        enum fanout_found found = fanout_next(fanout, s->cursor, home(s)->json, &item);
        if (found != FANOUT_FOUND)
            return found;
        if (!put_event(s, &item, out))
            break;
    }
    return FANOUT_FOUND;
}

/* MHD_ContentReaderCallback. What was given before is the socket's now: a fresh deadline. Where it
 * suspends its connection the library wants 0. */
static ssize_t read_stream(void *cls, uint64_t pos, char *buf, size_t max)
{
    struct stream *s = cls;
    struct http_worker *w = s->request->worker;
    struct text out;
    (void)pos;
    if (w->drain_since_us != 0 || s->is_left)
        return MHD_CONTENT_READER_END_OF_STREAM;
    text_init(&out, buf, max);
    if (fill(s, &out) == FANOUT_LAGGED) {
        s->is_lagged = true;
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (out.len > 0)
        conns_busy(&w->conns, s->request->conn, clock_mono_us());
    else
        sleep_now(s);
    return (ssize_t)out.len;
}

/* ---- one stream ---- */

static void enter(struct stream *s)
{
    struct streams *all = home(s);
    TAILQ_INSERT_TAIL(&all->awake, s, link);
    if (all->count++ == 0)
        fanout_listen(all->worker->server->options.fanout, &all->listener);
}

static void leave(struct stream *s)
{
    struct streams *all = home(s);
    TAILQ_REMOVE(s->is_asleep ? &all->asleep : &all->awake, s, link);
    atomic_fetch_sub(&all->worker->server->streams, 1);
    if (--all->count == 0)
        fanout_unlisten(all->worker->server->options.fanout, &all->listener);
}

static bool take_place(struct http_worker *w)
{
    if (atomic_fetch_add(&w->server->streams, 1) < w->server->options.streams_max)
        return true;
    atomic_fetch_sub(&w->server->streams, 1);
    stats_add(&w->stats.streams_refused, 1);
    return false;
}

static void limit_socket(int fd)
{
    int bytes = SEND_BUFFER_BYTES;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
}

/* A cursor that fell out of the ring goes on where the ring begins, and the client is told. */
static void put_greeting(struct stream *s)
{
    struct fanout *fanout = home(s)->worker->server->options.fanout;
    uint64_t floor = fanout_floor(fanout);
    char note[NOTE_BYTES];
    int n = snprintf(note, sizeof note, "retry: %d\n\n", RETRY_MS);
    if (s->cursor < floor) {
        snprintf(note + n, sizeof note - (size_t)n,
                 "event: gap\ndata: {\"after\":\"%llu\",\"from\":\"%llu\"}\n\n",
                 (unsigned long long)s->cursor, (unsigned long long)floor);
        s->cursor = floor;
    }
    put_note(s, note);
}

struct stream *stream_new(struct request *r, uint64_t cursor)
{
    if (!take_place(r->worker))
        return NULL;
    struct stream *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->request = r;
    s->cursor = cursor;
    put_greeting(s);
    enter(s);
    limit_socket(r->conn->fd);
    return s;
}

void stream_free(struct stream *s)
{
    if (s == NULL)
        return;
    leave(s);
    free(s);
}

/* MHD_ContentReaderFreeCallback. */
static void end_stream(void *cls)
{
    struct stream *s = cls;
    struct request *r = s->request;
    struct http_worker *w = r->worker;
    if (w->drain_since_us == 0 && (s->is_lagged || r->conn->phase == CONN_SHUT))
        stats_add(&w->stats.streams_dropped, 1);
    stream_free(s);
    request_drop(r);
}

struct MHD_Response *stream_response(struct stream *s)
{
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES,
                                                                      read_stream, s, end_stream);
    if (response != NULL)
        request_hold(s->request);
    return response;
}

/* ---- all of a worker's ---- */

/* From any thread. */
static void called(struct fanout_listener *listener)
{
    struct streams *all =
        (struct streams *)(void *)((char *)listener - offsetof(struct streams, listener));
    uv_async_send(&all->put);
}

static void on_soon(uv_timer_t *timer)
{
    wake_all(timer->data);
}

static void on_put(uv_async_t *put)
{
    struct streams *all = put->data;
    if (!uv_is_active((uv_handle_t *)&all->soon))
        uv_timer_start(&all->soon, on_soon, GATHER_MS, 0);
}

void streams_init(struct streams *all, struct http_worker *w)
{
    all->worker = w;
    all->listener.called = called;
    TAILQ_INIT(&all->asleep);
    TAILQ_INIT(&all->awake);
    CHECK(uv_async_init(&w->loop, &all->put, on_put) == 0);
    CHECK(uv_timer_init(&w->loop, &all->soon) == 0);
    all->put.data = all->soon.data = all;
}

void streams_close(struct streams *all)
{
    CHECK(all->count == 0);
    uv_close((uv_handle_t *)&all->put, NULL);
    uv_close((uv_handle_t *)&all->soon, NULL);
}

/* The library does not watch a suspended connection. */
static bool has_left(const struct stream *s)
{
    char byte;
    ssize_t n = recv(s->request->conn->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void look_for_left(struct streams *all)
{
    struct stream *s, *next;
    for (s = TAILQ_FIRST(&all->asleep); s != NULL; s = next) {
        next = TAILQ_NEXT(s, link);
        s->is_left = has_left(s);
        if (s->is_left)
            wake(s);
    }
}

void streams_sweep(struct streams *all, int64_t now_us)
{
    int64_t every_us = all->worker->server->options.heartbeat_ms * 1000;
    struct stream *s;
    while ((s = TAILQ_FIRST(&all->asleep)) != NULL && now_us - s->since_us >= every_us) {
        put_note(s, ": heartbeat\n\n");
        wake(s);
    }
    if (now_us - all->looked_us < LOOK_US)
        return;
    all->looked_us = now_us;
    look_for_left(all);
}

void streams_end(struct streams *all)
{
    wake_all(all);
}

void streams_shut(struct streams *all)
{
    struct stream *s;
    TAILQ_FOREACH (s, &all->awake, link)
        conns_shut(&all->worker->conns, s->request->conn);
}
