#include "service/io/audit.h"

#include "service/base/files.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128];

static const struct audit_entry entry = {.at_ms = 1767614400123,
                                         .who = "alice",
                                         .address = "127.0.0.1",
                                         .request_id = 0x5f0c,
                                         .action = "list.put",
                                         .result = "changed"};

static int set_up(void **state)
{
    struct audit *a;
    strcpy(folder, "/tmp/sluice-audit-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/new/audit.ndjson", folder);
    *state = a = NULL;
    if (audit_open(path, &a) != ST_OK)
        return -1;
    *state = a;
    return 0;
}

static int tear_down(void **state)
{
    audit_close(*state);
    return files_remove(folder) == ST_OK ? 0 : -1;
}

static char *content(void)
{
    char *bytes = NULL;
    size_t len;
    assert_int_equal(files_read(path, 1 << 20, &bytes, &len), ST_OK);
    return bytes;
}

static void an_entry_is_one_line_of_json(void **state)
{
    struct audit_entry e = entry;
    e.more = span_str(",\"list\":\"bad\"");
    assert_int_equal(audit_append(*state, &e), ST_OK);
    assert_int_equal(audit_append(*state, &entry), ST_OK);
    char *lines = content();
    assert_string_equal(
        lines,
        "{\"at\":\"2026-01-05T12:00:00.123Z\",\"who\":\"alice\",\"address\":\"127.0.0.1\","
        "\"request\":\"0000000000005f0c\",\"action\":\"list.put\",\"result\":\"changed\","
        "\"list\":\"bad\"}\n"
        "{\"at\":\"2026-01-05T12:00:00.123Z\",\"who\":\"alice\",\"address\":\"127.0.0.1\","
        "\"request\":\"0000000000005f0c\",\"action\":\"list.put\",\"result\":\"changed\"}\n");
    free(lines);
}

static void what_is_too_long_is_cut_between_two_characters(void **state)
{
    char who[AUDIT_TEXT_MAX + 3];
    struct audit_entry e = entry;
    memset(who, 'x', sizeof who);
    memcpy(who + AUDIT_TEXT_MAX - 1, "\xC3\xA9", 2);
    who[AUDIT_TEXT_MAX + 2] = '\0';
    e.who = who;
    assert_int_equal(audit_append(*state, &e), ST_OK);
    char *line = content();
    json_t *read = json_loads(line, 0, NULL);
    assert_non_null(read);
    assert_int_equal(strlen(json_string_value(json_object_get(read, "who"))), AUDIT_TEXT_MAX - 1);
    json_decref(read);
    free(line);
}

static void control_characters_of_the_worst_entry_fit(void **state)
{
    char bad[2 * AUDIT_TEXT_MAX];
    memset(bad, 1, sizeof bad);
    bad[sizeof bad - 1] = '\0';
    struct audit_entry e = {.who = bad, .address = bad, .action = "a", .result = "r"};
    assert_int_equal(audit_append(*state, &e), ST_OK);
}

static void members_over_the_limit_are_refused(void **state)
{
    static char more[AUDIT_MORE_MAX + 1];
    struct audit_entry e = entry;
    memset(more, ' ', sizeof more);
    e.more = span_of(more, AUDIT_MORE_MAX);
    assert_int_equal(audit_append(*state, &e), ST_OK);
    e.more = span_of(more, AUDIT_MORE_MAX + 1);
    assert_int_equal(audit_append(*state, &e), ST_TOO_LARGE);
}

static void without_a_file_nothing_is_written(void **state)
{
    struct audit *a = NULL;
    (void)state;
    assert_int_equal(audit_open("", &a), ST_OK);
    assert_int_equal(audit_append(a, &entry), ST_OK);
    audit_close(a);
    audit_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_one_line_of_json),
        TEST(what_is_too_long_is_cut_between_two_characters),
        TEST(control_characters_of_the_worst_entry_fit),
        TEST(members_over_the_limit_are_refused),
        TEST(without_a_file_nothing_is_written),
    };
    return cmocka_run_group_tests_name("io/audit", tests, NULL, NULL);
}
