#include "service/cli/filling.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/engine/fill_feed.h"
#include "service/state/state_mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    CONNECT_WAIT_US = 1000,
    CONNECT_LOOKS_MAX = 5000,
};

struct filling {
    struct filling_options o;
    struct filler *filler;  /* NULL: nothing is filled in */
    struct fill_feed *feed; /* with Redis */
    _Atomic uint64_t logs;
    /* the run's, on its thread */
    struct state_redis_options redis; /* of its connection, which is nobody's to count */
    uv_loop_t loop;
};

/* ---- the state of a run ---- */

static enum status open_memory(void *user, const atomic_bool *stop, struct fill_options *o,
                               const char **ret_why)
{
    struct filling *f = user;
    (void)stop;
    (void)ret_why;
    o->state = state_mem_open(f->o.table, false);
    return ST_OK;
}

static void close_memory(void *user, struct fill_options *o)
{
    (void)user;
    state_close(o->state);
}

static void turn(void *user)
{
    struct filling *f = user;
    uv_run(&f->loop, UV_RUN_ONCE);
}

static void close_connection(struct filling *f, struct state *state)
{
    state_close(state);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&f->loop) == 0);
}

static enum status connect_state(struct filling *f, const atomic_bool *stop,
                                 struct state **ret_state)
{
    CHECK(uv_loop_init(&f->loop) == 0);
    struct state *state = state_redis_open(&f->redis, f->o.hash_key, &f->loop);
    for (int i = 0; i < CONNECT_LOOKS_MAX && !state_available(state) && !atomic_load(stop); i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(CONNECT_WAIT_US);
    }
    if (state_available(state)) {
        *ret_state = state;
        return ST_OK;
    }
    close_connection(f, state);
    return ST_UNAVAILABLE;
}

static enum status open_redis(void *user, const atomic_bool *stop, struct fill_options *o,
                              const char **ret_why)
{
    struct filling *f = user;
    const struct fill_peers_options peers = {.address = f->redis.address,
                                             .prefix = f->redis.prefix,
                                             .instance = f->o.instance,
                                             .ruleset = o->snap->id,
                                             .stop = stop};
    enum status st = fill_peers_open(&peers, &o->peers, ret_why);
    if (st != ST_OK)
        return st;
    st = connect_state(f, stop, &o->state);
    if (st != ST_OK) {
        *ret_why = "Redis is away";
        fill_peers_close(o->peers);
        return st;
    }
    o->turn = turn;
    o->user = f;
    o->delivery = f->o.delivery;
    o->since_ms = f->o.since_ms;
    return ST_OK;
}

static void close_redis(void *user, struct fill_options *o)
{
    close_connection(user, o->state);
    fill_peers_close(o->peers);
}

/* ---- what is told ---- */

static const char *why_not(const struct filler_report *r)
{
    switch (r->status) {
    case ST_OK:
    case ST_NOT_FOUND:
        return "the journals do not reach back far enough; time will cover them";
    case ST_TOO_LARGE:
        return "it needs more memory than state.fill_bytes";
    case ST_CONFLICT:
        return "a log did not hold still, or another instance came";
    case ST_UNAVAILABLE:
        return "Redis, or an instance that writes to it, does not answer";
    default:
        return status_text(r->status);
    }
}

static void told(void *user, const struct filler_report *r)
{
    struct filling *f = user;
    f->logs += r->filled.logs;
    if (r->why != NULL) {
        log_info("features wait for their history", LOG_TEXT("why", r->why));
        return;
    }
    if (r->status == ST_OK && r->filled.keys > 0)
        log_info("features filled in", LOG_INT("key_fields", r->filled.keys),
                 LOG_INT("logs", (int64_t)r->filled.logs),
                 LOG_INT("frames", (int64_t)r->filled.frames), LOG_INT("ms", r->ms));
    if (r->status != ST_OK || r->filled.keys_too_old > 0)
        log_warning("features not filled in", LOG_TEXT("why", why_not(r)));
}

/* ---- life ---- */

/* Its owner has no alerts, its journal no beacon: the workers' connections tell those. */
static void open_feed(struct filling *f)
{
    f->redis = *f->o.redis;
    f->redis.acknowledged = NULL;
    f->redis.refused = NULL;
    f->redis.served = NULL;
    struct fill_feed_options o = {.address = f->redis.address,
                                  .prefix = f->redis.prefix,
                                  .instance = f->o.instance,
                                  .journal = f->o.journal,
                                  .delivery = f->o.delivery,
                                  .since_ms = f->o.since_ms,
                                  .snapshots = f->o.snapshots};
    f->feed = fill_feed_new(&o);
}

static void open_filler(struct filling *f)
{
    bool is_memory = f->o.table != NULL;
    struct filler_options o = {.snapshots = f->o.snapshots,
                               .journal = f->o.journal,
                               .open = is_memory ? open_memory : open_redis,
                               .close = is_memory ? close_memory : close_redis,
                               .engine = f->o.engine,
                               .table_bytes_max = f->o.bytes_max,
                               .told = told,
                               .user = f};
    f->filler = filler_new(&o);
}

struct filling *filling_new(const struct filling_options *o)
{
    struct filling *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->o = *o;
    if (o->table == NULL)
        open_feed(f);
    if (o->journal != NULL && o->bytes_max > 0)
        open_filler(f);
    return f;
}

void filling_free(struct filling *f)
{
    if (f == NULL)
        return;
    filler_free(f->filler);
    fill_feed_free(f->feed);
    free(f);
}

void filling_look(struct filling *f, int64_t now_ms)
{
    if (f->filler != NULL)
        filler_look(f->filler, now_ms);
}

uint64_t filling_logs(const struct filling *f)
{
    return atomic_load(&f->logs);
}
