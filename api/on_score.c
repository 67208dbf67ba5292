/* POST /v1/score and POST /v1/labels: one event, one answer. */
#include "api/http_worker.h"
#include "api/score_reply.h"
#include "service/base/clock.h"

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

static void start(struct request *r, struct score_intake intake)
{
    int64_t deadline_ms;
    if (request_deadline_ms(r, &deadline_ms) != ST_OK)
        return;
    /* From the whole body on: a slow sender's time is not the state's. */
    intake.deadline_us = clock_mono_us() + deadline_ms * 1000;
    intake.now_ms = clock_wall_ms();
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
    if (request_query_bool(r, "explain", &intake.explain) == ST_OK)
        start(r, intake);
}

void on_label(struct request *r)
{
    start(r, (struct score_intake){.labels_allowed = true});
}
