/* The mark beside the journal: it says what was set last, or nothing. */
#include "service/engine/outbox_mark.h"

#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[SCRATCH_PATH_BYTES];
static char path[SCRATCH_PATH_BYTES + 16];

static int make_dir(void **state)
{
    (void)state;
    scratch_make(dir);
    snprintf(path, sizeof path, "%s/outbox", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    scratch_remove(dir);
    return 0;
}

static struct outbox_mark *open_at(uint64_t expected)
{
    struct outbox_mark *m;
    uint64_t seq = 99;
    assert_int_equal(outbox_mark_open(dir, &m, &seq), ST_OK);
    assert_int_equal(seq, expected);
    return m;
}

static void it_is_found_again_as_it_was_set(void **state)
{
    (void)state;
    struct outbox_mark *m = open_at(0);
    assert_int_equal(outbox_mark_set(m, 7), ST_OK);
    outbox_mark_close(m);
    m = open_at(7);
    assert_int_equal(outbox_mark_set(m, UINT64_MAX - 1), ST_OK);
    assert_int_equal(outbox_mark_set(m, 3), ST_OK); /* the journal's end was lost */
    outbox_mark_close(m);
    outbox_mark_close(open_at(3));
    outbox_mark_close(NULL);
}

/* What a process had set is there though it was never closed. */
static void it_survives_the_process(void **state)
{
    (void)state;
    struct outbox_mark *m = open_at(0);
    assert_int_equal(outbox_mark_set(m, 8), ST_OK);
    outbox_mark_close(open_at(8));
    outbox_mark_close(m);
}

static void a_file_that_is_not_whole_says_nothing(void **state)
{
    (void)state;
    for (long n = 0; n <= 15; n++) {
        struct outbox_mark *m;
        uint64_t seq;
        assert_int_equal(outbox_mark_open(dir, &m, &seq), ST_OK);
        assert_int_equal(outbox_mark_set(m, (uint64_t)n + 1), ST_OK);
        outbox_mark_close(m);
        assert_int_equal(truncate(path, n), 0);
        outbox_mark_close(open_at(0));
    }
}

static void a_file_with_a_flipped_byte_says_nothing(void **state)
{
    (void)state;
    for (long at = 0; at < 16; at++) {
        struct outbox_mark *m;
        uint64_t seq;
        assert_int_equal(outbox_mark_open(dir, &m, &seq), ST_OK);
        assert_int_equal(outbox_mark_set(m, 41), ST_OK);
        assert_int_equal(outbox_mark_set(m, 42), ST_OK);
        outbox_mark_close(m);
        FILE *f = fopen(path, "r+");
        assert_non_null(f);
        fseek(f, at, SEEK_SET);
        int byte = fgetc(f);
        fseek(f, at, SEEK_SET);
        fputc(byte ^ 1, f);
        assert_int_equal(fclose(f), 0);
        outbox_mark_close(open_at(0));
    }
}

static void a_folder_that_is_not_there_is_told(void **state)
{
    (void)state;
    struct outbox_mark *m;
    char nowhere[2048];
    uint64_t seq;
    assert_int_equal(outbox_mark_open("/nonexistent", &m, &seq), ST_IO);
    memset(nowhere, 'x', sizeof nowhere);
    nowhere[sizeof nowhere - 1] = '\0';
    assert_int_equal(outbox_mark_open(nowhere, &m, &seq), ST_IO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
    const struct CMUnitTest tests[] = {
        TEST(it_is_found_again_as_it_was_set),       TEST(it_survives_the_process),
        TEST(a_file_that_is_not_whole_says_nothing), TEST(a_file_with_a_flipped_byte_says_nothing),
        TEST(a_folder_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests_name("engine/outbox_mark", tests, NULL, NULL);
}
