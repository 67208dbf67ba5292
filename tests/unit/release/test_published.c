#include "service/release/published.h"

#include "tests/unit/state/redis_server.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct redis_server server;
static struct published p;

static const char bytes[] = {'a', 0, '\n', 'b'};

static int set_up(void **state)
{
    (void)state;
    p = (struct published){redis_server_begin(&server), "p:"};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    redis_sync_free(p.redis);
    return 0;
}

static void put(const char *id)
{
    struct published_note note = {.who = "alice smith", .judged = true};
    snprintf(note.id, sizeof note.id, "%s", id);
    assert_int_equal(published_put(&p, &note, span_of(bytes, sizeof bytes)), ST_OK);
}

static void what_is_published_is_taken_whole(void **state)
{
    struct published_note note;
    char *bundle;
    size_t len;
    (void)state;
    put("9f2c41d07be83a56");
    assert_int_equal(published_take(&p, &note, &bundle, &len), ST_OK);
    assert_string_equal(note.id, "9f2c41d07be83a56");
    assert_string_equal(note.who, "alice smith");
    assert_true(note.judged);
    assert_int_equal(note.seq, 1);
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(bundle, bytes, len);
    free(bundle);
}

static void who_published_is_text_whatever_stands_there(void **state)
{
    static const char *const rows[][2] = {
        {"J\xC3\xB6rg@node-1", "J\xC3\xB6rg@node-1"}, {"J\xF6rg\n@x", "J?rg?@x"}, {"\x7F", "?"}};
    struct published_note note = {.id = "9f2c41d07be83a56"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(note.who, sizeof note.who, "%s", rows[i][0]);
        assert_int_equal(published_put(&p, &note, span_of(bytes, sizeof bytes)), ST_OK);
        assert_int_equal(published_look(&p, &note), ST_OK);
        assert_string_equal(note.who, rows[i][1]);
    }
}

static void each_publishing_has_another_number(void **state)
{
    struct published_note note;
    (void)state;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        put("9f2c41d07be83a56");
        assert_int_equal(published_look(&p, &note), ST_OK);
        assert_int_equal(note.seq, seq);
    }
}

static void nothing_published_is_not_found(void **state)
{
    struct published_note note = {.seq = 7};
    char *bundle = NULL;
    size_t len;
    (void)state;
    assert_int_equal(published_look(&p, &note), ST_NOT_FOUND);
    assert_int_equal(published_take(&p, &note, &bundle, &len), ST_NOT_FOUND);
    assert_int_equal(note.seq, 7);
    assert_null(bundle);
}

static const char *const foreign[] = {
    "HSET p:ruleset id ../../etc/passwd seq 1 bundle x",
    "HSET p:ruleset id 9f2c41d07be83a56",
    "HSET p:ruleset id 9f2c41d07be83a56 seq -1 bundle x",
    "HSET p:ruleset id 9f2c41d07be83a56ff seq 1 bundle x",
};

static void what_is_not_of_our_form_is_corrupt(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        struct published_note note;
        freeReplyObject(redisCommand(server.control, "DEL p:ruleset"));
        freeReplyObject(redisCommand(server.control, foreign[i]));
        assert_int_equal(published_look(&p, &note), ST_CORRUPT);
    }
    freeReplyObject(redisCommand(server.control, "SET p:ruleset text"));
    struct published_note note;
    assert_int_equal(published_look(&p, &note), ST_INVALID); /* WRONGTYPE */
}

static void nodes_are_listed_as_long_as_they_say_so(void **state)
{
    char *json = NULL;
    (void)state;
    assert_int_equal(published_nodes(&p, &json), ST_OK);
    assert_string_equal(json, "[]");
    free(json);
    assert_int_equal(published_say(&p, "1", span_str("{\"node\":\"a\"}")), ST_OK);
    assert_int_equal(published_say(&p, "2", span_str("{\"node\":\"b\"}")), ST_OK);
    freeReplyObject(redisCommand(server.control, "DEL p:node:1")); /* as after NODE_LIVE_S */
    assert_int_equal(published_nodes(&p, &json), ST_OK);
    assert_string_equal(json, "[{\"node\":\"b\"}]");
    free(json);
    redisReply *r = redisCommand(server.control, "SCARD p:nodes");
    assert_int_equal(r->integer, 1);
    freeReplyObject(r);
    assert_int_equal(published_leave(&p, "2"), ST_OK);
    assert_int_equal(published_nodes(&p, &json), ST_OK);
    assert_string_equal(json, "[]");
    free(json);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_published_is_taken_whole),
        TEST(each_publishing_has_another_number),
        TEST(nothing_published_is_not_found),
        TEST(what_is_not_of_our_form_is_corrupt),
        TEST(who_published_is_text_whatever_stands_there),
        TEST(nodes_are_listed_as_long_as_they_say_so),
    };
    signal(SIGPIPE, SIG_IGN);
    redis_server_start(&server);
    int failed = cmocka_run_group_tests_name("engine/published", tests, NULL, NULL);
    redis_server_stop(&server);
    return failed;
}
