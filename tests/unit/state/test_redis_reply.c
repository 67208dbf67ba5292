#include "service/state/redis_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 1024 };

struct bed {
    char block[ROOM];
    struct arena arena;
    redisReader *reader;
};

static struct bed bed;

static int open_bed(void **state)
{
    arena_init(&bed.arena, bed.block, sizeof bed.block);
    bed.reader = redisReaderCreate();
    redis_reply_use(bed.reader, &bed.arena);
    *state = &bed;
    return 0;
}

static int close_bed(void **state)
{
    (void)state;
    redisReaderFree(bed.reader);
    return 0;
}

static const redisReply *read_one(const char *bytes, size_t n)
{
    void *reply = NULL;
    assert_int_equal(redisReaderFeed(bed.reader, bytes, n), REDIS_OK);
    assert_int_equal(redisReaderGetReply(bed.reader, &reply), REDIS_OK);
    return reply;
}

static const redisReply *read_text(const char *text)
{
    return read_one(text, strlen(text));
}

static void every_type_is_read(void **state)
{
    (void)state;
    static const char bytes[] = "*6\r\n+OK\r\n$3\r\na\0b\r\n:-7\r\n$-1\r\n-ERR no\r\n*-1\r\n";
    const redisReply *r = read_one(bytes, sizeof bytes - 1);
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_int_equal(r->elements, 6);
    assert_int_equal(r->element[0]->type, REDIS_REPLY_STATUS);
    assert_string_equal(r->element[0]->str, "OK");
    assert_int_equal(r->element[1]->len, 3);
    assert_memory_equal(r->element[1]->str, "a\0b", 4);
    assert_int_equal(r->element[2]->integer, -7);
    assert_int_equal(r->element[3]->type, REDIS_REPLY_NIL);
    assert_int_equal(r->element[4]->type, REDIS_REPLY_ERROR);
    assert_string_equal(r->element[4]->str, "ERR no");
    assert_int_equal(r->element[5]->type, REDIS_REPLY_NIL);
}

static void the_room_of_one_reply_is_the_next_ones(void **state)
{
    (void)state;
    for (int i = 0; i < 10000; i++) {
        const redisReply *r = read_text("*2\r\n*1\r\n$4\r\nabcd\r\n$0\r\n\r\n");
        assert_int_equal(r->element[0]->element[0]->len, 4);
        assert_int_equal(r->element[1]->len, 0);
    }
}

static void what_has_no_room_is_an_error_and_what_follows_is_read(void **state)
{
    (void)state;
    static char bytes[4 * ROOM];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "*2\r\n$2000\r\n", 11);
    strcpy(bytes + 11 + 2000, "\r\n:1\r\n+next\r\n");
    const redisReply *r = read_text(bytes);
    assert_int_equal(r->element[0]->type, REDIS_REPLY_ERROR);
    assert_non_null(strstr(r->element[0]->str, "larger than any"));
    assert_int_equal(r->element[1]->integer, 1);
    assert_string_equal(read_text("")->str, "next");
}

static void an_array_without_room_takes_its_elements_with_it(void **state)
{
    (void)state;
    static char bytes[4 * ROOM] = "*300\r\n";
    for (int i = 0; i < 300; i++)
        strcat(bytes, ":1\r\n");
    assert_int_equal(read_text(bytes)->type, REDIS_REPLY_ERROR);
    assert_int_equal(read_text(":2\r\n")->integer, 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(every_type_is_read),
        TEST(the_room_of_one_reply_is_the_next_ones),
        TEST(what_has_no_room_is_an_error_and_what_follows_is_read),
        TEST(an_array_without_room_takes_its_elements_with_it),
    };
    return cmocka_run_group_tests_name("state/redis_reply", tests, NULL, NULL);
}
