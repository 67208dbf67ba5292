#include "service/state/evidence.h"

#include <math.h>

static const struct doubt no_doubt = {
    .maybe = {.first_ms = INT64_MAX, .last_ms = INT64_MIN, .min = INT64_MAX, .max = INT64_MIN},
    .counted = {.first_ms = INT64_MAX, .last_ms = INT64_MIN, .min = INT64_MAX, .max = INT64_MIN},
};

static const struct doubt *doubt_of(const struct evidence *e)
{
    return e->doubt != NULL ? e->doubt : &no_doubt;
}

/* ---- making values ---- */

static struct window_value missing(void)
{
    return (struct window_value){.missing = true, .exact = true};
}

static struct window_value fixed(int32_t scale, int64_t value, int64_t lo, int64_t hi)
{
    struct window_value v = {.exact = lo == hi, .scale = scale};
    v.value.i64 = value < lo ? lo : value > hi ? hi : value;
    v.lo.i64 = lo;
    v.hi.i64 = hi;
    return v;
}

static struct window_value exactly(double value)
{
    struct window_value v = {.exact = true};
    v.value.f64 = v.lo.f64 = v.hi.f64 = value;
    return v;
}

/* Bounds that were computed in doubles move outward by two units in the last place. */
static struct window_value between(double value, double lo, double hi)
{
    struct window_value v = {.exact = false};
    v.lo.f64 = nextafter(nextafter(lo, -INFINITY), -INFINITY);
    v.hi.f64 = nextafter(nextafter(hi, INFINITY), INFINITY);
    v.value.f64 = fmin(fmax(value, v.lo.f64), v.hi.f64);
    return v;
}

static struct window_value unbounded(struct window_value v, bool lo, bool hi)
{
    v.exact = false;
    v.unbounded_lo = lo;
    v.unbounded_hi = hi;
    return v;
}

/* Missing as far as is known, but something may be there. */
static struct window_value missing_perhaps(void)
{
    struct window_value v = {.missing = true, .maybe_missing = true};
    return unbounded(v, true, true);
}

/* ---- counts ---- */

static struct window_value count(const struct evidence *e)
{
    const struct doubt *d = doubt_of(e);
    int64_t n = e->sure->n;
    return fixed(1, n + d->counted.n, n + d->n_lo, n + d->maybe.n + d->unknown_n + d->lost_n);
}

static struct window_value label_count(const struct evidence *e, enum record_kind kind)
{
    const struct doubt *d = doubt_of(e);
    int64_t n = e->labels[kind], lo = n - d->labels_less[kind];
    return fixed(1, n, lo > 0 ? lo : 0, n + d->labels_more[kind] + d->lost_n);
}

static double ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0;
}

static struct window_value fraud_rate(const struct evidence *e)
{
    struct window_value n = count(e), fraud = label_count(e, RECORD_FRAUD);
    double value = ratio(fraud.value.i64, n.value.i64);
    if (n.exact && fraud.exact)
        return exactly(value);
    /* with hi fraud at least one event is there, whatever the lower bound of n says */
    int64_t fewest = n.lo.i64 > 0 ? n.lo.i64 : 1;
    return between(value, ratio(fraud.lo.i64, n.hi.i64), ratio(fraud.hi.i64, fewest));
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

static struct window_value sum(const struct evidence *e)
{
    const struct doubt *d = doubt_of(e);
    int128 sure = total(e->sure);
    int128 value = sure + total(&d->counted);
    int128 lo = sure + d->maybe.negative, hi = sure + d->maybe.positive;
    struct window_value v;
    if (fits_i64(value) && fits_i64(lo) && fits_i64(hi))
        v = fixed(e->scale, (int64_t)value, (int64_t)lo, (int64_t)hi);
    else if (lo == hi)
        v = exactly((double)value / e->scale);
    else
        v = between((double)value / e->scale, (double)lo / e->scale, (double)hi / e->scale);
    return values_lost(d) ? unbounded(v, true, true) : v;
}

/* The average when `k` further values all are `v`. */
static double average_with(const struct sums *sure, int64_t k, int64_t v)
{
    int64_t n = sure->values + k;
    return n > 0 ? (double)(total(sure) + (int128)k * v) / (double)n : (double)v;
}

static struct window_value average(const struct evidence *e)
{
    const struct doubt *d = doubt_of(e);
    const struct sums *s = e->sure, *m = &d->maybe;
    int64_t n = s->values + d->counted.values;
    double value = n > 0 ? (double)(total(s) + total(&d->counted)) / (double)n : 0;
    if (!values_doubted(d))
        return n > 0 ? exactly(value / e->scale) : missing();
    struct window_value v;
    if (m->values > 0) {
        double lo = fmin(average_with(s, d->values_lo, m->min), average_with(s, m->values, m->min));
        double hi = fmax(average_with(s, d->values_lo, m->max), average_with(s, m->values, m->max));
        v = between((n > 0 ? value : lo) / e->scale, lo / e->scale, hi / e->scale);
    } else if (n > 0) {
        v = between(value / e->scale, value / e->scale, value / e->scale);
    } else {
        return missing_perhaps();
    }
    v.maybe_missing = s->values + d->values_lo == 0;
    return values_lost(d) ? unbounded(v, true, true) : v;
}

/* Of the smallest, and mirrored of the largest value. `best` is the surer one of two candidates. */
static struct window_value extreme(const struct evidence *e, bool smallest)
{
    const struct doubt *d = doubt_of(e);
    const struct sums *s = e->sure, *m = &d->maybe;
    if (!values_doubted(d) && s->values == 0)
        return missing();
    if (s->values == 0 && m->values == 0)
        return missing_perhaps();
    int64_t lo = s->min < m->min ? s->min : m->min, hi = s->max > m->max ? s->max : m->max;
    if (s->values > 0 && smallest)
        hi = s->min;
    else if (s->values > 0)
        lo = s->max;
    struct window_value v = fixed(e->scale, smallest ? lo : hi, lo, hi);
    v.maybe_missing = s->values + d->values_lo == 0;
    return values_lost(d) ? unbounded(v, true, true) : v;
}

/* ---- spread ---- */

/* Population variance in units of the column, squared; < 0: the squares are full. */
static double variance(const struct sums *s)
{
    int128 sum_all = total(s);
    uint128 mag = (uint128)(sum_all < 0 ? -sum_all : sum_all), scaled, squared;
    if (s->squares == SUMS_SQUARES_FULL)
        return -1;
    double n = (double)s->values;
    if (!__builtin_mul_overflow(s->squares, (uint128)s->values, &scaled) &&
        !__builtin_mul_overflow(mag, mag, &squared))
        return (double)(scaled - squared) / (n * n);
    long double mean = (long double)mag / (long double)s->values;
    long double v = (long double)s->squares / (long double)s->values - mean * mean;
    return v > 0 ? (double)v : 0;
}

static struct window_value stddev(const struct evidence *e)
{
    const struct doubt *d = doubt_of(e);
    struct sums all = *e->sure;
    sums_merge(&all, &d->counted);
    if (all.values == 0)
        return values_doubted(d) ? missing_perhaps() : missing();
    double value = variance(&all);
    if (value < 0)
        return missing_perhaps();
    value = sqrt(value) / e->scale;
    if (!values_doubted(d))
        return exactly(value);
    /* low: the spread of the sure ones, thinned; high: half the range (Popoviciu 1935) */
    int64_t sure = e->sure->values, most = sure + d->maybe.values;
    double known = sure > 0 ? variance(e->sure) : 0;
    double lo = known > 0 ? sqrt(known * (double)sure / (double)most) / e->scale : 0;
    all = *e->sure;
    sums_merge(&all, &d->maybe);
    double hi = ((double)all.max - (double)all.min) / 2 / e->scale;
    struct window_value v = between(value, lo * (1 - 1e-12), hi * (1 + 1e-12));
    v.maybe_missing = sure + d->values_lo == 0;
    return values_lost(d) ? unbounded(v, true, true) : v;
}

/* ---- times ---- */

static struct window_value since(const struct evidence *e, bool last)
{
    const struct doubt *d = doubt_of(e);
    const struct sums *s = e->sure, *m = &d->maybe;
    bool sure = s->first_ms <= s->last_ms, perhaps = m->first_ms <= m->last_ms;
    bool lost = d->lost_n > 0 || d->unknown_n > 0;
    if (!sure && !perhaps)
        return lost ? missing_perhaps() : missing();
    int64_t newest = perhaps && m->last_ms > s->last_ms ? m->last_ms : s->last_ms;
    int64_t oldest = perhaps && m->first_ms < s->first_ms ? m->first_ms : s->first_ms;
    struct window_value v;
    if (!sure)
        v = fixed(1000, e->t_ms - (last ? newest : oldest), e->t_ms - newest, e->t_ms - oldest);
    else if (last)
        v = fixed(1000, e->t_ms - s->last_ms, e->t_ms - newest, e->t_ms - s->last_ms);
    else
        v = fixed(1000, e->t_ms - s->first_ms, e->t_ms - s->first_ms, e->t_ms - oldest);
    v.maybe_missing = !sure;
    return lost ? unbounded(v, true, true) : v;
}

struct window_value evidence_value(enum aggregate aggregate, const struct evidence *e)
{
    switch (aggregate) {
    case AGG_COUNT:
        return count(e);
    case AGG_SUM:
        return sum(e);
    case AGG_AVG:
        return average(e);
    case AGG_MIN:
        return extreme(e, true);
    case AGG_MAX:
        return extreme(e, false);
    case AGG_STDDEV:
        return stddev(e);
    case AGG_SINCE_LAST:
        return since(e, true);
    case AGG_SINCE_FIRST:
        return since(e, false);
    case AGG_FRAUD_COUNT:
        return label_count(e, RECORD_FRAUD);
    case AGG_FRAUD_RATE:
        return fraud_rate(e);
    case AGG_DECLINE_COUNT:
        return label_count(e, RECORD_DECLINED);
    case AGG_REVERSAL_COUNT:
        return label_count(e, RECORD_REVERSED);
    default:
        return missing();
    }
}

/* ---- values and places ---- */

struct window_value evidence_distinct(const struct evidence *e, const struct evidence_values *v)
{
    const struct doubt *d = doubt_of(e);
    int64_t hi = v->sure + v->maybe + d->unknown_values + d->unknown_n + d->lost_n;
    return fixed(1, v->sure, v->sure, hi);
}

struct window_value evidence_is_new(const struct evidence *e, const struct evidence_values *v)
{
    const struct doubt *d = doubt_of(e);
    if (!v->own_has_value)
        return missing();
    if (v->own_seen)
        return fixed(1, 0, 0, 0);
    if (v->own_maybe_seen || d->unknown_values > 0 || d->unknown_n > 0 || d->lost_n > 0)
        return missing_perhaps();
    return fixed(1, 1, 1, 1);
}

static double radians(int32_t e7)
{
    return (double)e7 * (M_PI / 180e7);
}

static double distance_km(int64_t from, int64_t to)
{
    double lat1 = radians((int32_t)(from >> 32)), lat2 = radians((int32_t)(to >> 32));
    double lon1 = radians((int32_t)(uint32_t)from), lon2 = radians((int32_t)(uint32_t)to);
    double s_lat = sin((lat2 - lat1) / 2), s_lon = sin((lon2 - lon1) / 2);
    double h = s_lat * s_lat + cos(lat1) * cos(lat2) * s_lon * s_lon;
    return 2 * 6371.0088 * asin(sqrt(fmin(h, 1)));
}

struct window_value evidence_speed(const struct evidence *e, const struct evidence_place *p)
{
    if (!p->own_located)
        return missing();
    bool lost = !p->sure || doubt_of(e)->unknown_values > 0 || doubt_of(e)->unknown_n > 0;
    if (!p->found)
        return lost ? missing_perhaps() : missing();
    int64_t elapsed_ms = e->t_ms - p->ts_ms;
    double hours = (double)(elapsed_ms > 0 ? elapsed_ms : 1) / 3.6e6;
    struct window_value v = exactly(distance_km(p->place, p->own_place) / hours);
    return lost ? unbounded(v, true, true) : v;
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
