#include "service/base/files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *below(const char *name)
{
    static char path[4][FILES_PATH_MAX];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
    return path[next];
}

static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0;
}

static void what_is_written_is_read_again(void **state)
{
    char *bytes = NULL;
    size_t len = 0;
    (void)state;
    assert_int_equal(files_make_folder_of(below("a/b/c")), ST_OK);
    assert_int_equal(files_write(below("a/b/c"), span_str("one")), ST_OK);
    assert_int_equal(files_write(below("a/b/c"), span_of("t\0wo", 4)), ST_OK);
    assert_int_equal(files_read(below("a/b/c"), 4, &bytes, &len), ST_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(bytes, "t\0wo", 5);
    free(bytes);
}

static void a_file_over_the_limit_is_not_read(void **state)
{
    char *bytes = NULL;
    size_t len = 7;
    (void)state;
    assert_int_equal(files_write(below("large"), span_str("12345")), ST_OK);
    assert_int_equal(files_read(below("large"), 4, &bytes, &len), ST_TOO_LARGE);
    assert_int_equal(files_read(below("nothing"), 4, &bytes, &len), ST_NOT_FOUND);
    assert_int_equal(files_read(folder, 1 << 20, &bytes, &len), ST_IO);
    assert_null(bytes);
    assert_int_equal(len, 7);
}

static void a_write_that_fails_leaves_what_was_there(void **state)
{
    (void)state;
    assert_int_equal(files_make_folder(below("taken/x")), ST_OK);
    assert_int_equal(files_write(below("taken"), span_str("new")), ST_IO);
    assert_true(is_there(below("taken/x")));
    assert_int_equal(files_write(below("no-such/file"), span_str("new")), ST_IO);
}

static void a_folder_goes_with_all_in_it_and_links_are_not_followed(void **state)
{
    (void)state;
    assert_int_equal(files_make_folder(below("gone/deep/er")), ST_OK);
    assert_int_equal(files_write(below("stays"), span_str("x")), ST_OK);
    assert_int_equal(symlink(below("stays"), below("gone/deep/link")), 0);
    assert_int_equal(symlink(folder, below("gone/up")), 0);
    assert_int_equal(files_remove(below("gone")), ST_OK);
    assert_false(is_there(below("gone")));
    assert_true(is_there(below("stays")));
    assert_int_equal(files_remove(below("gone")), ST_OK);
    assert_int_equal(files_remove(below("stays")), ST_OK);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/sluice-files-XXXXXX");
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return files_remove(folder) == ST_OK ? 0 : -1;
}

static void a_name_is_relative_to_the_file_that_names_it(void **state)
{
    static const struct {
        const char *beside, *name, *path;
    } rows[] = {{"rules/ruleset.yaml", "velocity.yaml", "rules/velocity.yaml"},
                {"ruleset.yaml", "lists/x.txt", "lists/x.txt"},
                {"/etc/ruleset.yaml", "../x", "/etc/../x"},
                {"rules/ruleset.yaml", "/abs/x", "/abs/x"}};
    static char longest[FILES_PATH_MAX];
    char path[FILES_PATH_MAX] = "untouched";
    (void)state;
    memset(longest, 'x', sizeof longest);
    assert_int_equal(files_beside("a/b", span_of(NULL, 0), path), ST_INVALID);
    assert_int_equal(files_beside("a/b", span_of(longest, FILES_PATH_MAX - 2), path), ST_INVALID);
    assert_string_equal(path, "untouched");
    assert_int_equal(files_beside("a/b", span_of(longest, FILES_PATH_MAX - 3), path), ST_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(files_beside(rows[i].beside, span_str(rows[i].name), path), ST_OK);
        assert_string_equal(path, rows[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_file_over_the_limit_is_not_read),
        cmocka_unit_test(a_write_that_fails_leaves_what_was_there),
        cmocka_unit_test(a_folder_goes_with_all_in_it_and_links_are_not_followed),
        cmocka_unit_test(a_name_is_relative_to_the_file_that_names_it),
    };
    return cmocka_run_group_tests_name("base/files", tests, set_up, tear_down);
}
