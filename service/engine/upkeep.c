#include "service/engine/upkeep.h"

#include "service/base/check.h"
#include "service/base/hash.h"
#include "service/engine/engine_internal.h"
#include "service/state/claim.h"
#include "service/state/fold.h"

#include <stdlib.h>

enum {
    UPKEEP_JOBS = 8,
    UPKEEP_ARENA_BYTES = 4 * FOLD_LOG_BYTES_MAX, /* untouched pages cost nothing */
};

struct job {
    struct engine *engine;
    struct snapshot *snap; /* a reference: the plan is its own */
    const struct plan *plan;
    struct arena *arena;
    struct state_entity entity;
    struct span log;
    int64_t now_ms;
    struct call call;
    struct fold_attempt doubts[FOLD_DOUBTS_MAX];
    uint64_t hashes[FOLD_DOUBTS_MAX];
    struct span found[FOLD_DOUBTS_MAX];
    int n_doubts;
    bool is_offered;
    bool is_busy;
};

struct upkeep {
    struct job jobs[UPKEEP_JOBS];
    int n_offered;
};

struct upkeep *upkeep_new(struct engine *e)
{
    struct upkeep *u = calloc(1, sizeof *u);
    CHECK(u != NULL);
    for (int i = 0; i < UPKEEP_JOBS; i++) {
        u->jobs[i].engine = e;
        u->jobs[i].arena = arena_new(UPKEEP_ARENA_BYTES);
    }
    return u;
}

void upkeep_free(struct upkeep *u)
{
    if (u == NULL)
        return;
    for (int i = 0; i < UPKEEP_JOBS; i++) {
        CHECK(!u->jobs[i].is_busy);
        arena_free(u->jobs[i].arena);
    }
    free(u);
}

/* ---- one job, step by step ---- */

static void end(struct job *j)
{
    snapshot_unref(j->snap);
    j->is_busy = false;
}

static void folded(struct call *c)
{
    struct job *j = c->user;
    stats_add(c->status == ST_OK ? &j->engine->stats->folds : &j->engine->stats->folds_lost, 1);
    end(j);
}

static uint64_t new_generation(void)
{
    uint64_t random = hash_random_u64();
    return random != 0 ? random : 1;
}

static void write_back(struct job *j)
{
    struct fold_written w;
    if (fold_write(j->plan, j->engine->layouts, j->log, j->doubts, j->n_doubts, new_generation(),
                   j->arena, &w) != ST_OK) {
        end(j);
        return;
    }
    struct span last =
        span_of(j->log.base + w.old_bytes - w.last_record_bytes, w.last_record_bytes);
    j->call = (struct call){.op = {.verb = STATE_FOLD,
                                   .now_ms = j->now_ms,
                                   .entities = &j->entity,
                                   .n_entities = 1,
                                   .fold = {.old_generation = w.old_generation,
                                            .old_bytes = w.old_bytes,
                                            .last_record_bytes = w.last_record_bytes,
                                            .last_record = last,
                                            .bytes = w.bytes}},
                            .then = folded,
                            .user = j};
    call_start(j->engine->state, &j->call);
}

/* A claim that is gone says nothing against a record; one of another attempt does. */
static void take_claims(struct call *c)
{
    struct job *j = c->user;
    struct claim claim;
    for (int i = 0; i < j->n_doubts; i++)
        j->doubts[i].lost = claim_decode(j->found[i], &claim) == ST_OK && claim.state != 'p' &&
                            claim.nonce != j->doubts[i].nonce;
}

static void claims_known(struct call *c)
{
    struct job *j = c->user;
    if (c->status == ST_OK)
        write_back(j);
    else
        end(j);
}

static void look_up_doubts(struct job *j)
{
    for (int i = 0; i < j->n_doubts; i++)
        j->hashes[i] = j->doubts[i].txn;
    j->call = (struct call){.op = {.verb = STATE_PEEK,
                                   .now_ms = j->now_ms,
                                   .hashes = j->hashes,
                                   .n_hashes = j->n_doubts,
                                   .found = j->found},
                            .take = take_claims,
                            .then = claims_known,
                            .user = j};
    call_start(j->engine->state, &j->call);
}

static void start(struct job *j)
{
    if (fold_doubts(j->plan, j->engine->layouts, j->log, j->arena, j->doubts, &j->n_doubts) !=
        ST_OK)
        end(j);
    else if (j->n_doubts > 0)
        look_up_doubts(j);
    else
        write_back(j);
}

/* ---- offers ---- */

static struct job *free_job(struct upkeep *u)
{
    for (int i = 0; i < UPKEEP_JOBS; i++)
        if (!u->jobs[i].is_busy)
            return &u->jobs[i];
    return NULL;
}

static bool copy(struct arena *arena, struct span from, struct span *ret_copy)
{
    char *room = arena_try(arena, from.len);
    if (room == NULL)
        return false;
    memcpy(room, from.base, from.len);
    *ret_copy = span_of(room, from.len);
    return true;
}

void upkeep_offer(struct engine *e, struct snapshot *snap, const struct plan *plan,
                  const struct state_entity *entity, int64_t now_ms)
{
    struct job *j = free_job(e->parts->upkeep);
    if (j == NULL)
        return;
    arena_reset(j->arena);
    j->entity = (struct state_entity){.ttl_ms = entity->ttl_ms};
    if (!copy(j->arena, entity->key, &j->entity.key) || !copy(j->arena, entity->log, &j->log))
        return;
    j->snap = snapshot_ref(snap);
    j->plan = plan;
    j->now_ms = now_ms;
    j->is_busy = j->is_offered = true;
    e->parts->upkeep->n_offered++;
}

void upkeep_run(struct engine *e)
{
    struct upkeep *u = e->parts->upkeep;
    for (int i = 0; i < UPKEEP_JOBS && u->n_offered > 0; i++) {
        if (!u->jobs[i].is_offered)
            continue;
        u->jobs[i].is_offered = false;
        u->n_offered--;
        start(&u->jobs[i]);
    }
}
