#include "models/psi.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { COUNTS = 3 + 1 + 2 + 1, SPAN_MS = PSI_BUCKETS * 1000, BLOCK_BYTES = 4096 };

/* One input of three bins, and the score of two. */
static struct distribution of[] = {
    {.n_bins = 3, .first = 0, .edges = {1, 2}, .shares = {0.2, 0.5, 0.2, 0.1}},
    {.n_bins = 2, .first = 4, .edges = {0.5}, .shares = {0.9, 0.1, 0}}};
static const struct baseline baseline = {.of = of, .n = 2, .n_counts = COUNTS};
static char block[BLOCK_BYTES];

static struct psi_window make_window(void)
{
    struct psi_window w;
    struct arena a;
    arena_init(&a, block, sizeof block);
    assert_int_equal(psi_window_init(&w, &baseline, SPAN_MS, &a), ST_OK);
    return w;
}

static uint64_t rows_at(const struct psi_window *w, int64_t now_ms)
{
    uint64_t counts[COUNTS] = {0};
    psi_window_sum(w, now_ms, counts);
    return psi_of(&of[0], counts).rows;
}

static void a_bin_has_its_upper_edge_and_nan_is_missing(void **state)
{
    (void)state;
    assert_int_equal(distribution_bin(&of[0], -INFINITY), 0);
    assert_int_equal(distribution_bin(&of[0], 1), 0);
    assert_int_equal(distribution_bin(&of[0], 1.5), 1);
    assert_int_equal(distribution_bin(&of[0], 2), 1);
    assert_int_equal(distribution_bin(&of[0], INFINITY), 2);
    assert_int_equal(distribution_bin(&of[0], NAN), 3);
}

static void rows_like_those_of_training_have_an_index_of_nothing(void **state)
{
    (void)state;
    const uint64_t counts[COUNTS] = {200, 500, 200, 100, 900, 100, 0};
    struct psi psi = psi_of(&of[0], counts);
    assert_int_equal(psi.rows, 1000);
    assert_true(fabs(psi.index) < 1e-12);
    assert_true(psi.missing == 0.1);
    assert_true(fabs(psi_of(&of[1], counts).index) < 1e-12);
}

static void the_index_is_the_sum_of_what_bins_moved(void **state)
{
    (void)state;
    const uint64_t counts[COUNTS] = {400, 300, 200, 100, 900, 100, 0};
    double expected = 0.2 * log(0.4 / 0.2) - 0.2 * log(0.3 / 0.5);
    assert_true(fabs(psi_of(&of[0], counts).index - expected) < 1e-12);
}

static void an_empty_bin_weighs_much_and_not_infinitely(void **state)
{
    (void)state;
    const uint64_t counts[COUNTS] = {0, 0, 0, 0, 0, 0, 1000};
    double expected = (1e-4 - 0.9) * log(1e-4 / 0.9) + (1e-4 - 0.1) * log(1e-4 / 0.1) +
                      (1 - 1e-4) * log(1 / 1e-4);
    assert_true(fabs(psi_of(&of[1], counts).index - expected) < 1e-12);
}

static void of_too_few_rows_there_is_no_index(void **state)
{
    (void)state;
    uint64_t counts[COUNTS] = {PSI_ROWS_MIN - 2, 0, 0, 1, 0, 0, 0};
    struct psi psi = psi_of(&of[0], counts);
    assert_true(isnan(psi.index));
    assert_true(psi.missing == 1.0 / (PSI_ROWS_MIN - 1));
    counts[1]++;
    assert_true(psi_of(&of[0], counts).index > 0);
    psi = psi_of(&of[1], counts);
    assert_true(psi.rows == 0 && isnan(psi.index) && isnan(psi.missing));
}

static void each_row_counts_once_for_each_distribution(void **state)
{
    (void)state;
    struct psi_window w = make_window();
    uint64_t counts[COUNTS] = {0};
    const uint64_t expected[COUNTS] = {1, 0, 0, 1, 0, 1, 1};
    psi_window_add(&w, 5000, (double[]){0.5}, 0.7);
    psi_window_add(&w, 5001, (double[]){NAN}, NAN);
    psi_window_sum(&w, 5001, counts);
    assert_memory_equal(counts, expected, sizeof counts);
}

static void a_count_that_is_full_stays_full(void **state)
{
    (void)state;
    struct psi_window w = make_window();
    uint64_t counts[COUNTS] = {0};
    psi_window_add(&w, 0, (double[]){0.5}, 0.7);
    for (int i = 0; i < PSI_BUCKETS * COUNTS; i++)
        w.counts[i] = w.counts[i] == 1 ? UINT32_MAX : 0;
    psi_window_add(&w, 0, (double[]){0.5}, 0.7);
    psi_window_sum(&w, 0, counts);
    assert_true(counts[0] == UINT32_MAX && counts[5] == UINT32_MAX);
}

static void what_is_older_than_the_span_counts_no_more(void **state)
{
    (void)state;
    struct psi_window w = make_window();
    psi_window_add(&w, 0, (double[]){1}, 0);
    psi_window_add(&w, 1000, (double[]){1}, 0);
    assert_int_equal(rows_at(&w, SPAN_MS - 1), 2);
    assert_int_equal(rows_at(&w, SPAN_MS), 1);
    assert_int_equal(rows_at(&w, SPAN_MS + 1000), 0);
    psi_window_add(&w, SPAN_MS, (double[]){1}, 0); /* into the first one's bucket */
    assert_int_equal(rows_at(&w, SPAN_MS), 2);
}

static void a_clock_that_steps_back_loses_at_most_the_window(void **state)
{
    (void)state;
    struct psi_window w = make_window();
    psi_window_add(&w, 10 * SPAN_MS, (double[]){1}, 0);
    assert_int_equal(rows_at(&w, SPAN_MS), 0);
    psi_window_add(&w, SPAN_MS, (double[]){1}, 0);
    assert_int_equal(rows_at(&w, SPAN_MS), 1);
}

static void windows_of_several_writers_are_summed(void **state)
{
    (void)state;
    char other_block[BLOCK_BYTES];
    struct psi_window w = make_window(), other;
    struct arena a;
    uint64_t counts[COUNTS] = {0};
    arena_init(&a, other_block, sizeof other_block);
    assert_int_equal(psi_window_init(&other, &baseline, SPAN_MS, &a), ST_OK);
    psi_window_add(&w, 0, (double[]){1}, 0);
    psi_window_add(&other, 0, (double[]){1}, 0);
    psi_window_sum(&w, 0, counts);
    psi_window_sum(&other, 0, counts);
    assert_int_equal(counts[0], 2);
}

static void a_window_without_room_is_refused(void **state)
{
    (void)state;
    struct psi_window w = {.bucket_ms = 77};
    struct arena a;
    arena_init(&a, block, PSI_BUCKETS * COUNTS * sizeof(uint32_t) - 1);
    assert_int_equal(psi_window_init(&w, &baseline, SPAN_MS, &a), ST_NO_SPACE);
    assert_int_equal(w.bucket_ms, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bin_has_its_upper_edge_and_nan_is_missing),
        cmocka_unit_test(rows_like_those_of_training_have_an_index_of_nothing),
        cmocka_unit_test(the_index_is_the_sum_of_what_bins_moved),
        cmocka_unit_test(an_empty_bin_weighs_much_and_not_infinitely),
        cmocka_unit_test(of_too_few_rows_there_is_no_index),
        cmocka_unit_test(each_row_counts_once_for_each_distribution),
        cmocka_unit_test(a_count_that_is_full_stays_full),
        cmocka_unit_test(what_is_older_than_the_span_counts_no_more),
        cmocka_unit_test(a_clock_that_steps_back_loses_at_most_the_window),
        cmocka_unit_test(windows_of_several_writers_are_summed),
        cmocka_unit_test(a_window_without_room_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
