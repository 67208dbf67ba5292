/* A journal read by somebody who has not opened it: beside its writer, from near its end, torn. */
#include "service/state/journal_peek.h"

#include "service/state/journal_segment.h"
#include "tests/unit/state/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[SCRATCH_PATH_BYTES];
static char why[JOURNAL_WHY_BYTES];

struct seen {
    uint64_t first, last, n, stop_at;
};

static bool see(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct seen *s = user;
    assert_int_equal(kind, 1);
    assert_int_equal(bytes.len, 1000);
    if (s->n++ == 0)
        s->first = seq;
    s->last = seq;
    return seq != s->stop_at;
}

static struct journal *journal_of(int64_t segment_bytes)
{
    struct journal *j = NULL;
    struct journal_opened opened;
    struct journal_options o = {
        .dir = dir, .fsync = JOURNAL_ALWAYS, .segment_bytes = segment_bytes};
    assert_int_equal(journal_open(&o, &j, &opened, why), ST_OK);
    return j;
}

static void append(struct journal *j, int n)
{
    static char frame[1000];
    uint64_t seq;
    for (int i = 0; i < n; i++) {
        assert_int_equal(journal_append(j, 1, span_of(frame, sizeof frame), &seq), ST_OK);
        if (i % 10 == 9) /* so that segments end in between */
            assert_int_equal(journal_sync(j), ST_OK);
    }
    assert_int_equal(journal_sync(j), ST_OK);
}

static int make_dir(void **state)
{
    (void)state;
    scratch_make(dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    scratch_remove(dir);
    return 0;
}

static void frames_are_seen_while_the_writer_has_it_open(void **state)
{
    struct seen s = {0};
    struct journal *j = journal_of(20000);
    (void)state;
    append(j, 100);
    assert_int_equal(journal_peek(dir, 0, see, &s, why), ST_OK);
    assert_int_equal(s.n, 100);
    assert_int_equal(s.first, 1);
    assert_int_equal(s.last, 100);
    append(j, 1);
    journal_close(j);
}

static void the_last_few_are_read_from_where_they_begin(void **state)
{
    struct seen s = {0};
    struct journal *j = journal_of(20000);
    (void)state;
    append(j, 100);
    journal_close(j);
    assert_int_equal(journal_peek(dir, 33, see, &s, why), ST_OK);
    assert_int_equal(s.first, 68);
    assert_int_equal(s.n, 33);
    s = (struct seen){0};
    assert_int_equal(journal_peek(dir, 1000, see, &s, why), ST_OK);
    assert_int_equal(s.n, 100);
}

static void it_ends_when_it_is_told_to(void **state)
{
    struct seen s = {.stop_at = 42};
    struct journal *j = journal_of(20000);
    (void)state;
    append(j, 100);
    journal_close(j);
    assert_int_equal(journal_peek(dir, 0, see, &s, why), ST_OK);
    assert_int_equal(s.last, 42);
}

static int open_segment(uint64_t first_seq)
{
    char path[SCRATCH_PATH_BYTES + SEGMENT_NAME_BYTES + 1], name[SEGMENT_NAME_BYTES];
    segment_name(first_seq, name);
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return open(path, O_RDWR);
}

static void a_tail_that_is_being_written_is_the_end(void **state)
{
    struct seen s = {0};
    struct journal *j = journal_of(0);
    (void)state;
    append(j, 3);
    journal_close(j);
    int fd = open_segment(1);
    assert_int_equal(ftruncate(fd, SEGMENT_HEAD_BYTES + 2 * (off_t)frame_size(1000) + 30), 0);
    close(fd);
    assert_int_equal(journal_peek(dir, 0, see, &s, why), ST_OK);
    assert_int_equal(s.n, 2);
}

static void damage_before_the_tail_is_told(void **state)
{
    struct seen s = {0};
    struct journal *j = journal_of(20000);
    (void)state;
    append(j, 100);
    journal_close(j);
    int fd = open_segment(1);
    assert_int_equal(pwrite(fd, "x", 1, 500), 1);
    close(fd);
    assert_int_equal(journal_peek(dir, 0, see, &s, why), ST_CORRUPT);
    assert_non_null(strstr(why, "0000000000000001.log: damaged at offset 16"));
}

static void a_folder_that_is_not_there_is_not_made(void **state)
{
    struct seen s = {0};
    (void)state;
    assert_int_equal(journal_peek("/tmp/sluice-no-such-journal", 0, see, &s, why), ST_NOT_FOUND);
    assert_int_equal(access("/tmp/sluice-no-such-journal", F_OK), -1);
    assert_int_equal(journal_peek(dir, 0, see, &s, why), ST_OK); /* there, and empty */
    assert_int_equal(s.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(frames_are_seen_while_the_writer_has_it_open),
        TEST(the_last_few_are_read_from_where_they_begin),
        TEST(it_ends_when_it_is_told_to),
        TEST(a_tail_that_is_being_written_is_the_end),
        TEST(damage_before_the_tail_is_told),
        TEST(a_folder_that_is_not_there_is_not_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
