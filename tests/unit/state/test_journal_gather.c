#include "service/state/journal.h"
#include "service/state/journal_gather.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { FRAMES = 5000 };

/* Appends and is killed before any writer can have caught up. */
static void append_and_die(const char *dir)
{
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_NO};
    struct journal *j;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    if (journal_open(&o, &j, &opened, why) != ST_OK)
        _exit(1);
    for (int i = 0; i < FRAMES; i++) {
        uint64_t seq;
        if (journal_append(j, 1, span_of(&i, sizeof i), &seq) != ST_OK)
            _exit(1);
    }
    kill(getpid(), SIGKILL);
}

static bool count_frame(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    int *n = user, value;
    assert_int_equal(kind, 1);
    assert_int_equal(bytes.len, sizeof value);
    memcpy(&value, bytes.base, sizeof value);
    assert_int_equal(value, *n);
    assert_int_equal(seq, (uint64_t)*n + 1);
    ++*n;
    return true;
}

static void all_that_was_appended_outlives_a_killed_process(void **state)
{
    (void)state;
    char dir[SCRATCH_PATH_BYTES];
    scratch_make(dir);
    for (int round = 0; round < 2; round++) { /* the second finds a journal that was recovered */
        pid_t child = round == 0 ? fork() : -1;
        if (child == 0)
            append_and_die(dir);
        if (child > 0)
            assert_int_equal(waitpid(child, NULL, 0), child);
        struct journal_options o = {.dir = dir, .fsync = JOURNAL_NO};
        struct journal *j;
        struct journal_opened opened;
        char why[JOURNAL_WHY_BYTES];
        int n = 0;
        assert_int_equal(journal_open(&o, &j, &opened, why), ST_OK);
        assert_int_equal(opened.next_seq, FRAMES + 1);
        assert_int_equal(journal_read(j, 1, count_frame, &n), ST_OK);
        assert_int_equal(n, FRAMES);
        journal_close(j);
    }
    scratch_remove(dir);
}

/* ---- a start that fails ---- */

enum { FULL_BYTES = 4096, LARGE = 100000 }; /* the disk, and a frame that it does not take */

static void fill_disk(bool full)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = full ? FULL_BYTES : limit.rlim_max;
    signal(SIGXFSZ, full ? SIG_IGN : SIG_DFL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static enum status try_open(const char *dir, struct journal **ret_journal, uint64_t *ret_next_seq)
{
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_NO};
    struct journal_opened opened = {0};
    char why[JOURNAL_WHY_BYTES];
    enum status st = journal_open(&o, ret_journal, &opened, why);
    *ret_next_seq = opened.next_seq;
    return st;
}

static void append_to_a_full_disk_and_die(const char *dir)
{
    static const char bytes[LARGE];
    struct journal *j;
    uint64_t seq;
    if (try_open(dir, &j, &seq) != ST_OK)
        _exit(1);
    fill_disk(true);
    if (journal_append(j, 1, span_of(bytes, sizeof bytes), &seq) != ST_OK)
        _exit(1);
    kill(getpid(), SIGKILL);
}

static void a_start_that_fails_leaves_it_to_the_next_start(void **state)
{
    (void)state;
    char dir[SCRATCH_PATH_BYTES];
    struct journal *j;
    uint64_t next_seq;
    scratch_make(dir);
    pid_t child = fork();
    if (child == 0)
        append_to_a_full_disk_and_die(dir);
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (int i = 0; i < 2; i++) {
        fill_disk(true);
        enum status st = try_open(dir, &j, &next_seq);
        fill_disk(false);
        assert_int_equal(st, ST_IO);
    }
    assert_int_equal(try_open(dir, &j, &next_seq), ST_OK);
    assert_int_equal(next_seq, 2);
    journal_close(j);
    scratch_remove(dir);
}

static void what_was_left_and_cannot_be_mapped_stays_and_refuses_the_start(void **state)
{
    (void)state;
    char dir[SCRATCH_PATH_BYTES], path[SCRATCH_PATH_BYTES + 16];
    struct journal *j;
    uint64_t next_seq;
    scratch_make(dir);
    assert_int_equal(try_open(dir, &j, &next_seq), ST_OK);
    journal_close(j);
    snprintf(path, sizeof path, "%s/gather-1", dir);
    assert_int_equal(mkfifo(path, 0600), 0); /* no room can be reserved in it */
    assert_int_equal(try_open(dir, &j, &next_seq), ST_IO);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(try_open(dir, &j, &next_seq), ST_OK);
    journal_close(j);
    scratch_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_appended_outlives_a_killed_process),
        cmocka_unit_test(a_start_that_fails_leaves_it_to_the_next_start),
        cmocka_unit_test(what_was_left_and_cannot_be_mapped_stays_and_refuses_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
