#include "service/engine/parked_sweep.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/call.h"
#include "service/engine/frames.h"
#include "service/state/claim.h"

#include <stdlib.h>

enum { SWEEP_EVERY_MS = 5000 };

struct parked_sweep {
    struct engine *engine;
    uv_timer_t timer;
    struct call call;
    struct span found[STATE_PEEK_MAX];
    bool owes_frame; /* labels were given up, and the journal does not say so yet */
};

static void on_time(uv_timer_t *timer)
{
    parked_sweep_run(timer->data, clock_wall_ms());
}

static void start_timer(struct parked_sweep *p, uint64_t first_ms)
{
    CHECK(uv_timer_start(&p->timer, on_time, first_ms, SWEEP_EVERY_MS) == 0);
}

static void give_up(struct parked_sweep *p, struct span claim_bytes)
{
    struct engine *e = p->engine;
    struct claim claim;
    struct span label;
    if (claim_decode(claim_bytes, &claim) != ST_OK) {
        stats_add(&e->stats->corrupt, 1);
        return;
    }
    while (claim_next_label(&claim.rest, &label)) {
        stats_add(&e->stats->labels_dropped, 1);
        e->dead_label(e->user, label);
    }
}

static void take(struct call *c)
{
    struct parked_sweep *p = c->user;
    for (int i = 0; i < c->op.n_found; i++)
        give_up(p, p->found[i]);
}

static void write_frame(struct parked_sweep *p, int64_t now_ms)
{
    char bytes[FRAME_EXPIRED_BYTES];
    struct text out;
    uint64_t seq;
    text_init(&out, bytes, sizeof bytes);
    frame_put_expired(now_ms, &out);
    p->owes_frame =
        journal_append(p->engine->journal, FRAME_EXPIRED, text_span(&out), &seq) != ST_OK;
}

/* A look takes only as many as there is room for; the frame speaks of all. */
static void returned(struct call *c)
{
    struct parked_sweep *p = c->user;
    if (c->status != ST_OK)
        return; /* the next look comes with the timer */
    if (c->op.n_found > 0) {
        p->owes_frame = p->engine->state_keeps_journal && p->engine->journal != NULL;
        start_timer(p, 0);
    } else if (p->owes_frame) {
        write_frame(p, c->op.now_ms);
    }
}

void parked_sweep_run(struct parked_sweep *p, int64_t now_ms)
{
    if (call_is_under_way(&p->call) || !state_available(p->engine->state))
        return;
    p->call =
        (struct call){.op = {.verb = STATE_EXPIRE_PARKED, .now_ms = now_ms, .found = p->found},
                      .take = take,
                      .then = returned,
                      .user = p};
    call_start(p->engine->state, &p->call);
}

struct parked_sweep *parked_sweep_new(struct engine *e)
{
    struct parked_sweep *p = calloc(1, sizeof *p);
    CHECK(p != NULL && uv_timer_init(e->loop, &p->timer) == 0);
    p->engine = e;
    p->timer.data = p;
    start_timer(p, SWEEP_EVERY_MS);
    uv_unref((uv_handle_t *)&p->timer);
    return p;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void parked_sweep_free(struct parked_sweep *p)
{
    if (p == NULL)
        return;
    CHECK(!call_is_under_way(&p->call));
    uv_close((uv_handle_t *)&p->timer, on_closed);
}
