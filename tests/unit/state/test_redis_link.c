#include "service/state/redis_link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *info, *why; /* NULL: fine */
} servers[] = {
    {"redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n", NULL},
    {"redis_version:10.1.0\r\nmaxmemory_policy:noeviction\r\n", NULL},
    {"# Server\r\nredis_version:7.2.0\r\n", NULL},
    {"redis_version:6.2.9\r\nmaxmemory_policy:noeviction\r\n", "7.0 or later"},
    {"maxmemory_policy:noeviction\r\n", "7.0 or later"},
    {"", "7.0 or later"},
    {"redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n", "must be noeviction"},
    {"redis_version:7.0.15\r\nmaxmemory_policy:volatile-ttl\r\n", "must be noeviction"},
};

static void only_a_server_that_keeps_everything_is_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
        const char *why = redis_info_refuses(span_str(servers[i].info));
        if (servers[i].why == NULL)
            assert_null(why);
        else
            assert_non_null(strstr(why, servers[i].why));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_server_that_keeps_everything_is_taken),
    };
    return cmocka_run_group_tests_name("state/redis_link", tests, NULL, NULL);
}
