/*
 * plan.h -- the features of one key field, compiled for one pass over a log.
 *
 * Features with the same delay, filter and column share a lane. A lane has its windows in
 * ascending order; one record falls into one class (the smallest window that holds it), and
 * sums over classes give every window. The layout says what is written, the plan what is
 * read; each ruleset compiles both from the same features.
 *
 * Owns: the arena given to plan_compile. Read-only afterwards; any thread.
 */
#ifndef SLUICE_STATE_PLAN_H
#define SLUICE_STATE_PLAN_H

#include "service/state/layout.h"
#include "service/state/window.h"

enum {
    PLAN_FEATURES_MAX = 64, /* of one key field, windows counted singly */
    PLAN_LANES_MAX = 16,
    PLAN_WINDOWS_MAX = LAYOUT_TIERS_MAX,
};

/* One feature with one window. */
struct plan_feature {
    enum aggregate aggregate;
    int column; /* index into plan_spec.columns, or -1 */
    int filter; /* index into plan_spec.filters, or -1 */
    int64_t window_ms;
    int64_t delay_ms;
};

struct plan_spec {
    struct span key_field;
    struct layout_column columns[RECORD_COLUMNS_MAX];
    struct span filters[LAYOUT_FILTERS_MAX]; /* canonical source text of `where:` */
    struct plan_feature features[PLAN_FEATURES_MAX];
    int n_columns, n_filters, n_features;
    int exact_events; /* config state.exact_events, 1..4096 */
};

struct plan; /* private to the fold, see plan_internal.h */

/*
 * Errors: ST_TOO_LARGE when lanes, cells, tiers or bits are over their limits; *ret_why then
 * says which (static text).
 */
MUST_USE enum status plan_compile(const struct plan_spec *spec, struct arena *arena,
                                  const struct plan **ret_plan, const char **ret_why);

/* The layout of the records this plan's ruleset writes. */
const struct layout *plan_layout(const struct plan *plan);
int plan_feature_count(const struct plan *plan);
/* Of the tiles for a window of that length. */
int64_t plan_grain_ms(int64_t window_ms);
int64_t plan_horizon_ms(const struct plan *plan);

/* What one feature reads of the logs. */
struct plan_need {
    int column;           /* of the layout, -1: none */
    int filter;           /* the same */
    unsigned label_kinds; /* bit k: corrections of kind k */
    int64_t reach_ms;     /* window and delay */
};

struct plan_need plan_feature_need(const struct plan *plan, int feature);

/* Do its features count corrections of `kind` (decline_count wants RECORD_DECLINED ...)? */
bool plan_counts(const struct plan *plan, enum record_kind kind);

#endif
