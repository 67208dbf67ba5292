#include "service/base/status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_status_has_the_text_of_its_row(void **state)
{
    (void)state;
#define X(name, text) assert_string_equal(status_text(name), text);
    STATUS_TABLE(X)
#undef X
}

static void ok_is_zero_and_an_unknown_status_has_a_text_too(void **state)
{
    (void)state;
    assert_int_equal(ST_OK, 0);
    assert_string_equal(status_text((enum status)99), "unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_the_text_of_its_row),
        cmocka_unit_test(ok_is_zero_and_an_unknown_status_has_a_text_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
