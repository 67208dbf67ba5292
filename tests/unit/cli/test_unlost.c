#include "service/cli/unlost.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW_MS = 5000 };

static char dir[64];

static int64_t since(bool has_frames, bool loses_none, int64_t now_ms)
{
    int64_t since_ms = -1;
    assert_int_equal(unlost_open(dir, has_frames, loses_none, now_ms, &since_ms), ST_OK);
    return since_ms;
}

static void a_new_journal_has_all(void **state)
{
    (void)state;
    assert_int_equal(since(false, false, NOW_MS), 0);
}

static void one_that_was_closed_has_what_it_had(void **state)
{
    (void)state;
    assert_int_equal(since(false, false, NOW_MS), 0);
    assert_int_equal(unlost_close(dir, 0), ST_OK);
    assert_int_equal(since(true, false, NOW_MS), 0);
    assert_int_equal(unlost_close(dir, 7), ST_OK);
    assert_int_equal(since(true, false, NOW_MS), 7);
}

static void one_that_was_not_closed_has_what_comes_from_now_on(void **state)
{
    (void)state;
    assert_int_equal(since(false, false, NOW_MS), 0);
    assert_int_equal(since(true, false, NOW_MS), NOW_MS);
    assert_int_equal(since(true, false, NOW_MS + 1), NOW_MS + 1);
}

static void one_whose_answers_wait_for_the_disk_need_not_be_closed(void **state)
{
    (void)state;
    assert_int_equal(since(false, true, NOW_MS), 0);
    assert_int_equal(since(true, false, NOW_MS), 0);
    assert_int_equal(since(true, true, NOW_MS), NOW_MS);
}

static void frames_of_which_nothing_says_how_they_ended_are_as_not_closed(void **state)
{
    (void)state;
    assert_int_equal(since(true, false, NOW_MS), NOW_MS);
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    int64_t since_ms = -1;
    (void)state;
    assert_int_equal(unlost_open("/nonexistent", true, false, NOW_MS, &since_ms), ST_IO);
    assert_int_equal(since_ms, -1);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/sluice-unlost-XXXXXX");
    return mkdtemp(dir) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[96];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_journal_has_all),
        TEST(one_that_was_closed_has_what_it_had),
        TEST(one_that_was_not_closed_has_what_comes_from_now_on),
        TEST(one_whose_answers_wait_for_the_disk_need_not_be_closed),
        TEST(frames_of_which_nothing_says_how_they_ended_are_as_not_closed),
        TEST(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
