#include "service/cli/dead_letters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static void each_letter_is_one_line_of_a_file_in_a_new_folder(void **state)
{
    char dir[] = "/tmp/sluice-letters-XXXXXX", folder[64], path[96], got[64] = "";
    struct dead_letters *d;
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(folder, sizeof folder, "%s/new", dir);
    snprintf(path, sizeof path, "%s/dead", folder);
    for (int i = 0; i < 2; i++) { /* opened again, it goes on at the end */
        assert_int_equal(dead_letters_open(path, &d), ST_OK);
        assert_int_equal(dead_letters_put(d, span_str("{\n \"a\": 1\r\n}")), ST_OK);
        dead_letters_close(d);
    }
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(fread(got, 1, sizeof got - 1, f) > 0);
    fclose(f);
    assert_string_equal(got, "{  \"a\": 1  }\n{  \"a\": 1  }\n");
    unlink(path);
    rmdir(folder);
    rmdir(dir);
}

static void without_a_path_letters_go_nowhere(void **state)
{
    struct dead_letters *d;
    (void)state;
    assert_int_equal(dead_letters_open("", &d), ST_OK);
    assert_int_equal(dead_letters_put(d, span_str("{}")), ST_OK);
    dead_letters_close(d);
}

static void a_file_that_cannot_be_written_is_told(void **state)
{
    struct dead_letters *d;
    (void)state;
    assert_int_equal(dead_letters_open("/proc/nothing/dead", &d), ST_IO);
    assert_int_equal(dead_letters_open("/dev/full", &d), ST_OK);
    assert_int_equal(dead_letters_put(d, span_str("{}")), ST_IO);
    dead_letters_close(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_letter_is_one_line_of_a_file_in_a_new_folder),
        cmocka_unit_test(without_a_path_letters_go_nowhere),
        cmocka_unit_test(a_file_that_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
