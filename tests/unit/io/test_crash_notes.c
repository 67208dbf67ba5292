#include "service/io/crash_notes.h"

#include "service/base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/sluice-crashed-XXXXXX";

/* Another process of the same folder, which ends by `number`. */
static void crash(const char *topic, int64_t offset, int number)
{
    int how;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        signal(number, SIG_DFL); /* cmocka takes a crash for a failed test */
        CHECK(crash_notes_open(dir) == ST_OK);
        crash_notes_hand(topic, 7, offset);
        raise(number);
        raise(number); /* a fault comes again by itself */
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &how, 0), pid);
    assert_true(WIFSIGNALED(how) && WTERMSIG(how) == number);
}

static void open_notes(void)
{
    assert_int_equal(crash_notes_open(dir), ST_OK);
}

static void nothing_is_noted_at_first(void **state)
{
    (void)state;
    assert_false(crash_notes_any());
    open_notes();
    assert_false(crash_notes_any());
    assert_false(crash_notes_has("t", 7, 1));
    crash_notes_close(true);
}

static void the_third_crash_is_one_too_many(void **state)
{
    (void)state;
    for (int i = 0; i < CRASH_TIMES_MAX; i++) {
        open_notes();
        assert_false(crash_notes_has("topic", 7, 42));
        crash_notes_close(false);
        crash("topic", 42, i == 0 ? SIGSEGV : SIGABRT);
        crash("topic", 4, i == 0 ? SIGBUS : SIGKILL);
    }
    open_notes();
    assert_true(crash_notes_any());
    assert_true(crash_notes_has("topic", 7, 42));
    assert_false(crash_notes_has("topic", 7, 4));
    assert_false(crash_notes_has("topic", 7, 2));
    assert_false(crash_notes_has("opic", 7, 42));
    assert_false(crash_notes_has("topic", 7, 421));
    crash_notes_close(false);
}

static void a_crash_over_no_message_is_noted_as_one(void **state)
{
    (void)state;
    crash(NULL, 0, SIGABRT);
    open_notes();
    assert_true(crash_notes_any());
    crash_notes_close(true);
}

static void an_orderly_end_forgets_all(void **state)
{
    (void)state;
    for (int i = 0; i < CRASH_TIMES_MAX; i++)
        crash("topic", 42, SIGABRT);
    open_notes();
    assert_true(crash_notes_has("topic", 7, 42));
    crash_notes_close(true);
    open_notes();
    assert_false(crash_notes_any());
    crash_notes_close(true);
}

static int make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/crashed", dir);
    return unlink(path) != 0 || rmdir(dir) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_noted_at_first),
        cmocka_unit_test(the_third_crash_is_one_too_many),
        cmocka_unit_test(an_orderly_end_forgets_all),
        cmocka_unit_test(a_crash_over_no_message_is_noted_as_one),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
