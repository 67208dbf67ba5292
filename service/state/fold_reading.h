/*
 * fold_reading.h -- a log that is being read: what the files of fold_read() share.
 *
 *     fold_read.c      start, the other three in turn, values at the end
 *     fold_records.c   one pass over the records, each into its class of each lane
 *     fold_tiles.c     what has folded: tiles, maps of values, places
 *     fold_labels.c    labels, of which the latest for each transaction counts
 *
 * A lane is the features that look at the same events; class w of a lane holds what lies in its
 * window w and in no smaller one, until the end, when classes are summed up.
 *
 * Owns:    nothing; everything lives in the scratch of fold_read(). Threads: pure.
 */
#ifndef SLUICE_STATE_FOLD_READING_H
#define SLUICE_STATE_FOLD_READING_H

#include "service/state/evidence.h"
#include "service/state/fold_internal.h"
#include "service/state/scan.h"
#include "service/state/value_set.h"

/* One lane at work. */
struct lane_state {
    const struct lane *lane;
    int64_t to_ms;                   /* t - delay: the windows' upper edge */
    int near;                        /* class of the last plain record */
    struct sums *sums;               /* [n_windows], by class, then cumulated */
    int64_t (*labels)[RECORD_KINDS]; /* the same */
    struct doubt *doubts;            /* [n_windows]; NULL: nothing is in doubt */
    struct value_set values;         /* with CELL_MAP */
    int64_t spilled_last_ms;         /* of values that no map had room for */
    uint32_t spilled;
    bool own_has_value;
    int64_t own_sure_ms, own_maybe_ms; /* when the own value was last seen before */
    struct evidence_place place;       /* with CELL_PLACE: the latest located event */
    int64_t place_doubt_ms;            /* other located events may stand up to here */
};

struct label {
    uint64_t txn;
    enum record_kind kind;
    int64_t ts_ms, known_at_ms;
    uint32_t bits;
    const struct layout_map *map;
};

struct reading {
    const struct plan *plan;
    const struct layout_book *book;
    const struct fold_query *query;
    struct arena *scratch;
    struct folded folded;
    struct scan scan;
    struct layout_map *maps;    /* of the layouts met so far; nearly always one */
    struct lane_state *lanes;   /* [plan->n_lanes] */
    struct doubt *spare_doubts; /* room for every window of every lane */
    struct label *labels;
    int n_labels, cap_labels;
    uint64_t events;        /* distinct records so far, the gone ones included */
    uint64_t next_point;    /* the next fold point, in events */
    int64_t late_before_ms; /* newest - horizon; INT64_MIN: nothing is late yet; ask
                               reading_late_before() */
    int duplicates, records;
    bool own_found, own_late, own_has_folded;
    uint32_t own_nonce;
};

/* The plan's view of a layout. Errors: ST_NOT_FOUND: not in the book; ST_NO_SPACE. */
MUST_USE enum status reading_map_layout(struct reading *r, uint32_t id,
                                        const struct layout_map **ret_map);

/* The lane's doubts, [n_windows], made when first needed. */
struct doubt *reading_doubts(struct reading *r, struct lane_state *ls);

/* The records, up to the own one. ST_CONFLICT: a fold point was passed; the log must be read
 * folded. */
MUST_USE enum status reading_take_records(struct reading *r);

/* Values and places of what has folded, before the records add theirs. */
void reading_add_maps_and_places(struct reading *r);
/* The tiles, when classes are summed up. */
void reading_add_tiles(struct reading *r);

/* May an event of that time be in a tile, so that a record of it may be its duplicate? */
bool reading_may_be_folded(struct reading *r, int lane, int64_t ts_ms);

/* The finest tier that is kept long enough to answer for `reach_ms`, else the one kept longest. */
int tier_for(const struct layout *l, int64_t reach_ms);

/* The cell with the lane's labels, or with those of all events; -1: none has them. */
int reading_label_cell(const struct layout *l, const struct lane_map *m);

/* Keep a label that was known at the time asked for, until all are there. */
MUST_USE enum status reading_keep_label(struct reading *r, const struct record *rec,
                                        const struct layout_map *map);
MUST_USE enum status reading_add_labels(struct reading *r);

static inline void reading_note_newest(struct reading *r, int64_t ts_ms)
{
    if (ts_ms > r->scan.newest_ms) {
        r->scan.newest_ms = ts_ms;
        r->late_before_ms = ts_ms - r->scan.horizon_ms;
    }
}

/* Of the next record. Those that stood when the header was made were not late when they came. */
static inline int64_t reading_late_before(const struct reading *r)
{
    return r->records < (int64_t)r->folded.retained ? INT64_MIN : r->late_before_ms;
}

static inline void lane_note_value(struct lane_state *ls, uint64_t hash, int64_t ts_ms, bool own,
                                   bool sure)
{
    struct value_seen *v = value_set_put(&ls->values, hash);
    if (own) {
        ls->own_has_value = true;
        ls->own_sure_ms = v->sure_ms;
        ls->own_maybe_ms = v->maybe_ms;
    }
    int64_t *seen = sure ? &v->sure_ms : &v->maybe_ms;
    *seen = ts_ms > *seen ? ts_ms : *seen;
}

static inline void lane_note_place(struct lane_state *ls, int64_t place, int64_t ts_ms, bool own)
{
    struct evidence_place *p = &ls->place;
    if (own) {
        p->own_located = true;
        p->own_place = place;
    } else if (!p->found || ts_ms >= p->ts_ms) {
        p->found = true;
        p->place = place;
        p->ts_ms = ts_ms;
    }
}

/* The smallest window that holds an event of this age, or n_windows. `near` is the class of the
 * event before: logs are nearly in order of time, so it is mostly the answer. */
static inline int lane_class_of(const struct lane *l, int64_t age_ms, int near)
{
    int c = near;
    while (c < l->n_windows && age_ms >= l->windows_ms[c])
        c++;
    while (c > 0 && age_ms < l->windows_ms[c - 1])
        c--;
    return c;
}

static inline bool reading_is_fold_due(const struct reading *r)
{
    return r->events == r->next_point;
}

#endif
