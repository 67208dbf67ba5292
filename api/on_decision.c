/* GET /v1/decisions/{transaction_id}: what was answered, from the transaction's claim. */
#include "api/http_worker.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/state/claim.h"

/* In the request's arena, until the state has answered. */
struct lookup {
    struct state_op op;
    uint64_t hash;
    struct span found;
    struct request *request;
};

static void reply_claim(struct request *r, struct span bytes)
{
    struct claim claim;
    if (!claim_is_decided(bytes) || claim_decode(bytes, &claim) != ST_OK) {
        request_problem(r, PROBLEM_NOT_FOUND, "no decision is kept under this id");
        return;
    }
    struct text out;
    if (request_heap_text(r, claim.rest.len, &out) != ST_OK)
        return;
    text_put(&out, claim.rest); /* it is borrowed from the state for this call alone */
    request_reply(r, 200, "application/json", text_span(&out));
}

static void found(struct state_op *op, enum status st)
{
    struct lookup *l = op->user;
    struct request *r = l->request;
    if (st == ST_OK)
        reply_claim(r, op->n_found > 0 ? l->found : span_of(NULL, 0));
    else
        request_problem(r, PROBLEM_UNAVAILABLE, NULL);
    request_drop(r);
}

void on_decision(struct request *r)
{
    struct state *state = r->worker->engine->state;
    void *room;
    CHECK(arena_alloc(&r->arena, sizeof(struct lookup), &room) == ST_OK);
    struct lookup *l = room;
    l->request = r;
    l->hash = hash_u64(&state->hash_key, r->params[0]);
    l->op = (struct state_op){.verb = STATE_PEEK,
                              .now_ms = clock_wall_ms(),
                              .hashes = &l->hash,
                              .n_hashes = 1,
                              .found = &l->found,
                              .done = found,
                              .user = l};
    request_hold(r);
    state_submit(state, &l->op);
}
