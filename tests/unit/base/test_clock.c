#include "service/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>

#include <cmocka.h>

static void wall_time_is_that_of_the_system_in_milliseconds(void **state)
{
    (void)state;
    int64_t before_s = time(NULL), now_ms = clock_wall_ms(), after_s = time(NULL);
    assert_true(now_ms >= (before_s - 1) * 1000); /* time() may lag by a tick */
    assert_true(now_ms < (after_s + 2) * 1000);
}

static void monotonic_time_never_goes_back(void **state)
{
    (void)state;
    int64_t last_us = clock_mono_us();
    for (int i = 0; i < 10000; i++) {
        int64_t now_us = clock_mono_us();
        assert_true(now_us >= last_us);
        last_us = now_us;
    }
}

static void monotonic_time_counts_microseconds(void **state)
{
    (void)state;
    struct timespec wait = {.tv_nsec = 2000000};
    int64_t before_us = clock_mono_us();
    nanosleep(&wait, NULL);
    int64_t passed_us = clock_mono_us() - before_us;
    assert_true(passed_us >= 2000);
    assert_true(passed_us < 60 * 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wall_time_is_that_of_the_system_in_milliseconds),
        cmocka_unit_test(monotonic_time_never_goes_back),
        cmocka_unit_test(monotonic_time_counts_microseconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
