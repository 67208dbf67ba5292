#include "service/state/redis_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *url, *host, *user, *password;
    int port, db;
    bool is_unix;
} good[] = {
    {"redis://localhost", "localhost", "", "", 6379, 0, false},
    {"redis://10.0.0.1:6380", "10.0.0.1", "", "", 6380, 0, false},
    {"redis://h:65535/15", "h", "", "", 65535, 15, false},
    {"redis://h/", "h", "", "", 6379, 0, false},
    {"redis://:secret@h", "h", "", "secret", 6379, 0, false},
    {"redis://ann:p%40ss%2Fw%3a@h:1/2", "h", "ann", "p@ss/w:", 1, 2, false},
    {"redis://ann:a@b@h", "h", "ann", "a@b", 6379, 0, false},
    {"redis://[::1]", "::1", "", "", 6379, 0, false},
    {"redis://u:p@[2001:db8::7]:7000/3", "2001:db8::7", "u", "p", 7000, 3, false},
    {"redis+unix:///run/r.sock", "/run/r.sock", "", "", 0, 0, true},
    {"redis+unix:///run/r.sock?db=4", "/run/r.sock", "", "", 0, 4, true},
    {"redis+unix://u:p@/run/r.sock", "/run/r.sock", "u", "p", 0, 0, true},
    {"unix:///run/r.sock", "/run/r.sock", "", "", 0, 0, true},
};

static void good_addresses_are_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct redis_address a;
        const char *why = "";
        assert_int_equal(redis_address_parse(span_str(good[i].url), &a, &why), ST_OK);
        assert_string_equal(a.host, good[i].host);
        assert_string_equal(a.user, good[i].user);
        assert_string_equal(a.password, good[i].password);
        assert_int_equal(a.port, good[i].port);
        assert_int_equal(a.db, good[i].db);
        assert_int_equal(a.is_unix, good[i].is_unix);
    }
}

static const struct {
    const char *url, *why;
} bad[] = {
    {"", "an address starts with redis:// or redis+unix://"},
    {"localhost:6379", "an address starts with redis:// or redis+unix://"},
    {"http://h", "an address starts with redis:// or redis+unix://"},
    {"redis://", "the host is missing or too long"},
    {"redis://:6379", "the host is missing or too long"},
    {"redis://h:", "the port is missing behind the colon"},
    {"redis://h:0", "the port is 1 to 65535"},
    {"redis://h:65536", "the port is 1 to 65535"},
    {"redis://h:6x", "the port is 1 to 65535"},
    {"redis://h/x", "the database behind / is a number"},
    {"redis://h/-1", "the database behind / is a number"},
    {"redis://::1", "an IPv6 address stands in brackets: redis://[::1]:6379"},
    {"redis://[::1", "an IPv6 address ends with ]"},
    {"redis://[::1]x", "behind ] stands :port, or nothing"},
    {"redis://[::1]:", "the port is missing behind the colon"},
    {"redis://ann@h", "what stands before @ is user:password, or :password"},
    {"redis://:%4@h", "the user or the password is too long, or its %-encoding is wrong"},
    {"redis://:%zz@h", "the user or the password is too long, or its %-encoding is wrong"},
    {"redis://:a%00b@h", "the user or the password is too long, or its %-encoding is wrong"},
    {"redis+unix://run/r.sock",
     "the socket's path is absolute: redis+unix:///run/redis/redis.sock"},
    {"redis+unix:///run/r.sock?db=x", "behind ? stands db=N"},
    {"redis+unix:///run/r.sock?name=1", "behind ? stands db=N"},
};

static void bad_addresses_are_refused_with_their_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct redis_address a = {.port = -7};
        const char *why = "";
        assert_int_equal(redis_address_parse(span_str(bad[i].url), &a, &why), ST_INVALID);
        assert_string_equal(why, bad[i].why);
        assert_int_equal(a.port, -7);
    }
}

static void tls_is_refused_and_told_what_to_do(void **state)
{
    (void)state;
    struct redis_address a = {.port = -7};
    const char *why = "";
    assert_int_equal(redis_address_parse(span_str("rediss://h"), &a, &why), ST_UNSUPPORTED);
    assert_non_null(strstr(why, "local TLS proxy"));
    assert_int_equal(a.port, -7);
}

static void a_socket_path_has_at_most_107_bytes(void **state)
{
    (void)state;
    char url[13 + 108];
    memcpy(url, "redis+unix://", 13);
    memset(url + 13, '/', 108);
    struct redis_address a;
    const char *why = "";
    assert_int_equal(redis_address_parse(span_of(url, 13 + 107), &a, &why), ST_OK);
    assert_int_equal(redis_address_parse(span_of(url, 13 + 108), &a, &why), ST_INVALID);
    assert_string_equal(why, "the socket's path is longer than 107 bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_addresses_are_taken_apart),
        cmocka_unit_test(bad_addresses_are_refused_with_their_sentence),
        cmocka_unit_test(tls_is_refused_and_told_what_to_do),
        cmocka_unit_test(a_socket_path_has_at_most_107_bytes),
    };
    return cmocka_run_group_tests_name("state/redis_address", tests, NULL, NULL);
}
