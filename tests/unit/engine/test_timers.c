/* Deadlines of one loop fire in order of time, and not when they were taken out. */
#include "service/engine/timers.h"

#include "service/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { TIMERS = 8 };

struct bed {
    uv_loop_t loop;
    struct timers timers;
    struct timer t[TIMERS];
    int fired[TIMERS], n_fired;
};

static struct bed bed;

static void fire(struct timer *t)
{
    bed.fired[bed.n_fired++] = (int)(t - bed.t);
}

static int open_bed(void **state)
{
    (void)state;
    bed = (struct bed){0};
    assert_int_equal(uv_loop_init(&bed.loop), 0);
    timers_init(&bed.timers, &bed.loop);
    for (int i = 0; i < TIMERS; i++)
        bed.t[i].fire = fire;
    return 0;
}

static int close_bed(void **state)
{
    (void)state;
    timers_fini(&bed.timers);
    uv_run(&bed.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bed.loop), 0);
    return 0;
}

static void they_fire_in_order_of_time(void **state)
{
    (void)state;
    static const int after_ms[TIMERS] = {5, 1, 9, 1, 3, 7, 0, 2};
    static const int order[TIMERS] = {6, 1, 3, 7, 4, 0, 5, 2};
    int64_t now_us = clock_mono_us();
    for (int i = 0; i < TIMERS; i++)
        timers_set(&bed.timers, &bed.t[i], now_us + after_ms[i] * 1000);
    uv_run(&bed.loop, UV_RUN_DEFAULT);
    assert_int_equal(bed.n_fired, TIMERS);
    for (int i = 0; i < TIMERS; i++)
        assert_int_equal(bed.fired[i], order[i]);
    assert_true(clock_mono_us() - now_us >= 9000);
}

static void none_fires_early(void **state)
{
    (void)state;
    int64_t at_us = clock_mono_us() + 2500;
    timers_set(&bed.timers, &bed.t[0], at_us);
    uv_run(&bed.loop, UV_RUN_DEFAULT);
    assert_int_equal(bed.n_fired, 1);
    assert_true(clock_mono_us() >= at_us);
}

static void one_that_was_taken_out_does_not_fire(void **state)
{
    (void)state;
    int64_t now_us = clock_mono_us();
    timers_set(&bed.timers, &bed.t[0], now_us + 1000);
    timers_set(&bed.timers, &bed.t[1], now_us + 2000);
    timers_clear(&bed.t[0]);
    timers_clear(&bed.t[0]);
    uv_run(&bed.loop, UV_RUN_DEFAULT);
    assert_int_equal(bed.n_fired, 1);
    assert_int_equal(bed.fired[0], 1);
}

static void one_that_is_set_again_fires_at_the_new_time_once(void **state)
{
    (void)state;
    int64_t now_us = clock_mono_us();
    timers_set(&bed.timers, &bed.t[0], now_us + 1000);
    timers_set(&bed.timers, &bed.t[1], now_us + 2000);
    timers_set(&bed.timers, &bed.t[0], now_us + 3000);
    uv_run(&bed.loop, UV_RUN_DEFAULT);
    assert_int_equal(bed.n_fired, 2);
    assert_int_equal(bed.fired[0], 1);
    assert_int_equal(bed.fired[1], 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(they_fire_in_order_of_time),
        TEST(none_fires_early),
        TEST(one_that_was_taken_out_does_not_fire),
        TEST(one_that_is_set_again_fires_at_the_new_time_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
