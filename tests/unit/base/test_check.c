#include "service/base/check.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Fail a CHECK in a child; answers how it ended, and what it wrote to stderr in `said`. */
static int fail_in_child(struct span transaction_id, char *said, size_t cap)
{
    int ends[2], how = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        signal(SIGABRT, SIG_DFL);
        check_in_flight(transaction_id);
        CHECK(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len<cap - 1; len += n> 0 ? (size_t)n : 0)
        n = read(ends[0], said + len, cap - 1 - len);
    said[len] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &how, 0), child);
    return how;
}

static void a_true_condition_goes_on(void **state)
{
    (void)state;
    CHECK(1 + 1 == 2);
}

static void a_false_condition_says_where_and_aborts(void **state)
{
    (void)state;
    char said[512];
    int how = fail_in_child(span_of(NULL, 0), said, sizeof said);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(WTERMSIG(how), SIGABRT);
    assert_non_null(strstr(said, "test_check.c:"));
    assert_non_null(strstr(said, "CHECK failed: 1 + 1 == 3\n"));
}

static void the_transaction_in_flight_is_named(void **state)
{
    (void)state;
    char said[512];
    fail_in_child(span_of("t-11 and more", 4), said, sizeof said);
    assert_non_null(strstr(said, "CHECK failed: 1 + 1 == 3 (transaction t-11)\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_true_condition_goes_on),
        cmocka_unit_test(a_false_condition_says_where_and_aborts),
        cmocka_unit_test(the_transaction_in_flight_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
