#include "rules/list_view.h"

#include "rules/cel_networks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct span key_of(enum list_type type, const char *text, char buf[LIST_KEY_BYTES])
{
    struct span key;
    assert_true(list_key(type, span_str(text), buf, &key));
    return key;
}

static struct list_view *edited(struct list_view *view_take, const char *text, bool in)
{
    char buf[LIST_KEY_BYTES];
    const struct list_edit edit = {key_of(list_view_type(view_take), text, buf), in};
    struct list_view *next = list_view_edit(view_take, &edit, 1);
    list_view_unref(view_take);
    return next;
}

static bool has(struct list_view *v, struct cel_value item)
{
    return cel_list_has(list_view_list(v), item, NULL);
}

static bool has_text(struct list_view *v, const char *text)
{
    return has(v, cel_string(span_str(text)));
}

static void a_key_has_one_spelling(void **state)
{
    static const struct {
        enum list_type type;
        const char *written, *spelt;
    } cases[] = {
        {LIST_STRING, "a b", "a b"},
        {LIST_INT, "+7", "7"},
        {LIST_INT, "-9223372036854775808", "-9223372036854775808"},
        {LIST_NETWORK, "10.1.2.3/8", "10.0.0.0/8"},
        {LIST_NETWORK, "192.0.2.7", "192.0.2.7"},
        {LIST_NETWORK, "192.0.2.7/32", "192.0.2.7"},
        {LIST_NETWORK, "2001:DB8:0::1/32", "2001:db8::/32"},
        {LIST_NETWORK, "::ffff:192.0.2.7", "192.0.2.7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[LIST_KEY_BYTES], out[64];
        struct text text;
        text_init(&text, out, sizeof out);
        list_key_write(cases[i].type, key_of(cases[i].type, cases[i].written, buf), &text);
        assert_true(span_is(text_span(&text), cases[i].spelt));
    }
}

static void each_wider_network_has_one_bit_less_until_none_is_left(void **state)
{
    static const struct {
        const char *from, *after_one, *after_ten;
        int steps;
    } cases[] = {
        {"192.168.0.77", "192.168.0.76/31", "192.168.0.0/22", 32},
        {"10.1.0.0/16", "10.0.0.0/15", "8.0.0.0/6", 16},
        {"2001:db8::ffff", "2001:db8::fffe/127", "2001:db8::fc00/118", 128},
        {"::1:0:0", "::1:0:0/127", "::1:0:0/118", 128},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[LIST_KEY_BYTES];
        struct span key = key_of(LIST_NETWORK, cases[i].from, buf);
        int n = 0;
        for (; list_key_wider(key, buf, &key); n++) {
            assert_true(n != 0 || span_is(key, cases[i].after_one));
            assert_true(n != 9 || span_is(key, cases[i].after_ten));
        }
        assert_int_equal(n, cases[i].steps);
    }
}

static void what_is_no_item_has_no_key(void **state)
{
    static const struct {
        enum list_type type;
        const char *written;
    } cases[] = {
        {LIST_INT, ""},           {LIST_INT, "-"},
        {LIST_INT, "7x"},         {LIST_INT, "9223372036854775808"},
        {LIST_NETWORK, "office"}, {LIST_NETWORK, "10.0.0.0/33"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char buf[LIST_KEY_BYTES];
        struct span key = span_str("untouched");
        assert_false(list_key(cases[i].type, span_str(cases[i].written), buf, &key));
        assert_true(span_is(key, "untouched"));
    }
}

static void texts_come_and_go(void **state)
{
    const struct span keys[] = {span_str("b"), span_str("a")};
    struct list_view *v = list_view_new(LIST_STRING, keys, 2);
    (void)state;
    assert_true(span_is(list_view_list(v)->items[0].text, "b")); /* as in the file */
    v = edited(v, "c", true);
    v = edited(v, "a", false);
    assert_true(has_text(v, "b") && has_text(v, "c") && !has_text(v, "a"));
    assert_int_equal(list_view_list(v)->count, 2);
    assert_true(span_is(list_view_list(v)->items[1].text, "c"));
    list_view_unref(v);
}

static void an_int_is_found_as_what_equals_it(void **state)
{
    struct list_view *v = edited(list_view_new(LIST_INT, NULL, 0), "-7", true);
    (void)state;
    v = edited(v, "100", true);
    assert_true(has(v, cel_int(-7)) && has(v, cel_double(-7)) && has(v, cel_uint(100)));
    assert_false(has(v, cel_double(100.5)) || has(v, cel_uint(7)) || has(v, cel_double(1e300)));
    assert_false(has_text(v, "100"));
    assert_int_equal(list_view_list(v)->items[0].i64, -7);
    list_view_unref(v);
}

static void an_address_is_in_a_network_until_none_holds_it(void **state)
{
    struct list_view *v = edited(list_view_new(LIST_NETWORK, NULL, 0), "10.0.0.0/8", true);
    (void)state;
    v = edited(v, "10.1.0.0/16", true);
    assert_true(has_text(v, "10.1.2.3") && has_text(v, "10.2.0.0"));
    v = edited(v, "10.0.0.0/8", false);
    assert_true(has_text(v, "10.1.2.3") && !has_text(v, "10.2.0.0"));
    v = edited(v, "10.1.0.0/16", false);
    assert_false(has_text(v, "10.1.2.3"));
    list_view_unref(v);
}

static void more_networks_than_are_kept_apart_are_all_found(void **state)
{
    struct list_view *v = list_view_new(LIST_NETWORK, NULL, 0);
    char texts[5000][40];
    struct list_edit edits[5000];
    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(texts[i], sizeof texts[i], "10.%d.%d.0/24", i / 250, i % 250);
        edits[i] = (struct list_edit){span_str(texts[i]), true};
    }
    for (int i = 0; i < 5000; i += 1000) {
        struct list_view *next = list_view_edit(v, edits + i, 1000);
        list_view_unref(v);
        v = next;
    }
    assert_int_equal(list_view_count(v), 5000);
    assert_true(has_text(v, "10.0.0.9") && has_text(v, "10.19.249.9"));
    assert_false(has_text(v, "10.0.250.1"));
    list_view_unref(v);
}

static void texts_that_are_all_networks_have_addresses(void **state)
{
    const struct span networks[] = {span_str("10.0.0.0/8"), span_str("::/0")};
    const struct span mixed[] = {span_str("10.0.0.0/8"), span_str("office")};
    struct list_view *v = list_view_new(LIST_STRING, networks, 2);
    struct cel_address address;
    (void)state;
    assert_true(cel_address_parse(span_str("10.1.2.3"), &address));
    assert_true(list_view_list(v)->set->has_address(list_view_list(v)->set, &address));
    assert_false(has_text(v, "10.1.2.3")); /* it is no item */
    list_view_unref(v);
    v = list_view_new(LIST_STRING, mixed, 2);
    assert_null(list_view_list(v)->set->has_address);
    list_view_unref(v);
}

static void a_text_that_is_another_spelling_still_has_its_addresses(void **state)
{
    const struct span texts[] = {span_str("10.0.0.0/8"), span_str("10.1.2.3/8")};
    struct list_view *v = edited(list_view_new(LIST_STRING, texts, 2), "10.0.0.0/8", false);
    struct cel_address address;
    (void)state;
    assert_true(cel_address_parse(span_str("10.9.9.9"), &address));
    assert_true(list_view_list(v)->set->has_address(list_view_list(v)->set, &address));
    v = edited(v, "10.1.2.3/8", false);
    assert_false(list_view_list(v)->set->has_address(list_view_list(v)->set, &address));
    list_view_unref(v);
}

static void a_list_too_long_to_walk_shows_no_items(void **state)
{
    static char texts[LIST_WALKED_MAX + 1][16];
    static struct span keys[LIST_WALKED_MAX + 1];
    (void)state;
    for (int i = 0; i <= LIST_WALKED_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        keys[i] = span_str(texts[i]);
    }
    struct list_view *v = list_view_new(LIST_STRING, keys, LIST_WALKED_MAX + 1);
    assert_null(list_view_list(v)->items);
    assert_int_equal(list_view_list(v)->count, LIST_WALKED_MAX + 1);
    v = edited(v, "0", false);
    assert_non_null(list_view_list(v)->items);
    list_view_unref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_has_one_spelling),
        cmocka_unit_test(each_wider_network_has_one_bit_less_until_none_is_left),
        cmocka_unit_test(what_is_no_item_has_no_key),
        cmocka_unit_test(texts_come_and_go),
        cmocka_unit_test(an_int_is_found_as_what_equals_it),
        cmocka_unit_test(an_address_is_in_a_network_until_none_holds_it),
        cmocka_unit_test(more_networks_than_are_kept_apart_are_all_found),
        cmocka_unit_test(texts_that_are_all_networks_have_addresses),
        cmocka_unit_test(a_text_that_is_another_spelling_still_has_its_addresses),
        cmocka_unit_test(a_list_too_long_to_walk_shows_no_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
