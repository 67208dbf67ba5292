#include "service/engine/engine_stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The class that a score alone goes to. */
static int class_of(double score)
{
    struct score_spread s = {.sum = 0};
    int found = -1;
    score_note(&s, score);
    assert_true(s.sum == score);
    for (int i = 0; i < ENGINE_SCORE_CLASSES; i++) {
        assert_true(s.classes[i] <= 1);
        found = s.classes[i] == 1 ? i : found;
    }
    return found;
}

/* `le`: less or equal, as Prometheus has it. */
static void a_class_ends_with_the_score_it_is_named_by(void **state)
{
    (void)state;
    assert_int_equal(class_of(-3), 0);
    assert_int_equal(class_of(0), 0);
    assert_int_equal(class_of(0.05), 0);
    assert_int_equal(class_of(0.0500001), 1);
    assert_int_equal(class_of(0.15), 2);
    assert_int_equal(class_of(0.95), 18);
    assert_int_equal(class_of(1), 19);
    assert_int_equal(class_of(1.0000001), 20);
    assert_int_equal(class_of(620), 20);
}

static void spreads_of_two_loops_are_added(void **state)
{
    (void)state;
    struct score_spread a = {.sum = 0}, b = {.sum = 0}, sum = {.sum = 0};
    score_note(&a, 0.5);
    score_note(&a, 0.25);
    score_note(&b, 0.5);
    score_add(&sum, &a);
    score_add(&sum, &b);
    assert_int_equal(sum.classes[9], 2);
    assert_int_equal(sum.classes[4], 1);
    assert_true(sum.sum == 1.25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_class_ends_with_the_score_it_is_named_by),
        cmocka_unit_test(spreads_of_two_loops_are_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
