#include "rules/lists.h"

#include "tests/unit/rules/temp_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena *arena;
static struct diag_list diags;
static struct lists lists;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    memset(&diags, 0, sizeof diags);
    memset(&lists, 0, sizeof lists);
    temp_folder_open();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_folder_close();
    arena_free(arena);
    return 0;
}

static enum status load(const char *yaml)
{
    static struct yaml_file file;
    assert_int_equal(yaml_load(temp_file("ruleset.yaml", yaml), arena, &diags, &file), ST_OK);
    return lists_load(&file, yaml_get(file.root, "lists"), arena, &diags, &lists);
}

static bool has(const char *list, struct cel_value v)
{
    const struct list *l = lists_find(&lists, span_str(list));
    assert_non_null(l);
    return cel_list_has(l->value.list, v, NULL);
}

static struct cel_value text(const char *s)
{
    return cel_string(span_str(s));
}

static size_t count_of(const char *list)
{
    return lists_find(&lists, span_str(list))->value.list->count;
}

static void no_lists_are_no_lists(void **state)
{
    (void)state;
    assert_int_equal(load("flag_at: 70\n"), ST_OK);
    assert_int_equal(lists.count, 0);
    assert_null(lists_find(&lists, span_str("a")));
}

static void lists_that_do_not_fit_are_out_of_space(void **state)
{
    struct yaml_file file;
    struct arena small;
    enum status st = ST_NO_SPACE;
    (void)state;
    temp_file("devices.txt", "d-1\n");
    const char *path = temp_file("ruleset.yaml", "lists:\n  a: {file: devices.txt}\n");
    assert_int_equal(yaml_load(path, arena, &diags, &file), ST_OK);
    char *block = arena_must(arena, 4096);
    for (size_t cap = 0; st != ST_OK; cap += 16) {
        assert_in_range(cap, 0, 4096);
        memset(&diags, 0, sizeof diags);
        arena_init(&small, block, cap);
        st = lists_load(&file, yaml_get(file.root, "lists"), &small, &diags, &lists);
        assert_true(st == ST_OK || (st == ST_NO_SPACE && diags.errors == 1));
        arena_reset(&small); /* it owns the views */
    }
}

static void inline_lists_are_strings_or_ints(void **state)
{
    (void)state;
    assert_int_equal(load("lists:\n  a: [XX, NO]\n  b: [100, -7]\n  c: ['100', 200]\n"
                          "  d: []\n"),
                     ST_OK);
    assert_ptr_equal(lists_find(&lists, span_str("a"))->type, &cel_type_list_string);
    assert_ptr_equal(lists_find(&lists, span_str("b"))->type, &cel_type_list_int);
    assert_ptr_equal(lists_find(&lists, span_str("c"))->type, &cel_type_list_string);
    assert_true(has("a", text("NO")) && !has("a", text("N")));
    assert_true(has("b", cel_int(-7)) && has("b", cel_double(100)) && !has("b", cel_int(7)));
    assert_true(has("c", text("100")) && has("c", text("200")) && !has("c", cel_int(100)));
    assert_false(has("d", text("")));
}

static void a_file_gives_one_item_a_line(void **state)
{
    (void)state;
    temp_file("devices.txt", "# blocked\nd-1\n  d-2  # since May\r\n\nd#3\nd-1");
    assert_int_equal(load("lists:\n  devices: {file: devices.txt}\n"), ST_OK);
    assert_int_equal(count_of("devices"), 3);
    assert_true(has("devices", text("d-1")));
    assert_true(has("devices", text("d-2")));
    assert_true(has("devices", text("d#3")));
    assert_false(has("devices", text("")));
    assert_true(lists_find(&lists, span_str("devices"))->content.len > 0);
}

static void a_csv_gives_its_first_column(void **state)
{
    (void)state;
    temp_file("bins.csv", "411111,Bank A\n\"522222\",Bank B\n");
    assert_int_equal(load("lists:\n  texts: {file: bins.csv}\n"
                          "  ints: {file: bins.csv, type: int}\n"),
                     ST_OK);
    assert_true(has("texts", text("522222")));
    assert_true(has("ints", cel_int(411111)));
}

static void a_quoted_column_ends_at_its_closing_quote(void **state)
{
    (void)state;
    temp_file("names.csv",
              "\"ACME, Inc.\",x\n \"Joe \"\"J\"\" #7\" , y\r\n\"Bo\" # since May\n\"\",z\n");
    assert_int_equal(load("lists:\n  names: {file: names.csv}\n"), ST_OK);
    assert_int_equal(count_of("names"), 3);
    assert_true(has("names", text("ACME, Inc.")));
    assert_true(has("names", text("Joe \"J\" #7")));
    assert_true(has("names", text("Bo")));
}

static void a_byte_order_mark_is_no_part_of_the_first_item(void **state)
{
    (void)state;
    temp_file("blocked.txt", "\xEF\xBB\xBF"
                             "DEV-1\nDEV-2\n");
    temp_file("blocked.csv", "\xEF\xBB\xBF"
                             "\"DEV-1\",x\n");
    assert_int_equal(load("lists:\n  a: {file: blocked.txt}\n  b: {file: blocked.csv}\n"), ST_OK);
    assert_true(has("a", text("DEV-1")) && has("a", text("DEV-2")));
    assert_true(has("b", text("DEV-1")));
}

static void what_is_no_list_is_pointed_at(void **state)
{
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"lists: [a]\n", "`lists:` holds names and their items"},
        {"lists:\n  a: 5\n", "a list is expected here"},
        {"lists:\n  a-b: [x]\n", "'a-b' cannot be a list's name"},
        {"lists:\n  a: {type: int}\n", "a list needs its `items:`, a `file:`, or `redis: true`"},
        {"lists:\n  a: {file: x.txt, type: double}\n", "the type is `string`, `int` or `network`"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&diags, 0, sizeof diags);
        assert_int_equal(load(cases[i].yaml), ST_INVALID);
        assert_string_equal(diags.items[0].message, cases[i].message);
    }
    assert_int_equal(load("lists:\n  a: {file: nowhere.txt}\n"), ST_IO);
}

static void a_wrong_line_of_a_file_is_pointed_at(void **state)
{
    (void)state;
    temp_file("ints.txt", "1\ntwo\n");
    assert_int_equal(load("lists:\n  a: {file: ints.txt, type: int}\n"), ST_INVALID);
    assert_int_equal(diags.items[0].line, 2);
    assert_string_equal(diags.items[0].source, "two");
}

static void a_file_that_would_give_other_items_is_refused(void **state)
{
    static const struct {
        const char *name, *content, *message;
    } cases[] = {
        {"a.csv", "x\n\"ACME, Inc.,y\n", "the line's first column has no closing quote"},
        {"b.csv", "x\n\"ACME\"Inc,y\n", "a comma is expected behind the closing quote"},
        {"c.txt", "x\nM\xFCller\n", "the item is not UTF-8"},
    };
    char yaml[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&diags, 0, sizeof diags);
        temp_file(cases[i].name, cases[i].content);
        snprintf(yaml, sizeof yaml, "lists:\n  a: {file: %s}\n", cases[i].name);
        assert_int_equal(load(yaml), ST_INVALID);
        assert_int_equal(diags.items[0].line, 2);
        assert_string_equal(diags.items[0].message, cases[i].message);
    }
}

/* Nor is the number shown: diagnostics are logged. */
static void a_cards_number_is_refused_wherever_it_stands(void **state)
{
    static const struct {
        const char *yaml;
        int line, col;
    } cases[] = {
        {"lists:\n  a: {file: cards.txt}\n", 2, 1},
        {"lists:\n  a: {file: cards.csv}\n", 2, 1},
        {"lists:\n  a: {file: ints.txt, type: int}\n", 2, 1},
        {"lists:\n  a: [d-1, '4111 1111 1111 1111']\n", 2, 12},
        {"lists:\n  a: [4111111111111111]\n", 2, 7},
        {"lists:\n  a: {items: [d-1, of 4111111111111111]}\n", 2, 20},
    };
    (void)state;
    temp_file("cards.txt", "d-1\n4111111111111111  # Visa\n");
    temp_file("cards.csv", "d-1,x\n\"4111-1111-1111-1111\",x\n");
    temp_file("ints.txt", "7\n4111111111111111\n");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        memset(&diags, 0, sizeof diags);
        assert_int_equal(load(cases[i].yaml), ST_INVALID);
        assert_string_equal(diags.items[0].message, "the item looks like a card's number");
        assert_string_equal(diags.items[0].source, "");
        assert_int_equal(diags.items[0].line, cases[i].line);
        assert_int_equal(diags.items[0].col, cases[i].col);
    }
    assert_int_equal(load("lists:\n  a: ['card:0123456789abcdef', '4111111111111112', 411111]\n"),
                     ST_OK);
}

static void a_file_has_a_million_lines_and_not_one_more(void **state)
{
    char *content = calloc(LIST_ITEMS_MAX + 1, 2);
    (void)state;
    assert_non_null(content);
    for (size_t i = 0; i < LIST_ITEMS_MAX; i++)
        memcpy(content + 2 * i, "7\n", 2);
    temp_file("ints.txt", content);
    assert_int_equal(load("lists:\n  a: {file: ints.txt, type: int}\n"), ST_OK);
    assert_true(has("a", cel_int(7)));
    content[2 * LIST_ITEMS_MAX] = '8';
    temp_file("ints.txt", content);
    assert_int_equal(load("lists:\n  a: {file: ints.txt, type: int}\n"), ST_INVALID);
    assert_non_null(strstr(diags.items[0].message, "more than 1000000 lines"));
    free(content);
}

static void a_mapping_says_what_its_items_are(void **state)
{
    (void)state;
    assert_int_equal(load("lists:\n  a: {items: [10.0.0.0/8, '2001:DB8::/32'], type: network}\n"
                          "  b: {items: ['7'], type: int}\n  c: {redis: true, type: string}\n"),
                     ST_OK);
    assert_true(has("a", text("10.1.2.3")) && has("a", text("2001:db8::7")));
    assert_false(has("a", text("11.0.0.1")));
    assert_false(has("a", text("office")));
    assert_true(has("b", cel_int(7)));
    assert_int_equal(count_of("c"), 0);
    assert_int_equal(list_view_type(lists_find(&lists, span_str("a"))->view), LIST_NETWORK);
}

static void a_line_that_is_no_network_is_pointed_at(void **state)
{
    (void)state;
    temp_file("nets.txt", "10.0.0.0/8\n# office\n192.168.0.0/33\n");
    assert_int_equal(load("lists:\n  a: {file: nets.txt, type: network}\n"), ST_INVALID);
    assert_int_equal(diags.items[0].line, 3);
    assert_string_equal(diags.items[0].message,
                        "this is no network, and the list is of `type: network`");
}

static void what_begins_empty_says_its_type(void **state)
{
    (void)state;
    assert_int_equal(load("lists:\n  a: {redis: true}\n"), ST_INVALID);
    assert_string_equal(diags.items[0].message, "a list that begins empty needs its `type:`");
    memset(&diags, 0, sizeof diags);
    assert_int_equal(load("lists:\n  a: {redis: false, type: int}\n"), ST_INVALID);
    assert_string_equal(diags.items[0].message, "`redis:` is true, or left out");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_lists_are_no_lists),
        TEST(lists_that_do_not_fit_are_out_of_space),
        TEST(inline_lists_are_strings_or_ints),
        TEST(a_file_gives_one_item_a_line),
        TEST(a_csv_gives_its_first_column),
        TEST(a_quoted_column_ends_at_its_closing_quote),
        TEST(a_byte_order_mark_is_no_part_of_the_first_item),
        TEST(what_is_no_list_is_pointed_at),
        TEST(a_wrong_line_of_a_file_is_pointed_at),
        TEST(a_file_that_would_give_other_items_is_refused),
        TEST(a_mapping_says_what_its_items_are),
        TEST(a_line_that_is_no_network_is_pointed_at),
        TEST(what_begins_empty_says_its_type),
        TEST(a_cards_number_is_refused_wherever_it_stands),
        TEST(a_file_has_a_million_lines_and_not_one_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
