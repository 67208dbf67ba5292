#include "api/exchange.h"

#include "api/armour.h"
#include "api/http_worker.h"
#include "api/library_pages.h"
#include "api/spool.h"
#include "api/stream.h"
#include "service/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    THROWN_KEEP_BYTES = READER_BODY_MAX, /* of a refused body; past that the connection ends */
    THROWN_MAX_BYTES = 4 << 20, /* taken after the answer, so that the client gets to read it */
    QUERY_NAME_SHOWN_MAX = 64,  /* of a parameter nobody knows */
};

/* ---- the reply ---- */

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
    if (reply->content_type != NULL)
        header(response, "Content-Type", reply->content_type);
    put_timing(response, r);
    if (reply->allow != NULL)
        header(response, "Allow", reply->allow);
    if (reply->location != NULL)
        header(response, "Location", reply->location);
    if (reply->etag != NULL)
        header(response, "ETag", reply->etag);
    if (reply->status == 401)
        header(response, "WWW-Authenticate", "Bearer");
    if (reply->retry_after)
        header(response, "Retry-After", "1");
    if (reply->no_store)
        header(response, "Cache-Control", "no-store");
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

/* From here on the stream is the response's. */
static struct MHD_Response *endless_response(struct request *r)
{
    struct MHD_Response *response = stream_response(r->reply.stream);
    if (response != NULL)
        r->reply.stream = NULL;
    return response;
}

static struct MHD_Response *make_response(struct request *r)
{
    if (r->reply.stream != NULL)
        return endless_response(r);
    if (r->reply.spool != NULL)
        return spool_response(r);
    return MHD_create_response_from_buffer(r->reply.body.len, (void *)(uintptr_t)r->reply.body.base,
                                           r->reply.body_is_static ? MHD_RESPMEM_PERSISTENT
                                                                   : MHD_RESPMEM_MUST_COPY);
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

/* ---- the request ---- */

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

/* A name comes undecoded, and may hold any byte; one that is no word is not repeated. */
static bool is_word(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum((unsigned char)name.base[i]) && strchr("_-.", name.base[i]) == NULL)
            return false;
    return name.len > 0 && name.len <= QUERY_NAME_SHOWN_MAX;
}

static void refuse_unknown_query(struct request *r, struct span name, const char *nearest)
{
    char detail[192];
    struct text out;
    text_init(&out, detail, sizeof detail - 1);
    if (is_word(name))
        text_printf(&out, "there is no query parameter '%.*s' here", SPAN_ARG(name));
    else
        text_str(&out, "a query parameter has a name that is not known here");
    if (nearest != NULL)
        text_printf(&out, "; did you mean '%s'?", nearest);
    detail[out.len] = '\0';
    request_problem(r, PROBLEM_PARAMETER, detail);
}

static void refuse_repeated_query(struct request *r, const char *name)
{
    char detail[96];
    snprintf(detail, sizeof detail, "the query parameter '%s' stands here twice", name);
    request_problem(r, PROBLEM_PARAMETER, detail);
}

/* The first parameter that the route does not know, or has had, is the reply: `explian` must not be
 * scored as if nothing had been asked. */
static enum MHD_Result see_query(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    struct request *r = cls;
    const char *nearest;
    (void)kind;
    (void)value;
    (void)value_len;
    int which = route_query(r->route, span_of(name, name_len), &nearest);
    if (which == ROUTE_QUERY_FREE)
        return MHD_YES;
    if (which == ROUTE_QUERY_UNKNOWN)
        refuse_unknown_query(r, span_of(name, name_len), nearest);
    else if (r->query_seen[which])
        refuse_repeated_query(r, r->route->query[which]);
    else
        r->query_seen[which] = true;
    return r->reply.status == 0 ? MHD_YES : MHD_NO;
}

/* What is not there has no type. Where a file is wanted the handler says what to send. */
static bool lacks_file(const struct armour *a, struct request *r)
{
    return r->route->body == ROUTE_BODY_FILE && a->content_length == 0 &&
           request_header(r, "Transfer-Encoding") == NULL &&
           request_header(r, "Content-Type") == NULL;
}

static void refuse_media(struct request *r)
{
    char detail[96];
    snprintf(detail, sizeof detail, "send %s, without Content-Encoding", r->route->content_type);
    request_problem(r, PROBLEM_MEDIA_TYPE, detail);
}

#define NOT_SERVED "nothing is served at this path; "

/* The path itself is not repeated: it may hold anything. */
static void refuse_path(struct request *r, struct span path)
{
    char detail[128];
    const char *nearest = route_nearest(path);
    if (nearest != NULL)
        snprintf(detail, sizeof detail, NOT_SERVED "did you mean '%s'?", nearest);
    request_problem(r, PROBLEM_NOT_FOUND,
                    nearest != NULL ? detail : NOT_SERVED "/openapi.yaml tells what is");
}

static void refuse_method(struct request *r)
{
    char detail[64];
    snprintf(detail, sizeof detail, "this path takes %s", r->reply.allow);
    request_problem(r, PROBLEM_METHOD, detail);
}

static size_t body_bytes_max(const struct request *r)
{
    return r->route->body == ROUTE_BODY_FILE ? ROUTE_FILE_BYTES_MAX
                                             : r->worker->server->options.body_bytes_max;
}

static void refuse_large(struct request *r)
{
    char detail[64];
    snprintf(detail, sizeof detail, "a body may have %zu bytes here", body_bytes_max(r));
    request_problem(r, PROBLEM_TOO_LARGE, detail);
}

/* Who is it? false: nobody who may, and the problem is the reply. */
static bool admit_admin(struct request *r)
{
    const struct http_options *o = &r->worker->server->options;
    const union MHD_ConnectionInfo *from =
        MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    admin_write_address(from != NULL ? from->client_addr : NULL, r->address);
    if (r->worker->server->admin_address.ss_family != AF_UNSPEC && !r->conn->is_admin) {
        request_problem(r, PROBLEM_NOT_FOUND,
                        "this is served at the address of admin.listen alone");
        return false;
    }
    if (o->admin_keys[0] == '\0') {
        snprintf(r->who, sizeof r->who, "anonymous@%s", r->address);
        return true;
    }
    if (admin_find_key(o->admin_keys, request_header(r, "Authorization"), r->who))
        return true;
    request_problem(r, PROBLEM_UNAUTHORIZED,
                    "send `Authorization: Bearer TOKEN` with the token of one of admin.keys");
    return false;
}

/* Is there a way to answer this path, method and body? Else the refusal is the reply. */
static void admit(struct request *r, const struct armour *a, const char *url, const char *method)
{
    struct span path = uri_path(span_str(url)), raw[URI_PARAMS_MAX] = {{0}};
    r->is_head = route_method(method) == METHOD_HEAD;
    switch (route_find(route_method(method), path, &r->route, raw, &r->reply.allow)) {
    case ROUTE_NO_PATH:
        refuse_path(r, path);
        return;
    case ROUTE_NO_METHOD:
        refuse_method(r);
        return;
    case ROUTE_FOUND:
        break;
    }
    if (r->route->is_admin && !admit_admin(r))
        return;
    for (int i = 0; i < URI_PARAMS_MAX; i++)
        if (uri_decode(raw[i], &r->arena, &r->params[i]) != ST_OK) {
            request_problem(r, PROBLEM_PARAMETER, "the path is not clean percent-encoded UTF-8");
            return;
        }
    MHD_get_connection_values_n(r->mhd, MHD_GET_ARGUMENT_KIND, see_query, r);
    if (r->reply.status != 0)
        return;
    if (a->expects_else)
        request_problem(r, PROBLEM_EXPECTATION, NULL);
    else if (r->route->content_type != NULL && !lacks_file(a, r) &&
             (!route_takes(request_header(r, "Content-Type"), r->route->content_type) ||
              request_header(r, "Content-Encoding") != NULL))
        refuse_media(r);
    else if (r->route->body != ROUTE_BODY_STREAM && a->content_length > body_bytes_max(r))
        refuse_large(r);
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
        conn_throw_unread(c->fd);
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
    conn_send(r->conn->fd, &r->reply);
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
        refuse_large(r);
        answer_ahead(r);
        return;
    }
    memcpy(r->body_bytes + r->body.len, data, n);
    r->body.len += n;
}

static void keep_upload(struct request *r, const char *data, size_t n)
{
    const struct http_options *o = &r->worker->server->options;
    if (r->upload == NULL)
        r->upload = spool_new(o->spool_dir, ROUTE_FILE_BYTES_MAX);
    enum status st = r->upload != NULL ? spool_put(r->upload, span_of(data, n)) : ST_NO_SPACE;
    if (st == ST_OK) {
        conns_progress(&r->worker->conns, r->conn, n, clock_mono_us());
        return;
    }
    if (st == ST_TOO_LARGE)
        refuse_large(r);
    else
        request_problem(r, st == ST_IO ? PROBLEM_STORAGE : PROBLEM_OVERLOADED, NULL);
    answer_ahead(r);
}

static enum MHD_Result take_body(struct request *r, const char *data, size_t *size)
{
    if (r->reply.status != 0)
        return throw_away(r, size);
    if (r->route->body != ROUTE_BODY_STREAM) {
        if (r->route->body == ROUTE_BODY_FILE)
            keep_upload(r, data, *size);
        else
            keep_body(r, data, *size);
        *size = 0;
        return MHD_YES;
    }
    size_t taken = batch_feed(r, data, *size);
    conns_progress(&r->worker->conns, r->conn, taken, clock_mono_us());
    *size -= taken;
    if (*size > 0 && r->reply.status != 0)
        return throw_away(r, size);
    if (*size > 0)
        request_sleep(r);
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
    request_sleep(r);
    return MHD_YES;
}

enum MHD_Result exchange_access(void *cls, struct MHD_Connection *mhd, const char *url,
                                const char *method, const char *version, const char *data,
                                size_t *size, void **con_cls)
{
    struct request *r = *con_cls;
    if (r == NULL)
        return begin_request(cls, mhd, url, method, version, con_cls);
    return *size > 0 ? take_body(r, data, size) : end_of_body(r);
}

static void count_request(struct http_stats *stats, const struct request *r)
{
    ptrdiff_t row = r->route ? r->route - routes : HTTP_NO_ROUTE;
    stats_add(&stats->requests[row][r->reply.status / 100 % HTTP_STATUS_CLASSES], 1);
    latency_note(&stats->latency[row], clock_mono_us() - r->started_us);
}

void exchange_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
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
