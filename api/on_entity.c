/* GET and DELETE /v1/entities/{field}/{value}: an entity's features, and its erasure. */
#include "api/http_worker.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/engine/entity.h"

#include <stdio.h>

static void reply_invalid(struct request *r, const char *wrong)
{
    char detail[160];
    snprintf(detail, sizeof detail, "the value %s", wrong);
    request_problem(r, PROBLEM_PARAMETER, detail);
}

static void reply_failed(struct entity_query *q)
{
    struct request *r = q->user;
    switch (q->status) {
    case ST_INVALID:
        reply_invalid(r, q->wrong);
        return;
    case ST_NOT_FOUND:
        request_problem(r, PROBLEM_NOT_FOUND, "the ruleset has no key field of this name");
        return;
    case ST_CORRUPT:
        request_problem(r, PROBLEM_INTERNAL, "the entity's log cannot be read");
        return;
    default:
        request_problem(r, PROBLEM_UNAVAILABLE, NULL);
        return;
    }
}

static void was_read(struct entity_query *q)
{
    if (q->status == ST_OK)
        request_reply(q->user, 200, "application/json", q->answer);
    else
        reply_failed(q);
}

/* The audit's line names the field and the request, never the value. */
static void log_erasure(const struct request *r)
{
    char field[SCHEMA_STRING_MAX], id[17];
    snprintf(field, sizeof field, "%.*s", SPAN_ARG(r->params[0]));
    snprintf(id, sizeof id, "%016llx", (unsigned long long)r->id);
    log_info("entity erased", LOG_TEXT("field", field), LOG_TEXT("request", id));
}

static void was_erased(struct entity_query *q)
{
    struct request *r = q->user;
    if (q->status != ST_OK) {
        reply_failed(q);
        return;
    }
    log_erasure(r);
    request_reply(r, 204, NULL, span_of(NULL, 0));
}

static void released(struct entity_query *q)
{
    request_drop(q->user);
}

/* The time asked for, or now. A + that was sent as it is has become a space, which no time has. */
static enum status at_of(struct request *r, int64_t now_ms, int64_t *ret_at_ms)
{
    const char *raw = request_query(r, "at");
    struct span text;
    *ret_at_ms = now_ms;
    if (raw == NULL ||
        (uri_decode(span_str(raw), &r->arena, &text) == ST_OK && reader_timestamp(text, ret_at_ms)))
        return ST_OK;
    request_problem(r, PROBLEM_PARAMETER,
                    strchr(raw, ' ') != NULL
                        ? "at must be an RFC 3339 time with an offset, and its + is written %2B"
                        : "at must be an RFC 3339 time with an offset");
    return ST_INVALID;
}

static void start(struct request *r, int64_t at_ms, void (*done)(struct entity_query *),
                  void (*run)(struct entity_query *))
{
    struct engine *engine = r->worker->engine;
    void *room;
    CHECK(arena_alloc(&r->arena, sizeof(struct entity_query), &room) == ST_OK);
    struct entity_query *q = room;
    *q = (struct entity_query){.engine = engine,
                               .arena = &r->arena,
                               .field = r->params[0],
                               .value = r->params[1],
                               .now_ms = clock_wall_ms(),
                               .at_ms = at_ms,
                               .deadline_us =
                                   clock_mono_us() + (int64_t)engine->options.deadline_ms * 1000,
                               .done = done,
                               .released = released,
                               .user = r};
    request_hold(r);
    run(q);
}

void on_entity(struct request *r)
{
    int64_t at_ms;
    if (at_of(r, clock_wall_ms(), &at_ms) == ST_OK)
        start(r, at_ms, was_read, entity_read);
}

void on_entity_erase(struct request *r)
{
    start(r, 0, was_erased, entity_erase);
}
