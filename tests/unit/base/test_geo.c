#include "service/base/geo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static double km(double lat1, double lon1, double lat2, double lon2)
{
    const double radian = M_PI / 180;
    return geo_distance_km(lat1 * radian, lon1 * radian, lat2 * radian, lon2 * radian);
}

static void assert_near(double got, double wanted, double by)
{
    assert_true(fabs(got - wanted) <= by);
}

static void places_known_for_their_distance_have_it(void **state)
{
    (void)state;
    /* the airports of Nashville and Los Angeles, as Rosetta Code has them with 6372.8 km */
    assert_near(km(36.12, -86.67, 33.94, -118.40) / 6371.0088 * 6372.8, 2887.25995, 1e-4);
    assert_near(km(0, 0, 0, 90), 6371.0088 * M_PI / 2, 1e-9);
    assert_near(km(0, 0, 90, 17), 6371.0088 * M_PI / 2, 1e-9);
}

static void a_place_is_where_it_is_and_the_antipode_half_way_round(void **state)
{
    (void)state;
    assert_true(km(50.85, 4.35, 50.85, 4.35) == 0);
    assert_near(km(50.85, 4.35, -50.85, -175.65), 6371.0088 * M_PI, 1e-3);
    assert_near(km(0, 179.9, 0, -179.9), 6371.0088 * M_PI * 0.2 / 180, 1e-9);
}

static void a_metre_is_seen(void **state)
{
    (void)state;
    assert_near(km(50, 4, 50.00001, 4) * 1000, 1.11195, 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_known_for_their_distance_have_it),
        cmocka_unit_test(a_place_is_where_it_is_and_the_antipode_half_way_round),
        cmocka_unit_test(a_metre_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
