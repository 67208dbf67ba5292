#include "api/admin.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char keys[] = "alice=correct-horse-battery\nbob=staple=with=equals\nempty=\n";

static const struct {
    const char *header, *who; /* NULL: nobody */
} requests[] = {
    {"Bearer correct-horse-battery", "alice"},
    {"bearer correct-horse-battery", "alice"}, /* schemes have no case, RFC 9110 */
    {"Bearer staple=with=equals", "bob"},
    {NULL, NULL},
    {"", NULL},
    {"Bearer", NULL},
    {"Bearer ", NULL}, /* not even the key without a token */
    {"Bearer  correct-horse-battery", NULL},
    {"Bearer correct-horse-battery ", NULL},
    {"Bearer correct-horse-batter", NULL},
    {"Bearer correct-horse-batteryy", NULL},
    {"Bearer CORRECT-HORSE-BATTERY", NULL},
    {"Bearer alice", NULL},
    {"Bearer alice=correct-horse-battery", NULL},
    {"Basic correct-horse-battery", NULL},
    {"correct-horse-battery", NULL},
};

static void only_a_whole_token_has_a_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        char who[ADMIN_WHO_BYTES] = "untouched";
        bool found = admin_find_key(keys, requests[i].header, who);
        assert_int_equal(found, requests[i].who != NULL);
        assert_string_equal(who, requests[i].who != NULL ? requests[i].who : "untouched");
    }
}

static void without_keys_nobody_has_one(void **state)
{
    char who[ADMIN_WHO_BYTES];
    (void)state;
    assert_false(admin_find_key("", "Bearer x", who));
    assert_false(admin_find_key("", "Bearer ", who));
}

static void an_address_is_written_without_its_port(void **state)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
    struct sockaddr local = {.sa_family = AF_UNIX};
    char address[ADMIN_ADDRESS_BYTES];
    (void)state;
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    v6.sin6_addr = in6addr_loopback;
    admin_write_address((const struct sockaddr *)&v4, address);
    assert_string_equal(address, "127.0.0.1");
    admin_write_address((const struct sockaddr *)&v6, address);
    assert_string_equal(address, "::1");
    admin_write_address(&local, address);
    assert_string_equal(address, "");
    admin_write_address(NULL, address);
    assert_string_equal(address, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_whole_token_has_a_name),
        cmocka_unit_test(without_keys_nobody_has_one),
        cmocka_unit_test(an_address_is_written_without_its_port),
    };
    return cmocka_run_group_tests_name("api/admin", tests, NULL, NULL);
}
