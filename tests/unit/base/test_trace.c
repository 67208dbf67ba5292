#include "service/base/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define IDS "-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void a_valid_one_is_passed_on_as_it_is(void **state)
{
    char room[TRACE_PARENT_BYTES];
    (void)state;
    assert_true(span_is(trace_parent_pass(span_str("00" IDS), room), "00" IDS));
    assert_true(span_is(trace_parent_pass(span_str("cc" IDS "-more"), room), "cc" IDS));
    assert_int_equal(trace_parent_pass(span_of(NULL, 0), room).len, 0);
}

static void an_invalid_one_starts_a_new_trace(void **state)
{
    static const char *const invalid[] = {
        "00",
        "00" IDS "-more",
        "ff" IDS,
        "0G" IDS,
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof invalid / sizeof invalid[0]; i++) {
        char room[TRACE_PARENT_BYTES], other[TRACE_PARENT_BYTES];
        assert_false(trace_parent_is_valid(span_str(invalid[i])));
        struct span made = trace_parent_pass(span_str(invalid[i]), room);
        assert_true(trace_parent_is_valid(made));
        assert_false(span_eq(made, trace_parent_pass(span_str(invalid[i]), other)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_valid_one_is_passed_on_as_it_is),
        cmocka_unit_test(an_invalid_one_starts_a_new_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
