/* POST /v1/score and POST /v1/labels: one event, one answer. */
#include "api/http_worker.h"
#include "api/score_reply.h"
#include "service/base/clock.h"
#include "service/base/trace.h"

static void answered(struct score *s)
{
    struct request *r = s->user;
    struct problem_error error;
    score_reply(s, &r->reply);
    if (r->reply.status != 0)
        request_finish(r);
    else
        request_problem_about(r, score_problem(s), score_problem_error(s, &error));
}

static void released(struct score *s)
{
    request_drop(s->user);
}

/* In the arena: the score may outlive the connection. */
static struct span traceparent_of(struct request *r)
{
    const char *header = request_header(r, "traceparent");
    char *room = header != NULL ? arena_try(&r->arena, TRACE_PARENT_BYTES) : NULL;
    if (room == NULL)
        return span_of(NULL, 0);
    struct span passed = trace_parent_pass(span_str(header), room);
    if (passed.base != room)
        memcpy(room, passed.base, passed.len);
    return span_of(room, passed.len);
}

static void start(struct request *r, struct score_intake intake)
{
    int64_t deadline_ms;
    if (request_deadline_ms(r, &deadline_ms) != ST_OK)
        return;
    /* From the whole body on: a slow sender's time is not the state's. */
    intake.deadline_us = clock_mono_us() + deadline_ms * 1000;
    intake.now_ms = clock_wall_ms();
    intake.traceparent = traceparent_of(r);
    r->score = (struct score){.engine = r->worker->engine,
                              .arena = &r->arena,
                              .intake = intake,
                              .done = answered,
                              .released = released,
                              .user = r};
    request_hold(r);
    score_start(&r->score, r->body);
}

void on_score(struct request *r)
{
    struct score_intake intake = {.transactions_allowed = true};
    bool explain;
    if (request_query_bool(r, "explain", &explain) != ST_OK)
        return;
    if (explain)
        intake.detail = DECISION_EXPLAINED;
    start(r, intake);
}

void on_label(struct request *r)
{
    start(r, (struct score_intake){.labels_allowed = true});
}
