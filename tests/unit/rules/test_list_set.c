#include "rules/list_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MANY = 5000, NAME_BYTES = 24 };

static char names[2 * MANY][NAME_BYTES];
static struct span keys[2 * MANY];

static int setup(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * MANY; i++) {
        snprintf(names[i], NAME_BYTES, "device-%d", i);
        keys[i] = span_str(names[i]);
    }
    return 0;
}

static void a_set_has_its_keys_and_no_others(void **state)
{
    struct list_set *set = list_set_new(keys, MANY);
    (void)state;
    assert_int_equal(list_set_count(set), MANY);
    for (int i = 0; i < 2 * MANY; i++)
        assert_int_equal(list_set_has(set, keys[i]), i < MANY);
    assert_false(list_set_has(set, span_str("")));
    list_set_unref(set);
}

static void an_empty_set_has_nothing(void **state)
{
    struct list_set *set = list_set_new(NULL, 0);
    (void)state;
    assert_int_equal(list_set_count(set), 0);
    assert_false(list_set_has(set, span_str("a")));
    list_set_unref(set);
}

static void equal_keys_are_one(void **state)
{
    const struct span twice[] = {span_str("a"), span_str("b"), span_str("a"), span_str(""),
                                 span_str("")};
    struct list_set *set = list_set_new(twice, 5);
    (void)state;
    assert_int_equal(list_set_count(set), 3);
    assert_true(list_set_has(set, span_str("")));
    list_set_unref(set);
}

static void a_million_equal_keys_are_one_at_once(void **state)
{
    struct span *same = malloc(1000000 * sizeof *same);
    (void)state;
    assert_non_null(same);
    for (int i = 0; i < 1000000; i++)
        same[i] = span_str("7");
    struct list_set *set = list_set_new(same, 1000000);
    assert_int_equal(list_set_count(set), 1);
    list_set_unref(set);
    free(same);
}

static void an_edit_leaves_the_set_before_alone(void **state)
{
    struct list_set *before = list_set_new(keys, MANY);
    const struct list_edit edits[] = {{keys[0], false}, {keys[MANY], true},
                                      {keys[1], false}, {keys[1], true},
                                      {keys[2], true},  {span_str("no"), false}};
    struct list_set *after = list_set_edit(before, edits, 6);
    (void)state;
    assert_int_equal(list_set_count(before), MANY);
    assert_true(list_set_has(before, keys[0]) && !list_set_has(before, keys[MANY]));
    assert_int_equal(list_set_count(after), MANY);
    assert_true(!list_set_has(after, keys[0]) && list_set_has(after, keys[MANY]));
    assert_true(list_set_has(after, keys[1]) && list_set_has(after, keys[2]));
    list_set_unref(before); /* what they share outlives it */
    assert_true(list_set_has(after, keys[MANY - 1]));
    list_set_unref(after);
}

/* Beside an array of bools: what a chain of edits leaves is what it says. */
static void a_chain_of_edits_is_what_it_says(void **state)
{
    static bool in[2 * MANY];
    struct list_set *set = list_set_new(NULL, 0);
    uint32_t random = 1;
    size_t count = 0;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct list_edit edits[100];
        for (int i = 0; i < 100; i++) {
            random = random * 1664525 + 1013904223;
            size_t k = (random >> 8) % (2 * MANY);
            edits[i] = (struct list_edit){keys[k], (random >> 30) != 0};
            count += (size_t)edits[i].in - (size_t)in[k];
            in[k] = edits[i].in;
        }
        struct list_set *next = list_set_edit(set, edits, 100);
        list_set_unref(set);
        set = next;
        assert_int_equal(list_set_count(set), count);
    }
    for (int i = 0; i < 2 * MANY; i++)
        assert_int_equal(list_set_has(set, keys[i]), in[i]);
    list_set_unref(set);
}

static void count_one(void *user, struct span key)
{
    size_t *n = user;
    *n += key.len;
}

static void each_key_is_visited_once(void **state)
{
    struct list_set *set = list_set_new(keys, 1000);
    size_t visited = 0, whole = 0;
    (void)state;
    for (int i = 0; i < 1000; i++)
        whole += keys[i].len;
    list_set_each(set, count_one, &visited);
    assert_int_equal(visited, whole);
    list_set_unref(set);
}

static void a_key_costs_its_bytes_and_a_few(void **state)
{
    struct list_set *set = list_set_new(keys, MANY);
    size_t whole = 0;
    (void)state;
    for (int i = 0; i < MANY; i++)
        whole += keys[i].len;
    assert_in_range(list_set_bytes(set), whole, whole + 8 * MANY);
    list_set_unref(set);
}

static void the_longest_key_fits(void **state)
{
    static char longest[LIST_KEY_MAX];
    struct span key = span_of(memset(longest, 'x', sizeof longest), sizeof longest);
    struct list_set *empty = list_set_new(NULL, 0);
    struct list_set *set = list_set_edit(empty, &(struct list_edit){key, true}, 1);
    (void)state;
    assert_true(list_set_has(set, key));
    assert_false(list_set_has(set, span_of(longest, sizeof longest - 1)));
    list_set_unref(set);
    list_set_unref(empty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_has_its_keys_and_no_others),
        cmocka_unit_test(an_empty_set_has_nothing),
        cmocka_unit_test(equal_keys_are_one),
        cmocka_unit_test(a_million_equal_keys_are_one_at_once),
        cmocka_unit_test(an_edit_leaves_the_set_before_alone),
        cmocka_unit_test(a_chain_of_edits_is_what_it_says),
        cmocka_unit_test(each_key_is_visited_once),
        cmocka_unit_test(a_key_costs_its_bytes_and_a_few),
        cmocka_unit_test(the_longest_key_fits),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
