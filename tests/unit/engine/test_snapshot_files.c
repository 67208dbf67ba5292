#include "service/engine/snapshot_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
    const char *name, *clean; /* NULL: refused */
} names[] = {
    {"velocity.yaml", "velocity.yaml"},
    {"./a//b/./c.txt", "a/b/c.txt"},
    {"..hidden", "..hidden"},
    {"", NULL},
    {".", NULL},
    {"./", NULL},
    {"/etc/passwd", NULL},
    {"..", NULL},
    {"../up.yaml", NULL},
    {"a/../../up.yaml", NULL},
    {"a/..", NULL},
    {"folder/", NULL},
    {"a\\..\\b", NULL},
    {"new\nline", NULL},
    {"delete\x7F", NULL},
    {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"},
    {"1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", NULL},
};

static void a_name_is_clean_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char clean[SNAPSHOT_NAME_MAX + 1] = "untouched";
        enum status st = snapshot_file_clean(span_str(names[i].name), clean);
        assert_int_equal(st, names[i].clean != NULL ? ST_OK : ST_INVALID);
        assert_string_equal(clean, names[i].clean != NULL ? names[i].clean : "untouched");
    }
}

static void a_name_has_a_longest_length(void **state)
{
    char name[SNAPSHOT_NAME_MAX + 1], clean[SNAPSHOT_NAME_MAX + 1];
    (void)state;
    memset(name, 'x', sizeof name);
    assert_int_equal(snapshot_file_clean(span_of(name, SNAPSHOT_NAME_MAX), clean), ST_OK);
    assert_int_equal(strlen(clean), SNAPSHOT_NAME_MAX);
    assert_int_equal(snapshot_file_clean(span_of(name, SNAPSHOT_NAME_MAX + 1), clean), ST_INVALID);
}

/* ---- of a ruleset ---- */

static struct diag_list diags;
static struct snapshot_files files;

static enum status find(struct arena *arena, const char *yaml, bool is_confined)
{
    struct yaml_file file;
    diags = (struct diag_list){0};
    files = (struct snapshot_files){0};
    assert_int_equal(yaml_parse("cards/ruleset.yaml", span_str(yaml), arena, &diags, &file), ST_OK);
    return snapshot_files_find(&file, "cards/ruleset.yaml", is_confined, arena, &diags, &files);
}

static void all_that_a_ruleset_names_is_found_in_order(void **state)
{
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    assert_int_equal(find(arena,
                          "rules: [a.yaml, ../b.yaml]\n"
                          "lists: {inline: [x], l: {file: ./l.txt}, m: {file: /abs.txt}}\n"
                          "models: {f: {baseline: b.json, file: f.json}, g: {file: g.json}}\n",
                          false),
                     ST_OK);
    const char *const found[][2] = {{"cards/ruleset.yaml", "ruleset.yaml"},
                                    {"cards/./l.txt", "l.txt"},
                                    {"/abs.txt", NULL},
                                    {"cards/f.json", "f.json"},
                                    {"cards/b.json", "b.json"},
                                    {"cards/g.json", "g.json"},
                                    {"cards/a.yaml", "a.yaml"},
                                    {"cards/../b.yaml", NULL}};
    assert_int_equal(files.count, 8);
    for (int i = 0; i < files.count; i++) {
        assert_string_equal(files.items[i].path, found[i][0]);
        if (found[i][1] == NULL)
            assert_null(files.items[i].name);
        else
            assert_string_equal(files.items[i].name, found[i][1]);
    }
    arena_free(arena);
}

static void a_confined_ruleset_may_not_name_what_is_outside(void **state)
{
    static const char *const outside[] = {"rules: [/etc/passwd]\n", "rules: [a.yaml, ../b.yaml]\n",
                                          "lists: {l: {file: ../../etc/shadow}}\n",
                                          "models: {m: {file: m.json, baseline: ../b.json}}\n"};
    struct arena *arena = arena_new(1 << 20);
    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(find(arena, outside[i], true), ST_INVALID);
        assert_string_equal(diags.items[0].message, "this file is outside of the bundle");
        assert_int_equal(diags.items[0].line, 1);
        assert_int_equal(files.count, 0);
    }
    assert_int_equal(find(arena, "rules: [a/b.yaml]\n", true), ST_OK);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_clean_or_refused),
        cmocka_unit_test(a_name_has_a_longest_length),
        cmocka_unit_test(all_that_a_ruleset_names_is_found_in_order),
        cmocka_unit_test(a_confined_ruleset_may_not_name_what_is_outside),
    };
    return cmocka_run_group_tests_name("engine/snapshot_files", tests, NULL, NULL);
}
