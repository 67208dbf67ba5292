#include "api/batch.h"

#include "api/http_worker.h"
#include "api/score_reply.h"
#include "api/spool.h"
#include "service/base/clock.h"

#include <stdio.h>

/* ---- answers ---- */

/* A line that took effect and whose answer is lost would be a lie; so the batch ends here, and
 * says how far it came. */
static void give_up(struct request *r, enum problem p)
{
    char detail[128];
    snprintf(detail, sizeof detail, "lines 1 to %llu took effect, later ones did not",
             (unsigned long long)(r->batch.n_lines - (r->batch.held != NULL)));
    spool_free(r->batch.spool);
    r->batch.spool = NULL;
    request_problem(r, p, detail);
}

static void put_answer(struct request *r, struct span answer)
{
    if (r->batch.spool == NULL)
        return; /* given up */
    if (spool_put(r->batch.spool, answer) != ST_OK ||
        spool_put(r->batch.spool, span_of("\n", 1)) != ST_OK)
        give_up(r, PROBLEM_STORAGE);
}

static void put_problem(struct request *r, uint64_t line, enum problem p,
                        const struct problem_error *error)
{
    char bytes[PROBLEM_BYTES_MAX];
    struct text out;
    struct problem_about about = {
        .detail = error ? error->detail : NULL, .error = error, .line = line};
    text_init(&out, bytes, sizeof bytes);
    problem_write(p, &about, &out);
    put_answer(r, text_span(&out));
}

static void put_too_long(struct request *r, uint64_t line)
{
    char detail[64];
    struct problem_error error = {.offset = -1, .detail = detail};
    snprintf(detail, sizeof detail, "a line may have %zu bytes here",
             r->worker->server->options.line_bytes_max);
    put_problem(r, line, PROBLEM_TOO_LARGE, &error);
}

static void put_line_answer(struct request *r, const struct request *l)
{
    struct reply reply = {0};
    struct problem_error error;
    if (l->line.too_long) {
        put_too_long(r, l->line.number);
        return;
    }
    score_reply(&l->score, &reply);
    if (reply.status != 0)
        put_answer(r, reply.body);
    else
        put_problem(r, l->line.number, score_problem(&l->score),
                    score_problem_error(&l->score, &error));
}

static void reply_batch(struct request *r)
{
    r->reply.spool = r->batch.spool;
    r->batch.spool = NULL;
    r->reply.status = 200;
    r->reply.content_type = "application/x-ndjson";
    request_finish(r);
}

/* ---- lines under way ---- */

static struct request **place(struct batch *b, uint64_t i)
{
    return &b->lines[i % BATCH_LINES_MAX];
}

/* What has landed at the front is written, in order. */
static void write_landed(struct request *r)
{
    struct batch *b = &r->batch;
    while (b->first < b->next && (*place(b, b->first))->line.is_landed) {
        struct request *l = *place(b, b->first++);
        put_line_answer(r, l);
        request_drop(l);
    }
}

static bool must_wait(struct batch *b, const struct request *l)
{
    for (uint64_t i = b->first; i < b->next; i++)
        if (touches_share(&(*place(b, i))->line.touches, &l->line.touches))
            return true;
    return b->next - b->first == BATCH_LINES_MAX;
}

static void advance(struct request *r);

static void line_answered(struct score *s)
{
    (void)s; /* the answer stands in the score, and is written when the line has landed */
}

static void line_released(struct score *s)
{
    struct request *l = s->user;
    struct request *r = l->line.batch;
    l->line.is_landed = true;
    advance(r);
    request_drop(r);
}

static void start_score(struct request *l)
{
    struct engine *engine = l->worker->engine;
    const struct batch *b = &l->line.batch->batch;
    int64_t deadline_us = clock_mono_us() + b->deadline_ms * 1000;
    l->score = (struct score){.engine = engine,
                              .arena = &l->arena,
                              .intake = {.now_ms = clock_wall_ms(),
                                         .deadline_us = deadline_us,
                                         .historic = b->historic,
                                         .detail = b->explain ? DECISION_EXPLAINED : DECISION_PLAIN,
                                         .labels_allowed = true,
                                         .transactions_allowed = true},
                              .done = line_answered,
                              .released = line_released,
                              .user = l};
    request_hold(l->line.batch);
    score_start(&l->score, l->body);
}

static void start_line(struct request *r, struct request *l)
{
    *place(&r->batch, r->batch.next++) = l;
    if (l->line.too_long) {
        l->line.is_landed = true;
        write_landed(r);
    } else {
        start_score(l);
    }
}

/* Some line has landed: write, start the one that waited, go on reading or reply. */
static void advance(struct request *r)
{
    struct batch *b = &r->batch;
    write_landed(r);
    struct request *held = b->held;
    if (held != NULL && r->reply.status == 0 && !must_wait(b, held)) {
        b->held = NULL;
        start_line(r, held);
    }
    if (r->reply.status == 0 && b->ended && b->held == NULL && b->first == b->next)
        reply_batch(r);
    else if (b->held == NULL)
        request_wake(r);
}

/*
 * What the line touches. With the state in memory a line has taken effect when score_start
 * returns, whatever its answer still waits for: it need not be looked into.
 */
static void note_touches(struct request *l)
{
    struct engine *engine = l->worker->engine;
    struct reader_error error;
    struct event event;
    void *values;
    if (engine->state_keeps_journal)
        return;
    struct snapshot *snap = snapshot_current(engine->snapshots);
    size_t bytes = (size_t)snap->schema.count * sizeof(struct txn_value);
    if (arena_alloc(&l->arena, bytes, &values) == ST_OK &&
        reader_read(&snap->schema, &engine->state->hash_key, l->body, &l->arena, values, &event,
                    &error) == ST_OK)
        touches_of(snap, &engine->state->hash_key, &event, &l->line.touches);
    snapshot_unref(snap);
    arena_reset(&l->arena);
}

/* ---- reading ---- */

/* The line in the body is whole: it gets a slot, and starts or is held. */
static void end_line(struct request *r)
{
    struct batch *b = &r->batch;
    struct span text = span_of(r->body_bytes, b->line_bytes);
    bool too_long = b->too_long;
    b->line_bytes = 0;
    b->too_long = false;
    b->n_lines++;
    if (!too_long && span_is_blank(text))
        return;
    struct request *l = request_take(r->worker);
    if (l == NULL) {
        b->n_lines--;
        give_up(r, PROBLEM_OVERLOADED);
        return;
    }
    memcpy(l->body_bytes, text.base, text.len);
    l->body.len = text.len;
    l->line = (struct batch_line){.batch = r, .number = b->n_lines, .too_long = too_long};
    if (!too_long)
        note_touches(l);
    if (must_wait(b, l))
        b->held = l;
    else
        start_line(r, l);
}

static void keep_piece(struct request *r, const char *data, size_t n)
{
    struct batch *b = &r->batch;
    if (b->too_long || n > r->worker->server->options.line_bytes_max - b->line_bytes) {
        b->too_long = true;
        b->line_bytes = 0;
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
        request_query_bool(r, "historic", &b->historic) != ST_OK ||
        request_deadline_ms(r, &b->deadline_ms) != ST_OK)
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
    while (taken < n && b->held == NULL && r->reply.status == 0) {
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
    if (r->reply.status == 0 && b->held == NULL && b->first == b->next)
        reply_batch(r);
}

void batch_free(struct batch *b)
{
    spool_free(b->spool);
    if (b->held != NULL)
        request_drop(b->held);
}
