/* What decisions were worth, against numbers made by hand. */
#include "service/trial/backtest_measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N_RULES = 3 };

static void assert_near(double value, double wanted, double tolerance)
{
    assert_true(fabs(value - wanted) <= tolerance);
}

/* Scores, truths, amounts in units; flagged from 50 on. Rule 0 fires from 50 on, rule 1 from 80 on,
 * rule 2 never. */
struct case_row {
    double score;
    bool fraud;
    int amount;
};

static const struct case_row rows[] = {
    {90, true, 100}, {90, false, 10}, {60, true, 40},  {60, true, 50},
    {60, false, 20}, {10, true, 30},  {10, false, 11}, {0, false, 12},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static void fill(struct rulings *t, const struct case_row *from, size_t n, double flag_at)
{
    static const int both[] = {0, 1};
    *t = (struct rulings){0};
    for (size_t i = 0; i < n; i++) {
        struct ruling e = {.txn_hash = i + 1,
                           .amount_e4 = from[i].amount * 10000,
                           .score = from[i].score,
                           .event = (uint32_t)i + 1,
                           .n_fired = (uint16_t)((from[i].score >= 50) + (from[i].score >= 80)),
                           .flagged = from[i].score >= flag_at};
        assert_int_equal(rulings_add(t, &e, (int64_t)i * 43200000, both), ST_OK);
        if (from[i].fraud)
            assert_int_equal(truths_add(&t->truths, i + 1, OUTCOME_FRAUD, 0), ST_OK);
    }
    assert_int_equal(rulings_settle(t, NULL), ST_OK);
}

static struct measure measured(const struct case_row *from, size_t n)
{
    struct rulings t;
    struct measure m;
    fill(&t, from, n, 50);
    assert_int_equal(measure_rulings(&t, N_RULES, NULL, NULL, &m), ST_OK);
    rulings_fini(&t);
    return m;
}

static void counts_and_money_are_those_of_the_flagged(void **state)
{
    struct measure m = measured(rows, ROWS);
    (void)state;
    assert_int_equal(m.counts.transactions, 8);
    assert_int_equal(m.counts.flagged, 5);
    assert_int_equal(m.counts.frauds, 4);
    assert_int_equal(m.counts.caught, 3);
    assert_int_equal(m.counts.labelled, 4);
    assert_int_equal(m.counts.fraud_e4, 2200000);
    assert_int_equal(m.counts.stopped_e4, 1900000);
    assert_int_equal(m.counts.disturbed_e4, 300000);
    assert_near(m.days, 3.5, 1e-12);
    measure_fini(&m);
}

static void a_rule_is_told_apart_from_the_others(void **state)
{
    struct measure m = measured(rows, ROWS);
    (void)state;
    assert_int_equal(m.rules[0].fired, 5);
    assert_int_equal(m.rules[0].frauds, 3);
    assert_int_equal(m.rules[0].alone, 3);
    assert_int_equal(m.rules[0].alone_frauds, 2);
    assert_int_equal(m.rules[0].caught_e4, 1900000);
    assert_int_equal(m.rules[0].disturbed_e4, 300000);
    assert_int_equal(m.rules[1].fired, 2);
    assert_int_equal(m.rules[1].alone, 0);
    assert_int_equal(m.rules[2].fired, 0);
    measure_fini(&m);
}

/* sklearn.metrics over the same eight rows: roc_auc_score 0.625, average_precision_score
 * 0.5 * 1/4 + 3/5 * 2/4 + 4/7 * 1/4 = 0.567857... */
static void areas_take_equal_scores_in_one_step(void **state)
{
    struct measure m = measured(rows, ROWS);
    (void)state;
    assert_near(m.auc_roc, 0.625, 1e-12);
    assert_near(m.average_precision, 0.5 / 4 + 3.0 / 5 / 2 + 4.0 / 7 / 4, 1e-12);
    measure_fini(&m);
}

static void the_curve_has_a_point_for_each_score(void **state)
{
    struct measure m = measured(rows, ROWS);
    (void)state;
    assert_int_equal(m.n_points, 4);
    assert_near(m.points[1].score, 60, 0);
    assert_int_equal(m.points[1].flagged, 5);
    assert_int_equal(m.points[1].caught, 3);
    assert_int_equal(m.points[1].stopped_e4, 1900000);
    assert_near(m.points[3].score, 0, 0);
    assert_int_equal(m.points[3].flagged, 8);
    assert_int_equal(m.points[3].caught, 4);
    measure_fini(&m);
}

/* The scores of `rows` said by a model, and one row that it says nothing of. */
static struct measure measured_model(double threshold)
{
    struct rulings t = {.n_models = 2};
    struct measure m;
    for (size_t i = 0; i <= ROWS; i++) {
        struct ruling e = {.txn_hash = i + 1, .event = (uint32_t)i + 1, .score = 7};
        bool last = i == ROWS;
        assert_int_equal(rulings_add(&t, &e, 0, NULL), ST_OK);
        assert_int_equal(
            rulings_score(&t, (const double[]){(double)NAN, last ? (double)NAN : rows[i].score}),
            ST_OK);
        if (last || rows[i].fraud)
            assert_int_equal(truths_add(&t.truths, i + 1, OUTCOME_FRAUD, 0), ST_OK);
    }
    assert_int_equal(rulings_settle(&t, NULL), ST_OK);
    assert_int_equal(measure_rulings(&t, 0, (const double[]){(double)NAN, threshold}, NULL, &m),
                     ST_OK);
    rulings_fini(&t);
    return m;
}

static void a_model_is_measured_over_what_it_scored(void **state)
{
    struct measure m = measured_model(60);
    const struct measure_model *model = &m.models[1];
    (void)state;
    assert_int_equal(m.n_models, 2);
    assert_int_equal(model->scored, ROWS);
    assert_int_equal(model->missing, 1);
    assert_int_equal(model->frauds, 4);
    assert_int_equal(model->above, 5);
    assert_int_equal(model->caught, 3);
    assert_near(model->auc_roc, 0.625, 1e-12);
    assert_near(model->average_precision, 0.5 / 4 + 3.0 / 5 / 2 + 4.0 / 7 / 4, 1e-12);
    assert_near(model->median, 60, 0); /* the nearest rank: the fourth of eight from below */
    assert_near(model->p95, 90, 0);
    measure_fini(&m);
}

static void a_model_without_scores_or_threshold_has_no_numbers(void **state)
{
    struct measure m = measured_model((double)NAN);
    (void)state;
    assert_int_equal(m.models[0].scored, 0);
    assert_int_equal(m.models[0].missing, ROWS + 1);
    assert_true(isnan(m.models[0].auc_roc) && isnan(m.models[0].average_precision));
    assert_true(isnan(m.models[0].median) && isnan(m.models[0].p99));
    assert_int_equal(m.models[1].above, 0);
    assert_int_equal(m.models[1].caught, 0);
    measure_fini(&m);
}

static void a_perfect_score_has_whole_areas(void **state)
{
    static const struct case_row perfect[] = {{3, true, 1}, {2, true, 1}, {1, false, 1}};
    struct measure m = measured(perfect, 3);
    (void)state;
    assert_near(m.auc_roc, 1, 0);
    assert_near(m.average_precision, 1, 0);
    measure_fini(&m);
}

static void without_frauds_there_is_nothing_to_divide_by(void **state)
{
    static const struct case_row clean[] = {{90, false, 1}, {0, false, 1}};
    struct measure m = measured(clean, 2);
    (void)state;
    assert_true(isnan(m.auc_roc));
    assert_true(isnan(m.average_precision));
    assert_true(isnan(measure_ratio(m.counts.caught, m.counts.frauds)));
    measure_fini(&m);
    m = measured(clean, 0);
    assert_int_equal(m.n_points, 0);
    assert_near(m.days, 1, 0);
    measure_fini(&m);
}

static void a_long_curve_keeps_few_points_and_its_end(void **state)
{
    enum { N = 20000 };
    static struct case_row many[N];
    (void)state;
    for (int i = 0; i < N; i++)
        many[i] = (struct case_row){i, i % 7 == 0, 1};
    struct measure m = measured(many, N);
    assert_true(m.n_points <= MEASURE_POINTS_MAX);
    assert_true(m.n_points > MEASURE_POINTS_MAX / 4);
    assert_int_equal(m.points[0].flagged, 1);
    assert_int_equal(m.points[m.n_points - 1].flagged, N);
    assert_int_equal(m.points[m.n_points - 1].caught, m.counts.frauds);
    measure_fini(&m);
}

static void sums_of_money_stop_at_the_largest_number(void **state)
{
    struct rulings t = {0};
    struct measure m;
    struct ruling e = {.amount_e4 = INT64_MAX, .flagged = true, .event = 1};
    (void)state;
    assert_int_equal(rulings_add(&t, &e, 0, NULL), ST_OK);
    e.event = 2;
    assert_int_equal(rulings_add(&t, &e, 0, NULL), ST_OK);
    assert_int_equal(rulings_settle(&t, NULL), ST_OK);
    assert_int_equal(measure_rulings(&t, 0, NULL, NULL, &m), ST_OK);
    assert_true(m.counts.disturbed_e4 == INT64_MAX);
    measure_fini(&m);
    for (size_t i = 0; i < t.n_entries; i++)
        t.entries[i].amount_e4 = INT64_MIN; /* money that is given back */
    assert_int_equal(measure_rulings(&t, 0, NULL, NULL, &m), ST_OK);
    assert_true(m.counts.disturbed_e4 == INT64_MIN);
    measure_fini(&m);
    rulings_fini(&t);
}

static void the_overlap_is_of_the_events_that_both_decided(void **state)
{
    struct rulings a, b;
    (void)state;
    fill(&a, rows, ROWS, 50);
    fill(&b, rows, ROWS, 80);
    b.entries[1].flagged = false;
    b.entries[5].flagged = true;
    b.entries[7].event = 9; /* one that a refused, and one that b refused */
    b.entries[7].flagged = true;
    struct measure_overlap o = measure_overlap_of(&a, &b);
    assert_int_equal(o.both.transactions, 1);
    assert_int_equal(o.both.frauds, 1);
    assert_int_equal(o.both.fraud_e4, 1000000);
    assert_int_equal(o.only_a.transactions, 4);
    assert_int_equal(o.only_a.frauds, 2);
    assert_int_equal(o.only_b.transactions, 1);
    assert_int_equal(o.only_b.fraud_e4, 300000);
    rulings_fini(&a);
    rulings_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_and_money_are_those_of_the_flagged),
        cmocka_unit_test(a_rule_is_told_apart_from_the_others),
        cmocka_unit_test(areas_take_equal_scores_in_one_step),
        cmocka_unit_test(the_curve_has_a_point_for_each_score),
        cmocka_unit_test(a_model_is_measured_over_what_it_scored),
        cmocka_unit_test(a_model_without_scores_or_threshold_has_no_numbers),
        cmocka_unit_test(a_perfect_score_has_whole_areas),
        cmocka_unit_test(without_frauds_there_is_nothing_to_divide_by),
        cmocka_unit_test(a_long_curve_keeps_few_points_and_its_end),
        cmocka_unit_test(sums_of_money_stop_at_the_largest_number),
        cmocka_unit_test(the_overlap_is_of_the_events_that_both_decided),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
