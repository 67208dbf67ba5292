#include "service/trial/foresight.h"

#include "service/engine/intent.h"
#include "service/state/state_mem.h"

enum { ARENA_BYTES = 4 << 10 }; /* of one key */

void foresight_init(struct foresight *f, const struct snapshot *snap, const struct state *state)
{
    *f = (struct foresight){.snap = snap, .state = state, .arena = arena_new(ARENA_BYTES)};
}

void foresight_fini(struct foresight *f)
{
    arena_free(f->arena);
}

static void fetch_slots(struct foresight *f, const struct event *event, uint64_t number)
{
    uint64_t *hashes = f->ahead[number % FORESIGHT_SLOTS].hashes;
    int n = 0;
    for (int i = 0; i < f->snap->features.n_keys; i++) {
        struct span key;
        arena_reset(f->arena);
        if (intent_key_of_event(f->snap, i, event->values, f->arena, &key) != ST_OK)
            continue;
        hashes[n] = state_mem_hash(f->state, key);
        state_mem_fetch_slot(f->state, hashes[n++]);
    }
    state_mem_fetch_slot(f->state, event->txn_hash);
    f->ahead[number % FORESIGHT_SLOTS].n = n;
}

static void fetch_logs(const struct foresight *f, uint64_t number)
{
    for (int i = 0; i < f->ahead[number % FORESIGHT_SLOTS].n; i++)
        state_mem_fetch_log(f->state, f->ahead[number % FORESIGHT_SLOTS].hashes[i]);
}

void foresight_look(struct foresight *f, const struct event_source *source)
{
    const struct sourced_event *e = event_source_ahead(source, FORESIGHT_SLOTS);
    uint64_t now = f->n++;
    fetch_logs(f, now + FORESIGHT_LOGS);
    f->ahead[now % FORESIGHT_SLOTS].n = 0;
    if (e != NULL && e->status == ST_OK && e->event.kind == EVENT_TRANSACTION)
        fetch_slots(f, &e->event, now + FORESIGHT_SLOTS);
}
