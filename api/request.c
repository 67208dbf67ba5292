#include "api/request.h"

#include "api/http_worker.h"
#include "api/library_pages.h"
#include "api/spool.h"
#include "api/stream.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/decode.h"

#include <stdlib.h>
#include <sys/mman.h>

enum {
    PAGE_BYTES = 4096,
    SLOT_BYTES = (sizeof(struct request) + READER_BODY_MAX + SCORE_ARENA_BYTES + PAGE_BYTES - 1) /
                 PAGE_BYTES * PAGE_BYTES,
    /* A slot whose body was larger gives its pages back: one big burst must not stay resident. */
    SLOT_WARM_BYTES = 8 << 10,
    DEADLINE_MS_MAX = 60000, /* as of deadline_ms */
};

struct request *request_slot(const struct http_worker *w, int i)
{
    return (struct request *)((char *)w->slots + (size_t)i * SLOT_BYTES);
}

enum status requests_open(struct http_worker *w)
{
    w->free_requests = calloc(HTTP_REQUESTS_MAX, sizeof *w->free_requests);
    w->slots = mmap(NULL, (size_t)HTTP_REQUESTS_MAX * SLOT_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (w->free_requests == NULL || w->slots == MAP_FAILED)
        return ST_NO_SPACE;
    for (int i = HTTP_REQUESTS_MAX; i-- > 0;)
        w->free_requests[w->n_free++] = request_slot(w, i);
    return ST_OK;
}

void requests_close(struct http_worker *w)
{
    free(w->free_requests);
    if (w->slots != NULL && w->slots != MAP_FAILED)
        munmap(w->slots, (size_t)HTTP_REQUESTS_MAX * SLOT_BYTES);
}

struct request *request_take(struct http_worker *w)
{
    if (w->n_free == 0)
        return NULL;
    struct request *r = w->free_requests[--w->n_free];
    memset(r, 0, offsetof(struct request, problem_bytes));
    r->worker = w;
    r->id = w->next_id++;
    r->started_us = clock_mono_us();
    r->body_bytes = (char *)(r + 1);
    r->body.base = r->body_bytes;
    arena_init(&r->arena, r->body_bytes + READER_BODY_MAX, SCORE_ARENA_BYTES);
    r->holds = 1;
    return r;
}

void request_hold(struct request *r)
{
    r->holds++;
}

/* Give back the pages behind the warm part. Only a large body touches many, and only then is
 * it worth what unmapping costs. */
static void cool(struct request *r)
{
    if (r->body.len <= SLOT_WARM_BYTES)
        return;
    char *from = (char *)r + sizeof *r + SLOT_WARM_BYTES;
    from += PAGE_BYTES - (uintptr_t)from % PAGE_BYTES;
    madvise(from, (size_t)((char *)r + SLOT_BYTES - from), MADV_DONTNEED);
}

void request_drop(struct request *r)
{
    struct http_worker *w = r->worker;
    CHECK(r->holds > 0);
    if (--r->holds > 0)
        return;
    batch_free(&r->batch);
    spool_free(r->reply.spool);
    spool_free(r->upload);
    stream_free(r->reply.stream);
    free(r->reply.owned);
    cool(r);
    w->free_requests[w->n_free++] = r;
}

void request_sleep(struct request *r)
{
    r->suspended = true;
    conns_waiting(&r->worker->conns, r->conn);
    MHD_suspend_connection(r->mhd);
}

void request_wake(struct request *r)
{
    if (!r->suspended)
        return;
    r->suspended = false;
    conns_busy(&r->worker->conns, r->conn, clock_mono_us());
    MHD_resume_connection(r->mhd);
    http_worker_again(r->worker);
}

void request_finish(struct request *r)
{
    CHECK(r->reply.status != 0);
    request_wake(r);
}

void request_reply(struct request *r, unsigned status, const char *content_type, struct span body)
{
    r->reply.status = status;
    r->reply.content_type = content_type;
    r->reply.body = body;
    request_finish(r);
}

static void reply_problem(struct request *r, enum problem p, const struct problem_about *about)
{
    struct text out;
    text_init(&out, r->problem_bytes, sizeof r->problem_bytes);
    problem_write(p, about, &out);
    r->reply.retry_after = problem_status(p) == 503;
    request_reply(r, problem_status(p), "application/problem+json", text_span(&out));
}

void request_problem(struct request *r, enum problem p, const char *detail)
{
    struct problem_about about = {.detail = detail, .request_id = r->id};
    reply_problem(r, p, &about);
}

void request_problem_about(struct request *r, enum problem p, const struct problem_error *error)
{
    struct problem_about about = {
        .detail = error ? error->detail : NULL, .error = error, .request_id = r->id};
    reply_problem(r, p, &about);
}

static const char *lookup(struct request *r, enum MHD_ValueKind kind, const char *name)
{
    const char *value = NULL;
    size_t len;
    if (MHD_lookup_connection_value_n(r->mhd, kind, name, strlen(name), &value, &len) != MHD_YES)
        return NULL;
    return value ? value : "";
}

const char *request_query(struct request *r, const char *name)
{
    return lookup(r, MHD_GET_ARGUMENT_KIND, name);
}

const char *request_header(struct request *r, const char *name)
{
    return lookup(r, MHD_HEADER_KIND, name);
}

enum status request_query_bool(struct request *r, const char *name, bool *ret_value)
{
    const char *value = request_query(r, name);
    bool yes = value != NULL && strcmp(value, "true") == 0;
    if (value != NULL && !yes && strcmp(value, "false") != 0) {
        char detail[64];
        snprintf(detail, sizeof detail, "%s must be true or false", name);
        request_problem(r, PROBLEM_PARAMETER, detail);
        return ST_INVALID;
    }
    *ret_value = yes;
    return ST_OK;
}

enum status request_deadline_ms(struct request *r, int64_t *ret_ms)
{
    const char *text = request_header(r, "Sluice-Deadline-Ms");
    uint64_t ms = (uint64_t)r->worker->engine->options.deadline_ms;
    if (text != NULL && (!decode_u64(span_str(text), 10, &ms) || ms < 1 || ms > DEADLINE_MS_MAX)) {
        request_problem(r, PROBLEM_PARAMETER, "Sluice-Deadline-Ms must be 1 to 60000");
        return ST_INVALID;
    }
    *ret_ms = (int64_t)ms;
    return ST_OK;
}

enum status request_heap_text(struct request *r, size_t cap, struct text *ret_text)
{
    CHECK(r->reply.owned == NULL);
    r->reply.owned = malloc(cap);
    if (r->reply.owned == NULL) {
        request_problem(r, PROBLEM_OVERLOADED, NULL);
        return ST_NO_SPACE;
    }
    text_init(ret_text, r->reply.owned, cap);
    return ST_OK;
}
