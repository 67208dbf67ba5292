/*
 * engine_internal.h -- an engine's private parts; for the engine's own files.
 */
#ifndef SLUICE_ENGINE_ENGINE_INTERNAL_H
#define SLUICE_ENGINE_ENGINE_INTERNAL_H

#include "service/engine/call.h"
#include "service/engine/engine.h"
#include "service/engine/hold.h"
#include "service/engine/timers.h"

struct upkeep;
struct publisher;
struct parked_sweep;
struct redelivery;
struct outbox_sweep;
struct synced;

struct engine_parts {
    struct timers timers;
    struct hold *hold;          /* the snapshot events get */
    struct arena *fold_scratch; /* of one fold_read at a time */
    struct arena *row_scratch;  /* of one expression at a time */
    struct arena *attributions; /* of one decision at a time */
    uint32_t next_nonce;
    struct upkeep *upkeep;
    struct publisher *publisher;
    struct synced *synced;         /* NULL: answers do not wait for the disk */
    struct parked_sweep *parked;   /* NULL: another engine sweeps */
    struct redelivery *redelivery; /* NULL: another engine delivers, or none */
    struct outbox_sweep *outbox;   /* NULL: another engine sweeps, or none */
};

/* Another attempt's name; 32 bits suffice to tell the attempts at one transaction apart. */
static inline uint32_t engine_nonce(struct engine *e)
{
    return e->parts->next_nonce++;
}

/* How long a transaction's claim stands: for retries, and for its labels. */
static inline int64_t engine_claim_ttl_ms(const struct engine *e, const struct snapshot *snap)
{
    int64_t remember_ms =
        e->options.remember_for_ms > 0 ? e->options.remember_for_ms : snap->features.remember_ms;
    return remember_ms > e->options.dedupe_for_ms ? remember_ms : e->options.dedupe_for_ms;
}

#endif
