/* A sort that can be given up is a sort. */
#include "service/trial/long_sort.h"

#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PIECES = 5, MANY = PIECES * PATIENCE_STEPS - 7 };

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static uint64_t *make(size_t n)
{
    uint64_t *items = calloc(n + 1, sizeof *items), seed = 7;
    assert_non_null(items);
    for (size_t i = 0; i < n; i++)
        items[i] = scratch_random(&seed) % 100000; /* so that many are equal */
    return items;
}

static void any_number_of_items_comes_out_as_of_qsort(void **state)
{
    static const size_t counts[] = {
        0,   1, 2, PATIENCE_STEPS, PATIENCE_STEPS + 1, 2 * PATIENCE_STEPS, 3 * PATIENCE_STEPS - 1,
        MANY};
    (void)state;
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        size_t n = counts[i];
        uint64_t *ours = make(n), *theirs = make(n);
        assert_int_equal(long_sort(ours, n, sizeof *ours, by_value, NULL), ST_OK);
        qsort(theirs, n, sizeof *theirs, by_value);
        assert_memory_equal(ours, theirs, n * sizeof *ours);
        free(ours);
        free(theirs);
    }
}

static bool count_down(void *user)
{
    int *left = user;
    return (*left)-- > 0;
}

static void it_is_given_up_whenever_it_is_asked(void **state)
{
    (void)state;
    int asked = 0, end = 0;
    for (bool is_done = false; !is_done; asked++) {
        uint64_t *items = make(MANY);
        int left = asked;
        struct patience p = {count_down, &left};
        enum status st = long_sort(items, MANY, sizeof *items, by_value, &p);
        is_done = st == ST_OK;
        assert_true(is_done || st == ST_CONFLICT);
        end = asked;
        free(items);
    }
    assert_int_equal(end, 4 * PIECES); /* sorted once, merged three times */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_items_comes_out_as_of_qsort),
        cmocka_unit_test(it_is_given_up_whenever_it_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
