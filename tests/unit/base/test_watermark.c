#include "service/base/watermark.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void end(struct watermark *w, uint64_t number)
{
    assert_int_equal(watermark_end(w, number), ST_OK);
}

static void it_moves_when_the_next_number_ends(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(10);
    assert_int_equal(watermark_get(w), 10);
    end(w, 11);
    assert_int_equal(watermark_get(w), 11);
    watermark_free(w);
}

static void it_waits_for_the_one_that_is_missing(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(0);
    end(w, 2);
    end(w, 3);
    end(w, 5);
    assert_int_equal(watermark_get(w), 0);
    end(w, 1);
    assert_int_equal(watermark_get(w), 3);
    end(w, 4);
    assert_int_equal(watermark_get(w), 5);
    watermark_free(w);
}

static void repeats_and_what_is_done_already_change_nothing(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(0);
    end(w, 1);
    end(w, 1);
    end(w, 3);
    end(w, 3);
    end(w, 0);
    assert_int_equal(watermark_get(w), 1);
    end(w, 2);
    assert_int_equal(watermark_get(w), 3);
    watermark_free(w);
}

static void the_furthest_number_is_taken_and_the_one_past_it_refused(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(7);
    end(w, 7 + WATERMARK_AHEAD_MAX);
    assert_int_equal(watermark_end(w, 8 + WATERMARK_AHEAD_MAX), ST_NO_SPACE);
    assert_int_equal(watermark_end(w, UINT64_MAX), ST_NO_SPACE);
    for (uint64_t n = 8; n < 7 + WATERMARK_AHEAD_MAX; n++)
        end(w, n);
    /* The refused number stayed undone. */
    assert_int_equal(watermark_get(w), 7 + WATERMARK_AHEAD_MAX);
    watermark_free(w);
}

static void a_reset_forgets_what_had_ended_above_it(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(100);
    end(w, 102);
    watermark_reset(w, 50);
    assert_int_equal(watermark_get(w), 50);
    for (uint64_t n = 51; n <= 101; n++)
        end(w, n);
    assert_int_equal(watermark_get(w), 101);
    watermark_free(w);
}

static void it_knows_what_has_ended(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(7);
    end(w, 9);
    end(w, 7 + WATERMARK_AHEAD_MAX);
    assert_true(watermark_has(w, 1));
    assert_true(watermark_has(w, 7));
    assert_false(watermark_has(w, 8));
    assert_true(watermark_has(w, 9));
    assert_true(watermark_has(w, 7 + WATERMARK_AHEAD_MAX));
    assert_false(watermark_has(w, 9 + WATERMARK_AHEAD_MAX)); /* it shares 9's bit */
    watermark_free(w);
}

enum { THREADS = 4, ENDS_PER_THREAD = 20000 };

struct ender {
    struct watermark *w;
    uint64_t first;
};

static void *end_every_fourth(void *arg)
{
    struct ender *e = arg;
    for (uint64_t i = 0; i < ENDS_PER_THREAD; i++)
        if (watermark_end(e->w, e->first + i * THREADS) != ST_OK)
            return arg;
    return NULL;
}

static void threads_that_end_all_numbers_bring_it_to_the_last(void **state)
{
    (void)state;
    struct watermark *w = watermark_new(0);
    pthread_t threads[THREADS];
    struct ender enders[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        enders[i] = (struct ender){.w = w, .first = i + 1};
        assert_int_equal(pthread_create(&threads[i], NULL, end_every_fourth, &enders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(watermark_get(w), THREADS * ENDS_PER_THREAD);
    watermark_free(w);
}

static void freeing_null_is_fine(void **state)
{
    (void)state;
    watermark_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_moves_when_the_next_number_ends),
        cmocka_unit_test(it_waits_for_the_one_that_is_missing),
        cmocka_unit_test(repeats_and_what_is_done_already_change_nothing),
        cmocka_unit_test(the_furthest_number_is_taken_and_the_one_past_it_refused),
        cmocka_unit_test(a_reset_forgets_what_had_ended_above_it),
        cmocka_unit_test(it_knows_what_has_ended),
        cmocka_unit_test(threads_that_end_all_numbers_bring_it_to_the_last),
        cmocka_unit_test(freeing_null_is_fine),
    };
    return cmocka_run_group_tests_name("base/watermark", tests, NULL, NULL);
}
