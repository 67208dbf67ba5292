/*
 * sums.h -- sums over events: what one class of a window, or one cell of a tile, knows.
 *
 * All integers, so that no order of addition shows: values are int64 in units of their
 * column's scale, sums 128-bit, squares saturate (SUMS_SQUARES_FULL) rather than wrap.
 */
#ifndef SLUICE_STATE_SUMS_H
#define SLUICE_STATE_SUMS_H

#include "service/state/layout.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

#define SUMS_SQUARES_FULL (~(uint128)0)

struct sums {
    int64_t n;                 /* events */
    int64_t values;            /* of them, with a value in the column */
    int64_t first_ms, last_ms; /* of the events; INT64_MAX and INT64_MIN when n is 0 */
    int128 negative, positive; /* sums of the values below and above zero */
    uint128 squares;
    int64_t min, max; /* of the values; INT64_MAX and INT64_MIN when there are none */
};

static inline void sums_init(struct sums *s)
{
    *s = (struct sums){
        .first_ms = INT64_MAX, .last_ms = INT64_MIN, .min = INT64_MAX, .max = INT64_MIN};
}

static inline void sums_add_time(struct sums *s, int64_t ts_ms)
{
    s->first_ms = ts_ms < s->first_ms ? ts_ms : s->first_ms;
    s->last_ms = ts_ms > s->last_ms ? ts_ms : s->last_ms;
}

static inline void sums_add_square(struct sums *s, uint128 square)
{
    if (__builtin_add_overflow(s->squares, square, &s->squares))
        s->squares = SUMS_SQUARES_FULL;
}

/* `parts` (enum cell_part, layout.h) says which sums are wanted; the others stay as they are. */
static inline void sums_add_value(struct sums *s, int64_t v, unsigned parts)
{
    s->values++;
    if (parts & CELL_SUM) {
        if (v < 0)
            s->negative += v;
        else
            s->positive += v;
    }
    if (parts & CELL_RANGE) {
        s->min = v < s->min ? v : s->min;
        s->max = v > s->max ? v : s->max;
    }
    if (parts & CELL_SQUARES) {
        uint64_t mag = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
        sums_add_square(s, (uint128)mag * mag);
    }
}

static inline void sums_merge(struct sums *s, const struct sums *o)
{
    s->n += o->n;
    s->values += o->values;
    s->first_ms = o->first_ms < s->first_ms ? o->first_ms : s->first_ms;
    s->last_ms = o->last_ms > s->last_ms ? o->last_ms : s->last_ms;
    s->negative += o->negative;
    s->positive += o->positive;
    s->min = o->min < s->min ? o->min : s->min;
    s->max = o->max > s->max ? o->max : s->max;
    sums_add_square(s, o->squares);
}

#endif
