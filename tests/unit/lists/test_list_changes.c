#include "service/lists/list_changes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 3000 };

static struct list_changes *changes;

static int setup(void **state)
{
    (void)state;
    changes = list_changes_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    list_changes_free(changes);
    return 0;
}

static void put(const char *key, bool out, const char *note)
{
    list_changes_put(changes, &(struct list_change){.key = span_str(key),
                                                    .out = out,
                                                    .at_ms = 7,
                                                    .by = span_str("me"),
                                                    .note = span_str(note),
                                                    .n = 1});
}

static void a_change_is_found_with_copies_of_its_texts(void **state)
{
    char note[] = "of a test";
    (void)state;
    put("d-1", true, note);
    note[0] = 'x';
    const struct list_change *c = list_changes_find(changes, span_str("d-1"));
    assert_non_null(c);
    assert_true(c->out && c->at_ms == 7);
    assert_true(span_is(c->by, "me") && span_is(c->note, "of a test"));
    assert_null(list_changes_find(changes, span_str("d-2")));
}

static void the_newest_change_of_a_value_stands(void **state)
{
    (void)state;
    put("d-1", true, "first");
    put("d-1", false, "second");
    assert_int_equal(list_changes_count(changes), 1);
    assert_true(span_is(list_changes_find(changes, span_str("d-1"))->note, "second"));
}

static void a_change_may_be_put_from_its_own_place(void **state)
{
    (void)state;
    put("d-1", true, "note");
    list_changes_put(changes, list_changes_find(changes, span_str("d-1")));
    assert_true(span_is(list_changes_find(changes, span_str("d-1"))->note, "note"));
}

static void the_sum_is_of_what_is_in_and_out_in_any_order(void **state)
{
    (void)state;
    assert_true(list_changes_sum(changes) == 0);
    put("a", false, "");
    put("b", true, "");
    uint64_t both = list_changes_sum(changes);
    put("b", false, "");
    assert_true(list_changes_sum(changes) != both);
    assert_true(list_changes_drop(changes, span_str("a")));
    put("b", true, "another note");
    put("a", false, "");
    assert_true(list_changes_sum(changes) == both);
    (void)list_changes_drop(changes, span_str("a"));
    (void)list_changes_drop(changes, span_str("b"));
    assert_true(list_changes_sum(changes) == 0);
}

static void many_come_and_go(void **state)
{
    char key[24];
    size_t seen = 0;
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "d-%d", i);
        put(key, false, "");
    }
    for (int i = 0; i < MANY; i += 3) {
        snprintf(key, sizeof key, "d-%d", i);
        assert_true(list_changes_drop(changes, span_str(key)));
        assert_false(list_changes_drop(changes, span_str(key)));
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "d-%d", i);
        assert_int_equal(list_changes_find(changes, span_str(key)) != NULL, i % 3 != 0);
    }
    for (size_t i = 0; i < list_changes_room(changes); i++)
        seen += list_changes_at(changes, i) != NULL;
    assert_int_equal(seen, MANY / 3 * 2);
    assert_int_equal(list_changes_count(changes), seen);
}

static void put_until(const char *key, int64_t expires_ms)
{
    list_changes_put(changes,
                     &(struct list_change){.key = span_str(key), .expires_ms = expires_ms, .n = 1});
}

static void what_expires_first_is_known_whatever_comes_and_goes(void **state)
{
    char key[24];
    int64_t last_ms = 0;
    int left = 0;
    (void)state;
    put("for-ever", false, "");
    assert_null(list_changes_first_to_expire(changes));
    for (int i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "d-%d", i);
        put_until(key, 1 + (int64_t)i * 7919 % 1000);
    }
    for (int i = 0; i < MANY; i += 2) { /* dropped, put off, and for ever */
        snprintf(key, sizeof key, "d-%d", i);
        if (i % 4 == 0)
            (void)list_changes_drop(changes, span_str(key));
        else
            put_until(key, i % 3 == 0 ? 0 : 5000 - i);
    }
    const struct list_change *c;
    for (; (c = list_changes_first_to_expire(changes)) != NULL; left++) {
        assert_true(c->expires_ms >= last_ms);
        last_ms = c->expires_ms;
        assert_true(list_changes_drop(changes, c->key));
    }
    assert_int_equal(left, MANY / 2 + MANY / 4 * 2 / 3);
    assert_int_equal(list_changes_count(changes), 1 + MANY / 4 / 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_found_with_copies_of_its_texts),
        TEST(the_newest_change_of_a_value_stands),
        TEST(a_change_may_be_put_from_its_own_place),
        TEST(the_sum_is_of_what_is_in_and_out_in_any_order),
        TEST(many_come_and_go),
        TEST(what_expires_first_is_known_whatever_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
