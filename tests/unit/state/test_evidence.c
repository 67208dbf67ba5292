#include "service/state/evidence.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const int64_t no_labels[RECORD_KINDS];

static struct sums sums_of(const int64_t *values, int n)
{
    struct sums s;
    sums_init(&s);
    for (int i = 0; i < n; i++) {
        s.n++;
        sums_add_time(&s, 1000 * i);
        sums_add_value(&s, values[i], CELL_PARTS_ALL);
    }
    return s;
}

static struct doubt doubt_of(const int64_t *values, int n)
{
    struct doubt d = {.maybe = sums_of(values, n)};
    sums_init(&d.counted);
    return d;
}

static struct window_value ask(enum aggregate aggregate, const struct sums *sure,
                               const struct doubt *doubt)
{
    struct evidence e = {.t_ms = 60000,
                         .from_ms = 0,
                         .to_ms = 60000,
                         .scale = 10000,
                         .sure = sure,
                         .labels = no_labels,
                         .doubt = doubt};
    struct window_value v;
    evidence_value(aggregate, &e, &v);
    return v;
}

static void an_empty_window_has_counts_and_sums_of_zero_and_no_average(void **state)
{
    (void)state;
    struct sums empty = sums_of(NULL, 0);
    const enum aggregate zero[] = {AGG_COUNT,      AGG_SUM,           AGG_FRAUD_COUNT,
                                   AGG_FRAUD_RATE, AGG_DECLINE_COUNT, AGG_REVERSAL_COUNT};
    const enum aggregate gone[] = {AGG_AVG,    AGG_MIN,         AGG_MAX,
                                   AGG_STDDEV, AGG_SINCE_FIRST, AGG_SINCE_LAST};
    for (size_t i = 0; i < sizeof zero / sizeof zero[0]; i++) {
        struct window_value v = ask(zero[i], &empty, NULL);
        assert_true(v.exact && !v.missing && window_value_double(&v) == 0);
    }
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        struct window_value v = ask(gone[i], &empty, NULL);
        assert_true(v.exact && v.missing);
    }
}

static void money_is_summed_in_units_of_its_scale(void **state)
{
    (void)state;
    const int64_t values[] = {9500000, 5, -10000};
    struct sums s = sums_of(values, 3);
    struct window_value v = ask(AGG_SUM, &s, NULL);
    assert_int_equal(v.scale, 10000);
    assert_int_equal(v.value.i64, 9490005);
    assert_true(v.exact);
}

static void a_sum_past_int64_is_a_double_and_never_wraps(void **state)
{
    (void)state;
    const int64_t values[] = {INT64_MAX, INT64_MAX, INT64_MAX};
    struct sums s = sums_of(values, 3);
    struct window_value v = ask(AGG_SUM, &s, NULL);
    assert_int_equal(v.scale, 0);
    assert_true(fabs(window_value_double(&v) / (3 * 9.223372036854775807e14) - 1) < 1e-12);
}

static void a_count_lies_between_what_is_in_and_what_may_be(void **state)
{
    (void)state;
    const int64_t values[] = {1, 2, 3};
    struct sums s = sums_of(values, 3);
    struct doubt d = doubt_of(values, 2);
    d.n_lo = 1;
    struct window_value v = ask(AGG_COUNT, &s, &d);
    assert_false(v.exact);
    assert_int_equal(v.lo.i64, 4);
    assert_int_equal(v.hi.i64, 5);
    assert_in_range((uint64_t)v.value.i64, 4, 5);
}

static void an_average_is_bounded_by_the_extremes_of_what_may_be_in(void **state)
{
    (void)state;
    const int64_t sure[] = {100000, 100000}, perhaps[] = {0, 400000};
    struct sums s = sums_of(sure, 2);
    struct doubt d = doubt_of(perhaps, 2);
    struct window_value v = ask(AGG_AVG, &s, &d);
    assert_false(v.exact);
    assert_true(window_lo_double(&v) <= 5 && window_lo_double(&v) > 4.999999);
    assert_true(window_hi_double(&v) >= 25 && window_hi_double(&v) < 25.000001);
}

static void an_average_of_what_only_may_be_there_may_be_missing(void **state)
{
    (void)state;
    const int64_t perhaps[] = {10000, 30000};
    struct sums none = sums_of(NULL, 0);
    struct doubt d = doubt_of(perhaps, 2);
    struct window_value v = ask(AGG_AVG, &none, &d);
    assert_true(v.maybe_missing && !v.exact);
}

static void lost_events_leave_sums_unbounded_and_counts_bounded(void **state)
{
    (void)state;
    const int64_t values[] = {1};
    struct sums s = sums_of(values, 1);
    struct doubt d = doubt_of(NULL, 0);
    d.lost_n = 7;
    struct window_value sum = ask(AGG_SUM, &s, &d), count = ask(AGG_COUNT, &s, &d);
    assert_true(sum.unbounded_lo && sum.unbounded_hi && !sum.exact);
    assert_int_equal(count.hi.i64, 8);
    assert_int_equal(count.lo.i64, 1);
}

static void the_spread_of_a_known_population_is_its_own(void **state)
{
    (void)state;
    const int64_t values[] = {20000, 40000, 40000, 40000, 50000, 50000, 70000, 90000};
    struct sums s = sums_of(values, 8);
    struct window_value v = ask(AGG_STDDEV, &s, NULL);
    assert_true(fabs(window_value_double(&v) - 2) < 1e-12);
}

static void paris_to_london_in_an_hour_is_344_kilometres_an_hour(void **state)
{
    (void)state;
    struct sums none = sums_of(NULL, 0);
    struct evidence e = {.t_ms = 3600000, .sure = &none};
    struct evidence_place p = {.own_located = true,
                               .found = true,
                               .sure = true,
                               .own_place = place_pack(51.5074, -0.1278),
                               .place = place_pack(48.8566, 2.3522)};
    struct window_value v;
    evidence_speed(&e, &p, &v);
    assert_true(v.exact && fabs(window_value_double(&v) - 343.6) < 0.5);
}

static void a_value_that_only_may_have_been_seen_is_neither_new_nor_known(void **state)
{
    (void)state;
    struct sums none = sums_of(NULL, 0);
    struct evidence e = {.sure = &none};
    struct window_value v;
    evidence_is_new(&e, &(struct evidence_values){.own_has_value = true, .own_maybe_seen = true},
                    &v);
    assert_true(v.missing && !v.exact);
    evidence_is_new(&e, &(struct evidence_values){.own_has_value = true}, &v);
    assert_true(v.exact && v.value.i64 == 1);
}

/* Of squares of 2^61, 15 of them, what they differ in is lost past 128 bits. */
static void a_spread_past_128_bits_has_bounds(void **state)
{
    (void)state;
    enum { N = 15 };
    const double truth = 0.81649658092772603; /* sqrt(2 / 3) */
    int64_t large[N], small[N];
    for (int i = 0; i < N; i++) {
        small[i] = 1000000 + 10000 * (i % 3);
        large[i] = (INT64_C(1) << 61) + small[i];
    }
    struct sums s = sums_of(large, N);
    struct window_value v = ask(AGG_STDDEV, &s, NULL);
    assert_false(v.exact);
    assert_true(window_lo_double(&v) <= truth && truth <= window_hi_double(&v));
    s = sums_of(small, N);
    v = ask(AGG_STDDEV, &s, NULL);
    assert_true(v.exact && fabs(window_value_double(&v) - truth) < 1e-12);
}

/* ---- before the logs have it ---- */

static struct window_value uncovered(enum aggregate a, const struct sums *s, int64_t covered_ms)
{
    struct window_value v = ask(a, s, NULL);
    evidence_uncover(a, 60000, covered_ms, &v);
    assert_true(v.uncovered);
    return v;
}

static void what_lies_before_the_logs_leaves_only_bounds_that_hold(void **state)
{
    (void)state;
    const int64_t values[] = {30000, -10000};
    struct sums s = sums_of(values, 2);
    struct window_value v = uncovered(AGG_COUNT, &s, 60000);
    assert_true(!v.exact && v.lo.i64 == 2 && v.unbounded_hi && !v.unbounded_lo);
    v = uncovered(AGG_SUM, &s, 60000);
    assert_true(!v.exact && v.unbounded_hi && v.unbounded_lo);
    v = uncovered(AGG_MIN, &s, 60000);
    assert_true(!v.exact && v.unbounded_lo && window_hi_double(&v) == -1.0);
    v = uncovered(AGG_MAX, &s, 60000);
    assert_true(!v.exact && v.unbounded_hi && window_lo_double(&v) == 3.0);
    struct sums none = sums_of(values, 0);
    v = uncovered(AGG_AVG, &none, 60000);
    assert_true(v.missing && v.maybe_missing && !v.exact);
}

static void the_last_event_is_known_where_the_logs_have_it(void **state)
{
    (void)state;
    struct sums s;
    sums_init(&s);
    s.n = 1;
    sums_add_time(&s, 60000 - 5000);
    struct window_value v = uncovered(AGG_SINCE_LAST, &s, 60000 - 5000);
    assert_true(v.exact && v.value.i64 == 5000);
    v = uncovered(AGG_SINCE_LAST, &s, 60000 - 4999);
    assert_true(!v.exact && v.lo.i64 == 0 && v.hi.i64 == 5000);
    v = uncovered(AGG_SINCE_FIRST, &s, 60000 - 5000);
    assert_true(!v.exact && v.lo.i64 == 5000 && v.unbounded_hi);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_window_has_counts_and_sums_of_zero_and_no_average),
        cmocka_unit_test(money_is_summed_in_units_of_its_scale),
        cmocka_unit_test(a_sum_past_int64_is_a_double_and_never_wraps),
        cmocka_unit_test(a_count_lies_between_what_is_in_and_what_may_be),
        cmocka_unit_test(an_average_is_bounded_by_the_extremes_of_what_may_be_in),
        cmocka_unit_test(an_average_of_what_only_may_be_there_may_be_missing),
        cmocka_unit_test(lost_events_leave_sums_unbounded_and_counts_bounded),
        cmocka_unit_test(the_spread_of_a_known_population_is_its_own),
        cmocka_unit_test(paris_to_london_in_an_hour_is_344_kilometres_an_hour),
        cmocka_unit_test(a_value_that_only_may_have_been_seen_is_neither_new_nor_known),
        cmocka_unit_test(a_spread_past_128_bits_has_bounds),
        cmocka_unit_test(what_lies_before_the_logs_leaves_only_bounds_that_hold),
        cmocka_unit_test(the_last_event_is_known_where_the_logs_have_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
