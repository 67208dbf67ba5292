/*
 * redeliver.h -- what Redis has missed, brought to it from the journal.
 *
 *     delivery_wanted ──> a batch of frames is read ──> redo_frame, one by one ──> delivery_done
 *                         but for those that have arrived
 *
 * One engine of a process does it, beside its events, a frame at a time, so that an outage of
 * minutes does not become one of hours.
 *
 * It also tells Redis how far it is, when no event does.
 *
 * Owns:    its timer, a batch of frames. Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_REDELIVER_H
#define SLUICE_ENGINE_REDELIVER_H

#include "service/engine/engine.h"

struct redelivery;

/* Looks every now and then whether something is wanted. CHECKs on no memory. */
struct redelivery *redelivery_new(struct engine *e);
/* No frame is under way. The loop must run once more. NULL is fine. */
void redelivery_free(struct redelivery *r);

#endif
