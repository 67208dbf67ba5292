#include "models/reasons.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { INPUTS = 6 };

static const struct model model = {.n_inputs = INPUTS, .n_outputs = 1};

static void those_that_raised_the_most_come_first(void **state)
{
    (void)state;
    struct reason r[REASONS_MAX];
    const double c[] = {0.5, -3, 2, 0, 1.5, -0.1, 99};
    assert_int_equal(reasons_top(&model, c, 0, REASONS_MAX, r), 3);
    assert_int_equal(r[0].input, 2);
    assert_int_equal(r[1].input, 4);
    assert_int_equal(r[2].input, 0);
    assert_true(r[0].raised == 2 && r[0].share == 0.5);
    assert_true(r[2].raised == 0.5 && r[2].share == 0.125);
}

static void equal_ones_stand_in_the_order_of_inputs(void **state)
{
    (void)state;
    struct reason r[REASONS_MAX];
    const double c[] = {1, 2, 1, 2, 1, 2, 0};
    const int order[] = {1, 3, 5, 0, 2, 4};
    assert_int_equal(reasons_top(&model, c, 0, REASONS_MAX, r), INPUTS);
    for (int i = 0; i < INPUTS; i++)
        assert_int_equal(r[i].input, order[i]);
}

static void no_more_than_asked_for_are_given(void **state)
{
    (void)state;
    struct reason r[4] = {[2] = {.input = 77}};
    const double c[] = {1, 2, 3, 4, 5, 6, 0};
    assert_int_equal(reasons_top(&model, c, 0, 2, r), 2);
    assert_int_equal(r[0].input, 5);
    assert_int_equal(r[1].input, 4);
    assert_int_equal(r[2].input, 77);
    assert_int_equal(reasons_top(&model, c, 0, 0, r), 0);
}

static void a_small_share_is_no_reason(void **state)
{
    (void)state;
    struct reason r[REASONS_MAX];
    const double c[] = {8, 1, 1, -20, 0, 0, 0};
    assert_int_equal(reasons_top(&model, c, 0.1, REASONS_MAX, r), 3);
    assert_int_equal(reasons_top(&model, c, 0.11, REASONS_MAX, r), 1);
}

static void where_nothing_raised_there_is_no_reason(void **state)
{
    (void)state;
    struct reason r[REASONS_MAX];
    const double c[] = {-1, 0, -2, 0, NAN, INFINITY, 5};
    assert_int_equal(reasons_top(&model, c, 0, REASONS_MAX, r), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(those_that_raised_the_most_come_first),
        cmocka_unit_test(equal_ones_stand_in_the_order_of_inputs),
        cmocka_unit_test(no_more_than_asked_for_are_given),
        cmocka_unit_test(a_small_share_is_no_reason),
        cmocka_unit_test(where_nothing_raised_there_is_no_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
