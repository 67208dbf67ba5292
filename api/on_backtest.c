/* POST /v1/ruleset/backtest: what a ruleset, a kept one or a bundle, would have decided over the
 * journal, measured beside serving. GET and DELETE /v1/ruleset/backtest/{id}: how far it is, its
 * result, its end. */
#include "api/http_worker.h"
#include "api/offload.h"
#include "api/ruleset_change.h"
#include "api/uri.h"
#include "service/base/check.h"
#include "service/trial/backtest_jobs.h"
#include "service/txn/reader.h"

#include <jansson.h>
#include <stdlib.h>

#define NO_BACKTEST "no backtest is kept under this id: the last few are, until the next start"

#define NO_BODY                                                                        \
    "the body is empty: send {\"candidate\": \"9f2c41d07be83a56\"}, a version of GET " \
    "/v1/ruleset/versions, as application/json, or a ruleset's folder as a tar, as "   \
    "application/gzip or application/x-tar"

enum {
    ANSWER_BYTES = 256,
    ASK_BYTES_MAX = 4096, /* of a body of JSON: an id and two times */
};

/* ---- POST ---- */

struct ask {
    struct backtest_jobs *jobs;
    struct versions *versions; /* NULL: none are kept */
    const char *spool_dir;
    struct spool *upload;             /* a bundle; NULL: a version */
    char candidate[VERSION_ID_BYTES]; /* of a version */
    int64_t from_ms, to_ms;
    enum status found, started;
    struct offer_report report; /* of a bundle that is refused, as PUT /v1/ruleset answers */
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
    return wrong;
}

static enum status read_json(struct request *r, struct ask *a)
{
    char bytes[ASK_BYTES_MAX];
    json_error_t error;
    ssize_t n = spool_read(r->upload, 0, bytes, sizeof bytes);
    if (n < 0 || spool_bytes(r->upload) > sizeof bytes) {
        request_problem(r, n < 0 ? PROBLEM_STORAGE : PROBLEM_TOO_LARGE,
                        "a body of JSON has 4096 bytes at most");
        return ST_TOO_LARGE;
    }
    json_t *body = json_loadb(bytes, (size_t)n, JSON_REJECT_DUPLICATES, &error);
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

/* ?from=2026-01-05T12:00:00Z */
static enum status read_query(struct request *r, const char *name, int64_t *ret_ms)
{
    char detail[ANSWER_BYTES];
    const char *raw = request_query(r, name);
    struct span text;
    if (raw == NULL ||
        (uri_decode(span_str(raw), &r->arena, &text) == ST_OK && reader_timestamp(text, ret_ms)))
        return ST_OK;
    snprintf(detail, sizeof detail, "%s must be a time such as 2026-01-05T12:00:00Z", name);
    request_problem(r, PROBLEM_PARAMETER, detail);
    return ST_INVALID;
}

static enum status read_ask(struct request *r, struct ask *a)
{
    enum status st = read_query(r, "from", &a->from_ms);
    if (st == ST_OK)
        st = read_query(r, "to", &a->to_ms);
    if (st != ST_OK)
        return st;
    if (r->upload == NULL || spool_bytes(r->upload) == 0) {
        request_problem(r, PROBLEM_BAD_REQUEST, NO_BODY);
        return ST_INVALID;
    }
    if (route_takes(request_header(r, "Content-Type"), "application/json"))
        st = read_json(r, a);
    else
        a->upload = r->upload;
    if (st != ST_OK || a->from_ms < a->to_ms)
        return st;
    request_problem(r, PROBLEM_SCHEMA, "from must lie before to");
    return ST_INVALID;
}

static void start_version(struct ask *a)
{
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

/* Loaded here and now: who sends one that is broken is told at once. */
static enum status load_bundle(struct ask *a, struct snapshot **ret_snap)
{
    char folder[FILES_PATH_MAX], path[BUNDLE_PATH_BYTES];
    struct diag_list *diags = &a->report.diags;
    enum status st = ruleset_unpack(a->upload, a->versions, a->spool_dir, diags, folder, path);
    if (st == ST_OK) {
        st = backtest_jobs_load(a->jobs, path, diags, ret_snap);
        *strrchr(path, '/') = '\0';
        diag_strip_folder(diags, path);
    }
    if (folder[0] != '\0' && files_remove(folder) != ST_OK)
        return st; /* the next start does it */
    return st;
}

static void start_bundle(struct ask *a)
{
    struct snapshot *candidate = NULL;
    a->found = load_bundle(a, &candidate);
    if (a->found != ST_OK)
        return;
    const struct backtest_job job = {
        .candidate = candidate, .from_ms = a->from_ms, .to_ms = a->to_ms};
    a->started = backtest_jobs_start(a->jobs, &job, a->id);
    if (a->started != ST_OK)
        snapshot_unref(candidate);
}

/* Files are looked at: off the loop. */
static void start_job(void *user)
{
    struct ask *a = user;
    if (a->upload != NULL)
        start_bundle(a);
    else
        start_version(a);
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

/* As PUT /v1/ruleset answers it. */
static void refuse_bundle(struct request *r, struct ask *a)
{
    struct snapshot *active = snapshot_current(r->worker->engine->snapshots);
    a->report.result = OFFER_REFUSED;
    memcpy(a->report.previous, active->id_text, sizeof a->report.previous);
    snapshot_unref(active);
    ruleset_reply(r, &a->report);
}

static void job_started(struct request *r, void *user)
{
    struct ask *a = user;
    if (a->found != ST_OK && a->upload != NULL)
        refuse_bundle(r, a);
    else if (a->found != ST_OK)
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
    *a = (struct ask){.jobs = o->backtests,
                      .versions = o->versions,
                      .spool_dir = o->spool_dir,
                      .from_ms = INT64_MIN,
                      .to_ms = INT64_MAX};
    if (read_ask(r, a) != ST_OK || request_offload(r, start_job, job_started, a) != ST_OK)
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
