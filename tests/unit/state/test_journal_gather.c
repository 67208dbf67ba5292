#include "service/state/journal.h"
#include "service/state/journal_gather.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_was_appended_outlives_a_killed_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
