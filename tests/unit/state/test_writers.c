#include "service/state/writers.h"

#include "tests/unit/state/redis_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct redis_server server;
static struct writers_of of;
static struct writers seen;

static int set_up(void **state)
{
    (void)state;
    of = (struct writers_of){redis_server_begin(&server), "p:"};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_sync_free(of.redis);
    return 0;
}

static void tell(const char *command)
{
    redisReply *r = redisCommand(server.control, command);
    assert_non_null(r);
    freeReplyObject(r);
}

static void say(const char *instance, uint64_t ruleset, int64_t from_ms)
{
    struct writer w = {.ruleset = ruleset, .from_ms = from_ms};
    snprintf(w.instance, sizeof w.instance, "%s", instance);
    assert_int_equal(writers_say(&of, &w), ST_OK);
}

static const struct writer *find(const char *instance)
{
    assert_int_equal(writers_list(&of, &seen), ST_OK);
    for (int i = 0; i < seen.n; i++)
        if (strcmp(seen.all[i].instance, instance) == 0)
            return &seen.all[i];
    return NULL;
}

static void what_a_writer_says_is_listed_with_the_time_of_the_server(void **state)
{
    (void)state;
    say("one", UINT64_C(0x9f2c41d07be83a56), INT64_MIN);
    say("two", 0, WRITER_NO_JOURNAL);
    say("three", 7, 1767614400000);
    const struct writer *w = find("one");
    assert_int_equal(seen.n, 3);
    assert_int_equal(seen.since_ms, 0);
    assert_true(w->ruleset == UINT64_C(0x9f2c41d07be83a56) && w->from_ms == INT64_MIN);
    assert_in_range(seen.now_ms - w->seen_ms, 0, WRITER_LIVE_MS);
    assert_int_equal(find("two")->from_ms, WRITER_NO_JOURNAL);
    assert_int_equal(find("three")->from_ms, 1767614400000);
}

static void of_a_state_that_had_events_before_not_all_writers_are_known(void **state)
{
    (void)state;
    tell("SET p:coverage any");
    say("one", 1, INT64_MIN);
    const struct writer *w = find("one");
    assert_int_equal(seen.since_ms, w->seen_ms);
    say("one", 1, INT64_MIN);
    assert_true(find("one")->seen_ms >= seen.since_ms);
}

static void without_the_time_since_when_they_say_so_none_is_known_from_before(void **state)
{
    (void)state;
    tell("HSET p:writers one nonsense");
    assert_non_null(find("one"));
    assert_int_equal(seen.since_ms, seen.now_ms);
    assert_int_equal(find("one")->from_ms, WRITER_NO_JOURNAL);
}

static void of_too_many_the_one_gone_for_longest_goes_and_its_time_stays(void **state)
{
    char name[16];
    (void)state;
    for (int i = 0; i < WRITERS_MAX; i++) {
        snprintf(name, sizeof name, "w%d", i);
        say(name, 1, INT64_MIN);
    }
    redisReply *r = redisCommand(server.control, "HSET p:writers w7 %s", "1000 0 -");
    freeReplyObject(r);
    say("one-more", 1, INT64_MIN);
    assert_null(find("w7"));
    assert_int_equal(seen.n, WRITERS_MAX);
    assert_int_equal(seen.since_ms, 1000);
}

static void one_session_stands_until_it_ends(void **state)
{
    char session[SESSION_BYTES];
    (void)state;
    assert_int_equal(writers_session(&of, session), ST_OK);
    assert_string_equal(session, "");
    assert_int_equal(writers_begin(&of, "one:1"), ST_OK);
    assert_int_equal(writers_begin(&of, "two:1"), ST_CONFLICT);
    assert_int_equal(writers_go_on(&of, "one:1"), ST_OK);
    assert_int_equal(writers_go_on(&of, "two:1"), ST_CONFLICT);
    writers_end(&of, "two:1");
    assert_int_equal(writers_session(&of, session), ST_OK);
    assert_string_equal(session, "one:1");
    writers_end(&of, "one:1");
    assert_int_equal(writers_begin(&of, "two:1"), ST_OK);
}

static void a_session_that_nobody_goes_on_with_expires(void **state)
{
    (void)state;
    assert_int_equal(writers_begin(&of, "one:1"), ST_OK);
    redisReply *r = redisCommand(server.control, "PTTL p:fill");
    assert_in_range(r->integer, 1, SESSION_LIVE_MS);
    freeReplyObject(r);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_a_writer_says_is_listed_with_the_time_of_the_server),
        TEST(of_a_state_that_had_events_before_not_all_writers_are_known),
        TEST(without_the_time_since_when_they_say_so_none_is_known_from_before),
        TEST(of_too_many_the_one_gone_for_longest_goes_and_its_time_stays),
        TEST(one_session_stands_until_it_ends),
        TEST(a_session_that_nobody_goes_on_with_expires),
    };
    signal(SIGPIPE, SIG_IGN);
    (void)redis_server_start(&server);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    redis_server_stop(&server);
    return failed;
}
