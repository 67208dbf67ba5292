#include "service/release/versions.h"

#include "service/base/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { KEEP = 3 };

static char folder[64];
static struct diag_list diags;

static int set_up(void **state)
{
    char why[256];
    struct versions *v;
    strcpy(folder, "/tmp/sluice-versions-XXXXXX");
    if (mkdtemp(folder) == NULL || versions_open(folder, KEEP, &v, why) != ST_OK)
        return -1;
    diags = (struct diag_list){0};
    *state = v;
    return 0;
}

static int tear_down(void **state)
{
    versions_close(*state);
    return files_remove(folder) == ST_OK ? 0 : -1;
}

/* The n-th of a row of versions: ids 000..0n, each active at n. */
static struct version version_of(int n)
{
    struct version v = {.at_ms = n, .who = "alice", .from = "PUT"};
    snprintf(v.id, sizeof v.id, "%016x", (unsigned)n);
    if (n > 1)
        snprintf(v.previous, sizeof v.previous, "%016x", (unsigned)n - 1);
    return v;
}

static enum status keep(struct versions *v, const struct version *info)
{
    struct snapshot_file items[] = {
        {"/x/cards.yaml", "ruleset.yaml", span_str(info->id)},
        {"/x/lists/a.txt", "lists/a.txt", span_str("a\n")},
    };
    static struct snapshot snap;
    snap.files = (struct snapshot_files){items, 2};
    return versions_keep(v, &snap, info, &diags);
}

static void must_keep(struct versions *v, int n)
{
    struct version info = version_of(n);
    struct version_active active = {.file = "00000000000000ff"};
    memcpy(active.id, info.id, sizeof active.id);
    memcpy(active.previous, info.previous, sizeof active.previous);
    assert_int_equal(keep(v, &info), ST_OK);
    assert_int_equal(versions_note_active(v, &active), ST_OK);
}

static void what_is_kept_is_found_with_its_files(void **state)
{
    char path[FILES_PATH_MAX], *bytes;
    struct version there;
    size_t len;
    must_keep(*state, 1);
    assert_int_equal(versions_find(*state, "0000000000000001", &there), ST_OK);
    assert_string_equal(there.who, "alice");
    assert_string_equal(there.from, "PUT");
    assert_int_equal(there.at_ms, 1);
    versions_path(*state, there.id, path);
    assert_int_equal(files_read(path, 100, &bytes, &len), ST_OK);
    assert_string_equal(bytes, there.id);
    free(bytes);
    assert_int_equal(versions_find(*state, "0000000000000002", &there), ST_NOT_FOUND);
    assert_int_equal(versions_find(*state, "../../etc/passwd", &there), ST_NOT_FOUND);
}

static void beyond_the_limit_the_oldest_go_but_not_the_active_or_the_one_before(void **state)
{
    struct version list[10];
    for (int n = 1; n <= 5; n++)
        must_keep(*state, n);
    assert_int_equal(versions_list(*state, list, 10), KEEP);
    assert_string_equal(list[0].id, "0000000000000005");
    assert_string_equal(list[2].id, "0000000000000003");
    struct version_active back = {.id = "0000000000000003", .previous = "0000000000000004"};
    assert_int_equal(versions_note_active(*state, &back), ST_OK);
    struct version info = version_of(6);
    assert_int_equal(keep(*state, &info), ST_OK);
    assert_int_equal(versions_note_active(*state, &back), ST_OK);
    assert_int_equal(versions_list(*state, list, 10), KEEP);
    assert_string_equal(list[0].id, "0000000000000006");
    assert_string_equal(list[1].id, "0000000000000004"); /* and not 5, which is younger */
    assert_string_equal(list[2].id, "0000000000000003");
}

static void a_version_that_is_active_again_is_the_newest(void **state)
{
    struct version list[10], info = version_of(1);
    must_keep(*state, 1);
    must_keep(*state, 2);
    info.at_ms = 9;
    assert_int_equal(keep(*state, &info), ST_OK);
    assert_int_equal(versions_list(*state, list, 1), 1);
    assert_string_equal(list[0].id, info.id);
}

static void a_ruleset_with_a_file_outside_is_not_kept_and_says_so(void **state)
{
    struct snapshot_file items[] = {{"/x/r.yaml", "ruleset.yaml", span_str("r")},
                                    {"/y/list.txt", NULL, span_str("l")}};
    static struct snapshot snap;
    struct version info = version_of(1), there;
    snap.files = (struct snapshot_files){items, 2};
    assert_int_equal(versions_keep(*state, &snap, &info, &diags), ST_INVALID);
    assert_int_equal(diags.errors, 0);
    assert_string_equal(diags.items[0].file, "/y/list.txt");
    assert_int_equal(versions_find(*state, info.id, &there), ST_NOT_FOUND);
}

static void half_of_a_version_is_none_and_goes_at_the_next_start(void **state)
{
    char scratch[FILES_PATH_MAX], path[FILES_PATH_MAX + 32], why[256];
    struct version list[4];
    struct versions *again;
    assert_int_equal(versions_scratch(*state, scratch), ST_OK);
    snprintf(path, sizeof path, "%s/version.json", scratch);
    assert_int_equal(files_write(path, span_str("{}")), ST_OK);
    assert_int_equal(versions_list(*state, list, 4), 0);
    assert_int_equal(versions_open(folder, KEEP, &again, why), ST_OK);
    versions_close(again);
    assert_int_equal(access(scratch, F_OK), -1);
}

static void notes_that_are_no_json_are_none(void **state)
{
    char path[FILES_PATH_MAX];
    snprintf(path, sizeof path, "%s/active.json", folder);
    must_keep(*state, 1);
    assert_int_equal(files_write(path, span_str("{\"ruleset\":\"../../x\",\"file\":7}")), ST_OK);
    assert_string_equal(versions_active(*state).id, "");
    assert_int_equal(files_write(path, span_str("{half")), ST_OK);
    assert_string_equal(versions_active(*state).id, "");
}

static const struct {
    const char *active, *file_then, *file_now, *chosen; /* NULL: the file */
} starts[] = {
    {"0000000000000001", "00000000000000ff", "00000000000000ff", "0000000000000001"},
    {"0000000000000001", "00000000000000ff", "00000000000000ee", NULL}, /* it was edited since */
    {"0000000000000001", "00000000000000ff", "", "0000000000000001"},   /* and is broken */
    {"0000000000000001", "", "00000000000000ee", NULL},                 /* it was mended since */
    {"0000000000000001", "0000000000000001", "0000000000000001", NULL}, /* they are the same */
    {"0000000000000002", "00000000000000ff", "00000000000000ff", NULL}, /* it is not kept */
    {"", "", "00000000000000ff", NULL},
    {"", "", "", NULL},
};

static void at_a_start_the_newest_change_wins(void **state)
{
    must_keep(*state, 1);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct version_active active = {.previous = ""};
        char id[VERSION_ID_BYTES] = "untouched";
        snprintf(active.id, sizeof active.id, "%s", starts[i].active);
        snprintf(active.file, sizeof active.file, "%s", starts[i].file_then);
        assert_int_equal(versions_note_active(*state, &active), ST_OK);
        assert_int_equal(versions_choose(*state, starts[i].file_now, id), starts[i].chosen != NULL);
        assert_string_equal(id, starts[i].chosen != NULL ? starts[i].chosen : "untouched");
    }
}

static void a_folder_that_cannot_be_made_is_told(void **state)
{
    char why[256] = "";
    struct versions *v = NULL;
    (void)state;
    assert_int_equal(versions_open("/proc/nowhere", KEEP, &v, why), ST_IO);
    assert_null(v);
    assert_non_null(strstr(why, "/proc/nowhere: "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_kept_is_found_with_its_files),
        TEST(beyond_the_limit_the_oldest_go_but_not_the_active_or_the_one_before),
        TEST(a_version_that_is_active_again_is_the_newest),
        TEST(a_ruleset_with_a_file_outside_is_not_kept_and_says_so),
        TEST(half_of_a_version_is_none_and_goes_at_the_next_start),
        TEST(notes_that_are_no_json_are_none),
        TEST(at_a_start_the_newest_change_wins),
        TEST(a_folder_that_cannot_be_made_is_told),
    };
    return cmocka_run_group_tests_name("engine/versions", tests, NULL, NULL);
}
