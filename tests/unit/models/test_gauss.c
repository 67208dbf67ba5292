#include "models/gauss.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double integral_of_power(int n, int power)
{
    double points[GAUSS_POINTS_MAX], weights[GAUSS_POINTS_MAX], sum = 0;
    gauss_points(n, points, weights);
    for (int i = 0; i < n; i++)
        sum += weights[i] * pow(points[i], power);
    return sum;
}

static void each_power_below_twice_the_points_is_exact(void **state)
{
    (void)state;
    for (int n = 1; n <= GAUSS_POINTS_MAX; n++)
        for (int power = 0; power < 2 * n; power++)
            assert_true(fabs(integral_of_power(n, power) - 1.0 / (power + 1)) < 1e-14);
}

static void one_power_more_is_not(void **state)
{
    (void)state;
    assert_true(fabs(integral_of_power(2, 4) - 1.0 / 5) > 1e-3);
}

static void points_are_inside_and_weights_positive(void **state)
{
    (void)state;
    double points[GAUSS_POINTS_MAX], weights[GAUSS_POINTS_MAX];
    for (int n = 1; n <= GAUSS_POINTS_MAX; n++) {
        gauss_points(n, points, weights);
        for (int i = 0; i < n; i++) {
            assert_true(points[i] > (i > 0 ? points[i - 1] : 0) && points[i] < 1);
            assert_true(weights[i] > 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_power_below_twice_the_points_is_exact),
        cmocka_unit_test(one_power_more_is_not),
        cmocka_unit_test(points_are_inside_and_weights_positive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
