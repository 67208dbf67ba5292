#include "service/base/diag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct diag_list list;
static char buf[32 << 10];

static int setup(void **state)
{
    (void)state;
    memset(&list, 0, sizeof list);
    memset(buf, 0, sizeof buf);
    return 0;
}

static const char *printed(void)
{
    struct text t;
    text_init(&t, buf, sizeof buf - 1);
    diag_print_all(&list, &t);
    assert_false(t.overflow);
    return buf;
}

static struct diag_at at(const char *content, int line, int col)
{
    return (struct diag_at){"r.yaml", span_str(content), line, col};
}

static void an_error_shows_place_line_caret_and_hint(void **state)
{
    (void)state;
    diag_error(&list, at("rules:\n  - when: cuont > 10\n", 2, 11), "did you mean 'count'?",
               "unknown name '%s'", "cuont");
    assert_string_equal(printed(), "r.yaml:2:11: unknown name 'cuont'\n"
                                   "      - when: cuont > 10\n"
                                   "              ^\n"
                                   "did you mean 'count'?\n");
}

static void the_caret_stands_right_behind_tabs(void **state)
{
    (void)state;
    diag_error(&list, at("\tkey: x", 1, 7), NULL, "wrong");
    assert_string_equal(printed(), "r.yaml:1:7: wrong\n    \tkey: x\n    \t     ^\n");
}

static void the_first_and_a_last_line_without_newline_are_found(void **state)
{
    (void)state;
    diag_error(&list, at("first\nlast", 1, 1), NULL, "a");
    diag_error(&list, at("first\nlast", 2, 1), NULL, "b");
    assert_string_equal(list.items[0].source, "first");
    assert_string_equal(list.items[1].source, "last");
}

static void a_line_past_the_end_shows_no_source(void **state)
{
    (void)state;
    diag_error(&list, at("only\n", 2, 1), NULL, "unexpected end");
    diag_error(&list, at("only\n", 99, 1), NULL, "unexpected end");
    assert_string_equal(printed(), "r.yaml:2:1: unexpected end\nr.yaml:99:1: unexpected end\n");
}

static void a_caret_past_the_end_of_the_line_stands_behind_it(void **state)
{
    (void)state;
    diag_error(&list, at("ab\n", 1, 9), NULL, "cut short");
    assert_string_equal(printed(), "r.yaml:1:9: cut short\n    ab\n      ^\n");
}

static void without_a_place_there_is_only_the_message(void **state)
{
    (void)state;
    diag_error(&list, (struct diag_at){0}, NULL, "no memory");
    diag_error(&list, (struct diag_at){.file = "f"}, NULL, "cannot read");
    assert_string_equal(printed(), "no memory\nf: cannot read\n");
}

static void a_warning_says_so_and_is_no_error(void **state)
{
    (void)state;
    diag_warning(&list, (struct diag_at){.file = "f"}, NULL, "mixed currencies");
    assert_int_equal(list.errors, 0);
    assert_int_equal(list.count, 1);
    assert_string_equal(printed(), "f: warning: mixed currencies\n");
}

static void past_the_limit_they_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < DIAG_MAX + 3; i++)
        diag_error(&list, (struct diag_at){0}, NULL, "e%d", i);
    assert_int_equal(list.count, DIAG_MAX);
    assert_int_equal(list.dropped, 3);
    assert_int_equal(list.errors, DIAG_MAX + 3);
    assert_non_null(strstr(printed(), "e19\nand 3 more\n"));
}

static void a_password_is_shown_neither_in_the_line_nor_in_the_message(void **state)
{
    (void)state;
    static const char *const lines[] = {"state: {redis: \"redis://u:word@ss@h/0\", x: 1}\n",
                                        "redys: \":word@h\"\n", "redis: \"redis://user:word\n",
                                        "  redis: word\n", "url: {x: \"u:word@h\"}\n"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        setup(state);
        list.has_secrets = true;
        diag_error(&list, at(lines[i], 1, 3), "or 'u:word@h'?", "unknown key 'redis://:word@h'");
        assert_string_equal(printed(),
                            "r.yaml:1:3: unknown key 'redis://*****@h'\nor 'u:****@h'?\n");
    }
}

static void what_looks_like_an_address_is_shown_in_a_rule(void **state)
{
    (void)state;
    diag_error(&list, at("when: a.startsWith(\"x://\") && b.endsWith(\"@y\")\n", 1, 7), NULL, "m");
    assert_non_null(strstr(printed(), "    when: a.startsWith(\"x://\") && b.endsWith(\"@y\")\n"));
}

static void a_password_is_hidden_where_the_text_is_cut_too(void **state)
{
    char line[DIAG_MESSAGE_MAX * 2];
    (void)state;
    memset(line, 'x', sizeof line);
    memcpy(line, "redis://", 8);
    memcpy(line + DIAG_MESSAGE_MAX + 9, "@h", 3);
    list.has_secrets = true;
    diag_error(&list, at(line, 1, 1), NULL, "%s", line);
    assert_string_equal(list.items[0].source, "");
    assert_null(strchr(list.items[0].message + 8, 'x'));
}

static void texts_are_copied_and_cut_at_their_limit(void **state)
{
    (void)state;
    char content[1000], hint[1000];
    memset(content, 'c', sizeof content);
    memset(hint, 'h', sizeof hint - 1);
    hint[sizeof hint - 1] = '\0';
    struct diag_at where = {"f", span_of(content, sizeof content), 1, 1};
    diag_error(&list, where, hint, "%s", hint);
    memset(content, 'x', sizeof content);
    assert_in_range(strlen(list.items[0].source), DIAG_MESSAGE_MAX - 8, DIAG_MESSAGE_MAX - 1);
    assert_int_equal(strlen(list.items[0].hint), DIAG_MESSAGE_MAX - 1);
    assert_int_equal(strlen(list.items[0].message), DIAG_MESSAGE_MAX - 1);
    assert_int_equal(list.items[0].source[0], 'c');
}

static void of_a_long_line_the_part_around_the_caret_is_shown(void **state)
{
    (void)state;
    char content[1000];
    memset(content, '.', sizeof content);
    memcpy(content + 600, "HERE", 4);
    diag_error(&list, (struct diag_at){"f", span_of(content, sizeof content), 1, 601}, NULL, "m");
    const struct diag *d = &list.items[0];
    assert_int_equal(d->col, 601);
    assert_memory_equal(d->source + d->source_col - 1, "HERE", 4);
    assert_memory_equal(d->source, "...", 3);
    assert_string_equal(d->source + strlen(d->source) - 3, "...");
}

static void the_last_character_of_a_long_line_is_shown(void **state)
{
    (void)state;
    char content[1000];
    memset(content, '.', sizeof content);
    content[999] = 'X';
    diag_error(&list, (struct diag_at){"f", span_of(content, sizeof content), 1, 1000}, NULL, "m");
    const struct diag *d = &list.items[0];
    assert_int_equal(d->source[d->source_col - 1], 'X');
    assert_int_equal(d->source_col, (int)strlen(d->source));
}

static void a_caret_stands_below_its_character_whatever_stands_before(void **state)
{
    (void)state;
    diag_error(&list, at("caf\xc3\xa9 = x\n", 1, 9), NULL, "m");
    assert_string_equal(printed(), "r.yaml:1:9: m\n    caf\xc3\xa9 = x\n           ^\n");
}

static const char *const names[] = {"account_tx_count_5m", "amount", "currency"};

static void check_nearest(const char *wrong, const char *expected)
{
    struct span spans[] = {span_str(names[0]), span_str(names[1]), span_str(names[2])};
    const char *name = diag_nearest(span_str(wrong), names, 3);
    int index = diag_nearest_span(span_str(wrong), spans, 3);
    if (expected == NULL)
        assert_null(name);
    else
        assert_string_equal(name, expected);
    assert_ptr_equal(index >= 0 ? names[index] : NULL, name);
}

static void a_slip_finds_the_name_that_was_meant(void **state)
{
    (void)state;
    check_nearest("account_tx_cuont_5m", "account_tx_count_5m");
    check_nearest("amuont", "amount");
    check_nearest("currencyy", "currency");
    check_nearest("amount", "amount");
}

/* Of five letters one edit is near, two are not. */
static void a_swap_of_neighbours_is_one_edit(void **state)
{
    (void)state;
    const char *const aggregates[] = {"sum", "count", "distinct"};
    assert_string_equal(diag_nearest(span_str("cuont"), aggregates, 3), "count");
    assert_string_equal(diag_nearest(span_str("ocunt"), aggregates, 3), "count");
    assert_string_equal(diag_nearest(span_str("coutn"), aggregates, 3), "count");
    assert_string_equal(diag_nearest(span_str("usm"), aggregates, 3), "sum");
    assert_null(diag_nearest(span_str("ocutn"), aggregates, 3));
    assert_null(diag_nearest(span_str("cnuot"), aggregates, 3));
}

static void what_is_too_far_off_finds_nothing(void **state)
{
    (void)state;
    check_nearest("merchant", NULL);
    check_nearest("", NULL);
    check_nearest("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                  NULL);
    assert_null(diag_nearest(span_str("amount"), names, 0));
}

static void names_over_the_limit_are_passed_over(void **state)
{
    (void)state;
    const char *const mixed[] = {
        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "score"};
    assert_string_equal(diag_nearest(span_str("scor"), mixed, 2), "score");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_error_shows_place_line_caret_and_hint, setup),
        cmocka_unit_test_setup(the_caret_stands_right_behind_tabs, setup),
        cmocka_unit_test_setup(the_first_and_a_last_line_without_newline_are_found, setup),
        cmocka_unit_test_setup(a_line_past_the_end_shows_no_source, setup),
        cmocka_unit_test_setup(a_caret_past_the_end_of_the_line_stands_behind_it, setup),
        cmocka_unit_test_setup(without_a_place_there_is_only_the_message, setup),
        cmocka_unit_test_setup(a_warning_says_so_and_is_no_error, setup),
        cmocka_unit_test_setup(past_the_limit_they_are_counted, setup),
        cmocka_unit_test_setup(a_password_is_shown_neither_in_the_line_nor_in_the_message, setup),
        cmocka_unit_test_setup(what_looks_like_an_address_is_shown_in_a_rule, setup),
        cmocka_unit_test_setup(a_password_is_hidden_where_the_text_is_cut_too, setup),
        cmocka_unit_test_setup(of_a_long_line_the_part_around_the_caret_is_shown, setup),
        cmocka_unit_test_setup(the_last_character_of_a_long_line_is_shown, setup),
        cmocka_unit_test_setup(a_caret_stands_below_its_character_whatever_stands_before, setup),
        cmocka_unit_test_setup(texts_are_copied_and_cut_at_their_limit, setup),
        cmocka_unit_test(a_slip_finds_the_name_that_was_meant),
        cmocka_unit_test(a_swap_of_neighbours_is_one_edit),
        cmocka_unit_test(what_is_too_far_off_finds_nothing),
        cmocka_unit_test(names_over_the_limit_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
