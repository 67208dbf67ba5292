#include "service/base/yaml_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { BLOCK_BYTES = 64 << 10 };

static char folder[64], block[BLOCK_BYTES], ruleset[FILES_PATH_MAX], path[FILES_PATH_MAX];
static struct arena arena;
static struct diag_list diags;
static struct yaml_file file;

/* "file: NAME" is parsed; the node of the name. */
static const struct yaml_node *named(const char *name)
{
    char yaml[2 * FILES_PATH_MAX];
    snprintf(yaml, sizeof yaml, "list:\n  file: %s\n", name);
    arena_init(&arena, block, sizeof block);
    memset(&diags, 0, sizeof diags);
    assert_int_equal(yaml_parse(ruleset, span_str(yaml), &arena, &diags, &file), ST_OK);
    return yaml_get(yaml_get(file.root, "list"), "file");
}

/* What is said of it, at its name. */
static void says(const char *message, const char *hint)
{
    assert_int_equal(diags.errors, 1);
    assert_string_equal(diags.items[0].message, message);
    assert_string_equal(diags.items[0].hint, hint);
    assert_string_equal(diags.items[0].file, ruleset);
    assert_int_equal(diags.items[0].line, 2);
    assert_int_equal(diags.items[0].col, 9);
}

static void a_file_is_read_from_beside_the_one_that_names_it(void **state)
{
    struct span content = {0};
    (void)state;
    const struct yaml_node *node = named("items.txt");
    assert_true(yaml_path(&file, node, &diags, path));
    assert_int_equal(files_write(path, span_of("a\0b", 3)), ST_OK);
    assert_true(yaml_path_opens(&file, node, path, &diags));
    assert_int_equal(yaml_path_read(&file, node, path, 3, &arena, &diags, &content), ST_OK);
    assert_true(span_eq(content, span_of("a\0b", 3)));
    assert_int_equal(content.base[3], '\0');
    assert_true(arena_has(&arena, content.base));
}

static void a_name_that_is_none_is_refused(void **state)
{
    char longest[FILES_PATH_MAX + 1];
    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_false(yaml_path(&file, named("\"\""), &diags, path));
    says("the file's name is empty", "");
    assert_false(yaml_path(&file, named(longest), &diags, path));
    says("the file's name is too long", "");
    assert_false(yaml_path(&file, named("[a]"), &diags, path));
    assert_int_equal(diags.errors, 1);
}

static void a_file_that_cannot_be_read_is_shown_where_it_is_named(void **state)
{
    static const char hint[] = "names are relative to the file they stand in";
    char message[DIAG_MESSAGE_MAX];
    struct span content;
    (void)state;
    const struct yaml_node *node = named("nowhere.txt");
    assert_true(yaml_path(&file, node, &diags, path));
    snprintf(message, sizeof message, "%s/nowhere.txt: cannot read the file: %s", folder,
             "No such file or directory");
    assert_false(yaml_path_opens(&file, node, path, &diags));
    says(message, hint);
    memset(&diags, 0, sizeof diags);
    assert_int_equal(yaml_path_read(&file, node, path, 3, &arena, &diags, &content), ST_IO);
    says(message, hint);
    node = named(".");
    assert_true(yaml_path(&file, node, &diags, path));
    snprintf(message, sizeof message, "%s/.: cannot read the file: Is a directory", folder);
    assert_int_equal(yaml_path_read(&file, node, path, 3, &arena, &diags, &content), ST_IO);
    says(message, hint);
}

static void a_file_over_its_limit_is_refused(void **state)
{
    static char large[(1 << 20) + 1];
    char message[DIAG_MESSAGE_MAX];
    struct span content;
    (void)state;
    const struct yaml_node *node = named("large.bin");
    assert_true(yaml_path(&file, node, &diags, path));
    assert_int_equal(files_write(path, span_of(large, sizeof large)), ST_OK);
    snprintf(message, sizeof message, "%s/large.bin: the file is larger than 1 MiB", folder);
    assert_int_equal(yaml_path_read(&file, node, path, 1 << 20, &arena, &diags, &content),
                     ST_TOO_LARGE);
    says(message, "");
    node = named("large.bin");
    snprintf(message, sizeof message, "%s/large.bin: there is no memory left for the file", folder);
    assert_int_equal(yaml_path_read(&file, node, path, 2 << 20, &arena, &diags, &content),
                     ST_NO_SPACE);
    says(message, "");
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sluice-yaml-path-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(ruleset, sizeof ruleset, "%s/ruleset.yaml", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return files_remove(folder) == ST_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_from_beside_the_one_that_names_it),
        cmocka_unit_test(a_name_that_is_none_is_refused),
        cmocka_unit_test(a_file_that_cannot_be_read_is_shown_where_it_is_named),
        cmocka_unit_test(a_file_over_its_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
