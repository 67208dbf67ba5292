#include "service/base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int ends[2];
static char got[2 * LOG_LINE_MAX];

static int open_pipe(void **state)
{
    (void)state;
    log_set_fd(-1);
    return pipe(ends);
}

static int close_pipe(void **state)
{
    (void)state;
    close(ends[0]);
    return close(ends[1]);
}

static const char *read_log(void)
{
    ssize_t n = read(ends[0], got, sizeof got - 1);
    got[n > 0 ? n : 0] = '\0';
    return got;
}

static void a_line_is_one_json_object(void **state)
{
    (void)state;
    log_set_fd(ends[1]);
    log_info("listening", LOG_TEXT("address", "a\"b"), LOG_INT("workers", 2));
    assert_non_null(strstr(read_log(), "\"level\":\"info\",\"message\":\"listening\","
                                       "\"address\":\"a\\\"b\",\"workers\":2}\n"));
    assert_int_equal(strncmp(got, "{\"time\":\"20", 11), 0);
}

static void lines_below_the_level_are_dropped(void **state)
{
    (void)state;
    log_set_fd(ends[1]);
    log_set_level(LOG_LEVEL_WARNING);
    log_info("dropped", LOG_INT("n", 1));
    log_warning("kept", LOG_INT("n", 2));
    log_set_level(LOG_LEVEL_INFO);
    assert_null(strstr(read_log(), "dropped"));
    assert_non_null(strstr(got, "kept"));
}

static void a_line_that_would_be_too_long_loses_its_fields_and_says_so(void **state)
{
    static char long_text[LOG_LINE_MAX + 1];
    (void)state;
    memset(long_text, 'x', LOG_LINE_MAX);
    log_set_fd(ends[1]);
    log_info("long", LOG_TEXT("text", long_text));
    assert_null(strstr(read_log(), "xxx"));
    assert_non_null(strstr(got, "\"message\":\"long\",\"log\":\"fields left out"));
    assert_string_equal(got + strlen(got) - 2, "}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_one_json_object),
        cmocka_unit_test(lines_below_the_level_are_dropped),
        cmocka_unit_test(a_line_that_would_be_too_long_loses_its_fields_and_says_so),
    };
    return cmocka_run_group_tests(tests, open_pipe, close_pipe);
}
