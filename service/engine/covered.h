/*
 * covered.h -- from when on the logs hold what a snapshot's features read (state/coverage.h), as
 * this process knows it.
 *
 *     loaded            always: nothing was ever without
 *     put in place      what the snapshot before it knew; what that did not write: from now on
 *     with its first    what the state knows besides, from other instances and from before this
 *     event             process; what is new goes there
 *     from time to time what the state knows now: others came, or history was filled in
 *
 * Owns:    lives in the snapshot's arena. Threads: any; one lock, and none to ask for a feature.
 */
#ifndef SLUICE_ENGINE_COVERED_H
#define SLUICE_ENGINE_COVERED_H

#include "service/engine/snapshot.h"
#include "service/state/coverage.h"

/* Events may be ahead of the clock by max_skew; those of one that is allowed more than this may
 * count as covered a little early. */
#define COVERED_SKEW_MS (INT64_C(10) * 60000)

struct covered;

/* Errors: ST_NO_SPACE. */
MUST_USE enum status covered_new(const struct feature_set *set, struct arena *arena,
                                 struct covered **ret_covered);

/* `s` comes in place of `before` at `now_ms`, by the wall clock. */
void covered_follow(const struct snapshot *s, const struct snapshot *before, int64_t now_ms);

/*
 * Takes what stands in the state (empty: nothing). Writes to `out`, of COVERAGE_TEXT_MAX, what
 * should stand there instead, and answers true; false: it may stay. The first time all that
 * stands there and is not ours goes. Later others may know of more: what stands there besides ours
 * goes again shortly before it would count, for as long as we run we do not write it.
 */
bool covered_take(const struct snapshot *s, struct span stands, int64_t now_ms, struct text *out);

/*
 * The text, to `out`, once the logs of those key fields for which `keys` says so have all from
 * `from_ms` on. It counts when covered_take has found it in the state.
 * Errors: ST_CONFLICT: what stands there is another snapshot's.
 */
MUST_USE enum status covered_fill(const struct snapshot *s, const bool *keys, int64_t from_ms,
                                  struct span stands, struct text *out);

/* The logs of the key field have nothing from before this; COVERAGE_ALWAYS: they may. */
int64_t covered_key_from_ms(const struct snapshot *s, int key);

/* What was written with the last text stands there now. */
void covered_told(const struct snapshot *s);
/* Not since the snapshot was put in place: what stands there may be another's. Cheap. */
bool covered_is_told(const struct snapshot *s);

/* The feature's window is exact for transactions from which it reaches no further back than this;
 * COVERAGE_ALWAYS: it is always. */
int64_t covered_from_ms(const struct snapshot *s, int feature);

/* Is the window of a transaction at `t_ms` covered? */
bool covered_at(const struct snapshot *s, int feature, int64_t t_ms);

/* Widen the feature's value where its window is not. */
void covered_bound(const struct snapshot *s, int feature, int64_t t_ms, struct window_value *v);

#endif
