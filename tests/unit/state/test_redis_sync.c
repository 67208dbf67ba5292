#include "service/state/redis_sync.h"

#include "tests/unit/state/redis_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { TIMEOUT_MS = 5000, SHORT_MS = 50 };

static struct redis_server server;

static struct redis_sync *sync_of_server(int timeout_ms)
{
    struct redis_address a = redis_server_address(&server, 1);
    return redis_sync_new(&a, timeout_ms);
}

static void bytes_come_back_as_they_were_set(void **state)
{
    static const char bytes[] = {0, 1, '\n', 0, 'x'};
    struct redis_sync *s = sync_of_server(TIMEOUT_MS);
    redisReply *r;
    (void)state;
    assert_int_equal(redis_sync_do(s, "SET %s %b", "k", bytes, sizeof bytes), ST_OK);
    assert_int_equal(redis_sync_command(s, &r, "GET k"), ST_OK);
    assert_int_equal(r->len, sizeof bytes);
    assert_memory_equal(r->str, bytes, sizeof bytes);
    freeReplyObject(r);
    redis_sync_free(s);
}

static void the_database_of_the_address_is_used(void **state)
{
    struct redis_sync *s = sync_of_server(TIMEOUT_MS);
    (void)state;
    assert_int_equal(redis_sync_do(s, "SET only-here 1"), ST_OK);
    redisReply *r = redisCommand(server.control, "EXISTS only-here");
    assert_int_equal(r->integer, 0);
    freeReplyObject(r);
    redis_sync_free(s);
}

static void an_error_is_told_and_the_connection_goes_on(void **state)
{
    struct redis_sync *s = sync_of_server(TIMEOUT_MS);
    redisReply *untouched = NULL;
    (void)state;
    assert_int_equal(redis_sync_command(s, &untouched, "NONSENSE"), ST_INVALID);
    assert_null(untouched);
    assert_non_null(strstr(redis_sync_why(s), "unknown command"));
    assert_int_equal(redis_sync_do(s, "PING"), ST_OK);
    redis_sync_free(s);
}

static void an_error_within_an_exec_is_an_error(void **state)
{
    struct redis_sync *s = sync_of_server(TIMEOUT_MS);
    (void)state;
    assert_int_equal(redis_sync_do(s, "SET text abc"), ST_OK);
    assert_int_equal(redis_sync_do(s, "MULTI"), ST_OK);
    assert_int_equal(redis_sync_do(s, "INCR text"), ST_OK);
    assert_int_equal(redis_sync_do(s, "EXEC"), ST_INVALID);
    assert_non_null(strstr(redis_sync_why(s), "not an integer"));
    redis_sync_free(s);
}

static void a_lost_connection_fails_one_command_and_the_next_connects_again(void **state)
{
    struct redis_sync *s = sync_of_server(TIMEOUT_MS);
    (void)state;
    assert_int_equal(redis_sync_do(s, "PING"), ST_OK);
    freeReplyObject(redisCommand(server.control, "CLIENT KILL TYPE normal SKIPME yes"));
    assert_int_equal(redis_sync_do(s, "PING"), ST_UNAVAILABLE);
    assert_int_equal(redis_sync_do(s, "PING"), ST_OK);
    redis_sync_free(s);
}

static void a_server_that_does_not_answer_is_given_up(void **state)
{
    struct redis_sync *s = sync_of_server(SHORT_MS);
    (void)state;
    kill(server.pid, SIGSTOP);
    enum status st = redis_sync_do(s, "PING");
    kill(server.pid, SIGCONT);
    assert_int_equal(st, ST_UNAVAILABLE);
    redis_sync_free(s);
}

static void nobody_there_is_an_error_with_its_reason(void **state)
{
    struct redis_address a = {.is_unix = true, .host = "/nowhere/redis.sock"};
    struct redis_sync *s = redis_sync_new(&a, TIMEOUT_MS);
    (void)state;
    assert_int_equal(redis_sync_do(s, "PING"), ST_UNAVAILABLE);
    assert_string_equal(redis_sync_why(s), "cannot connect: No such file or directory");
    redis_sync_free(s);
    redis_sync_free(NULL);
}

static void a_wrong_password_is_told(void **state)
{
    struct redis_address a = redis_server_address(&server, 1);
    snprintf(a.user, sizeof a.user, "nobody");
    snprintf(a.password, sizeof a.password, "wrong");
    struct redis_sync *s = redis_sync_new(&a, TIMEOUT_MS);
    (void)state;
    assert_int_equal(redis_sync_do(s, "PING"), ST_UNAVAILABLE);
    assert_non_null(strstr(redis_sync_why(s), "cannot authenticate: WRONGPASS"));
    redis_sync_free(s);
}

static int skip_without_server(void **state)
{
    (void)state;
    if (server.control == NULL)
        skip();
    return 0;
}

#define TEST(name) cmocka_unit_test_setup(name, skip_without_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bytes_come_back_as_they_were_set),
        TEST(the_database_of_the_address_is_used),
        TEST(an_error_is_told_and_the_connection_goes_on),
        TEST(an_error_within_an_exec_is_an_error),
        TEST(a_lost_connection_fails_one_command_and_the_next_connects_again),
        TEST(a_server_that_does_not_answer_is_given_up),
        TEST(a_wrong_password_is_told),
        cmocka_unit_test(nobody_there_is_an_error_with_its_reason),
    };
    signal(SIGPIPE, SIG_IGN);
    redis_server_start(&server);
    int failed = cmocka_run_group_tests_name("state/redis_sync", tests, NULL, NULL);
    redis_server_stop(&server);
    return failed;
}
