#include "service/engine/tally_look.h"

#include "service/engine/engine_internal.h"

static void tell(struct tally_look *l, enum status st)
{
    if (l->is_told)
        return;
    l->is_told = true;
    timers_clear(&l->timer);
    l->status = st;
    l->tally = st == ST_OK ? &l->sums : &l->none;
    l->done(l);
}

static void on_deadline(struct timer *t)
{
    tell(t->user, ST_UNAVAILABLE);
}

static void looked(struct call *c)
{
    struct tally_look *l = c->user;
    tell(l, c->status == ST_OK ? ST_OK : ST_UNAVAILABLE);
    tally_fini(&l->sums);
    l->released(l);
}

void tally_look_start(struct tally_look *l)
{
    struct engine *e = l->engine;
    l->is_told = false;
    l->none = (struct tally){0};
    tally_init(&l->sums);
    l->timer = (struct timer){.fire = on_deadline, .user = l};
    if (e->loop != NULL && l->deadline_us > 0)
        timers_set(&e->parts->timers, &l->timer, l->deadline_us);
    l->call =
        (struct call){.op = {.verb = STATE_TALLY, .tally = &l->sums}, .then = looked, .user = l};
    call_start(e->state, &l->call);
}
