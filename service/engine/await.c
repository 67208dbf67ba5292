/*
 * Another attempt at the same transaction is under way, or has died.
 *
 * Its record stands in the logs we have read, so our own decision, over the log up to that
 * record, is made already, and is the one that attempt would come to. Still its answer is
 * waited for, since it may have been given without state: looked for after 1, 2, 4, ... ms
 * until the deadline, and then ours is told and settled. Declared in steps.h.
 */
#include "service/engine/steps.h"

#include "service/base/clock.h"

enum { AWAIT_MS_MAX = 64 }; /* between two looks */

static void look_again(struct score_steps *x)
{
    int64_t next_us = clock_mono_us() + x->await_ms * 1000;
    int64_t deadline_us = x->score->intake.deadline_us;
    x->is_awaiting = true;
    x->await_ms = x->await_ms < AWAIT_MS_MAX ? 2 * x->await_ms : AWAIT_MS_MAX;
    timers_set(&x->engine->parts->timers, &x->timer, next_us < deadline_us ? next_us : deadline_us);
}

void await_other(struct score_steps *x)
{
    if (!x->is_answered)
        x->score->replayed = true;
    if (x->is_answered || x->engine->loop == NULL || x->score->intake.deadline_us == 0) {
        score_settle(x);
        return;
    }
    stats_add(&x->engine->stats->awaited, 1);
    x->await_ms = 1;
    look_again(x);
}

/* Its answer, when it stands there now. */
static void take(struct call *c)
{
    struct score_steps *x = c->user;
    struct claim claim;
    if (!claim_is_decided(x->found[0]) || claim_decode(x->found[0], &claim) != ST_OK)
        return;
    char *room = arena_try(x->arena, claim.rest.len);
    if (room == NULL)
        return;
    memcpy(room, claim.rest.base, claim.rest.len);
    x->stored = span_of(room, claim.rest.len);
    x->as = OBSERVED_DECIDED;
}

static void looked(struct call *c)
{
    struct score_steps *x = steps_returned(c);
    if (x->as == OBSERVED_DECIDED)
        score_observed(x);
    else if (x->is_answered || c->status != ST_OK)
        score_settle(x);
    else
        look_again(x);
}

void await_look(struct score_steps *x)
{
    x->is_awaiting = false; /* while the look is under way, the timer is the deadline's again */
    timers_set(&x->engine->parts->timers, &x->timer, x->score->intake.deadline_us);
    struct state_op op = {
        .verb = STATE_PEEK, .hashes = &x->event.txn_hash, .n_hashes = 1, .found = x->found};
    steps_call(x, &op, take, looked);
}
