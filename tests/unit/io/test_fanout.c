#include "service/io/fanout.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW_MS = 1000 };

static struct fanout *make(int recent_max)
{
    struct fanout_options o = {
        .recent_max = recent_max, .bytes_max = FANOUT_BYTES_MIN, .now_ms = NOW_MS};
    return fanout_new(&o);
}

static void put(struct fanout *f, const char *json, int64_t now_ms)
{
    struct alert a = {.json = span_str(json)};
    fanout_put(f, &a, now_ms);
}

/* The alert behind *cursor, which moves to it; "" when there is none, "lagged". */
static const char *read_next(struct fanout *f, uint64_t *cursor)
{
    static char json[FANOUT_JSON_MAX + 1];
    struct fanout_item item;
    enum fanout_found found = fanout_next(f, *cursor, json, &item);
    if (found != FANOUT_FOUND)
        return found == FANOUT_LAGGED ? "lagged" : "";
    assert_ptr_equal(item.json.base, json);
    json[item.json.len] = '\0';
    *cursor = item.id;
    return json;
}

static void alerts_come_in_the_order_they_were_put(void **state)
{
    struct fanout *f = make(4);
    uint64_t cursor = fanout_last(f);
    (void)state;
    assert_string_equal(read_next(f, &cursor), "");
    put(f, "a", NOW_MS + 1);
    put(f, "b", NOW_MS + 2);
    assert_string_equal(read_next(f, &cursor), "a");
    assert_string_equal(read_next(f, &cursor), "b");
    assert_string_equal(read_next(f, &cursor), "");
    fanout_free(f);
}

static void ids_are_microseconds_and_grow_though_the_clock_stands_or_steps_back(void **state)
{
    struct fanout *f = make(8);
    static const int64_t at_ms[] = {NOW_MS + 1, NOW_MS + 1, NOW_MS - 500, NOW_MS + 2};
    static const uint64_t ids[] = {1001000, 1001001, 1001002, 1002000};
    uint64_t cursor = fanout_last(f);
    (void)state;
    for (int i = 0; i < 4; i++) {
        put(f, "x", at_ms[i]);
        assert_string_equal(read_next(f, &cursor), "x");
        assert_int_equal(cursor, ids[i]);
        assert_int_equal(fanout_last(f), ids[i]);
    }
    fanout_free(f);
}

static void a_cursor_that_fell_out_of_the_ring_is_told_and_goes_on_at_the_floor(void **state)
{
    struct fanout *f = make(2);
    uint64_t cursor = fanout_last(f);
    (void)state;
    put(f, "a", NOW_MS + 1);
    assert_string_equal(read_next(f, &cursor), "a");
    put(f, "b", NOW_MS + 2);
    put(f, "c", NOW_MS + 3); /* "a" is gone, and was read: nothing is missing */
    uint64_t slow = cursor;
    assert_string_equal(read_next(f, &cursor), "b");
    put(f, "d", NOW_MS + 4);
    assert_string_equal(read_next(f, &slow), "lagged");
    slow = fanout_floor(f);
    assert_string_equal(read_next(f, &slow), "c");
    assert_string_equal(read_next(f, &cursor), "c");
    fanout_free(f);
}

static void what_was_before_the_start_is_missing(void **state)
{
    struct fanout *f = make(2);
    uint64_t earlier = (uint64_t)NOW_MS * 1000 - 1, start = (uint64_t)NOW_MS * 1000;
    (void)state;
    assert_string_equal(read_next(f, &earlier), "lagged");
    assert_string_equal(read_next(f, &start), "");
    fanout_free(f);
}

static void a_cursor_ahead_of_all_finds_nothing(void **state)
{
    struct fanout *f = make(2);
    uint64_t cursor = UINT64_MAX;
    (void)state;
    put(f, "a", NOW_MS + 1);
    assert_string_equal(read_next(f, &cursor), "");
    fanout_free(f);
}

static void one_looks_back_on_as_many_as_one_likes(void **state)
{
    struct fanout *f = make(3);
    uint64_t cursor;
    (void)state;
    assert_int_equal(fanout_back(f, 5), fanout_last(f));
    put(f, "a", NOW_MS + 1);
    put(f, "b", NOW_MS + 2);
    cursor = fanout_back(f, 2);
    assert_string_equal(read_next(f, &cursor), "a");
    cursor = fanout_back(f, 1);
    assert_string_equal(read_next(f, &cursor), "b");
    put(f, "c", NOW_MS + 3);
    put(f, "d", NOW_MS + 4);
    cursor = fanout_back(f, 1000);
    assert_int_equal(cursor, fanout_floor(f));
    assert_string_equal(read_next(f, &cursor), "b");
    fanout_free(f);
}

/* Alerts of all lengths: as many of the newest as there is room for, each whole. */
static void past_its_bytes_the_oldest_go_and_no_alert_is_cut(void **state)
{
    struct fanout *f = make(1000);
    static char json[FANOUT_JSON_MAX];
    unsigned seed = 1, lengths[600];
    (void)state;
    for (int i = 0; i < 600; i++) {
        seed = seed * 1103515245 + 12345;
        lengths[i] = i % 50 == 49 ? FANOUT_JSON_MAX : seed / 65536 % FANOUT_JSON_MAX;
        memset(json, 'a' + i % 26, lengths[i]);
        struct alert a = {.json = span_of(json, lengths[i])};
        fanout_put(f, &a, NOW_MS);
        struct fanout_item item = {.id = fanout_floor(f)};
        size_t total = 0;
        int n = 0;
        while (fanout_next(f, item.id, json, &item) == FANOUT_FOUND) {
            int which = (int)(item.id - (uint64_t)NOW_MS * 1000) - 1;
            assert_int_equal(item.json.len, lengths[which]);
            for (size_t k = 0; k < item.json.len; k++)
                assert_int_equal(json[k], 'a' + which % 26);
            total += item.json.len;
            n++;
        }
        assert_true(n > 0 && total <= FANOUT_BYTES_MIN);
        assert_true(i < 10 || total > FANOUT_BYTES_MIN / 2);
    }
    fanout_free(f);
}

static int called;

static void count_call(struct fanout_listener *l)
{
    (void)l;
    called++;
}

static void a_listener_is_called_as_long_as_it_listens(void **state)
{
    struct fanout *f = make(2);
    struct fanout_listener a = {.called = count_call}, b = {.called = count_call};
    (void)state;
    called = 0;
    put(f, "x", NOW_MS);
    assert_int_equal(called, 0);
    fanout_listen(f, &a);
    fanout_listen(f, &b);
    put(f, "x", NOW_MS);
    assert_int_equal(called, 2);
    fanout_unlisten(f, &a);
    put(f, "x", NOW_MS);
    assert_int_equal(called, 3);
    fanout_unlisten(f, &b);
    fanout_free(f);
}

enum { PUTTERS = 2, PUTS = 5000 };

static void *put_many(void *arg)
{
    for (int i = 0; i < PUTS; i++)
        put(arg, "{\"a\":1}", NOW_MS + i / 100);
    return NULL;
}

static void a_reader_sees_each_alert_once_while_others_put(void **state)
{
    struct fanout *f = make(PUTTERS * PUTS);
    uint64_t cursor = fanout_last(f), before = cursor;
    pthread_t threads[PUTTERS];
    (void)state;
    for (int i = 0; i < PUTTERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, f), 0);
    for (int n = 0; n < PUTTERS * PUTS;) {
        const char *json = read_next(f, &cursor);
        if (json[0] == '\0')
            continue;
        assert_string_equal(json, "{\"a\":1}");
        assert_true(cursor > before);
        before = cursor;
        n++;
    }
    for (int i = 0; i < PUTTERS; i++)
        pthread_join(threads[i], NULL);
    assert_string_equal(read_next(f, &cursor), "");
    fanout_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alerts_come_in_the_order_they_were_put),
        cmocka_unit_test(ids_are_microseconds_and_grow_though_the_clock_stands_or_steps_back),
        cmocka_unit_test(a_cursor_that_fell_out_of_the_ring_is_told_and_goes_on_at_the_floor),
        cmocka_unit_test(what_was_before_the_start_is_missing),
        cmocka_unit_test(a_cursor_ahead_of_all_finds_nothing),
        cmocka_unit_test(one_looks_back_on_as_many_as_one_likes),
        cmocka_unit_test(past_its_bytes_the_oldest_go_and_no_alert_is_cut),
        cmocka_unit_test(a_listener_is_called_as_long_as_it_listens),
        cmocka_unit_test(a_reader_sees_each_alert_once_while_others_put),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
