/*
 * publish.h -- a ruleset's layouts go to the state before its first record does, so that
 * whoever reads the logs later can; and from when on the logs hold what it reads.
 *
 * Owns:    its operations. Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_PUBLISH_H
#define SLUICE_ENGINE_PUBLISH_H

#include "service/engine/engine.h"

struct publisher;

/* CHECKs on no memory. publisher_free: nothing is under way; NULL is fine. */
struct publisher *publisher_new(struct engine *e);
void publisher_free(struct publisher *p);

/* Publish the layouts of `snap`, and its coverage (covered.h), unless that was done. Cheap for the
 * ruleset of before. */
void publish_layouts(struct engine *e, struct snapshot *snap, int64_t now_ms);

/* Nothing is: this engine rebuilds what another has published. */
void publish_nothing(struct engine *e);

/* The state is another one, or was emptied: with the next event they are published again. */
void publish_again(struct engine *e);

#endif
