/* GET /v1/alerts: recent alerts, to be asked for again and again. GET /v1/alerts/stream: as they
 * come. */
#include "api/http_worker.h"
#include "service/base/decode.h"
#include "service/io/fanout.h"

enum {
    LIMIT_DEFAULT = 100,
    LIMIT_MAX = 1000,
    BODY_MAX_BYTES = 1 << 20, /* of the alerts in one answer; the client asks for more */
    TAIL_MAX_BYTES = 64,      /* ],"next":"18446744073709551615","truncated":true} */
    ITEM_MAX_BYTES = 64,      /* ,{"id":"18446744073709551615","alert":} */
};

/* An id that was given out, by this process or another. One ahead of all that there are - the clock
 * was set back, or another's goes before ours - would hide what comes until then. */
static enum status take_cursor(struct request *r, const char *text, const char *wrong,
                               uint64_t *ret_cursor)
{
    uint64_t cursor, last = fanout_last(r->worker->server->options.fanout);
    if (!decode_u64(span_str(text), 10, &cursor)) {
        request_problem(r, PROBLEM_PARAMETER, wrong);
        return ST_INVALID;
    }
    *ret_cursor = cursor < last ? cursor : last;
    return ST_OK;
}

/* ---- the list ---- */

struct asked {
    int limit;
    uint64_t cursor;
    bool truncated; /* alerts behind what was asked for are gone */
};

static enum status read_limit(struct request *r, int *ret_limit)
{
    const char *text = request_query(r, "limit");
    uint64_t limit = LIMIT_DEFAULT;
    if (text != NULL &&
        (!decode_u64(span_str(text), 10, &limit) || limit < 1 || limit > LIMIT_MAX)) {
        request_problem(r, PROBLEM_PARAMETER, "limit must be 1 to 1000");
        return ST_INVALID;
    }
    *ret_limit = (int)limit;
    return ST_OK;
}

static enum status read_asked(struct request *r, struct asked *ret_asked)
{
    struct fanout *fanout = r->worker->server->options.fanout;
    const char *since = request_query(r, "since");
    struct asked asked = {0};
    if (read_limit(r, &asked.limit) != ST_OK)
        return ST_INVALID;
    if (since == NULL)
        asked.cursor = fanout_back(fanout, asked.limit);
    else if (take_cursor(r, since, "since must be the id of an alert", &asked.cursor) != ST_OK)
        return ST_INVALID;
    *ret_asked = asked;
    return ST_OK;
}

static void put_item(const struct fanout_item *item, bool first, struct text *out)
{
    text_printf(out, "%s{\"id\":\"%llu\",\"alert\":", first ? "" : ",",
                (unsigned long long)item->id);
    text_put(out, item->json);
    text_char(out, '}');
}

/* Alerts may go while they are read: what is behind the gap then waits for the next request. */
static void put_items(struct request *r, struct asked *asked, struct text *out)
{
    struct fanout *fanout = r->worker->server->options.fanout;
    char *json = r->worker->streams.json;
    struct fanout_item item;
    for (int n = 0; n < asked->limit; n++) {
        enum fanout_found found = fanout_next(fanout, asked->cursor, json, &item);
        if (found == FANOUT_LAGGED && n == 0) {
            asked->truncated = true;
            asked->cursor = fanout_floor(fanout);
            found = fanout_next(fanout, asked->cursor, json, &item);
        }
        if (found != FANOUT_FOUND || out->len + item.json.len + ITEM_MAX_BYTES > BODY_MAX_BYTES)
            return;
        put_item(&item, n == 0, out);
        asked->cursor = item.id;
    }
}

void on_alerts(struct request *r)
{
    struct asked asked;
    struct text out;
    if (read_asked(r, &asked) != ST_OK ||
        request_heap_text(r, BODY_MAX_BYTES + TAIL_MAX_BYTES, &out) != ST_OK)
        return;
    text_str(&out, "{\"alerts\":[");
    put_items(r, &asked, &out);
    text_printf(&out, "],\"next\":\"%llu\"", (unsigned long long)asked.cursor);
    text_str(&out, asked.truncated ? ",\"truncated\":true}" : "}");
    r->reply.no_store = true;
    request_reply(r, 200, "application/json", text_span(&out));
}

/* ---- the stream ---- */

void on_alert_stream(struct request *r)
{
    const char *seen = request_header(r, "Last-Event-ID");
    uint64_t cursor = fanout_last(r->worker->server->options.fanout);
    if (seen != NULL && seen[0] != '\0' &&
        take_cursor(r, seen, "Last-Event-ID must be the id of an alert", &cursor) != ST_OK)
        return;
    r->reply.no_store = true;
    r->reply.close = true;
    if (r->is_head) { /* nothing streams, and no place of limits.streams is taken */
        request_reply(r, 200, "text/event-stream", span_of(NULL, 0));
        return;
    }
    r->reply.stream = stream_new(r, cursor);
    if (r->reply.stream == NULL) {
        request_problem(r, PROBLEM_OVERLOADED, "too many streams");
        return;
    }
    r->reply.status = 200;
    r->reply.content_type = "text/event-stream";
    request_finish(r);
}
