/* Files of zic, the compiler of the tz database, in both of its forms; the C library is asked. */
#include "rules/cel_zone.h"

#include "tests/unit/rules/temp_file.h"
#include "tests/unit/rules/zone_oracle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define SOURCE                                       \
    "Rule EU 1981 max - Mar lastSun 1:00u 1:00 S\n"  \
    "Rule EU 1979 1995 - Sep lastSun 1:00u 0 -\n"    \
    "Rule EU 1996 max - Oct lastSun 1:00u 0 -\n"     \
    "Rule IE 1981 max - Mar lastSun 1:00u 0 -\n"     \
    "Rule IE 1996 max - Oct lastSun 1:00u -1:00 -\n" \
    "Rule LH 2008 max - Apr Sun>=1 2:00 0 -\n"       \
    "Rule LH 2008 max - Oct Sun>=1 2:00 0:30 -\n"    \
    "Zone Berlin 0:53:28 - LMT 1893 Apr\n"           \
    "  1:00 - CET 1980\n"                            \
    "  1:00 EU CE%sT\n"                              \
    "Zone Dublin 1:00 IE IST/GMT\n"                  \
    "Zone Lord_Howe 10:30 LH +1030/+11\n"            \
    "Zone Kolkata 5:30 - IST\n"                      \
    "Zone Moved -3:00 - -03 1990\n"                  \
    "  -4:00 - -04\n"

enum { FILE_BYTES_MAX = 64 << 10 };

static const char *const names[] = {"Berlin", "Dublin", "Lord_Howe", "Kolkata", "Moved"};
static struct arena *arena;
static char folder[] = "/tmp/sluice-zones-XXXXXX";

static int run(const char *command)
{
    return system(command); /* NOLINT: the test's own words */
}

static int setup(void **state)
{
    (void)state;
    arena = arena_new(1 << 20);
    temp_folder_open();
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -r %s", folder);
    temp_folder_close();
    arena_free(arena);
    return run(command);
}

/* Compiles the source; skips where there is no zic. */
static void compile(const char *form)
{
    arena_reset(arena);
    char command[256];
    static const char path[] = "PATH=$PATH:/usr/sbin:/sbin";
    if (run("PATH=$PATH:/usr/sbin:/sbin command -v zic >/dev/null") != 0)
        skip();
    snprintf(command, sizeof command, "%s zic -b %s -d %s %s", path, form, folder,
             temp_file("source.zi", SOURCE));
    assert_int_equal(run(command), 0);
}

static struct span bytes_of(const char *path)
{
    char *bytes = arena_must(arena, FILE_BYTES_MAX);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t n = fread(bytes, 1, FILE_BYTES_MAX, in);
    fclose(in);
    return span_of(bytes, n);
}

static struct span file_of(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, ":%s/%s", folder, name);
    oracle_set(path);
    return bytes_of(path + 1);
}

static void assert_as_the_c_library(const char *name)
{
    struct cel_value zone;
    int32_t offset_s;
    if (!cel_zone_parse(file_of(name), arena, &zone))
        fail_msg("%s is refused", name);
    ORACLE_EACH(t)
    {
        assert_true(cel_zone_offset(&zone, t, &offset_s));
        if (offset_s != oracle_offset(t))
            fail_msg("%s at %lld: %d, not %d", name, (long long)t, offset_s, oracle_offset(t));
    }
}

static void the_slim_form_goes_on_by_the_rule_at_its_end(void **state)
{
    (void)state;
    compile("slim");
    assert_true(file_of("Berlin").len < 1000); /* no years up to 2037 */
    for (size_t i = 0; i < COUNT(names); i++)
        assert_as_the_c_library(names[i]);
}

static void the_fat_form_says_the_same(void **state)
{
    (void)state;
    compile("fat");
    assert_true(file_of("Berlin").len > 1000);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_as_the_c_library(names[i]);
}

static void a_file_that_is_cut_is_refused_at_every_byte(void **state)
{
    struct cel_value zone;
    (void)state;
    compile("slim");
    char bytes[4096];
    struct span whole = file_of("Berlin");
    assert_in_range(whole.len, 1, sizeof bytes);
    memcpy(bytes, whole.base, whole.len);
    for (size_t n = 0; n < whole.len; n++) {
        char *exact = malloc(n); /* so that the sanitizer sees the end */
        assert_true(exact != NULL || n == 0);
        if (n > 0)
            memcpy(exact, bytes, n);
        bool good = cel_zone_parse(span_of(exact, n), arena, &zone);
        free(exact);
        assert_false(good);
    }
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_slim_form_goes_on_by_the_rule_at_its_end),
        TEST(the_fat_form_says_the_same),
        TEST(a_file_that_is_cut_is_refused_at_every_byte),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
