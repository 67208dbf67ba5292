#include "service/engine/engine.h"

#include "service/base/check.h"
#include "service/engine/attribution.h"
#include "service/engine/cofire.h"
#include "service/engine/delivery.h"
#include "service/engine/engine_internal.h"
#include "service/engine/model_windows.h"
#include "service/engine/outbox_sweep.h"
#include "service/engine/parked_sweep.h"
#include "service/engine/publish.h"
#include "service/engine/redeliver.h"
#include "service/engine/row.h"
#include "service/engine/synced.h"
#include "service/engine/upkeep.h"
#include "service/state/fold.h"
#include "service/state/state_redis.h"

#include <stdlib.h>

enum { FOLD_SCRATCH_BYTES = 4 * FOLD_LOG_BYTES_MAX }; /* untouched pages cost nothing */

/* What the server lacks of the journal is wanted again. */
static void on_connect(void *user, uint64_t beacon, bool is_kept)
{
    struct engine *e = user;
    publish_again(e);
    if (is_kept) /* and what was under way is wanted already */
        return;
    delivery_connected(e->delivery, beacon);
    delivery_lost(e->delivery, journal_last_seq(e->journal));
}

void engine_open(struct engine *e)
{
    struct engine_parts *p = calloc(1, sizeof *p);
    e->stats = calloc(1, sizeof *e->stats);
    e->cofire = calloc(1, sizeof *e->cofire);
    CHECK(p != NULL && e->stats != NULL && e->cofire != NULL);
    e->parts = p;
    e->layouts = layouts_book(snapshot_slot_layouts(e->snapshots));
    p->next_nonce = (uint32_t)hash_random_u64();
    p->fold_scratch = arena_new(FOLD_SCRATCH_BYTES);
    p->row_scratch = arena_new(ROW_SCRATCH_BYTES);
    p->attributions = arena_new(ATTRIBUTION_ROOM_BYTES);
    p->upkeep = upkeep_new(e);
    if (e->watches_models)
        e->windows = model_windows_new();
    p->publisher = publisher_new(e);
    timers_init(&p->timers, e->loop);
    if (e->options.synced_answers && e->journal != NULL && e->loop != NULL)
        p->synced = synced_new(e->journal, e->loop);
    if (e->dead_label != NULL && e->loop != NULL)
        p->parked = parked_sweep_new(e);
    if (e->delivers && e->delivery != NULL && e->loop != NULL)
        p->redelivery = redelivery_new(e);
    if (e->sweeps_outbox && e->outbox != NULL && e->loop != NULL)
        p->outbox = outbox_sweep_new(e);
    if (e->delivery != NULL && strcmp(e->state->backend->name, "redis") == 0)
        state_redis_on_connect(e->state, on_connect, e);
}

void engine_close(struct engine *e)
{
    struct engine_parts *p = e->parts;
    outbox_sweep_free(p->outbox);
    redelivery_free(p->redelivery);
    parked_sweep_free(p->parked);
    synced_free(p->synced);
    publisher_free(p->publisher);
    upkeep_free(p->upkeep);
    timers_fini(&p->timers);
    hold_free(p->hold);
    arena_free(p->fold_scratch);
    arena_free(p->row_scratch);
    arena_free(p->attributions);
    free(p);
    free(e->stats);
    free(e->cofire);
    model_windows_free(e->windows);
    e->windows = NULL;
    e->parts = NULL;
    e->stats = NULL;
    e->cofire = NULL;
}
