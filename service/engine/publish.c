#include "service/engine/publish.h"

#include "service/base/check.h"
#include "service/engine/covered.h"
#include "service/engine/engine_internal.h"
#include "service/state/coverage.h"

#include <stdlib.h>

/* Other instances come with another ruleset, or have filled in what was missing. One that starts
 * with an older ruleset does not write a key field that is new: for so long others may not know. */
enum { LOOK_EVERY_MS = 100 };

struct publisher {
    struct engine *engine;
    struct snapshot *snap; /* a reference, while its layouts or coverage are under way */
    int64_t now_ms;
    struct call calls[FEATURE_KEY_FIELDS_MAX];
    struct call coverage;
    struct span found[1];
    struct span stands;   /* what was found, in `before` */
    char *before, *after; /* COVERAGE_TEXT_MAX each: what stood there, what is put there */
    struct text text;
    bool differs;
    int n_open;
    bool failed;
    bool is_off;
    uint64_t published; /* snapshot.id; 0: none */
    uint64_t looked_ms; /* by the loop's clock */
};

struct publisher *publisher_new(struct engine *e)
{
    struct publisher *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    p->engine = e;
    p->before = malloc(COVERAGE_TEXT_MAX);
    p->after = malloc(COVERAGE_TEXT_MAX);
    CHECK(p->before != NULL && p->after != NULL);
    return p;
}

void publisher_free(struct publisher *p)
{
    if (p == NULL)
        return;
    CHECK(p->n_open == 0);
    free(p->before);
    free(p->after);
    free(p);
}

/* One that failed is tried again with the next event. */
static void end(struct publisher *p)
{
    if (--p->n_open > 0)
        return;
    p->published = p->failed ? 0 : p->snap->id;
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

/* ---- coverage: read, and put there what is missing ---- */

static void take_coverage(struct call *c)
{
    struct publisher *p = c->user;
    struct span found = p->found[0];
    if (found.len > COVERAGE_TEXT_MAX)
        return;
    if (found.len > 0)
        memcpy(p->before, found.base, found.len);
    p->stands = span_of(p->before, found.len);
    text_init(&p->text, p->after, COVERAGE_TEXT_MAX);
    p->differs = covered_take(p->snap, p->stands, p->now_ms, &p->text);
}

static void put(struct call *c)
{
    struct publisher *p = c->user;
    if (c->status == ST_OK && c->op.is_settled)
        covered_told(p->snap);
    else
        p->failed = true; /* another instance was quicker: with the next event it is read again */
    end(p);
}

static void looked(struct call *c)
{
    struct publisher *p = c->user;
    p->failed |= c->status != ST_OK;
    if (c->status != ST_OK || !p->differs) {
        end(p);
        return;
    }
    p->coverage = (struct call){.op = {.verb = STATE_COVERAGE,
                                       .claim = text_span(&p->text),
                                       .expected = p->stands,
                                       .found = p->found},
                                .then = put,
                                .user = p};
    call_start(p->engine->state, &p->coverage);
}

/* In order behind it comes the first observation: what is read here is known when its logs are. */
static void look(struct publisher *p)
{
    p->differs = false;
    p->n_open++;
    p->coverage = (struct call){.op = {.verb = STATE_COVERAGE, .found = p->found},
                                .take = take_coverage,
                                .then = looked,
                                .user = p};
    call_start(p->engine->state, &p->coverage);
}

/* In memory a fill writes it beside us. */
static bool look_is_due(const struct publisher *p)
{
    const struct engine *e = p->engine;
    return e->loop != NULL && uv_now(e->loop) - p->looked_ms >= LOOK_EVERY_MS;
}

void publish_layouts(struct engine *e, struct snapshot *snap, int64_t now_ms)
{
    struct publisher *p = e->parts->publisher;
    /* One that came back has the id of before, and what stands there is the other's. */
    bool is_new = snap->id != p->published || !covered_is_told(snap);
    if ((!is_new && !look_is_due(p)) || p->is_off || p->n_open > 0 || !state_available(e->state))
        return;
    p->snap = snapshot_ref(snap);
    p->now_ms = now_ms > snap->loaded_at_ms ? now_ms : snap->loaded_at_ms;
    p->looked_ms = e->loop != NULL ? uv_now(e->loop) : 0;
    p->failed = false;
    p->n_open = 1; /* ours, so that it ends once even when all complete at once */
    for (int i = 0; i < snap->features.n_keys && is_new; i++) {
        p->n_open++;
        publish_one(p, i);
    }
    look(p);
    end(p);
}

void publish_nothing(struct engine *e)
{
    e->parts->publisher->is_off = true;
}

void publish_again(struct engine *e)
{
    e->parts->publisher->published = 0;
}
