/* A file without a name: it is written and read, and no folder ever shows it. */
#include "service/base/unnamed.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int names_in(const char *folder)
{
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while (readdir(dir) != NULL)
        n++;
    closedir(dir);
    return n;
}

static void what_is_written_is_read_and_the_folder_stays_empty(void **state)
{
    char folder[] = "/tmp/sluice-unnamed-XXXXXX", byte = 'x';
    (void)state;
    assert_non_null(mkdtemp(folder));
    int fd = unnamed_open(folder);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &byte, 1, 0), 1);
    byte = 0;
    assert_int_equal(pread(fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(names_in(folder), 2); /* . and .. */
    close(fd);
    assert_int_equal(rmdir(folder), 0);
}

static void a_folder_that_is_not_there_says_so(void **state)
{
    (void)state;
    assert_int_equal(unnamed_open("/tmp/sluice-no-such-folder/x"), -1);
    assert_int_equal(errno, ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_and_the_folder_stays_empty),
        cmocka_unit_test(a_folder_that_is_not_there_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
