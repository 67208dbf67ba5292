#include "service/engine/lookup.h"

#include "service/engine/engine_internal.h"
#include "service/state/claim.h"

static void tell(struct lookup *l, enum status st)
{
    if (l->is_told)
        return;
    l->is_told = true;
    timers_clear(&l->timer);
    l->status = st;
    l->done(l);
}

static void on_deadline(struct timer *t)
{
    tell(t->user, ST_UNAVAILABLE);
}

/* The claim is borrowed from the state for this call alone. */
static void take_claim(struct call *c)
{
    struct lookup *l = c->user;
    struct claim claim;
    l->found_status = ST_NOT_FOUND;
    if (l->is_told || c->op.n_found == 0 || !claim_is_decided(l->found))
        return;
    if (claim_decode(l->found, &claim) != ST_OK) {
        stats_add(&l->engine->stats->corrupt, 1);
        l->found_status = ST_CORRUPT;
        return;
    }
    char *copy = arena_try(l->arena, claim.rest.len);
    l->found_status = copy != NULL ? ST_OK : ST_NO_SPACE;
    if (copy == NULL)
        return;
    memcpy(copy, claim.rest.base, claim.rest.len);
    l->answer = span_of(copy, claim.rest.len);
}

static void looked(struct call *c)
{
    struct lookup *l = c->user;
    tell(l, c->status == ST_OK ? l->found_status : ST_UNAVAILABLE);
    l->released(l);
}

void lookup_start(struct lookup *l)
{
    struct engine *e = l->engine;
    l->is_told = false;
    l->hash = hash_u64(&e->state->hash_key, l->txn_id);
    l->timer = (struct timer){.fire = on_deadline, .user = l};
    if (e->loop != NULL && l->deadline_us > 0)
        timers_set(&e->parts->timers, &l->timer, l->deadline_us);
    l->call = (struct call){.op = {.verb = STATE_PEEK,
                                   .now_ms = l->now_ms,
                                   .hashes = &l->hash,
                                   .n_hashes = 1,
                                   .found = &l->found},
                            .take = take_claim,
                            .then = looked,
                            .user = l};
    call_start(e->state, &l->call);
}
