#include "service/lists/roster_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct roster_list *list;
static struct list_view *base;

static int setup(void **state)
{
    const struct span keys[] = {span_str("b"), span_str("a")};
    (void)state;
    base = list_view_new(LIST_STRING, keys, 2);
    list = roster_list_new(span_str("muted"), LIST_STRING);
    roster_list_rebase(list, 0, base, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    roster_list_free(list);
    list_view_unref(base);
    return 0;
}

static struct list_line line_of(const char *what, const char *value, uint64_t n)
{
    return (struct list_line){
        .list = span_str("muted"),
        .forget = what[0] == 'f',
        .change = {.key = span_str(value), .out = what[0] == 'o', .n = n},
    };
}

static bool apply(const char *what, const char *value, uint64_t n)
{
    struct list_line line = line_of(what, value, n);
    return roster_list_apply(list, &line);
}

static bool sees(const char *value)
{
    return list_view_has(list->view, span_str(value));
}

static void a_change_is_known_at_once_and_seen_when_it_is_published(void **state)
{
    (void)state;
    assert_true(apply("in", "c", 1) && apply("out", "a", 2));
    assert_true(roster_list_has(list, span_str("c"), 0) && !sees("c") && sees("a"));
    assert_true(roster_list_is_pending(list));
    roster_list_publish(list, 0);
    assert_true(sees("c") && !sees("a") && !roster_list_is_pending(list));
    assert_true(list->told.changed == 2 && list->told.version == 2);
}

static void what_is_older_than_what_is_known_changes_nothing(void **state)
{
    (void)state;
    assert_true(apply("in", "c", 5));
    assert_false(apply("out", "c", 5) || apply("forget", "c", 4));
    assert_true(roster_list_has(list, span_str("c"), 0));
}

static void without_changes_the_base_stands_in_its_order(void **state)
{
    (void)state;
    apply("in", "c", 1);
    roster_list_publish(list, 0);
    apply("forget", "c", 2);
    roster_list_publish(list, 0);
    assert_ptr_equal(list->view, base);
}

static void note(void *user, const struct roster_list *l, const struct list_change *c)
{
    assert_ptr_equal(l, list);
    assert_true(span_is(c->key, "c"));
    ++*(int *)user;
}

static void what_expires_is_shown_and_goes(void **state)
{
    struct list_line line = line_of("in", "c", 1);
    int n = 0;
    (void)state;
    line.change.expires_ms = 100;
    assert_true(roster_list_apply(list, &line) && apply("in", "d", 2));
    roster_list_publish(list, 0);
    assert_int_equal(roster_list_expire(list, 99, note, &n), 0);
    assert_int_equal(roster_list_expire(list, 100, note, &n), 1);
    assert_int_equal(n, 1);
    roster_list_publish(list, 100);
    assert_true(!sees("c") && sees("d"));
}

static void of_no_ruleset_it_keeps_its_changes(void **state)
{
    const struct span other = span_str("z");
    struct list_view *next = list_view_new(LIST_STRING, &other, 1);
    (void)state;
    apply("in", "c", 1);
    roster_list_rebase(list, -1, NULL, 0);
    assert_true(apply("out", "a", 2) && !roster_list_is_pending(list));
    assert_null(list->view);
    roster_list_rebase(list, 3, next, 0);
    assert_true(sees("c") && sees("z") && !sees("a") && list->index == 3);
    list_view_unref(next);
}

static void over_another_base_it_leaves_its_own(void **state)
{
    const struct span other = span_str("z");
    struct list_view *next = list_view_new(LIST_STRING, &other, 1);
    (void)state;
    apply("in", "c", 1);
    struct list_view *over = roster_list_over(list, next, 0);
    assert_true(list_view_has(over, span_str("c")) && list_view_has(over, span_str("z")));
    assert_ptr_equal(list->base, base);
    list_view_unref(over);
    list_view_unref(next);
}

static void what_is_read_anew_takes_the_place_but_of_what_came_meanwhile(void **state)
{
    struct list_line fresh = line_of("in", "new", 7);
    (void)state;
    apply("in", "gone", 3);
    apply("in", "meanwhile", 9);
    roster_list_take(list, &fresh);
    assert_int_equal(roster_list_taken(list), 1);
    roster_list_settle(list, 8);
    roster_list_rebase(list, 0, base, 0);
    assert_true(sees("new") && sees("meanwhile") && !sees("gone"));
    assert_int_equal(list->version, 9);
    roster_list_take(list, &fresh);
    roster_list_discard(list);
    assert_int_equal(roster_list_taken(list), 0);
    roster_list_settle(list, UINT64_MAX); /* another Redis, which has nothing */
    assert_true(list_changes_count(list->changes) == 0 && list->version == 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_change_is_known_at_once_and_seen_when_it_is_published),
        TEST(what_is_older_than_what_is_known_changes_nothing),
        TEST(without_changes_the_base_stands_in_its_order),
        TEST(what_expires_is_shown_and_goes),
        TEST(of_no_ruleset_it_keeps_its_changes),
        TEST(over_another_base_it_leaves_its_own),
        TEST(what_is_read_anew_takes_the_place_but_of_what_came_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
