/* GET /livez: the loops turn. GET /readyz: transactions can be answered well. */
#include "api/http_worker.h"

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

void on_readyz(struct request *r)
{
    const struct http_server *s = r->worker->server;
    const char *why = "shutting down";
    bool ready =
        !s->draining && s->options.hooks.ready(s->options.hooks.user, r->worker->engine, &why);
    if (ready)
        reply_text(r, 200, "ready\n");
    else
        request_problem(r, PROBLEM_UNAVAILABLE, why);
}
