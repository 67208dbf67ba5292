/* POST /v1/score and POST /v1/labels: one event, one answer. */
#include "api/http_worker.h"
#include "api/score_reply.h"
#include "service/base/clock.h"

#include <stdlib.h>

enum { DEADLINE_MS_MAX = 60000 };

/* The header Sluice-Deadline-Ms, else the configured one. */
static enum status deadline_of(struct request *r, int64_t *ret_deadline_us)
{
    const char *text = request_header(r, "Sluice-Deadline-Ms");
    long ms = r->worker->engine->options.deadline_ms;
    if (text != NULL) {
        char *end;
        ms = strtol(text, &end, 10);
        if (*text < '0' || *text > '9' || *end != '\0' || ms < 1 || ms > DEADLINE_MS_MAX) {
            request_problem(r, PROBLEM_PARAMETER, "Sluice-Deadline-Ms must be 1 to 60000");
            return ST_INVALID;
        }
    }
    *ret_deadline_us = r->started_us + (int64_t)ms * 1000;
    return ST_OK;
}

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
    if (deadline_of(r, &intake.deadline_us) != ST_OK)
        return;
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
