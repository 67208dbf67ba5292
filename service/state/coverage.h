/*
 * coverage.h -- from when on the logs hold what a ruleset's features read.
 *
 * A feature that a reload adds reads records that were written before it: without its key field,
 * its column, its filter's bit, the labels it counts, or kept for less long than it looks back. So
 * for each key field it is kept, in the state beside the logs, from which event time on they
 * have each of these:
 *
 *     coverage 1
 *     key account_id
 *     keep 86400000 -9223372036854775808       windows that reach back a day at most: always
 *     keep 2592000000 1767614400000            those that reach further: events from then on
 *     item 1767614400000 column e4 amount
 *     item 1767614400000 filter 9f2c41d07be83a56    a hash of its text
 *     item -9223372036854775808 label fraud
 *
 * "Always" says that the logs never were without: what happened before there was a state is in
 * nobody's window, as it is when features are there from the start.
 *
 * Owns:    texts live in the arena of who made them. Threads: pure.
 */
#ifndef SLUICE_STATE_COVERAGE_H
#define SLUICE_STATE_COVERAGE_H

#include "service/base/text.h"
#include "service/state/plan.h"
#include "service/state/state.h"

#define COVERAGE_ALWAYS INT64_MIN

enum {
    COVERAGE_KEYS_MAX = STATE_ENTITIES_MAX,
    COVERAGE_STEPS_MAX =
        16, /* changes of how long a key's logs are kept; then the first two merge */
    COVERAGE_ITEMS_MAX = RECORD_COLUMNS_MAX + LAYOUT_FILTERS_MAX + RECORD_KINDS,
    COVERAGE_TEXT_MAX = STATE_FOUND_MAX,
};

/* For windows that, with their delay, reach back `reach_ms` at most. */
struct coverage_step {
    int64_t reach_ms;
    int64_t from_ms;
};

struct coverage_item {
    struct span what; /* "column e4 amount" */
    int64_t from_ms;
};

struct coverage_key {
    struct span field;
    struct coverage_step steps[COVERAGE_STEPS_MAX]; /* both ascending */
    /* The columns of the layout, its filters, then the labels; in texts in any order. */
    struct coverage_item items[COVERAGE_ITEMS_MAX];
    int n_steps, n_items;
};

struct coverage {
    struct coverage_key keys[COVERAGE_KEYS_MAX];
    int n_keys;
};

/* Adds what `plan` writes and keeps, all of it always there. Errors: ST_NO_SPACE. */
MUST_USE enum status coverage_add_plan(struct coverage *c, const struct plan *plan,
                                       struct arena *arena);

/*
 * What `c`, coverage of a ruleset that comes to be at `now_ms`, has of logs that had `before`: of
 * each thing the later time; `now_ms` for what was not there. What `before` has and `c` has not
 * is written no more, and forgotten. Doing it twice is as good as once.
 */
void coverage_follow(struct coverage *c, const struct coverage *before, int64_t now_ms);

/* Is all that `of` has in `k`, from the same times on, for windows as long as those of `of`? */
bool coverage_key_has(const struct coverage_key *k, const struct coverage_key *of);

/* Has `k` something from before `until_ms` on that `own` does not name? NULL names nothing. */
bool coverage_key_exceeds(const struct coverage_key *k, const struct coverage_key *own,
                          int64_t until_ms);

/* All of the key's is there from `from_ms` on: it was filled. */
void coverage_fill(struct coverage_key *k, int64_t from_ms);

/* From when on the plan's feature has what it reads. `k` was made by coverage_add_plan(plan). */
int64_t coverage_from(const struct coverage_key *k, const struct plan *plan, int feature);

/* NULL: it has no such key field. */
struct coverage_key *coverage_find(struct coverage *c, struct span field);

/* out->overflow when there is no room; COVERAGE_TEXT_MAX suffices for FEATURE_KEY_FIELDS_MAX. */
void coverage_write(const struct coverage *c, struct text *out);
/* `ret` borrows `text`. Errors: ST_CORRUPT. */
MUST_USE enum status coverage_parse(struct span text, struct coverage *ret_coverage);

#endif
