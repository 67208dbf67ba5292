#include "service/engine/call.h"

static void returned(struct state_op *op, enum status st)
{
    struct call *c = op->user;
    c->status = st;
    if (st == ST_OK && c->take != NULL)
        c->take(c);
    c->is_under_way = false;
    if (!c->is_starting)
        c->then(c);
}

void call_start(struct state *state, struct call *c)
{
    c->op.done = returned;
    c->op.user = c;
    c->is_starting = true;
    c->is_under_way = true;
    state_submit(state, &c->op);
    c->is_starting = false;
    if (!c->is_under_way)
        c->then(c);
}
