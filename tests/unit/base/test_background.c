/* background.h: work that gives way to what serves. */
#include "service/base/background.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void look(void *user)
{
    *(int *)user = sched_getscheduler(0);
}

static void the_work_is_done_at_the_lowest_priority_and_the_caller_keeps_its_own(void **state)
{
    (void)state;
    int seen = -1;
    int mine = sched_getscheduler(0);
    background_run(look, &seen);
    assert_int_equal(seen, SCHED_IDLE);
    assert_int_equal(sched_getscheduler(0), mine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_work_is_done_at_the_lowest_priority_and_the_caller_keeps_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
