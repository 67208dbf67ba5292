#include "service/base/yaml.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena *arena;
static struct diag_list list;
static struct yaml_file file;
static char printed_bytes[32 << 10];

static int setup(void **state)
{
    (void)state;
    arena = arena_new(64 << 20);
    memset(&list, 0, sizeof list);
    memset(&file, 0, sizeof file);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static const char *printed(void)
{
    struct text t;
    text_init(&t, printed_bytes, sizeof printed_bytes - 1);
    diag_print_all(&list, &t);
    printed_bytes[t.len] = '\0';
    return printed_bytes;
}

static void parses(const char *content)
{
    if (yaml_parse("f.yaml", span_str(content), arena, &list, &file) != ST_OK)
        fail_msg("%s", printed());
}

static void refuses(struct span content, const char *expected)
{
    struct yaml_file untouched = file;
    memset(&list, 0, sizeof list);
    assert_int_equal(yaml_parse("f.yaml", content, arena, &list, &file), ST_INVALID);
    assert_string_equal(printed(), expected);
    assert_memory_equal(&file, &untouched, sizeof file);
}

static void assert_place(const struct yaml_node *node, int line, int col)
{
    assert_non_null(node);
    assert_int_equal(node->line, line);
    assert_int_equal(node->col, col);
}

static void a_tree_knows_keys_values_and_places(void **state)
{
    (void)state;
    parses("flag_at: 70   # points\n"
           "lists:\n"
           "  watched: [XX, 'YY']\n"
           "rules:\n"
           "  - id: a\n"
           "    when: \"x > 1\"\n"
           "  - id: b\n");
    assert_int_equal(file.root->count, 3);
    assert_place(yaml_get(file.root, "flag_at"), 1, 10);
    const struct yaml_node *watched = yaml_get(yaml_get(file.root, "lists"), "watched");
    assert_place(watched, 3, 12);
    assert_int_equal(watched->kind, YAML_SEQUENCE);
    assert_int_equal(watched->key_line, 3);
    assert_int_equal(watched->key_col, 3);
    assert_true(span_is(watched->child->text, "XX") && watched->child->plain);
    assert_place(watched->child->next, 3, 17);
    assert_false(watched->child->next->plain);
    assert_int_equal(watched->child->next->body_col, 18);
    const struct yaml_node *rule = yaml_get(file.root, "rules")->child;
    assert_place(rule, 5, 5);
    assert_place(yaml_get(rule, "when"), 6, 11);
    assert_true(span_is(yaml_get(rule->next, "id")->text, "b"));
    assert_null(rule->next->next);
    assert_null(yaml_get(rule, "missing"));
    assert_null(yaml_get(NULL, "id"));
    assert_null(yaml_get(watched, "id"));
}

static void columns_count_bytes(void **state)
{
    (void)state;
    parses("{\"é€\": 1, b: 2}\n");
    assert_place(yaml_get(file.root, "é€"), 1, 11);
    assert_place(yaml_get(file.root, "b"), 1, 17);
}

static void a_block_scalar_says_where_its_text_starts(void **state)
{
    (void)state;
    parses("rules:\n"
           "  - when: |\n"
           "      a > 1 &&\n"
           "        b > 2\n"
           "  - when: |2-  # two more than the dash\n"
           "\n"
           "        c\n"
           "    x: >\n"
           "     folded\n");
    const struct yaml_node *first = yaml_get(file.root, "rules")->child;
    const struct yaml_node *when = yaml_get(first, "when");
    assert_place(when, 2, 11);
    assert_true(span_is(when->text, "a > 1 &&\n  b > 2\n"));
    assert_int_equal(when->body_line, 3);
    assert_int_equal(when->body_col, 7);
    when = yaml_get(first->next, "when");
    assert_true(span_is(when->text, "\n  c"));
    assert_int_equal(when->body_line, 6);
    assert_int_equal(when->body_col, 7);
    assert_int_equal(yaml_get(first->next, "x")->body_col, 6);
}

static void an_empty_document_has_no_root(void **state)
{
    (void)state;
    parses("");
    assert_null(file.root);
    parses("# nothing\n");
    assert_null(file.root);
}

static void names_and_contents_are_copied(void **state)
{
    (void)state;
    char name[] = "n.yaml", content[] = "a: b\n";
    assert_int_equal(yaml_parse(name, span_str(content), arena, &list, &file), ST_OK);
    memset(name, 'x', sizeof name - 1);
    memset(content, 'x', sizeof content - 1);
    assert_string_equal(file.name, "n.yaml");
    assert_true(span_is(file.content, "a: b\n"));
    assert_true(span_is(yaml_get(file.root, "a")->text, "b"));
    assert_int_equal(yaml_get(file.root, "a")->text.base[1], '\0');
}

static void what_is_not_ours_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *content, *expected;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' stands on line 1 already\n"
                               "    a: 3\n    ^\n"},
        {"a: &x 1\n", "f.yaml:1:4: anchors are not supported\n    a: &x 1\n       ^\n"
                      "write the value out; a text that begins with &, * or ! stands in quotes\n"},
        {"a: *x\n", "f.yaml:1:4: aliases are not supported\n    a: *x\n       ^\n"
                    "write the value out; a text that begins with &, * or ! stands in quotes\n"},
        {"a: !!str 1\n",
         "f.yaml:1:4: tags are not supported\n    a: !!str 1\n       ^\n"
         "write the value out; a text that begins with &, * or ! stands in quotes\n"},
        {"? [a]\n: 1\n", "f.yaml:1:3: a key must be a plain or quoted text\n    ? [a]\n      ^\n"},
        {"a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document in one file\n    ---\n    ^\n"
                              "split the file\n"},
        {"a:\n\t- b\n",
         "f.yaml:2:1: found character that cannot start any token\n    \t- b\n    ^\n"
         "indent with spaces, not tabs; quote a value that starts with @, ` or %\n"},
        {"a: b: c\n", "f.yaml:1:5: mapping values are not allowed in this context\n"
                      "    a: b: c\n        ^\n"
                      "quote a value that has ': ' in it; check the indentation\n"},
        {"a: \"\\0\"\n", "f.yaml:1:4: a text with a NUL character\n    a: \"\\0\"\n       ^\n"},
        {"a: 1\nb: x\xFFy\n", "f.yaml:2:5: invalid leading UTF-8 octet\n    b: x\xFFy\n        ^\n"
                              "files are UTF-8 text\n"},
        {"a: [1, 2\n", "f.yaml:2:1: did not find expected ',' or ']'\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses(span_str(cases[i].content), cases[i].expected);
}

static void an_indentation_that_is_off_says_how_it_should_be(void **state)
{
    (void)state;
    refuses(span_str("a:\n  - b: 1\n   c: 2\n"),
            "f.yaml:3:4: did not find expected '-' indicator\n       c: 2\n       ^\n"
            "check the indentation: each item begins with '-', its other keys stand below the "
            "first\n");
    refuses(span_str("a:\n  - b: 1\n    \tc: 2\n"),
            "f.yaml:3:5: found a tab character that violates indentation\n"
            "        \tc: 2\n        ^\nindent with spaces, not tabs\n");
    refuses(span_str("a: >\n\tb\n"),
            "f.yaml:2:1: found a tab character where an indentation space is expected\n"
            "    \tb\n    ^\nindent with spaces, not tabs\n");
}

/* libyaml complains where the next quote, or the file, ends. */
static void a_quote_that_is_not_closed_is_shown_where_it_opens(void **state)
{
    (void)state;
    static const char *const contents[] = {
        "a: \"x\nb: 1\n",                     /* no other quote */
        "a: \"x\nb: \"y\"\n",                 /* the next one closes it */
        "a: \"x\nb: y == \"\"\nc: 1\n",       /* it closes it and another one opens */
        "a: \"x\nb: \"{n} of: m\"\n",         /* in front of what looks like a mapping */
        "a: \"x\n---\nb: 1\n",                /* a line that may not stand in quotes */
        "a: \"x\nb: \"\xC3\xA9t\xC3\xA9\"\n", /* columns count bytes */
    };
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++)
        refuses(span_str(contents[i]),
                "f.yaml:1:4: the quote opened here is not closed on its line\n"
                "    a: \"x\n       ^\nput a \" where the text ends\n");
    refuses(span_str("a:\n  - 'x\n  - 'y'\n"),
            "f.yaml:2:5: the quote opened here is not closed on its line\n"
            "      - 'x\n        ^\nput a ' where the text ends\n");
    refuses(span_str("a: [\"x, y]\nb: \"z\"\n"),
            "f.yaml:1:5: the quote opened here is not closed on its line\n"
            "    a: [\"x, y]\n        ^\nput a \" where the text ends\n");
    refuses(span_str("a: 1\n\"b: 2\nc: \"x\"\n"),
            "f.yaml:2:1: the quote opened here is not closed on its line\n"
            "    \"b: 2\n    ^\nput a \" where the text ends\n");
}

static void a_quote_that_closes_too_early_is_said(void **state)
{
    (void)state;
    refuses(span_str("a: 'it's late'\n"),
            "f.yaml:1:8: did not find expected key\n    a: 'it's late'\n           ^\n"
            "the text in quotes ends before this; a ' within it is written ''\n");
    refuses(span_str("a: \"the \"best\"\"\n"),
            "f.yaml:1:10: did not find expected key\n    a: \"the \"best\"\"\n             ^\n"
            "the text in quotes ends before this; a \" within it is written \\\"\n");
}

/* What follows a text in quotes is wrong for another reason. */
static void a_quote_that_is_closed_is_not_blamed(void **state)
{
    (void)state;
    refuses(span_str("a: \"x\n  y\"\n  b: 1\n"),
            "f.yaml:3:3: did not find expected key\n      b: 1\n      ^\n"
            "check the indentation: keys of one mapping start in one column, as 'key: value'\n");
    refuses(span_str("a: [\"x\n  y\", @]\n"),
            "f.yaml:2:7: found character that cannot start any token\n      y\", @]\n          ^\n"
            "indent with spaces, not tabs; quote a value that starts with @, ` or %\n");
}

static void depth_16_is_read_and_depth_17_is_not(void **state)
{
    (void)state;
    char content[64];
    memset(content, '[', 17);
    memset(content + 17, ']', 17);
    assert_int_equal(yaml_parse("f", span_of(content + 1, 32), arena, &list, &file), ST_OK);
    refuses(span_of(content, 34), "f.yaml:1:17: nested too deeply\n"
                                  "    [[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]\n"
                                  "                    ^\n");
}

/* "k0: 1\n" to "k<n-1>: 1\n" */
static struct span many_keys(int n)
{
    static char content[1 << 20];
    struct text t;
    text_init(&t, content, sizeof content);
    for (int i = 0; i < n; i++)
        text_printf(&t, "k%d: 1\n", i);
    assert_false(t.overflow);
    return text_span(&t);
}

static void a_mapping_has_at_most_4096_keys(void **state)
{
    (void)state;
    assert_int_equal(yaml_parse("f", many_keys(YAML_KEYS_MAX), arena, &list, &file), ST_OK);
    refuses(many_keys(YAML_KEYS_MAX + 1), "f.yaml:4097:1: the mapping has too many keys\n"
                                          "    k4096: 1\n    ^\n");
}

static void a_file_has_at_most_200000_values(void **state)
{
    (void)state;
    size_t n = YAML_NODES_MAX; /* with the sequence itself one too many */
    char *content = malloc(2 * n + 1);
    assert_non_null(content);
    content[0] = '[';
    for (size_t i = 0; i < n; i++)
        memcpy(content + 1 + 2 * i, i + 1 < n ? "1," : "1]", 2);
    assert_int_equal(yaml_parse("f", span_of(content, 2 * n + 1), arena, &list, &file), ST_INVALID);
    assert_string_equal(list.items[0].message, "the file has too many values");
    memcpy(content + 1, " ", 1);
    memcpy(content + 2, " ", 1);
    assert_int_equal(yaml_parse("f", span_of(content, 2 * n + 1), arena, &list, &file), ST_OK);
    free(content);
}

static void a_file_has_at_most_4_mib(void **state)
{
    (void)state;
    size_t n = YAML_BYTES_MAX + 1;
    char *content = malloc(n);
    assert_non_null(content);
    memset(content, '\n', n);
    assert_int_equal(yaml_parse("f", span_of(content, n - 1), arena, &list, &file), ST_OK);
    refuses(span_of(content, n), "f.yaml: the file is larger than 4 MiB\n");
    free(content);
}

static void a_full_arena_is_said(void **state)
{
    (void)state;
    char block[512];
    const char *content = "a: 1\nb: [1, 2, 3, 4, 5]\n";
    for (size_t cap = 0; cap <= sizeof block; cap += 16) {
        struct arena small;
        arena_init(&small, block, cap);
        memset(&list, 0, sizeof list);
        enum status st = yaml_parse("f", span_str(content), &small, &list, &file);
        assert_int_equal(st, ST_NO_SPACE);
        assert_int_equal(list.errors, 1);
    }
}

static void a_file_is_loaded_from_disk(void **state)
{
    (void)state;
    char path[] = "/tmp/sluice-yaml-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    close(fd);
    assert_int_equal(yaml_load(path, arena, &list, &file), ST_OK);
    assert_string_equal(file.name, path);
    assert_place(yaml_get(file.root, "a"), 1, 4);
    unlink(path);
    assert_int_equal(yaml_load("no/such.yaml", arena, &list, &file), ST_IO);
    assert_string_equal(printed(),
                        "no/such.yaml: cannot read the file: No such file or directory\n");
    assert_int_equal(yaml_load("/", arena, &list, &file), ST_IO);
}

static void unknown_keys_are_errors_with_the_nearest(void **state)
{
    (void)state;
    static const char *const known[] = {"type", "required"};
    parses("{type: 1, requird: 2, other: 3}\n");
    assert_false(yaml_only(&file, file.root, known, 2, &list));
    assert_string_equal(printed(), "f.yaml:1:11: unknown key 'requird'\n"
                                   "    {type: 1, requird: 2, other: 3}\n"
                                   "              ^\n"
                                   "did you mean 'required'?\n"
                                   "f.yaml:1:23: unknown key 'other'\n"
                                   "    {type: 1, requird: 2, other: 3}\n"
                                   "                          ^\n"
                                   "known here: type required\n");
    memset(&list, 0, sizeof list);
    assert_true(
        yaml_only(&file, file.root, (const char *const[]){"type", "requird", "other"}, 3, &list));
    assert_false(yaml_only(&file, file.root->child, known, 2, &list));
    assert_string_equal(list.items[0].message, "expected a mapping of 'key: value'");
}

/* ---- typed scalars --------------------------------------------------------------------------- */

static const struct yaml_node *value_of(const char *scalar)
{
    char content[256];
    memset(&list, 0, sizeof list);
    snprintf(content, sizeof content, "v: %s\n", scalar);
    parses(content);
    return yaml_get(file.root, "v");
}

static void texts_are_what_is_written(void **state)
{
    (void)state;
    static const char *const good[][2] = {{"NO", "NO"}, {"4961", "4961"}, {"'null'", "null"},
                                          {"''", ""},   {"true", "true"}, {"\"a\\tb\"", "a\tb"}};
    static const char *const bad[] = {"", "~", "null", "[]", "{}"};
    struct span s;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(yaml_string(&file, value_of(good[i][0]), &list, &s));
        assert_true(span_is(s, good[i][1]));
        assert_false(yaml_is_null(value_of(good[i][0])));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(yaml_string(&file, value_of(bad[i]), &list, &s));
        assert_string_equal(list.items[0].message, "expected a text");
        assert_int_equal(yaml_is_null(value_of(bad[i])), i < 3);
    }
}

static void integers_have_a_range(void **state)
{
    (void)state;
    static const char *const bad[] = {"11",   "-11", "'5'", "5.0", "0x5",
                                      "five", "",    "[5]", "5 5", "99999999999999999999"};
    int64_t v = 77;
    assert_true(yaml_int(&file, value_of("-10"), -10, 10, &list, &v));
    assert_int_equal(v, -10);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(yaml_int(&file, value_of(bad[i]), -10, 10, &list, &v));
        assert_string_equal(list.items[0].message, "expected an integer from -10 to 10");
        assert_int_equal(v, -10);
    }
}

static void numbers_are_decimal_and_finite(void **state)
{
    (void)state;
    static const char *const bad[] = {"0x5", ".inf", "nan", "1e999", "'1'", "1.2.3", "", "e"};
    double v = 0;
    assert_true(yaml_double(&file, value_of("-1.5e3"), &list, &v) && v == -1500);
    assert_true(yaml_double(&file, value_of("80"), &list, &v) && v == 80);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(yaml_double(&file, value_of(bad[i]), &list, &v));
    assert_true(v == 80);
}

static void bools_are_true_and_false(void **state)
{
    (void)state;
    bool v = false;
    assert_true(yaml_bool(&file, value_of("true"), &list, &v) && v);
    assert_true(yaml_bool(&file, value_of("false"), &list, &v) && !v);
    assert_false(yaml_bool(&file, value_of("yes"), &list, &v));
    assert_false(yaml_bool(&file, value_of("'true'"), &list, &v));
    assert_string_equal(list.items[0].message, "expected true or false");
}

static void durations_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"0s", 0},
                {"250ms", 250},
                {"90s", 90000},
                {"5m", 300000},
                {"1h", 3600000},
                {"7d", 604800000},
                {"36500d", YAML_DURATION_MAX_MS}};
    static const char *const bad[] = {"5",
                                      "s",
                                      "-5s",
                                      "1h30m",
                                      "5 m",
                                      "1.5h",
                                      "'5m'",
                                      "5M",
                                      "",
                                      "36501d",
                                      "99999999999999999999ms"};
    int64_t ms = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_true(yaml_duration_ms(&file, value_of(good[i].text), &list, &ms));
        assert_int_equal(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(yaml_duration_ms(&file, value_of(bad[i]), &list, &ms));
        assert_string_equal(list.items[0].message,
                            "expected a duration like 250ms, 90s, 5m, 1h or 7d");
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_tree_knows_keys_values_and_places),
        TEST(columns_count_bytes),
        TEST(a_block_scalar_says_where_its_text_starts),
        TEST(an_empty_document_has_no_root),
        TEST(names_and_contents_are_copied),
        TEST(what_is_not_ours_is_refused_with_its_place),
        TEST(an_indentation_that_is_off_says_how_it_should_be),
        TEST(a_quote_that_is_not_closed_is_shown_where_it_opens),
        TEST(a_quote_that_closes_too_early_is_said),
        TEST(a_quote_that_is_closed_is_not_blamed),
        TEST(depth_16_is_read_and_depth_17_is_not),
        TEST(a_mapping_has_at_most_4096_keys),
        TEST(a_file_has_at_most_200000_values),
        TEST(a_file_has_at_most_4_mib),
        TEST(a_full_arena_is_said),
        TEST(a_file_is_loaded_from_disk),
        TEST(unknown_keys_are_errors_with_the_nearest),
        TEST(texts_are_what_is_written),
        TEST(integers_have_a_range),
        TEST(numbers_are_decimal_and_finite),
        TEST(bools_are_true_and_false),
        TEST(durations_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
