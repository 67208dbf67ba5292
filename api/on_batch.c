#include "api/batch.h"

#include "api/http_worker.h"
#include "api/score_reply.h"
#include "api/spool.h"
#include "service/base/clock.h"

static void next_line(struct request *r)
{
    r->batch.line_bytes = 0;
    r->batch.too_long = false;
}

/* A line that takes effect and whose answer is lost would be a lie; so the batch ends here, and
 * says how far it came. */
static void no_room(struct request *r)
{
    char detail[128];
    snprintf(detail, sizeof detail,
             "the answers have no room; lines 1 to %llu took effect, the others did not",
             (unsigned long long)r->batch.line);
    spool_free(r->batch.spool);
    r->batch.spool = NULL;
    request_problem(r, PROBLEM_STORAGE, detail);
}

static void put_answer(struct request *r, struct span answer)
{
    if (r->batch.spool == NULL)
        return; /* no_room() has answered */
    if (spool_put(r->batch.spool, answer) != ST_OK ||
        spool_put(r->batch.spool, span_of("\n", 1)) != ST_OK)
        no_room(r);
}

static void put_problem(struct request *r, enum problem p, const struct problem_error *error)
{
    struct text out;
    struct problem_about about = {
        .detail = error ? error->detail : NULL, .error = error, .line = r->batch.line};
    text_init(&out, r->problem_bytes, sizeof r->problem_bytes);
    problem_write(p, &about, &out);
    put_answer(r, text_span(&out));
}

static void line_answered(struct score *s)
{
    struct request *r = s->user;
    struct reply reply = {0};
    struct problem_error error;
    score_reply(s, &reply);
    if (reply.status != 0)
        put_answer(r, reply.body);
    else
        put_problem(r, score_problem(s), score_problem_error(s, &error));
}

static void reply_batch(struct request *r)
{
    r->reply.spool = r->batch.spool;
    r->batch.spool = NULL;
    r->reply.status = 200;
    r->reply.content_type = "application/x-ndjson";
    request_finish(r);
}

/* The line's arena is free again: the next one may come. */
static void line_released(struct score *s)
{
    struct request *r = s->user;
    r->batch.under_way = false;
    next_line(r);
    if (r->reply.status == 0 && r->batch.ended)
        reply_batch(r);
    else
        request_wake(r);
    request_drop(r);
}

static void start_line(struct request *r)
{
    struct engine *engine = r->worker->engine;
    struct score_intake intake = {.now_ms = clock_wall_ms(),
                                  .deadline_us = clock_mono_us() +
                                                 (int64_t)engine->options.deadline_ms * 1000,
                                  .historic = r->batch.historic,
                                  .explain = r->batch.explain,
                                  .labels_allowed = true,
                                  .transactions_allowed = true};
    arena_reset(&r->arena);
    r->score = (struct score){.engine = engine,
                              .arena = &r->arena,
                              .intake = intake,
                              .done = line_answered,
                              .released = line_released,
                              .user = r};
    r->batch.under_way = true;
    request_hold(r);
    score_start(&r->score, span_of(r->body_bytes, r->batch.line_bytes));
}

static bool is_blank(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.base[i] != ' ' && s.base[i] != '\t' && s.base[i] != '\r')
            return false;
    return true;
}

/* The line in the body is whole. */
static void end_line(struct request *r)
{
    struct batch *b = &r->batch;
    b->line++;
    if (b->too_long) {
        put_problem(r, PROBLEM_TOO_LARGE, NULL);
        next_line(r);
    } else if (is_blank(span_of(r->body_bytes, b->line_bytes))) {
        next_line(r);
    } else {
        start_line(r);
    }
}

static void keep_piece(struct request *r, const char *data, size_t n)
{
    struct batch *b = &r->batch;
    if (b->too_long || n > r->worker->server->options.line_bytes_max - b->line_bytes) {
        b->too_long = true;
        return;
    }
    memcpy(r->body_bytes + b->line_bytes, data, n);
    b->line_bytes += n;
}

static enum status begin(struct request *r)
{
    const struct http_options *o = &r->worker->server->options;
    struct batch *b = &r->batch;
    if (request_query_bool(r, "explain", &b->explain) != ST_OK ||
        request_query_bool(r, "historic", &b->historic) != ST_OK)
        return ST_INVALID;
    b->spool = spool_new(o->spool_dir, o->spool_bytes_max);
    if (b->spool == NULL) {
        request_problem(r, PROBLEM_OVERLOADED, NULL);
        return ST_NO_SPACE;
    }
    return ST_OK;
}

size_t batch_feed(struct request *r, const char *data, size_t n)
{
    struct batch *b = &r->batch;
    size_t taken = 0;
    if (b->spool == NULL && begin(r) != ST_OK)
        return 0;
    while (taken < n && !b->under_way && r->reply.status == 0) {
        const char *end = memchr(data + taken, '\n', n - taken);
        size_t piece = end ? (size_t)(end - data) - taken : n - taken;
        keep_piece(r, data + taken, piece);
        taken += piece + (end != NULL);
        if (end != NULL)
            end_line(r);
    }
    return taken;
}

/* The body is whole: the last line may lack its newline. */
void on_batch(struct request *r)
{
    struct batch *b = &r->batch;
    if (b->spool == NULL && begin(r) != ST_OK)
        return;
    if (b->line_bytes > 0 || b->too_long)
        end_line(r);
    b->ended = true;
    if (!b->under_way && r->reply.status == 0)
        reply_batch(r);
}

void batch_free(struct batch *b)
{
    spool_free(b->spool);
    b->spool = NULL;
}
