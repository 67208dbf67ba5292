#include "service/lists/roster_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WHY_BYTES = 256 };

static char folder[] = "/tmp/roster_file_XXXXXX";
static char path[sizeof folder + 16];
static char why[WHY_BYTES];
static int seen;
static char last[64];

static int setup(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/lists.ndjson", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    rmdir(folder);
    memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
    return 0;
}

static void see(void *user, const struct list_line *line)
{
    (void)user;
    seen++;
    snprintf(last, sizeof last, "%.*s", SPAN_ARG(line->change.key));
}

static enum status open_file(struct roster_file **ret_file)
{
    seen = 0;
    return roster_file_open(path, see, NULL, ret_file, why);
}

static struct list_line line_of(const char *value)
{
    return (struct list_line){.list = span_str("muted"),
                              .change = {.key = span_str(value), .n = 1}};
}

static void append(struct roster_file *f, const char *value)
{
    struct list_line line = line_of(value);
    assert_int_equal(roster_file_append(f, &line), ST_OK);
}

static void what_was_appended_is_read_at_the_start(void **state)
{
    struct roster_file *f;
    (void)state;
    assert_int_equal(open_file(&f), ST_OK);
    assert_int_equal(seen, 0);
    append(f, "a");
    append(f, "b");
    assert_true(roster_file_sync(f));
    roster_file_close(f);
    assert_int_equal(open_file(&f), ST_OK);
    assert_int_equal(seen, 2);
    assert_string_equal(last, "b");
    roster_file_close(f);
}

/* Wherever the process was killed: what is read is a beginning of what was written. */
static void a_torn_end_is_cut_off(void **state)
{
    struct roster_file *f;
    (void)state;
    assert_int_equal(open_file(&f), ST_OK);
    append(f, "a");
    append(f, "b");
    roster_file_close(f);
    FILE *in = fopen(path, "rb");
    assert_int_equal(fseek(in, 0, SEEK_END), 0);
    long whole = ftell(in);
    fclose(in);
    for (long cut = whole - 1; cut >= 0; cut--) {
        assert_int_equal(truncate(path, cut), 0);
        assert_int_equal(open_file(&f), ST_OK);
        assert_int_equal(seen, cut >= whole / 2 ? 1 : 0);
        roster_file_close(f);
    }
}

static void a_line_that_is_none_is_named(void **state)
{
    struct roster_file *f;
    (void)state;
    FILE *out = fopen(path, "wb");
    fputs("{}\n", out);
    fclose(out);
    assert_int_equal(open_file(&f), ST_CORRUPT);
    assert_non_null(strstr(why, "lists.ndjson:1: this is no change of a list"));
}

static void a_file_has_one_owner(void **state)
{
    struct roster_file *f, *other;
    (void)state;
    assert_int_equal(open_file(&f), ST_OK);
    assert_int_equal(open_file(&other), ST_CONFLICT);
    assert_non_null(strstr(why, "another process has it"));
    roster_file_close(f);
}

static bool give_two(void *user, struct list_line *ret_line)
{
    int *given = user;
    *ret_line = line_of("z");
    return (*given)++ < 2;
}

static void a_loose_file_is_written_anew(void **state)
{
    struct roster_file *f;
    int given = 0;
    (void)state;
    assert_int_equal(open_file(&f), ST_OK);
    for (int i = 0; i <= ROSTER_FILE_LINES_MIN; i++)
        append(f, "a");
    assert_true(roster_file_is_loose(f, 2));
    assert_false(roster_file_is_loose(f, ROSTER_FILE_LINES_MIN));
    assert_int_equal(roster_file_rewrite(f, give_two, &given), ST_OK);
    append(f, "b");
    roster_file_close(f);
    assert_int_equal(open_file(&f), ST_OK);
    assert_int_equal(seen, 3);
    assert_string_equal(last, "b");
    roster_file_close(f);
}

enum { MANY = 40000 }; /* more than one write takes */

static bool give_many(void *user, struct list_line *ret_line)
{
    static char value[16];
    int *given = user;
    snprintf(value, sizeof value, "v%d", *given);
    *ret_line = line_of(value);
    return (*given)++ < MANY;
}

static void each_of_many_lines_is_written_anew(void **state)
{
    struct roster_file *f;
    int given = 0;
    (void)state;
    assert_int_equal(open_file(&f), ST_OK);
    append(f, "a");
    assert_int_equal(roster_file_rewrite(f, give_many, &given), ST_OK);
    roster_file_close(f);
    assert_int_equal(open_file(&f), ST_OK);
    assert_int_equal(seen, MANY);
    assert_string_equal(last, "v39999");
    roster_file_close(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_appended_is_read_at_the_start), TEST(a_torn_end_is_cut_off),
        TEST(a_line_that_is_none_is_named),           TEST(a_file_has_one_owner),
        TEST(a_loose_file_is_written_anew),           TEST(each_of_many_lines_is_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
