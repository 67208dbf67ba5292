/*
 * upkeep.h -- writing a fold back, beside the answers.
 *
 *     copy of the log ──> claims of doubtful records (STATE_PEEK) ──> fold_write ──> STATE_FOLD
 *
 * Only caching: a log that is not folded reads the same, slower. So a job is dropped
 * whenever something is in its way: all jobs busy, no state, the log has changed meanwhile.
 *
 * Owns:    a few jobs, each with its arena. Threads: of the loop.
 */
#ifndef SLUICE_ENGINE_UPKEEP_H
#define SLUICE_ENGINE_UPKEEP_H

#include "service/engine/engine.h"

struct upkeep;

/* CHECKs on no memory. */
struct upkeep *upkeep_new(struct engine *e);
/* No job is under way. NULL is fine. */
void upkeep_free(struct upkeep *u);

/*
 * Fold this entity's log (key and log are borrowed for the call) when there is a job free. Called
 * inside `take`: the job starts with the next upkeep_run.
 */
void upkeep_offer(struct engine *e, struct snapshot *snap, const struct plan *plan,
                  const struct state_entity *entity, int64_t now_ms);

/* Start the jobs that were offered. Not inside `take`. Cheap when there is none. */
void upkeep_run(struct engine *e);

#endif
