#include "service/state/redis_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void a_command_is_its_arguments_with_their_lengths(void **state)
{
    (void)state;
    struct redis_wire w;
    redis_wire_init(&w);
    redis_wire_begin(&w, 4);
    redis_wire_text(&w, "SET");
    redis_wire_joined(&w, span_str("p:"), span_str("key"));
    redis_wire_arg(&w, span_of("\0\r\n", 3));
    redis_wire_int(&w, INT64_MIN);
    static const char expected[] = "*4\r\n$3\r\nSET\r\n$5\r\np:key\r\n$3\r\n\0\r\n\r\n"
                                   "$20\r\n-9223372036854775808\r\n";
    assert_int_equal(w.len, sizeof expected - 1);
    assert_memory_equal(w.bytes, expected, w.len);
    redis_wire_fini(&w);
}

static void beginning_again_forgets_what_was_there(void **state)
{
    (void)state;
    struct redis_wire w;
    redis_wire_init(&w);
    redis_wire_begin(&w, 1);
    redis_wire_text(&w, "PING");
    redis_wire_begin(&w, 1);
    redis_wire_arg(&w, span_of(NULL, 0));
    assert_true(span_is(redis_wire_command(&w), "*1\r\n$0\r\n\r\n"));
    redis_wire_fini(&w);
}

static void a_large_argument_grows_the_buffer_and_stays_whole(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    char *large = malloc(LARGE);
    assert_non_null(large);
    memset(large, 'x', LARGE);
    struct redis_wire w;
    redis_wire_init(&w);
    redis_wire_begin(&w, 1);
    redis_wire_arg(&w, span_of(large, LARGE));
    assert_int_equal(w.len, 4 + 10 + LARGE + 2); /* "*1", "$1048576", the bytes, the end */
    assert_memory_equal(w.bytes + 14, large, LARGE);
    redis_wire_fini(&w);
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_its_arguments_with_their_lengths),
        cmocka_unit_test(beginning_again_forgets_what_was_there),
        cmocka_unit_test(a_large_argument_grows_the_buffer_and_stays_whole),
    };
    return cmocka_run_group_tests_name("state/redis_wire", tests, NULL, NULL);
}
