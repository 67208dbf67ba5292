#include "service/state/evidence.h"

#include "service/base/geo.h"

#include <float.h>
#include <math.h>

static const struct doubt no_doubt = {
    .maybe = {.first_ms = INT64_MAX, .last_ms = INT64_MIN, .min = INT64_MAX, .max = INT64_MIN},
    .counted = {.first_ms = INT64_MAX, .last_ms = INT64_MIN, .min = INT64_MAX, .max = INT64_MIN},
};

static const struct doubt *doubt_of(const struct evidence *e)
{
    return e->doubt != NULL ? e->doubt : &no_doubt;
}

/*
 * ---- making values ----
 *
 * In place: a value that is returned is written in small parts and copied in large ones, which
 * waits for the stores (Fog, Microarchitecture, "store forwarding").
 */

static void put_missing(struct window_value *v)
{
    *v = (struct window_value){.missing = true, .exact = true};
}

static void put_fixed(int32_t scale, int64_t value, int64_t lo, int64_t hi, struct window_value *v)
{
    *v = (struct window_value){.exact = lo == hi, .scale = scale};
    v->value.i64 = value < lo ? lo : value > hi ? hi : value;
    v->lo.i64 = lo;
    v->hi.i64 = hi;
}

static void put_exact(double value, struct window_value *v)
{
    *v = (struct window_value){.exact = true};
    v->value.f64 = v->lo.f64 = v->hi.f64 = value;
}

/* Bounds that were computed in doubles move outward by two units in the last place. */
static void put_between(double value, double lo, double hi, struct window_value *v)
{
    *v = (struct window_value){.exact = false};
    v->lo.f64 = nextafter(nextafter(lo, -INFINITY), -INFINITY);
    v->hi.f64 = nextafter(nextafter(hi, INFINITY), INFINITY);
    v->value.f64 = fmin(fmax(value, v->lo.f64), v->hi.f64);
}

static void unbind(struct window_value *v)
{
    v->exact = false;
    v->unbounded_lo = v->unbounded_hi = true;
}

/* Missing as far as is known, but something may be there. */
static void put_missing_perhaps(struct window_value *v)
{
    *v = (struct window_value){.missing = true, .maybe_missing = true};
    unbind(v);
}

/* ---- counts ---- */

static void count(const struct evidence *e, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    int64_t n = e->sure->n;
    put_fixed(1, n + d->counted.n, n + d->n_lo, n + d->maybe.n + d->unknown_n + d->lost_n, v);
}

static void label_count(const struct evidence *e, enum record_kind kind, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    int64_t n = e->labels[kind], lo = n - d->labels_less[kind];
    put_fixed(1, n, lo > 0 ? lo : 0, n + d->labels_more[kind] + d->lost_n, v);
}

static double ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void put_rate(double value, double lo, double hi, struct window_value *v)
{
    put_between(value, lo, hi, v);
    v->lo.f64 = fmax(v->lo.f64, 0);
    v->hi.f64 = fmin(v->hi.f64, 1);
}

/* Labels of events that are not in the log, never seen or erased since: no more than all events of
 * the window are fraud, and no fewer than if all these were missing. */
static void rate_beyond_one(const struct window_value *fraud, const struct window_value *n,
                            struct window_value *v)
{
    double lo = ratio(fraud->lo.i64, n->hi.i64 + fraud->hi.i64);
    put_rate(1, lo, 1, v);
}

static void fraud_rate(const struct evidence *e, struct window_value *v)
{
    struct window_value n, fraud;
    count(e, &n);
    label_count(e, RECORD_FRAUD, &fraud);
    if (fraud.value.i64 > n.value.i64) {
        rate_beyond_one(&fraud, &n, v);
        return;
    }
    double value = ratio(fraud.value.i64, n.value.i64);
    /* with hi fraud at least one event is there, whatever the lower bound of n says */
    int64_t fewest = n.lo.i64 > 0 ? n.lo.i64 : 1;
    if (n.exact && fraud.exact)
        put_exact(value, v);
    else
        put_rate(value, ratio(fraud.lo.i64, n.hi.i64), fmin(ratio(fraud.hi.i64, fewest), 1), v);
}

/* ---- sums ---- */

static bool values_lost(const struct doubt *d)
{
    return d->unknown_values > 0 || d->unknown_n > 0 || d->lost_n > 0;
}

static bool values_doubted(const struct doubt *d)
{
    return d->maybe.values > 0 || values_lost(d);
}

static bool fits_i64(int128 v)
{
    return v >= INT64_MIN && v <= INT64_MAX;
}

static int128 total(const struct sums *s)
{
    return s->negative + s->positive;
}

static void sum(const struct evidence *e, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    int128 sure = total(e->sure);
    int128 value = sure + total(&d->counted);
    int128 lo = sure + d->maybe.negative, hi = sure + d->maybe.positive;
    if (fits_i64(value) && fits_i64(lo) && fits_i64(hi))
        put_fixed(e->scale, (int64_t)value, (int64_t)lo, (int64_t)hi, v);
    else if (lo == hi)
        put_exact((double)value / e->scale, v);
    else
        put_between((double)value / e->scale, (double)lo / e->scale, (double)hi / e->scale, v);
    if (values_lost(d))
        unbind(v);
}

/* The average when `k` further values all are `v`. */
static double average_with(const struct sums *sure, int64_t k, int64_t v)
{
    int64_t n = sure->values + k;
    return n > 0 ? (double)(total(sure) + (int128)k * v) / (double)n : (double)v;
}

static void average_in_doubt(const struct evidence *e, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    const struct sums *s = e->sure, *m = &d->maybe;
    int64_t n = s->values + d->counted.values;
    double value = n > 0 ? (double)(total(s) + total(&d->counted)) / (double)n : 0;
    if (m->values > 0) {
        double lo = fmin(average_with(s, d->values_lo, m->min), average_with(s, m->values, m->min));
        double hi = fmax(average_with(s, d->values_lo, m->max), average_with(s, m->values, m->max));
        put_between((n > 0 ? value : lo) / e->scale, lo / e->scale, hi / e->scale, v);
    } else if (n > 0) {
        put_between(value / e->scale, value / e->scale, value / e->scale, v);
    } else {
        put_missing_perhaps(v);
        return;
    }
    v->maybe_missing = s->values + d->values_lo == 0;
    if (values_lost(d))
        unbind(v);
}

static void average(const struct evidence *e, struct window_value *v)
{
    const struct sums *s = e->sure;
    if (values_doubted(doubt_of(e)))
        average_in_doubt(e, v);
    else if (s->values > 0)
        put_exact((double)total(s) / (double)s->values / e->scale, v);
    else
        put_missing(v);
}

/* Of the smallest, and mirrored of the largest value. `best` is the surer one of two candidates. */
static void extreme(const struct evidence *e, bool smallest, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    const struct sums *s = e->sure, *m = &d->maybe;
    int64_t lo = s->min < m->min ? s->min : m->min, hi = s->max > m->max ? s->max : m->max;
    if (s->min > s->max && m->min > m->max) {
        if (values_doubted(d))
            put_missing_perhaps(v);
        else
            put_missing(v);
        return;
    }
    if (s->values > 0 && smallest)
        hi = s->min;
    else if (s->values > 0)
        lo = s->max;
    put_fixed(e->scale, smallest ? lo : hi, lo, hi, v);
    v->maybe_missing = s->values + d->values_lo == 0;
    if (values_lost(d))
        unbind(v);
}

/* ---- spread ---- */

/* Population variance in units of the column, squared; < 0: the squares are full. Past 128 bits it
 * is a difference of long doubles, and may be off by *ret_slack. */
static double variance(const struct sums *s, double *ret_slack)
{
    *ret_slack = 0;
    int128 sum_all = total(s);
    uint128 mag = (uint128)(sum_all < 0 ? -sum_all : sum_all), scaled, squared;
    if (s->squares == SUMS_SQUARES_FULL)
        return -1;
    double n = (double)s->values;
    if (!__builtin_mul_overflow(s->squares, (uint128)s->values, &scaled) &&
        !__builtin_mul_overflow(mag, mag, &squared))
        return (double)(scaled - squared) / (n * n);
    long double mean = (long double)mag / (long double)s->values;
    long double of_squares = (long double)s->squares / (long double)s->values;
    long double v = of_squares - mean * mean;
    *ret_slack = (double)(of_squares * 8 * LDBL_EPSILON);
    return v > 0 ? (double)v : 0;
}

/* Low: the spread of the sure ones, thinned; high: half the range (Popoviciu 1935). */
static void spread_in_doubt(const struct evidence *e, double value, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    int64_t sure = e->sure->values, most = sure + d->maybe.values;
    double slack = 0, known = sure > 0 ? variance(e->sure, &slack) : 0;
    known -= slack;
    double lo = known > 0 ? sqrt(known * (double)sure / (double)most) / e->scale : 0;
    struct sums all = *e->sure;
    sums_merge(&all, &d->maybe);
    double hi = ((double)all.max - (double)all.min) / 2 / e->scale;
    put_between(value, lo * (1 - 1e-12), hi * (1 + 1e-12), v);
    v->maybe_missing = sure + d->values_lo == 0;
    if (values_lost(d))
        unbind(v);
}

static void stddev(const struct evidence *e, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    struct sums all = *e->sure;
    sums_merge(&all, &d->counted);
    double slack = 0, squared = all.values > 0 ? variance(&all, &slack) : 0;
    if (all.values == 0 && !values_doubted(d))
        put_missing(v);
    else if (all.values == 0 || squared < 0)
        put_missing_perhaps(v);
    else if (values_doubted(d))
        spread_in_doubt(e, sqrt(squared) / e->scale, v);
    else if (slack > 0)
        put_between(sqrt(squared) / e->scale, sqrt(fmax(squared - slack, 0)) / e->scale,
                    sqrt(squared + slack) / e->scale, v);
    else
        put_exact(sqrt(squared) / e->scale, v);
}

/* ---- times ---- */

static void since(const struct evidence *e, bool last, struct window_value *v)
{
    const struct doubt *d = doubt_of(e);
    const struct sums *s = e->sure, *m = &d->maybe;
    bool sure = s->first_ms <= s->last_ms, perhaps = m->first_ms <= m->last_ms;
    bool lost = d->lost_n > 0 || d->unknown_n > 0;
    if (!sure && !perhaps) {
        if (lost)
            put_missing_perhaps(v);
        else
            put_missing(v);
        return;
    }
    int64_t newest = perhaps && m->last_ms > s->last_ms ? m->last_ms : s->last_ms;
    int64_t oldest = perhaps && m->first_ms < s->first_ms ? m->first_ms : s->first_ms;
    if (!sure)
        put_fixed(1000, e->t_ms - (last ? newest : oldest), e->t_ms - newest, e->t_ms - oldest, v);
    else if (last)
        put_fixed(1000, e->t_ms - s->last_ms, e->t_ms - newest, e->t_ms - s->last_ms, v);
    else
        put_fixed(1000, e->t_ms - s->first_ms, e->t_ms - s->first_ms, e->t_ms - oldest, v);
    v->maybe_missing = !sure || d->own_among_sure;
    if (lost)
        unbind(v);
}

void evidence_value(enum aggregate aggregate, const struct evidence *e,
                    struct window_value *ret_value)
{
    switch (aggregate) {
    case AGG_COUNT:
        count(e, ret_value);
        break;
    case AGG_SUM:
        sum(e, ret_value);
        break;
    case AGG_AVG:
        average(e, ret_value);
        break;
    case AGG_MIN:
        extreme(e, true, ret_value);
        break;
    case AGG_MAX:
        extreme(e, false, ret_value);
        break;
    case AGG_STDDEV:
        stddev(e, ret_value);
        break;
    case AGG_SINCE_LAST:
        since(e, true, ret_value);
        break;
    case AGG_SINCE_FIRST:
        since(e, false, ret_value);
        break;
    case AGG_FRAUD_COUNT:
        label_count(e, RECORD_FRAUD, ret_value);
        break;
    case AGG_FRAUD_RATE:
        fraud_rate(e, ret_value);
        break;
    case AGG_DECLINE_COUNT:
        label_count(e, RECORD_DECLINED, ret_value);
        break;
    case AGG_REVERSAL_COUNT:
        label_count(e, RECORD_REVERSED, ret_value);
        break;
    default:
        put_missing(ret_value);
    }
}

/* ---- values and places ---- */

void evidence_distinct(const struct evidence *e, const struct evidence_values *v,
                       struct window_value *ret_value)
{
    const struct doubt *d = doubt_of(e);
    int64_t hi = v->sure + v->maybe + d->unknown_values + d->unknown_n + d->lost_n;
    put_fixed(1, v->sure, v->sure, hi, ret_value);
}

void evidence_is_new(const struct evidence *e, const struct evidence_values *v,
                     struct window_value *ret_value)
{
    const struct doubt *d = doubt_of(e);
    if (!v->own_has_value)
        put_missing(ret_value);
    else if (v->own_seen)
        put_fixed(1, 0, 0, 0, ret_value);
    else if (v->own_maybe_seen || d->unknown_values > 0 || d->unknown_n > 0 || d->lost_n > 0)
        put_missing_perhaps(ret_value);
    else
        put_fixed(1, 1, 1, 1, ret_value);
}

static double radians(int32_t e7)
{
    return (double)e7 * (M_PI / 180e7);
}

static double distance_km(int64_t from, int64_t to)
{
    return geo_distance_km(radians((int32_t)(from >> 32)), radians((int32_t)(uint32_t)from),
                           radians((int32_t)(to >> 32)), radians((int32_t)(uint32_t)to));
}

void evidence_speed(const struct evidence *e, const struct evidence_place *p,
                    struct window_value *ret_value)
{
    bool lost = !p->sure || doubt_of(e)->unknown_values > 0 || doubt_of(e)->unknown_n > 0;
    int64_t elapsed_ms = e->t_ms - p->ts_ms;
    double hours = (double)(elapsed_ms > 0 ? elapsed_ms : 1) / 3.6e6;
    if (!p->own_located || (!p->found && !lost)) {
        put_missing(ret_value);
    } else if (!p->found) {
        put_missing_perhaps(ret_value);
    } else {
        put_exact(distance_km(p->place, p->own_place) / hours, ret_value);
        if (lost)
            unbind(ret_value);
    }
}

/* ---- before the logs have it ---- */

static void uncover_since_last(int64_t t_ms, int64_t covered_from_ms, struct window_value *v)
{
    if (v->missing) {
        put_missing_perhaps(v);
        return;
    }
    if (t_ms - v->value.i64 >= covered_from_ms) /* what is not known is older */
        return;
    v->exact = false;
    v->lo.i64 = 0;
}

static void uncover_number(enum aggregate aggregate, struct window_value *v)
{
    if (v->missing) {
        put_missing_perhaps(v);
        return;
    }
    v->exact = false;
    v->unbounded_lo |= aggregate != AGG_MAX && aggregate != AGG_SINCE_FIRST;
    v->unbounded_hi |= aggregate != AGG_MIN;
}

/* More may be there; of what labels say, less too: a later one may have taken it back. */
static void uncover_count(enum aggregate aggregate, struct window_value *v)
{
    v->exact = false;
    v->hi.i64 = INT64_MAX;
    if (aggregate == AGG_FRAUD_COUNT)
        v->lo.i64 = 0;
    v->unbounded_hi = true;
}

void evidence_uncover(enum aggregate aggregate, int64_t t_ms, int64_t covered_from_ms,
                      struct window_value *v)
{
    switch (aggregate) {
    case AGG_COUNT:
    case AGG_DISTINCT:
    case AGG_FRAUD_COUNT:
    case AGG_DECLINE_COUNT:
    case AGG_REVERSAL_COUNT:
        uncover_count(aggregate, v);
        break;
    case AGG_FRAUD_RATE:
        put_rate(v->value.f64, 0, 1, v);
        break;
    case AGG_IS_NEW: /* missing: the transaction has no value; 0: it was seen, whatever else */
        if (!v->missing && v->value.i64 != 0)
            put_missing_perhaps(v);
        break;
    case AGG_SINCE_LAST:
        uncover_since_last(t_ms, covered_from_ms, v);
        break;
    default:
        uncover_number(aggregate, v);
    }
    v->uncovered = true;
}

int64_t place_pack(double lat_deg, double lon_deg)
{
    int32_t lat = (int32_t)lround(lat_deg * 1e7), lon = (int32_t)lround(lon_deg * 1e7);
    return (int64_t)((uint64_t)(uint32_t)lat << 32 | (uint32_t)lon);
}

/* ---- window.h ---- */

static double number(const struct window_value *v, int64_t i64, double f64)
{
    return v->scale > 0 ? (double)i64 / v->scale : f64;
}

double window_value_double(const struct window_value *v)
{
    return number(v, v->value.i64, v->value.f64);
}

double window_lo_double(const struct window_value *v)
{
    return v->unbounded_lo ? -INFINITY : number(v, v->lo.i64, v->lo.f64);
}

double window_hi_double(const struct window_value *v)
{
    return v->unbounded_hi ? INFINITY : number(v, v->hi.i64, v->hi.f64);
}
