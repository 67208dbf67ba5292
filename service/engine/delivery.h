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

/* `w` is borrowed, and shared with the state, whose beacon follows it. CHECKs on no memory. */
struct delivery *delivery_new(struct watermark *w);
void delivery_free(struct delivery *d);

/* Frame `seq` has reached Redis. */
void delivery_done(struct delivery *d, uint64_t seq);
/* Has it? */
bool delivery_has(struct delivery *d, uint64_t seq);
/* It may not have. */
void delivery_lost(struct delivery *d, uint64_t seq);
/*
 * A connection is up again, and the server's last acknowledged frame is `beacon`: what it has
 * not is wanted, `last_seq` being the newest frame of the journal.
 */
void delivery_connected(struct delivery *d, uint64_t beacon, uint64_t last_seq);

/* Is something to be delivered again? *ret_from..*ret_to are the frames. */
bool delivery_wanted(struct delivery *d, uint64_t *ret_from, uint64_t *ret_to);
/* Frames up to it have arrived. */
uint64_t delivery_reached(const struct delivery *d);
/* Nothing is wanted: windows are whole. */
bool delivery_is_whole(const struct delivery *d);

#endif
