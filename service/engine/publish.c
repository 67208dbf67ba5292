#include "service/engine/publish.h"

#include "service/base/check.h"
#include "service/engine/engine_internal.h"

#include <stdlib.h>

struct publisher {
    struct engine *engine;
    struct snapshot *snap; /* a reference, while its layouts are under way */
    struct call calls[FEATURE_KEY_FIELDS_MAX];
    int n_open;
    bool failed;
    uint64_t published; /* snapshot.id; 0: none */
};

struct publisher *publisher_new(struct engine *e)
{
    struct publisher *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    p->engine = e;
    return p;
}

void publisher_free(struct publisher *p)
{
    CHECK(p == NULL || p->n_open == 0);
    free(p);
}

/* One that failed is tried again with the next event. */
static void end(struct publisher *p)
{
    if (--p->n_open > 0)
        return;
    if (!p->failed)
        p->published = p->snap->id;
    snapshot_unref(p->snap);
    p->snap = NULL;
}

static void returned(struct call *c)
{
    struct publisher *p = c->user;
    p->failed |= c->status != ST_OK;
    end(p);
}

static void publish_one(struct publisher *p, int key)
{
    const struct layout *layout = plan_layout(p->snap->features.keys[key].plan);
    p->calls[key] = (struct call){
        .op = {.verb = STATE_LAYOUT_PUT, .layout_id = layout->id, .claim = layout->text},
        .then = returned,
        .user = p};
    call_start(p->engine->state, &p->calls[key]);
}

void publish_layouts(struct engine *e, struct snapshot *snap)
{
    struct publisher *p = e->parts->publisher;
    if (snap->id == p->published || p->n_open > 0 || !state_available(e->state))
        return;
    p->snap = snapshot_ref(snap);
    p->failed = false;
    p->n_open = 1; /* ours, so that it ends once even when all complete at once */
    for (int i = 0; i < snap->features.n_keys; i++) {
        p->n_open++;
        publish_one(p, i);
    }
    end(p);
}

void publish_again(struct engine *e)
{
    e->parts->publisher->published = 0;
}
