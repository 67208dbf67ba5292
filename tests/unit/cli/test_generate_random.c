#include "service/cli/generate_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/* The first words of xoshiro256** whose state is 1, 2, 3, 4: as its authors' code gives them. */
static void the_bits_are_those_of_xoshiro(void **state)
{
    (void)state;
    static const uint64_t wanted[] = {11520, 0, 1509978240, 1215971899390074240};
    struct random r = {.s = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_int_equal(random_bits(&r), wanted[i]);
}

static void a_range_has_both_its_ends_and_nothing_else(void **state)
{
    (void)state;
    struct random r;
    bool low = false, high = false;
    random_init(&r, 5);
    for (int i = 0; i < 1000; i++) {
        int32_t v = random_range(&r, -2, 3);
        assert_in_range(v + 2, 0, 5);
        low |= v == -2;
        high |= v == 3;
    }
    assert_true(low && high);
    assert_int_equal(random_range(&r, INT32_MAX, INT32_MAX), INT32_MAX);
}

static void normal_deviates_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    struct random r;
    double sum = 0, squares = 0;
    random_init(&r, 6);
    for (int i = 0; i < 100000; i++) {
        double v = (double)random_normal_q32(&r) / 4294967296.0;
        sum += v;
        squares += v * v;
    }
    assert_true(sum / 1e5 > -0.02 && sum / 1e5 < 0.02);
    assert_true(squares / 1e5 > 0.97 && squares / 1e5 < 1.03);
}

static void a_trait_is_the_same_whenever_it_is_asked_for(void **state)
{
    (void)state;
    assert_int_equal(random_trait(7), random_trait(7));
    assert_int_not_equal(random_trait(7), random_trait(8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_are_those_of_xoshiro),
        cmocka_unit_test(a_range_has_both_its_ends_and_nothing_else),
        cmocka_unit_test(normal_deviates_have_mean_0_and_variance_1),
        cmocka_unit_test(a_trait_is_the_same_whenever_it_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
