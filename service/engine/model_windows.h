/*
 * model_windows.h -- what one loop's models were given of late, in the bins of their baselines.
 *
 *     ruleset A   fraud 39d8aeba  next 07be83a5        a window each: psi.h
 *                    |               |
 *     ruleset B   fraud 39d8aeba  next 1c4402d1        the same model by the same baseline keeps
 *                    kept            begins anew       its window, whatever else is another
 *
 * Rows are of the time at which they were scored, by this machine's clock: what is asked is whether
 * what comes now is like training, and a stream that is late, or loaded from long ago, comes now.
 *
 * Owns:    its windows, each with a copy of its baseline, so that it outlives the ruleset.
 * Threads: of the loop, which adds without a lock; model_windows_sum() is for any, under a lock
 *          that the loop takes when the ruleset is another.
 */
#ifndef SLUICE_ENGINE_MODEL_WINDOWS_H
#define SLUICE_ENGINE_MODEL_WINDOWS_H

#include "service/engine/snapshot.h"

struct model_windows;

/* CHECK on no memory, as does all that makes a window. */
struct model_windows *model_windows_new(void);
void model_windows_free(struct model_windows *w); /* NULL is fine */

/* From now on the windows are those of `snap`, which is active. O(1), unless it is another ruleset
 * than before: then O(counts of new windows). */
void model_windows_follow(struct model_windows *w, const struct snapshot *snap);

/*
 * A row was scored by `snap`: results[snap->models.count], of decide(). A row of a ruleset that is
 * not followed is not counted: it was under way while another became active. O(inputs * bins).
 */
void model_windows_add(struct model_windows *w, const struct snapshot *snap, int64_t now_ms,
                       const struct model_result *results);

/* Adds what `m` was given within its window before now_ms to counts[m->baseline->n_counts]; nothing
 * when it has no window here. */
void model_windows_sum(struct model_windows *w, const struct bound_model *m, int64_t now_ms,
                       uint64_t *counts);

#endif
