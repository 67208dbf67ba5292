/* Answers that wait for the disk go on when it has their frames, and are refused when it fails. */
#include "service/engine/synced.h"

#include "service/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct bed {
    uv_loop_t loop;
    char dir[64];
    struct journal *journal;
    struct synced *synced;
    struct synced_wait wait;
    int n_then;
    enum status status;
};

static _Atomic bool may_sync, must_fail;

static int slow_sync(int fd)
{
    while (!may_sync)
        usleep(100);
    if (must_fail) {
        errno = EIO;
        return -1;
    }
    return fdatasync(fd);
}

static void then(struct synced_wait *w, enum status st)
{
    struct bed *b = w->user;
    b->n_then++;
    b->status = st;
}

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    may_sync = true;
    must_fail = false;
    snprintf(b->dir, sizeof b->dir, "/tmp/sluice-journal-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    struct journal_options options = {.dir = b->dir, .fsync = JOURNAL_ALWAYS, .sync = slow_sync};
    assert_int_equal(journal_open(&options, &b->journal, &opened, why), ST_OK);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    b->synced = synced_new(b->journal, &b->loop);
    b->wait = (struct synced_wait){.then = then, .user = b};
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    char command[128];
    must_fail = false;
    synced_free(b->synced);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    journal_close(b->journal);
    snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
    assert_int_equal(system(command), 0);
    free(b);
    return 0;
}

static void run_until_told(struct bed *b)
{
    int64_t until_us = clock_mono_us() + 5000000;
    while (b->n_then == 0 && clock_mono_us() < until_us) {
        uv_timer_t tick; /* keeps the loop alive: the wait alone does not */
        uv_timer_init(&b->loop, &tick);
        uv_run(&b->loop, UV_RUN_NOWAIT);
        uv_close((uv_handle_t *)&tick, NULL);
        uv_run(&b->loop, UV_RUN_NOWAIT);
        usleep(500);
    }
}

static void an_answer_waits_until_the_disk_has_its_frame(void **state)
{
    struct bed *b = *state;
    may_sync = false;
    assert_int_equal(journal_append(b->journal, 1, span_str("frame"), &b->wait.seq), ST_OK);
    synced_start(b->synced, &b->wait);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    assert_int_equal(b->n_then, 0);
    may_sync = true;
    run_until_told(b);
    assert_int_equal(b->n_then, 1);
    assert_int_equal(b->status, ST_OK);
}

static void what_is_safe_already_does_not_wait(void **state)
{
    struct bed *b = *state;
    assert_int_equal(journal_append(b->journal, 1, span_str("frame"), &b->wait.seq), ST_OK);
    assert_int_equal(journal_sync(b->journal), ST_OK);
    synced_start(b->synced, &b->wait);
    assert_int_equal(b->n_then, 1);
    assert_int_equal(b->status, ST_OK);
}

static void a_disk_that_fails_is_told(void **state)
{
    struct bed *b = *state;
    must_fail = true;
    assert_int_equal(journal_append(b->journal, 1, span_str("frame"), &b->wait.seq), ST_OK);
    synced_start(b->synced, &b->wait);
    run_until_told(b);
    assert_int_equal(b->n_then, 1);
    assert_int_equal(b->status, ST_IO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_waits_until_the_disk_has_its_frame),
        TEST(what_is_safe_already_does_not_wait),
        TEST(a_disk_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
