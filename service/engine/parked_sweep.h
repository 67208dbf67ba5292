/*
 * parked_sweep.h -- labels whose transaction never came: taken out when their wait has ended.
 *
 *     STATE_EXPIRE_PARKED ──> each label: dead_label ──> again, until there is none ──> a frame
 *
 * With memory the frame says that they are gone, so that a rebuilt state does not give them up
 * again; a kill before it does. With Redis there is none: a label that comes back from a journal,
 * because Redis has lost it, becomes a dead letter again.
 *
 * Owns:    its timer. Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_PARKED_SWEEP_H
#define SLUICE_ENGINE_PARKED_SWEEP_H

#include "service/engine/engine.h"

struct parked_sweep;

/* Looks every few seconds, and gives each label to e->dead_label. CHECKs on no memory. */
struct parked_sweep *parked_sweep_new(struct engine *e);
/* The loop must run once more. NULL is fine. */
void parked_sweep_free(struct parked_sweep *p);

/* One look now, at the labels whose wait has ended by now_ms. */
void parked_sweep_run(struct parked_sweep *p, int64_t now_ms);

#endif
