/*
 * The fold against the reference, over random sets of events: any order, duplicates, corrections,
 * several widths of exact_events, folded at once, now and then, or never.
 */
#include "service/state/fold.h"
#include "tests/unit/state/reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, LOG_CAP = 4 << 20 };

static uint64_t rng_state;

static uint64_t rng(void) /* splitmix64 (Steele, Lea, Flood 2014) */
{
    uint64_t z = rng_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static int64_t below(int64_t n)
{
    return (int64_t)(rng() % (uint64_t)n);
}

static bool chance(int percent)
{
    return below(100) < percent;
}

/* ---- what is tested ---- */

struct world {
    struct plan_spec spec;
    const struct plan *plan;
    const struct plan *writer; /* of records and folds; another ruleset's when it is not `plan` */
    struct layout_book book;
    struct arena *process, *scratch;
    struct reference ref;
    char *log;
    size_t log_bytes;
    uint64_t seed;
    bool is_retry; /* the own transaction was attempted before */
};

static const struct plan_feature features[] = {
    {AGG_COUNT, -1, -1, 10 * MINUTE, 0},
    {AGG_COUNT, -1, -1, HOUR, 0},
    {AGG_COUNT, -1, -1, DAY, 0},
    {AGG_COUNT, -1, 0, DAY, 0},
    {AGG_COUNT, -1, -1, HOUR, HOUR},
    {AGG_SUM, 0, -1, HOUR, 0},
    {AGG_SUM, 0, 0, DAY, 0},
    {AGG_AVG, 0, -1, HOUR, 0},
    {AGG_AVG, 0, -1, DAY, 0},
    {AGG_MIN, 0, -1, DAY, 0},
    {AGG_MAX, 0, -1, HOUR, 0},
    {AGG_STDDEV, 0, -1, DAY, 0},
    {AGG_AVG, 0, 1, HOUR, 2 * HOUR},
    {AGG_DISTINCT, 1, -1, HOUR, 0},
    {AGG_DISTINCT, 1, -1, DAY, 0},
    {AGG_DISTINCT, 1, 0, HOUR, HOUR},
    {AGG_IS_NEW, 1, -1, DAY, 0},
    {AGG_IS_NEW, 1, -1, HOUR, 0},
    {AGG_SINCE_LAST, -1, -1, DAY, 0},
    {AGG_SINCE_FIRST, -1, -1, DAY, 0},
    {AGG_SINCE_FIRST, -1, 0, HOUR, 0},
    {AGG_SINCE_LAST, -1, 1, HOUR, HOUR},
    {AGG_FRAUD_COUNT, -1, -1, DAY, 0},
    {AGG_FRAUD_RATE, -1, -1, HOUR, 2 * HOUR},
    {AGG_FRAUD_COUNT, -1, 0, DAY, HOUR},
    {AGG_DECLINE_COUNT, -1, -1, HOUR, 0},
    {AGG_REVERSAL_COUNT, -1, -1, DAY, 0},
    {AGG_SPEED_KMH, 2, -1, DAY, 0},
    {AGG_SPEED_KMH, 2, -1, HOUR, 0},
    {AGG_SUM, 3, -1, DAY, 0},
    {AGG_STDDEV, 3, -1, HOUR, HOUR},
    {AGG_IS_NEW, 1, 0, DAY, 0},
    {AGG_SUM, 3, 0, HOUR, 0},
    {AGG_DISTINCT, 1, -1, DAY, HOUR}, /* as far back as the horizon */
};

enum { N_FEATURES = sizeof features / sizeof features[0] };

static void world_init(struct world *w, uint64_t seed, int exact_events)
{
    const char *why = NULL;
    w->seed = rng_state = seed;
    w->spec = (struct plan_spec){.key_field = span_str("account_id"), .exact_events = exact_events};
    w->spec.columns[w->spec.n_columns++] = (struct layout_column){span_str("amount"), COLUMN_E4};
    w->spec.columns[w->spec.n_columns++] = (struct layout_column){span_str("country"), COLUMN_HASH};
    w->spec.columns[w->spec.n_columns++] = (struct layout_column){span_str("place"), COLUMN_GEO};
    w->spec.columns[w->spec.n_columns++] = (struct layout_column){span_str("items"), COLUMN_E0};
    w->spec.filters[w->spec.n_filters++] = span_str("amount > 10.0");
    w->spec.filters[w->spec.n_filters++] = span_str("country == 'FR'");
    memcpy(w->spec.features, features, sizeof features);
    w->spec.n_features = N_FEATURES;
    w->process = arena_new(1 << 20);
    w->scratch = arena_new(16 << 20);
    w->book.count = 0;
    assert_int_equal(plan_compile(&w->spec, w->process, &w->plan, &why), ST_OK);
    assert_int_equal(layout_book_add(&w->book, plan_layout(w->plan)), ST_OK);
    w->writer = w->plan;
    w->ref.n = 0;
    w->log = malloc(LOG_CAP);
    w->log_bytes = 0;
}

/* What is written comes from a ruleset that has the features with a filter alone. */
static void world_write_filtered(struct world *w)
{
    struct plan_spec spec = w->spec;
    const char *why = NULL;
    spec.n_features = 0;
    for (int i = 0; i < N_FEATURES; i++) {
        if (features[i].filter >= 0)
            spec.features[spec.n_features++] = features[i];
    }
    assert_int_equal(plan_compile(&spec, w->process, &w->writer, &why), ST_OK);
    assert_int_equal(layout_book_add(&w->book, plan_layout(w->writer)), ST_OK);
}

static void world_fini(struct world *w)
{
    arena_free(w->process);
    arena_free(w->scratch);
    free(w->log);
}

static void append(struct world *w, const struct reference_fact *f)
{
    struct record r = {.kind = f->kind,
                       .layout = plan_layout(w->writer)->id,
                       .ts_ms = f->ts_ms,
                       .known_at_ms = f->known_at_ms,
                       .txn = f->txn,
                       .nonce = f->nonce,
                       .bits = f->filters << w->spec.n_columns};
    bool transaction = f->kind == RECORD_TRANSACTION;
    for (int i = 0; transaction && i < w->spec.n_columns; i++)
        r.bits |= f->present[i] ? 1u << i : 0;
    assert_true(w->log_bytes + RECORD_BYTES_MAX < LOG_CAP);
    w->log_bytes +=
        record_encode(&r, f->column, transaction ? w->spec.n_columns : 0, w->log + w->log_bytes);
    assert_true(w->ref.n < REFERENCE_FACTS_MAX);
    w->ref.facts[w->ref.n++] = *f;
}

static struct reference_fact random_transaction(uint64_t txn, int64_t ts_ms, bool extreme)
{
    struct reference_fact f = {.kind = RECORD_TRANSACTION, .txn = txn, .nonce = 1, .ts_ms = ts_ms};
    f.known_at_ms = ts_ms;
    f.filters = (unsigned)below(4);
    for (int i = 0; i < REFERENCE_COLUMNS_MAX; i++)
        f.present[i] = chance(85);
    f.column[0] = extreme ? (int64_t)rng() : below(3000000) - (chance(20) ? 2000000 : 0);
    f.column[1] = (int64_t)(UINT64_C(0x1234567890ABCDEF) * (uint64_t)(1 + below(12)));
    f.column[2] = (int64_t)((uint64_t)(uint32_t)(int32_t)(below(1700000000) - 850000000) << 32 |
                            (uint32_t)(int32_t)(below(3400000000) - 1700000000));
    f.column[3] = below(9) - 2;
    return f;
}

static struct reference_fact random_correction(const struct reference_fact *of, int64_t now_ms)
{
    struct reference_fact f = {.kind = (enum record_kind)(RECORD_FRAUD + below(4)),
                               .txn = of->txn,
                               .nonce = 2,
                               .ts_ms = of->ts_ms,
                               .filters = of->filters};
    f.known_at_ms =
        of->ts_ms + below(3) * MINUTE + (now_ms > of->ts_ms ? below(now_ms - of->ts_ms + 1) : 0);
    return f;
}

/* ---- comparing ---- */

static bool near(long double a, long double b)
{
    return fabsl(a - b) <= 1e-9L * (1 + fabsl(a) + fabsl(b));
}

static void fail_feature(const struct world *w, int i, const struct window_value *v,
                         struct reference_value truth, const char *why)
{
    const struct plan_feature *f = &w->spec.features[i];
    print_error(
        "seed %llu, exact_events %d, feature %d (aggregate %d window %lld delay %lld filter %d): "
        "%s\n"
        "  got %s%.17g [%.17g, %.17g] exact %d unbounded %d %d maybe_missing %d; truth %s%.17Lg\n",
        (unsigned long long)w->seed, w->spec.exact_events, i, (int)f->aggregate,
        (long long)f->window_ms, (long long)f->delay_ms, f->filter, why,
        v->missing ? "missing " : "", window_value_double(v), window_lo_double(v),
        window_hi_double(v), v->exact, v->unbounded_lo, v->unbounded_hi, v->maybe_missing,
        truth.missing ? "missing " : "", truth.value);
    fail();
}

static void compare(const struct world *w, int i, const struct window_value *v,
                    struct reference_value truth)
{
    if (v->exact) {
        if (v->missing != truth.missing)
            fail_feature(w, i, v, truth, "exact, but one is missing");
        if (!v->missing && !near(window_value_double(v), truth.value))
            fail_feature(w, i, v, truth, "exact, but not equal");
        return;
    }
    if (truth.missing) {
        if (!v->maybe_missing)
            fail_feature(w, i, v, truth, "missing, and not said to be perhaps");
        return;
    }
    long double lo = window_lo_double(v), hi = window_hi_double(v);
    if ((truth.value < lo && !near(lo, truth.value)) ||
        (truth.value > hi && !near(hi, truth.value)))
        fail_feature(w, i, v, truth, "outside its bounds");
    if (!v->missing && (window_value_double(v) < (double)lo || window_value_double(v) > (double)hi))
        fail_feature(w, i, v, truth, "value outside its own bounds");
}

static void read_log(struct world *w, int64_t t_ms, uint64_t own, struct window_value *values,
                     struct fold_seen *seen)
{
    struct fold_query q = {.log = span_of(w->log, w->log_bytes),
                           .t_ms = t_ms,
                           .has_own = own != 0,
                           .own_txn = own,
                           .own_is_retry = w->is_retry};
    arena_reset(w->scratch);
    assert_int_equal(fold_read(w->plan, &w->book, &q, w->scratch, values, seen), ST_OK);
}

static void check_all(struct world *w, int64_t t_ms, uint64_t own, bool want_exact)
{
    struct window_value values[N_FEATURES];
    struct fold_seen seen;
    read_log(w, t_ms, own, values, &seen);
    assert_true(own == 0 || seen.own_found);
    reference_view(&w->ref, plan_horizon_ms(w->plan), own);
    for (int i = 0; i < N_FEATURES; i++) {
        struct reference_value truth = reference_value(&w->spec, i, t_ms);
        if (want_exact && !values[i].exact)
            fail_feature(w, i, &values[i], truth, "inexact, though nothing was folded");
        compare(w, i, &values[i], truth);
    }
}

/* Write the fold back, with its doubts looked up: attempts other than the first of their
 * transaction lose. */
static void write_back(struct world *w)
{
    static struct fold_attempt doubts[FOLD_DOUBTS_MAX];
    struct fold_written written;
    struct span log = span_of(w->log, w->log_bytes);
    int n = 0;
    arena_reset(w->scratch);
    assert_int_equal(fold_doubts(w->writer, &w->book, log, w->scratch, doubts, &n), ST_OK);
    for (int i = 0; i < n; i++)
        doubts[i].lost = doubts[i].nonce != 1;
    arena_reset(w->scratch);
    assert_int_equal(
        fold_write(w->writer, &w->book, log, doubts, n, rng() | 1, w->scratch, &written), ST_OK);
    assert_int_equal(written.old_bytes, w->log_bytes);
    memcpy(w->log, written.bytes.base, written.bytes.len);
    w->log_bytes = written.bytes.len;
}

/* ---- the stream ---- */

struct stream {
    int events, disorder_ms, step_ms, corrections_percent, duplicates_percent, fold_percent;
    int past_percent; /* looks at any time before; some events come as late */
    bool extreme, lateness;
};

static int64_t next_time(const struct stream *s, int64_t *clock_ms)
{
    if (!chance(15)) /* some share one millisecond */
        *clock_ms += below(s->step_ms) + 1;
    int64_t ts_ms = *clock_ms;
    if (s->disorder_ms > 0 && chance(30))
        ts_ms -= below(s->disorder_ms);
    if (s->lateness && chance(2))
        ts_ms -= 2 * DAY;
    return ts_ms;
}

/* Mostly where the horizon and its eighth end, else anywhere. */
static int64_t random_past(int64_t start_ms, int64_t clock_ms)
{
    if (chance(60))
        return clock_ms - DAY + 3 * HOUR - below(12 * HOUR);
    return start_ms + below(clock_ms - start_ms + 1);
}

static const struct reference_fact *random_fact(const struct world *w)
{
    return &w->ref.facts[below(w->ref.n)];
}

static void maybe_correct(struct world *w, const struct stream *s, int64_t now_ms)
{
    if (w->ref.n == 0 || !chance(s->corrections_percent))
        return;
    const struct reference_fact *of = random_fact(w);
    if (of->kind == RECORD_TRANSACTION) {
        struct reference_fact f = random_correction(of, now_ms);
        append(w, &f);
        if (chance(s->duplicates_percent))
            append(w, &f);
    }
}

static void maybe_duplicate(struct world *w, const struct stream *s)
{
    if (w->ref.n == 0 || !chance(s->duplicates_percent))
        return;
    struct reference_fact f = *random_fact(w);
    if (f.kind != RECORD_TRANSACTION)
        return;
    f.nonce = 7; /* another attempt */
    append(w, &f);
}

static void run_stream(struct world *w, const struct stream *s, bool want_exact)
{
    const int64_t start_ms = INT64_C(1767225600000); /* 2026-01-01 */
    int64_t clock_ms = start_ms;
    for (int i = 1; i <= s->events; i++) {
        int64_t ts_ms = next_time(s, &clock_ms);
        if (s->past_percent > 0 && chance(5))
            ts_ms = random_past(start_ms, clock_ms);
        struct reference_fact f =
            random_transaction((uint64_t)i << 20 | (rng() & 0xFFFFF), ts_ms, s->extreme);
        append(w, &f);
        check_all(w, ts_ms, f.txn, want_exact);
        if (chance(s->fold_percent))
            write_back(w);
        maybe_correct(w, s, clock_ms);
        maybe_duplicate(w, s);
        if (chance(10))
            check_all(w, clock_ms + below(2 * HOUR), 0, want_exact);
        if (s->past_percent > 0 && chance(s->past_percent))
            check_all(w, random_past(start_ms, clock_ms), 0, false);
    }
    check_all(w, clock_ms, 0, want_exact);
}

static void run_world(uint64_t seed, int exact_events, struct stream s, bool want_exact)
{
    static struct world w;
    world_init(&w, seed, exact_events);
    run_stream(&w, &s, want_exact);
    world_fini(&w);
}

/* ---- tests ---- */

static void bounds_hold_for_what_another_ruleset_folded(void **state)
{
    static struct world w;
    (void)state;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct stream s = {.events = 400,
                           .disorder_ms = seed % 2 ? 10 * MINUTE : 0,
                           .step_ms = seed % 3 ? MINUTE : 10 * MINUTE,
                           .corrections_percent = 20,
                           .duplicates_percent = 3,
                           .fold_percent = seed % 4 ? 100 : 20};
        world_init(&w, seed, seed % 2 ? 16 : 64);
        world_write_filtered(&w);
        run_stream(&w, &s, false);
        world_fini(&w);
    }
}

static bool same_value(const struct window_value *a, const struct window_value *b)
{
    return a->missing == b->missing && a->exact == b->exact &&
           a->maybe_missing == b->maybe_missing && a->scale == b->scale &&
           a->unbounded_lo == b->unbounded_lo && a->unbounded_hi == b->unbounded_hi &&
           (a->missing ||
            (a->value.i64 == b->value.i64 && a->lo.i64 == b->lo.i64 && a->hi.i64 == b->hi.i64));
}

/* As a reload does: a column and more parts of what there is, before the features of before. */
static const struct plan *plan_with_more(struct world *w, int *ret_more)
{
    static const struct plan_feature more[] = {
        {AGG_MAX, 4, -1, DAY, 0},  {AGG_MAX, 4, 0, HOUR, 0},      {AGG_AVG, 0, 0, DAY, 0},
        {AGG_MAX, 1, -1, HOUR, 0}, {AGG_DISTINCT, 3, -1, DAY, 0}, {AGG_SUM, 4, 0, HOUR, HOUR},
    };
    struct plan_spec spec = w->spec;
    const struct plan *plan;
    const char *why = NULL;
    *ret_more = sizeof more / sizeof more[0];
    spec.columns[spec.n_columns++] = (struct layout_column){span_str("device_age"), COLUMN_E0};
    memcpy(spec.features, more, sizeof more);
    memcpy(spec.features + *ret_more, features, sizeof features);
    spec.n_features = *ret_more + N_FEATURES;
    assert_int_equal(plan_compile(&spec, w->process, &plan, &why), ST_OK);
    assert_int_equal(layout_book_add(&w->book, plan_layout(plan)), ST_OK);
    return plan;
}

static void what_a_ruleset_adds_makes_nothing_else_less_exact(void **state)
{
    static struct world w;
    struct window_value before[PLAN_FEATURES_MAX], after[PLAN_FEATURES_MAX];
    struct fold_seen seen;
    int more;
    (void)state;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct stream s = {
            .events = 400, .step_ms = MINUTE, .corrections_percent = 20, .fold_percent = 100};
        world_init(&w, seed, 16);
        run_stream(&w, &s, false);
        int64_t t_ms = w.ref.facts[w.ref.n - 1].ts_ms + MINUTE;
        read_log(&w, t_ms, 0, before, &seen);
        w.plan = plan_with_more(&w, &more);
        read_log(&w, t_ms, 0, after, &seen);
        for (int i = 0; i < N_FEATURES; i++)
            if (!same_value(&before[i], &after[more + i]))
                fail_msg("feature %d of seed %d", i, (int)seed);
        assert_true(after[0].maybe_missing); /* none of the events may have had a device */
        world_fini(&w);
    }
}

/* The own event does not pass the filter; one of the same moment and value does. */
static void a_value_seen_at_the_own_moment_is_surely_not_new(void **state)
{
    static struct world w;
    (void)state;
    const int64_t at_ms = INT64_C(1767225600000);
    world_init(&w, 1, 256);
    for (int i = 1; i <= 3; i++) {
        struct reference_fact f = random_transaction((uint64_t)i, at_ms + (i > 1), false);
        f.present[1] = true;
        f.column[1] = 42;
        f.filters = i < 3;
        append(&w, &f);
        check_all(&w, f.ts_ms, f.txn, true);
    }
    world_fini(&w);
}

static void up_to_exact_events_everything_is_exact_in_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct stream s = {.events = 120,
                           .disorder_ms = 10 * MINUTE,
                           .step_ms = 20 * MINUTE,
                           .corrections_percent = 40,
                           .duplicates_percent = 10,
                           .fold_percent = 0};
        run_world(seed, 256, s, true);
    }
}

static void what_is_folded_is_exact_or_within_its_bounds(void **state)
{
    (void)state;
    const int widths[] = {1, 4, 16, 64};
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct stream s = {.events = 420,
                           .step_ms = seed % 2 ? 10 * MINUTE : 90000,
                           .corrections_percent = 40,
                           .fold_percent = seed % 3 ? 20 : 0};
        run_world(100 + seed, widths[seed % 4], s, false);
    }
}

static void disorder_and_late_events_stay_within_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct stream s = {.events = 420,
                           .disorder_ms = seed % 2 ? 10 * MINUTE : 3 * HOUR,
                           .step_ms = 6 * MINUTE,
                           .corrections_percent = 30,
                           .fold_percent = seed % 2 ? 30 : 0,
                           .lateness = true};
        run_world(200 + seed, 16, s, false);
    }
}

static void what_is_asked_of_any_past_time_is_exact_or_within_its_bounds(void **state)
{
    const int widths[] = {256, 128, 16, 64};
    (void)state;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        struct stream s = {.events = 500,
                           .disorder_ms = seed % 3 ? 0 : 30 * MINUTE,
                           .step_ms = (seed % 5 ? 20 : 60) * MINUTE,
                           .corrections_percent = seed % 2 ? 20 : 0,
                           .fold_percent = seed % 4 ? 20 : 0,
                           .past_percent = 30};
        run_world(600 + seed, widths[seed % 4], s, false);
    }
}

static void duplicates_of_folded_events_stay_within_bounds(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct stream s = {.events = 420,
                           .disorder_ms = 5 * MINUTE,
                           .step_ms = 6 * MINUTE,
                           .corrections_percent = 30,
                           .duplicates_percent = 15,
                           .fold_percent = 10};
        run_world(300 + seed, 16, s, false);
    }
}

/* What comes before this attempt's record is seen: earlier ones are in tiles. */
static void keep_attempt(struct reference *ref, uint64_t txn, uint32_t nonce)
{
    int kept = 0;
    for (int i = 0; i < ref->n; i++) {
        const struct reference_fact *f = &ref->facts[i];
        if (f->kind != RECORD_TRANSACTION || f->txn != txn || f->nonce == nonce)
            ref->facts[kept++] = *f;
    }
    ref->n = kept;
}

/* Answers whether the earlier attempts' records had all folded. */
static bool retry_one(struct world *w, struct reference_fact f)
{
    static struct reference before;
    struct window_value values[N_FEATURES];
    struct fold_seen seen;
    f.nonce = 2 + (uint32_t)w->ref.n;
    append(w, &f);
    before = w->ref;
    w->is_retry = true;
    read_log(w, f.ts_ms, f.txn, values, &seen);
    if (seen.own_nonce == f.nonce) {
        keep_attempt(&w->ref, f.txn, f.nonce);
        check_all(w, f.ts_ms, f.txn, false);
    }
    w->is_retry = false;
    w->ref = before;
    return seen.own_nonce == f.nonce;
}

static void a_retry_of_a_folded_event_stays_within_bounds(void **state)
{
    static struct world w;
    (void)state;
    int n_folded = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        int64_t clock_ms = INT64_C(1767225600000);
        struct stream s = {.step_ms = seed % 2 ? 6 * MINUTE : 1000,
                           .disorder_ms = seed % 3 ? 5 * MINUTE : 0};
        world_init(&w, 500 + seed, 16);
        for (int i = 1; i <= 300; i++) {
            struct reference_fact f =
                random_transaction((uint64_t)i << 20, next_time(&s, &clock_ms), false);
            append(&w, &f);
            if (chance(50))
                write_back(&w);
            if (chance(20))
                n_folded += retry_one(&w, *random_fact(&w));
        }
        world_fini(&w);
    }
    assert_true(n_folded > 100);
}

static void extreme_amounts_never_wrap(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct stream s = {
            .events = 300, .step_ms = 6 * MINUTE, .fold_percent = 10, .extreme = true};
        run_world(400 + seed, 16, s, false);
    }
}

/* Writing a fold back is only caching: whoever reads sees the same. */
static void written_back_or_not_the_values_are_the_same(void **state)
{
    (void)state;
    static struct world written, never;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct window_value a[N_FEATURES], b[N_FEATURES];
        struct fold_seen seen_a, seen_b;
        world_init(&written, seed, 16);
        world_init(&never, seed, 16);
        int64_t clock_ms = INT64_C(1767225600000);
        struct stream s = {.disorder_ms = seed % 2 ? 0 : HOUR,
                           .step_ms = (seed <= 4 ? 6 : 30) * MINUTE,
                           .lateness = seed > 6};
        for (int i = 1; i <= 500; i++) {
            int64_t ts_ms = next_time(&s, &clock_ms);
            struct reference_fact f =
                random_transaction((uint64_t)i << 20 | (rng() & 0xFFFFF), ts_ms, false);
            append(&written, &f);
            append(&never, &f);
            read_log(&written, ts_ms, f.txn, a, &seen_a);
            read_log(&never, ts_ms, f.txn, b, &seen_b);
            for (int k = 0; k < N_FEATURES; k++) {
                if (!same_value(&a[k], &b[k]))
                    fail_feature(&written, k, &a[k],
                                 (struct reference_value){b[k].missing, window_value_double(&b[k])},
                                 "differs from the log that was never written back");
            }
            if (seen_a.wants_fold || chance(10))
                write_back(&written);
        }
        world_fini(&written);
        world_fini(&never);
    }
}

static void shuffled_arrival_gives_the_same_final_values(void **state)
{
    (void)state;
    static struct world a, b;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct window_value va[N_FEATURES], vb[N_FEATURES];
        struct fold_seen seen;
        world_init(&a, seed, 256);
        int64_t clock_ms = INT64_C(1767225600000);
        for (int i = 1; i <= 200; i++) {
            clock_ms += below(10 * MINUTE) + 1; /* no two at once: their order would be arrival's */
            struct reference_fact f = random_transaction((uint64_t)i << 20, clock_ms, false);
            append(&a, &f);
            maybe_correct(&a, &(struct stream){.corrections_percent = 30}, clock_ms);
        }
        world_init(&b, seed, 256);
        static struct reference shuffled;
        shuffled = a.ref;
        for (int i = shuffled.n - 1; i > 0; i--) {
            int64_t j = below(i + 1);
            struct reference_fact t = shuffled.facts[i];
            shuffled.facts[i] = shuffled.facts[j];
            shuffled.facts[j] = t;
        }
        for (int i = 0; i < shuffled.n; i++)
            append(&b, &shuffled.facts[i]);
        read_log(&a, clock_ms + HOUR, 0, va, &seen);
        read_log(&b, clock_ms + HOUR, 0, vb, &seen);
        for (int k = 0; k < N_FEATURES; k++) {
            /* a horizon of 25 hours and 33 of events: what is late depends on arrival, so only
             * the short windows */
            if (features[k].window_ms + features[k].delay_ms <= 3 * HOUR &&
                !same_value(&va[k], &vb[k]))
                fail_feature(&a, k, &va[k],
                             (struct reference_value){vb[k].missing, window_value_double(&vb[k])},
                             "differs after a shuffle");
        }
        world_fini(&a);
        world_fini(&b);
    }
}

static void damaged_logs_are_refused_and_never_crash(void **state)
{
    (void)state;
    static struct world w;
    world_init(&w, 77, 4);
    run_stream(&w,
               &(struct stream){
                   .events = 300, .step_ms = MINUTE, .corrections_percent = 20, .fold_percent = 20},
               false);
    char *copy = malloc(w.log_bytes);
    for (int i = 0; i < 4000; i++) {
        struct window_value values[N_FEATURES];
        struct fold_seen seen;
        struct fold_written written;
        size_t n = chance(30) ? (size_t)below((int64_t)w.log_bytes) : w.log_bytes;
        memcpy(copy, w.log, w.log_bytes);
        for (int k = 0; k < 3 && n > 0; k++)
            copy[below((int64_t)n)] = (char)rng();
        struct fold_query q = {.log = span_of(copy, n), .t_ms = INT64_C(1767225600000) + DAY};
        arena_reset(w.scratch);
        enum status st = fold_read(w.plan, &w.book, &q, w.scratch, values, &seen);
        assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_NOT_FOUND || st == ST_NO_SPACE);
        arena_reset(w.scratch);
        st = fold_write(w.plan, &w.book, q.log, NULL, 0, 1, w.scratch, &written);
        assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_NOT_FOUND || st == ST_NO_SPACE);
    }
    free(copy);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bounds_hold_for_what_another_ruleset_folded),
        cmocka_unit_test(what_a_ruleset_adds_makes_nothing_else_less_exact),
        cmocka_unit_test(a_value_seen_at_the_own_moment_is_surely_not_new),
        cmocka_unit_test(up_to_exact_events_everything_is_exact_in_any_order),
        cmocka_unit_test(what_is_folded_is_exact_or_within_its_bounds),
        cmocka_unit_test(disorder_and_late_events_stay_within_bounds),
        cmocka_unit_test(what_is_asked_of_any_past_time_is_exact_or_within_its_bounds),
        cmocka_unit_test(a_retry_of_a_folded_event_stays_within_bounds),
        cmocka_unit_test(duplicates_of_folded_events_stay_within_bounds),
        cmocka_unit_test(extreme_amounts_never_wrap),
        cmocka_unit_test(written_back_or_not_the_values_are_the_same),
        cmocka_unit_test(shuffled_arrival_gives_the_same_final_values),
        cmocka_unit_test(damaged_logs_are_refused_and_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
