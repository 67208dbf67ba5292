#include "api/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void what_is_put_is_read_back_in_order(void **state)
{
    enum { LINES = 100000, LINE = 8 };
    struct spool *s = spool_new("/var/tmp", 1 << 20);
    char line[16], got[LINE];
    (void)state;
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "%07d\n", i);
        assert_int_equal(spool_put(s, span_of(line, LINE)), ST_OK);
    }
    assert_int_equal(spool_bytes(s), LINES * LINE);
    for (int i = 0; i < LINES; i++) {
        snprintf(line, sizeof line, "%07d\n", i);
        uint64_t at = (uint64_t)i * LINE;
        size_t n = 0;
        while (n < LINE)
            n += (size_t)spool_read(s, at + n, got + n, LINE - n);
        assert_memory_equal(got, line, LINE);
    }
    assert_int_equal(spool_read(s, LINES * LINE, got, LINE), 0);
    spool_free(s);
}

static void the_limit_holds_and_leaves_what_was_there(void **state)
{
    struct spool *s = spool_new("/var/tmp", 10);
    (void)state;
    assert_int_equal(spool_put(s, span_str("12345678")), ST_OK);
    assert_int_equal(spool_put(s, span_str("123")), ST_TOO_LARGE);
    assert_int_equal(spool_put(s, span_str("12")), ST_OK);
    assert_int_equal(spool_put(s, span_str("1")), ST_TOO_LARGE);
    assert_int_equal(spool_bytes(s), 10);
    spool_free(s);
}

static void a_folder_that_is_not_there_matters_only_past_the_block(void **state)
{
    static char half[SPOOL_BLOCK_BYTES / 2];
    struct spool *s = spool_new("/nowhere/at/all", 1 << 30);
    (void)state;
    assert_int_equal(spool_put(s, span_of(half, sizeof half)), ST_OK);
    assert_int_equal(spool_put(s, span_of(half, sizeof half)), ST_OK);
    assert_int_equal(spool_put(s, span_of(half, 1)), ST_IO);
    assert_int_equal(spool_bytes(s), SPOOL_BLOCK_BYTES);
    spool_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read_back_in_order),
        cmocka_unit_test(the_limit_holds_and_leaves_what_was_there),
        cmocka_unit_test(a_folder_that_is_not_there_matters_only_past_the_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
