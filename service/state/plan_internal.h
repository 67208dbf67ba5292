/*
 * plan_internal.h -- what a plan holds; for plan.c and the fold alone.
 */
#ifndef SLUICE_STATE_PLAN_INTERNAL_H
#define SLUICE_STATE_PLAN_INTERNAL_H

#include "service/state/plan.h"

/* Features of one delay, filter and column; `column` -1 serves features that need none. */
struct lane {
    int64_t delay_ms;
    int filter;
    int column;
    int32_t scale;       /* of the column, 0: none */
    int cell;            /* of the plan's own layout, for this filter and column */
    unsigned parts;      /* enum cell_part: what these features need of tiles */
    unsigned sure_parts; /* of records, which are in or out: an average needs no range of them */
    bool times;          /* some feature asks when the first or the last event was */
    int n_windows;
    int64_t windows_ms[PLAN_WINDOWS_MAX]; /* ascending */
    /* In records of the plan's own layout: bits to test, 0: none; where the column's value
     * stands. */
    uint32_t filter_mask, column_mask;
    size_t column_offset;
};

struct plan_output {
    enum aggregate aggregate;
    unsigned parts; /* enum cell_part: what it needs of tiles */
    int lane;
    int window; /* index into the lane's windows */
};

enum {
    MAP_NONE = -1,    /* the lane needs no filter, or no column */
    MAP_UNKNOWN = -2, /* it needs one that this layout has not */
};

/* Where a lane finds its filter bit, its column and its cell in one layout. */
struct lane_map {
    int filter_bit;
    int column;
    int32_t scale; /* of the column, 0: none */
    int cell;      /* of this filter, and of this column if there is one; -1: none of this filter */
    unsigned cell_parts; /* that it has of what hangs on the column */
    int label_cell;      /* of this filter, with labels, whatever its column; -1: none */
};

struct layout_map {
    uint32_t id;
    const struct layout *layout;
    struct layout_map *next;
    struct lane_map lanes[PLAN_LANES_MAX];
};

struct plan {
    const struct layout *layout;
    struct lane lanes[PLAN_LANES_MAX];
    struct plan_output outputs[PLAN_FEATURES_MAX];
    int n_lanes, n_outputs;
    int exact_events;
    uint64_t plain_head;        /* first 8 bytes of a transaction's record in the own layout */
    size_t plain_bytes;         /* its length */
    struct layout_map *own_map; /* of the own layout; read-only */
    unsigned counts;            /* bit k: features count corrections of kind k */
};

/* How the plan's lanes read records and tiles of `l`; `next` is left NULL. */
void plan_map_layout(const struct plan *plan, const struct layout *l, struct layout_map *ret_map);

#endif
