/*
 * delivery.h -- how much of the journal has reached Redis, for all engines of a process.
 *
 *     frames:   1 .. 17 | 18 | 19 20 21 | 22 23
 *                       ^ watermark     ^ wanted: up to here something was lost, deliver again
 *
 * Every frame's sequence ends when its operation has been acknowledged. One that was not (no
 * connection, a connection lost, a server that refuses) is wanted again; redeliver.c of one
 * engine brings it.
 *
 * Threads: any.
 */
#ifndef SLUICE_ENGINE_DELIVERY_H
#define SLUICE_ENGINE_DELIVERY_H

#include "service/base/watermark.h"

#include <stdbool.h>

struct delivery;

/*
 * `w` is borrowed, and shared with the state, whose beacon follows it; `opened_seq` is the newest
 * frame that the journal had when it was opened. CHECKs on no memory.
 */
struct delivery *delivery_new(struct watermark *w, uint64_t opened_seq);
void delivery_free(struct delivery *d);

/* Frame `seq` has reached Redis. */
void delivery_done(struct delivery *d, uint64_t seq);
/* Has it? */
bool delivery_has(struct delivery *d, uint64_t seq);
/* It may not have. */
void delivery_lost(struct delivery *d, uint64_t seq);
/*
 * A connection is up, to a server whose last acknowledged frame is `beacon`: what had arrived
 * above it is forgotten. A machine that stopped may have lost frames that Redis has, and their
 * numbers are given again: of those a beacon says nothing. Then the caller looks which frame is
 * the journal's newest and says that it may be lost: one that arrives in between is wanted too,
 * and not forgotten for ever.
 */
void delivery_connected(struct delivery *d, uint64_t beacon);

/* Is something to be delivered again? *ret_from..*ret_to are the frames. */
bool delivery_wanted(struct delivery *d, uint64_t *ret_from, uint64_t *ret_to);
/* Frames up to it have arrived. */
uint64_t delivery_reached(const struct delivery *d);
/* Nothing is wanted: windows are whole. */
bool delivery_is_whole(const struct delivery *d);
/* The journal cannot be read on (redeliver.c says so): what is wanted will not come by itself. */
void delivery_set_stuck(struct delivery *d, bool is_stuck);
/* Windows are not whole, and soon will be: it is worth waiting. */
bool delivery_is_coming(const struct delivery *d);

#endif
