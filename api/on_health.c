/* GET /livez: the loops turn. GET /readyz: transactions can be answered well. */
#include "api/http_worker.h"

enum { READY_TEXT_BYTES = 1024 };

static void reply_text(struct request *r, unsigned status, const char *text)
{
    r->reply.body_is_static = true;
    request_reply(r, status, "text/plain; charset=utf-8", span_str(text));
}

void on_livez(struct request *r)
{
    if (http_server_alive(r->worker->server))
        reply_text(r, 200, "alive\n");
    else
        request_problem(r, PROBLEM_OVERLOADED, "a worker's loop does not turn");
}

static void reply_ready(struct request *r)
{
    const struct http_hooks *hooks = &r->worker->server->options.hooks;
    struct text out;
    if (request_heap_text(r, READY_TEXT_BYTES, &out) != ST_OK)
        return;
    text_str(&out, "ready\n");
    hooks->notes(hooks->user, &out);
    request_reply(r, 200, "text/plain; charset=utf-8", text_span(&out));
}

void on_readyz(struct request *r)
{
    const struct http_server *s = r->worker->server;
    const char *why = "shutting down";
    bool ready =
        !s->draining && s->options.hooks.ready(s->options.hooks.user, r->worker->engine, &why);
    if (ready)
        reply_ready(r);
    else
        request_problem(r, PROBLEM_UNAVAILABLE, why);
}
