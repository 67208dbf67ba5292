/* What is no address is refused before anything is asked; tests/system/test_rules.py asks. */
#include "service/cli/http_get.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "ftp://127.0.0.1:8080",
                                       "file:///etc/hostname",
                                       "http://",
                                       "http://:80",
                                       "http://[::1",
                                       "http://[]:80",
                                       "http://host:12x",
                                       "http://host:123456789",
                                       "http://host/path",
                                       "http://host:80/path"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct http_answer a = {.status = 42};
        char why[HTTP_GET_WHY_BYTES] = "";
        assert_int_equal(http_get(urls[i], "/", span_of(NULL, 0), &a, why), ST_INVALID);
        assert_non_null(strstr(why, "is no address such as http://127.0.0.1:8080"));
        assert_int_equal(a.status, 42);
    }
}

static void where_nobody_listens_it_says_so(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:1", "http://127.0.0.1:1/"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct http_answer a;
        char why[HTTP_GET_WHY_BYTES] = "";
        assert_int_equal(http_get(urls[i], "/", span_of(NULL, 0), &a, why), ST_UNAVAILABLE);
        assert_non_null(strstr(why, "Failed to connect to 127.0.0.1 port 1"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(where_nobody_listens_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
