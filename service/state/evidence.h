/*
 * evidence.h -- what is known of one window: surely, perhaps, and not at all; and the value
 * that follows for each aggregate. Pure arithmetic.
 *
 * Bounds: an event of a cut tile is in or out of the window. With k of them in, k between
 * n_lo and maybe.n, sums lie between adding all negatives and all positives, and an average
 * is extreme when all k have the smallest or the largest value and k is smallest or largest.
 */
#ifndef SLUICE_STATE_EVIDENCE_H
#define SLUICE_STATE_EVIDENCE_H

#include "service/state/sums.h"
#include "service/state/window.h"

/* What makes a window inexact. All zero (and times empty): nothing does. */
struct doubt {
    struct sums
        maybe; /* events that may be in: n and values at most; their sums, range, extreme times */
    struct sums counted;               /* the part of `maybe` that `value` takes in */
    int64_t n_lo, values_lo;           /* of `maybe`, at least so many are in */
    int64_t labels_less[RECORD_KINDS]; /* labels that are counted and may not be */
    int64_t labels_more[RECORD_KINDS]; /* labels that are not counted and may be */
    int64_t unknown_n;                 /* events whose filter was not recorded: in or out */
    int64_t unknown_values;            /* events in the window whose column was not recorded */
    int64_t lacking_n;                 /* events of tiles that have not all parts of the column: */
    unsigned lacking;                  /* enum cell_part. unknown_values of those who need them */
    int64_t lost_n;                    /* at most so many events of the window were dropped */
    bool own_among_sure;               /* perhaps: a retry's first record is, or is unknown_n's */
};

struct evidence {
    int64_t t_ms;    /* of the transaction */
    int64_t from_ms; /* the window is from_ms < ts <= to_ms */
    int64_t to_ms;
    int32_t scale; /* of the column; 0: none */
    const struct sums *sure;
    const int64_t *labels;     /* [RECORD_KINDS] */
    const struct doubt *doubt; /* NULL: none */
};

/* What `distinct` and `is_new` know. */
struct evidence_values {
    int64_t sure, maybe; /* different values that are in, that may be in */
    bool own_has_value;
    bool own_seen, own_maybe_seen; /* the own value, before the own event */
};

/* What `speed_kmh` knows; places in units of 1e-7 degrees. */
struct evidence_place {
    bool own_located, found;
    bool sure; /* `found`, or that there is none, is certain */
    int64_t own_place, place, ts_ms;
};

/* The value of one aggregate but distinct, is_new and speed_kmh, which have their own. */
void evidence_value(enum aggregate aggregate, const struct evidence *e,
                    struct window_value *ret_value);
void evidence_distinct(const struct evidence *e, const struct evidence_values *v,
                       struct window_value *ret_value);
void evidence_is_new(const struct evidence *e, const struct evidence_values *v,
                     struct window_value *ret_value);
/*
 * Distance (service/base/geo.h) over elapsed time; an elapsed time of 0 counts as 1 ms.
 */
void evidence_speed(const struct evidence *e, const struct evidence_place *p,
                    struct window_value *ret_value);

/*
 * What is left of a value whose window begins before the logs have what it reads: bounds that hold
 * whatever happened before `covered_from_ms`, and `uncovered`. t_ms: of the transaction.
 */
void evidence_uncover(enum aggregate aggregate, int64_t t_ms, int64_t covered_from_ms,
                      struct window_value *v);

/* Two int32 in units of 1e-7 degrees, latitude in the high half. */
int64_t place_pack(double lat_deg, double lon_deg);

#endif
