#include "service/cli/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/sluice-identity-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/identity", dir);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void it_is_made_once_and_then_stays(void **state)
{
    struct identity first = {0}, again = {0};
    struct stat info;
    (void)state;
    assert_int_equal(identity_load(dir, &first), ST_NOT_FOUND);
    assert_int_equal(identity_create(dir, &first), ST_OK);
    assert_int_equal(identity_load(dir, &again), ST_OK);
    assert_memory_equal(&first, &again, sizeof first);
    assert_int_equal(strlen(first.instance), 32);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void two_are_never_the_same(void **state)
{
    struct identity a, b;
    (void)state;
    identity_random(&a);
    identity_random(&b);
    assert_memory_not_equal(a.instance, b.instance, sizeof a.instance);
    assert_memory_not_equal(&a.key, &b.key, sizeof a.key);
}

static void a_damaged_file_is_refused_and_the_output_is_untouched(void **state)
{
    struct identity id = {.instance = "before"};
    (void)state;
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs("0123456789abcdef\n", f);
    fclose(f);
    assert_int_equal(identity_load(dir, &id), ST_CORRUPT);
    assert_string_equal(id.instance, "before");
}

static void a_folder_that_is_not_there_is_an_error(void **state)
{
    struct identity id;
    (void)state;
    assert_int_equal(identity_create("/nowhere/at/all", &id), ST_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_made_once_and_then_stays),
        cmocka_unit_test(two_are_never_the_same),
        cmocka_unit_test(a_damaged_file_is_refused_and_the_output_is_untouched),
        cmocka_unit_test(a_folder_that_is_not_there_is_an_error),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
