/* GET /v1/decisions/{transaction_id}: what was answered, from the transaction's claim. */
#include "api/http_worker.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/lookup.h"

static void looked_up(struct lookup *l)
{
    struct request *r = l->user;
    switch (l->status) {
    case ST_OK:
        request_reply(r, 200, "application/json", l->answer);
        return;
    case ST_NOT_FOUND:
        request_problem(r, PROBLEM_NOT_FOUND, "no decision is kept under this id");
        return;
    case ST_CORRUPT:
        request_problem(r, PROBLEM_INTERNAL, "the decision cannot be read");
        return;
    default:
        request_problem(r, PROBLEM_UNAVAILABLE, NULL);
        return;
    }
}

static void released(struct lookup *l)
{
    request_drop(l->user);
}

void on_decision(struct request *r)
{
    struct engine *engine = r->worker->engine;
    void *room;
    CHECK(arena_alloc(&r->arena, sizeof(struct lookup), &room) == ST_OK);
    struct lookup *l = room;
    *l = (struct lookup){.engine = engine,
                         .arena = &r->arena,
                         .txn_id = r->params[0],
                         .now_ms = clock_wall_ms(),
                         .deadline_us =
                             clock_mono_us() + (int64_t)engine->options.deadline_ms * 1000,
                         .done = looked_up,
                         .released = released,
                         .user = r};
    request_hold(r);
    lookup_start(l);
}
