/* POST /v1/ruleset/backtest: what a kept ruleset would have decided over the journal, measured
 * beside serving. GET and DELETE /v1/ruleset/backtest/{id}: how far it is, its result, its end. */
#include "api/http_worker.h"
#include "api/offload.h"
#include "api/ruleset_change.h"
#include "service/base/check.h"
#include "service/trial/backtest_jobs.h"
#include "service/txn/reader.h"

#include <jansson.h>
#include <stdlib.h>

#define NO_BACKTEST "no backtest is kept under this id: the last few are, until the next start"

enum { ANSWER_BYTES = 256 };

/* ---- POST ---- */

struct ask {
    struct backtest_jobs *jobs;
    struct versions *versions; /* NULL: none are kept */
    char candidate[VERSION_ID_BYTES];
    int64_t from_ms, to_ms;
    enum status found, started;
    char id[BACKTEST_JOB_ID_BYTES];
};

/* NULL: the body is fine; else what is wrong with it. */
static const char *read_time(const json_t *time, const char *wrong, int64_t *ret_ms)
{
    if (time == NULL)
        return NULL;
    return json_is_string(time) && reader_timestamp(span_str(json_string_value(time)), ret_ms)
               ? NULL
               : wrong;
}

static const char *read_members(json_t *body, struct ask *a)
{
    const char *key;
    json_t *value;
    json_object_foreach(body, key, value)
    {
        if (strcmp(key, "candidate") != 0 && strcmp(key, "from") != 0 && strcmp(key, "to") != 0)
            return "the body takes candidate, from and to, and nothing else";
    }
    const char *id = json_string_value(json_object_get(body, "candidate"));
    if (id == NULL || !version_is_id(id))
        return "candidate must be the id of a version, 16 hex digits as GET /v1/ruleset/versions "
               "has it";
    memcpy(a->candidate, id, VERSION_ID_BYTES);
    const char *wrong = read_time(json_object_get(body, "from"),
                                  "from must be a time such as 2026-01-05T12:00:00Z", &a->from_ms);
    if (wrong == NULL)
        wrong = read_time(json_object_get(body, "to"),
                          "to must be a time such as 2026-01-05T12:00:00Z", &a->to_ms);
    if (wrong == NULL && a->from_ms >= a->to_ms)
        wrong = "from must lie before to";
    return wrong;
}

static enum status read_body(struct request *r, struct ask *a)
{
    json_error_t error;
    json_t *body = json_loadb(r->body.base, r->body.len, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(body)) {
        json_decref(body);
        request_problem(r, PROBLEM_NOT_JSON,
                        "the body must be a JSON object, such as {\"candidate\": "
                        "\"9f2c41d07be83a56\"}");
        return ST_INVALID;
    }
    const char *wrong = read_members(body, a);
    json_decref(body);
    if (wrong != NULL)
        request_problem(r, PROBLEM_SCHEMA, wrong);
    return wrong == NULL ? ST_OK : ST_INVALID;
}

/* Files are looked at: off the loop. */
static void start_job(void *user)
{
    struct ask *a = user;
    struct version version;
    char path[FILES_PATH_MAX];
    a->found =
        a->versions == NULL ? ST_NOT_FOUND : versions_find(a->versions, a->candidate, &version);
    if (a->found != ST_OK)
        return;
    versions_path(a->versions, a->candidate, path);
    const struct backtest_job job = {.path = path, .from_ms = a->from_ms, .to_ms = a->to_ms};
    a->started = backtest_jobs_start(a->jobs, &job, a->id);
}

static void reply_started(struct request *r, const char *id)
{
    char bytes[ANSWER_BYTES];
    struct text t;
    text_init(&t, bytes, sizeof bytes);
    text_printf(&t, "/v1/ruleset/backtest/%s", id);
    r->reply.location = arena_copy(&r->arena, text_span(&t)).base;
    text_init(&t, bytes, sizeof bytes);
    text_printf(&t, "{\"id\":\"%s\",\"state\":\"running\",\"progress\":0}", id);
    request_reply(r, 202, "application/json", arena_copy(&r->arena, text_span(&t)));
}

static void job_started(struct request *r, void *user)
{
    struct ask *a = user;
    if (a->found != ST_OK)
        ruleset_unknown(r, a->candidate);
    else if (a->started == ST_NOT_FOUND)
        request_problem(r, PROBLEM_NOT_FOUND, "there is no journal to measure on: set journal.dir");
    else if (a->started == ST_CONFLICT)
        request_problem(r, PROBLEM_OVERLOADED, "a backtest is under way: wait for it or cancel it");
    else if (a->started != ST_OK)
        request_problem(r, PROBLEM_INTERNAL, status_text(a->started));
    else
        reply_started(r, a->id);
    free(a);
}

void on_backtest(struct request *r)
{
    const struct http_options *o = &r->worker->server->options;
    struct ask *a = calloc(1, sizeof *a);
    CHECK(a != NULL);
    *a = (struct ask){
        .jobs = o->backtests, .versions = o->versions, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
    if (read_body(r, a) != ST_OK || request_offload(r, start_job, job_started, a) != ST_OK)
        free(a);
}

/* ---- GET, DELETE ---- */

/* The id of the path; false: it is none, and the problem was sent. */
static bool read_id(struct request *r, char ret_id[BACKTEST_JOB_ID_BYTES])
{
    bool fits = r->params[0].len == BACKTEST_JOB_ID_BYTES - 1;
    if (fits) {
        memcpy(ret_id, r->params[0].base, BACKTEST_JOB_ID_BYTES - 1);
        ret_id[BACKTEST_JOB_ID_BYTES - 1] = '\0';
    } else {
        request_problem(r, PROBLEM_NOT_FOUND, NO_BACKTEST);
    }
    return fits;
}

void on_backtest_result(struct request *r)
{
    struct backtest_jobs *jobs = r->worker->server->options.backtests;
    char id[BACKTEST_JOB_ID_BYTES];
    struct text out;
    if (!read_id(r, id))
        return;
    /* One byte at least: it may be forgotten between the two looks. */
    if (request_heap_text(r, backtest_jobs_bytes(jobs, id) + 1, &out) != ST_OK)
        return;
    enum status st = backtest_jobs_write(jobs, id, &out);
    if (st == ST_OK)
        request_reply(r, 200, "application/json", text_span(&out));
    else if (st == ST_NOT_FOUND)
        request_problem(r, PROBLEM_NOT_FOUND, NO_BACKTEST);
    else
        request_problem(r, PROBLEM_OVERLOADED, "it has just ended: ask again");
}

void on_backtest_cancel(struct request *r)
{
    char id[BACKTEST_JOB_ID_BYTES];
    if (!read_id(r, id))
        return;
    if (backtest_jobs_cancel(r->worker->server->options.backtests, id) == ST_OK)
        request_reply(r, 204, NULL, span_of(NULL, 0));
    else
        request_problem(r, PROBLEM_NOT_FOUND, NO_BACKTEST);
}
