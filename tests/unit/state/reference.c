#include "tests/unit/state/reference.h"

#include <math.h>
#include <stdlib.h>

/* What one transaction sees: indices of facts, without duplicates and late ones. */
struct seen {
    const struct reference_fact *facts[REFERENCE_FACTS_MAX];
    int n;
    const struct reference_fact *own;
};

static bool same_identity(const struct reference_fact *a, const struct reference_fact *b)
{
    if (a->txn != b->txn || a->kind != b->kind)
        return false;
    return a->kind == RECORD_TRANSACTION || a->known_at_ms == b->known_at_ms;
}

static bool stood_before(const struct reference *ref, int i)
{
    for (int j = 0; j < i; j++) {
        if (same_identity(&ref->facts[j], &ref->facts[i]))
            return true;
    }
    return false;
}

static struct seen view;

void reference_view(const struct reference *ref, int64_t horizon_ms, uint64_t own_txn)
{
    struct seen *seen = &view;
    bool dated = false;
    int64_t newest_ms = 0;
    seen->n = 0;
    seen->own = NULL;
    for (int i = 0; i < ref->n && seen->own == NULL; i++) {
        const struct reference_fact *f = &ref->facts[i];
        bool transaction = f->kind == RECORD_TRANSACTION;
        if (transaction && own_txn != 0 && f->txn == own_txn)
            seen->own = f;
        bool late = dated && newest_ms - f->ts_ms > horizon_ms;
        if ((late || stood_before(ref, i)) && seen->own != f)
            continue;
        if (transaction && !late && (!dated || f->ts_ms > newest_ms)) {
            newest_ms = f->ts_ms;
            dated = true;
        }
        seen->facts[seen->n++] = f;
    }
}

static bool within(const struct plan_feature *f, const struct reference_fact *fact, int64_t t_ms)
{
    int64_t to_ms = t_ms - f->delay_ms;
    return to_ms - f->window_ms < fact->ts_ms && fact->ts_ms <= to_ms;
}

static bool passes(const struct plan_feature *f, const struct reference_fact *fact)
{
    return f->filter < 0 || (fact->filters >> f->filter & 1);
}

/* Is this a transaction of the window, with a value where the feature needs one? */
static bool counts(const struct plan_feature *f, const struct reference_fact *fact, int64_t t_ms)
{
    if (fact->kind != RECORD_TRANSACTION || !within(f, fact, t_ms) || !passes(f, fact))
        return false;
    return f->column < 0 || fact->present[f->column];
}

static int count_transactions(const struct seen *seen, const struct plan_feature *f, int64_t t_ms)
{
    int n = 0;
    for (int i = 0; i < seen->n; i++) {
        const struct reference_fact *fact = seen->facts[i];
        n += fact->kind == RECORD_TRANSACTION && within(f, fact, t_ms) && passes(f, fact);
    }
    return n;
}

static bool fraud_group(enum record_kind kind)
{
    return kind == RECORD_FRAUD || kind == RECORD_LEGITIMATE;
}

/* Does fact `i` decide its transaction's label: is nothing visible that supersedes or equals it? */
static bool decides(const struct seen *seen, int i, int64_t t_ms)
{
    const struct reference_fact *a = seen->facts[i];
    for (int j = 0; j < seen->n; j++) {
        const struct reference_fact *b = seen->facts[j];
        bool same_group = a->kind == b->kind || (fraud_group(a->kind) && fraud_group(b->kind));
        if (j == i || b->kind == RECORD_TRANSACTION || b->txn != a->txn || !same_group ||
            b->known_at_ms > t_ms)
            continue;
        if (!fraud_group(a->kind)) { /* declined twice is declined: the first one speaks */
            if (j < i)
                return false;
            continue;
        }
        if (b->known_at_ms > a->known_at_ms)
            return false;
        if (b->known_at_ms == a->known_at_ms && b->kind == RECORD_FRAUD)
            return false;
    }
    return true;
}

static int count_labels(const struct seen *seen, const struct plan_feature *f, int64_t t_ms,
                        enum record_kind kind)
{
    int n = 0;
    for (int i = 0; i < seen->n; i++) {
        const struct reference_fact *fact = seen->facts[i];
        if (fact->kind == kind && fact->known_at_ms <= t_ms && within(f, fact, t_ms) &&
            passes(f, fact))
            n += decides(seen, i, t_ms);
    }
    return n;
}

static int count_distinct(const struct seen *seen, const struct plan_feature *f, int64_t t_ms)
{
    int n = 0;
    for (int i = 0; i < seen->n; i++) {
        bool first = counts(f, seen->facts[i], t_ms);
        for (int j = 0; first && j < i; j++) {
            if (counts(f, seen->facts[j], t_ms) &&
                seen->facts[j]->column[f->column] == seen->facts[i]->column[f->column])
                first = false;
        }
        n += first;
    }
    return n;
}

static struct reference_value over_values(const struct seen *seen, const struct plan_feature *f,
                                          int64_t t_ms, int32_t scale)
{
    long double sum = 0, low = INFINITY, high = -INFINITY;
    int n = 0;
    for (int i = 0; i < seen->n; i++) {
        if (!counts(f, seen->facts[i], t_ms))
            continue;
        long double v = (long double)seen->facts[i]->column[f->column] / scale;
        sum += v;
        low = v < low ? v : low;
        high = v > high ? v : high;
        n++;
    }
    if (f->aggregate == AGG_SUM)
        return (struct reference_value){false, sum};
    if (n == 0)
        return (struct reference_value){true, 0};
    if (f->aggregate == AGG_AVG)
        return (struct reference_value){false, sum / n};
    if (f->aggregate != AGG_STDDEV)
        return (struct reference_value){false, f->aggregate == AGG_MIN ? low : high};
    long double mean = sum / n, squares = 0;
    for (int i = 0; i < seen->n; i++) {
        if (counts(f, seen->facts[i], t_ms)) {
            long double d = (long double)seen->facts[i]->column[f->column] / scale - mean;
            squares += d * d;
        }
    }
    return (struct reference_value){false, sqrtl(squares / n)};
}

static struct reference_value since(const struct seen *seen, const struct plan_feature *f,
                                    int64_t t_ms)
{
    int64_t best = 0;
    bool found = false;
    for (int i = 0; i < seen->n; i++) {
        const struct reference_fact *fact = seen->facts[i];
        if (fact == seen->own || !counts(f, fact, t_ms))
            continue;
        if (!found || (f->aggregate == AGG_SINCE_LAST ? fact->ts_ms > best : fact->ts_ms < best))
            best = fact->ts_ms;
        found = true;
    }
    return (struct reference_value){!found, (long double)(t_ms - best) / 1000};
}

static struct reference_value is_new(const struct seen *seen, const struct plan_feature *f,
                                     int64_t t_ms)
{
    if (seen->own == NULL || !seen->own->present[f->column])
        return (struct reference_value){true, 0};
    for (int i = 0; i < seen->n; i++) {
        const struct reference_fact *fact = seen->facts[i];
        if (fact != seen->own && counts(f, fact, t_ms) &&
            fact->column[f->column] == seen->own->column[f->column])
            return (struct reference_value){false, 0};
    }
    return (struct reference_value){false, 1};
}

static long double kilometres(int64_t a, int64_t b)
{
    const long double rad = 3.14159265358979323846264338327950288L / 180e7L;
    long double la = (long double)(int32_t)(a >> 32) * rad,
                lb = (long double)(int32_t)(b >> 32) * rad;
    long double oa = (long double)(int32_t)(uint32_t)a * rad,
                ob = (long double)(int32_t)(uint32_t)b * rad;
    long double h =
        powl(sinl((lb - la) / 2), 2) + cosl(la) * cosl(lb) * powl(sinl((ob - oa) / 2), 2);
    return 2 * 6371.0088L * asinl(sqrtl(h > 1 ? 1 : h));
}

static struct reference_value speed(const struct seen *seen, const struct plan_feature *f,
                                    int64_t t_ms)
{
    const struct reference_fact *previous = NULL;
    if (seen->own == NULL || !seen->own->present[f->column])
        return (struct reference_value){true, 0};
    for (int i = 0; i < seen->n; i++) {
        const struct reference_fact *fact = seen->facts[i];
        if (fact == seen->own || !counts(f, fact, t_ms))
            continue;
        if (previous == NULL || fact->ts_ms >= previous->ts_ms)
            previous = fact;
    }
    if (previous == NULL)
        return (struct reference_value){true, 0};
    int64_t elapsed_ms = t_ms - previous->ts_ms > 0 ? t_ms - previous->ts_ms : 1;
    long double km = kilometres(previous->column[f->column], seen->own->column[f->column]);
    return (struct reference_value){false, km / ((long double)elapsed_ms / 3600000)};
}

struct reference_value reference_value(const struct plan_spec *spec, int feature, int64_t t_ms)
{
    const struct seen *seen = &view;
    const struct plan_feature *f = &spec->features[feature];
    switch (f->aggregate) {
    case AGG_COUNT:
        return (struct reference_value){false, count_transactions(seen, f, t_ms)};
    case AGG_FRAUD_COUNT:
        return (struct reference_value){false, count_labels(seen, f, t_ms, RECORD_FRAUD)};
    case AGG_DECLINE_COUNT:
        return (struct reference_value){false, count_labels(seen, f, t_ms, RECORD_DECLINED)};
    case AGG_REVERSAL_COUNT:
        return (struct reference_value){false, count_labels(seen, f, t_ms, RECORD_REVERSED)};
    case AGG_FRAUD_RATE: {
        int n = count_transactions(seen, f, t_ms);
        long double fraud = count_labels(seen, f, t_ms, RECORD_FRAUD);
        return (struct reference_value){false, fraud > n ? 1 : n > 0 ? fraud / n : 0};
    }
    case AGG_DISTINCT:
        return (struct reference_value){false, count_distinct(seen, f, t_ms)};
    case AGG_SINCE_FIRST:
    case AGG_SINCE_LAST:
        return since(seen, f, t_ms);
    case AGG_IS_NEW:
        return is_new(seen, f, t_ms);
    case AGG_SPEED_KMH:
        return speed(seen, f, t_ms);
    default:
        return over_values(seen, f, t_ms, column_kind_scale(spec->columns[f->column].kind));
    }
}
