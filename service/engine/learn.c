#include "service/engine/learn.h"

#include "service/engine/layouts.h"

#include <stdlib.h>

static void take(struct call *c)
{
    struct learning *l = c->user;
    struct layouts *known = snapshot_slot_layouts(l->engine->snapshots);
    for (int i = 0; i < c->op.n_found; i++)
        if (layouts_learn(known, l->found[i]) != ST_OK)
            stats_add(&l->engine->stats->corrupt, 1);
}

static void returned(struct call *c)
{
    struct learning *l = c->user;
    free(l->found);
    l->then(l->user, c->status);
}

void learn_layouts(struct engine *e, struct learning *l, void (*then)(void *user, enum status st),
                   void *user)
{
    *l = (struct learning){.engine = e, .then = then, .user = user};
    l->found = calloc(STATE_PEEK_MAX, sizeof *l->found);
    if (l->found == NULL) {
        then(user, ST_NO_SPACE);
        return;
    }
    l->call = (struct call){.op = {.verb = STATE_LAYOUTS, .found = l->found},
                            .take = take,
                            .then = returned,
                            .user = l};
    call_start(e->state, &l->call);
}
