/*
 * outbox_sweep.h -- the outbox and the place where its alerts survive, kept in step.
 *
 *     journal:  frames behind the mark ──> FLAGGED: put; the mark follows what is acknowledged
 *     Redis:    entries whose owner is dead, or nobody ──> put; what is acknowledged is deleted
 *
 * So come the alerts that a crash has left, here or in another process, and those for which there
 * was no room. One engine of a process does it.
 *
 * Owns:    its timer. Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_OUTBOX_SWEEP_H
#define SLUICE_ENGINE_OUTBOX_SWEEP_H

#include "service/engine/engine.h"

struct outbox_sweep;

/* CHECKs on no memory. */
struct outbox_sweep *outbox_sweep_new(struct engine *e);
/* Tells what is acknowledged by now. Nothing is under way; the loop must run once more. NULL is
 * fine. */
void outbox_sweep_free(struct outbox_sweep *s);

#endif
