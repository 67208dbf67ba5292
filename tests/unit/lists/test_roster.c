/* Lists that change: what is asked, what decides, what a reload and a restart leave of it. */
#include "service/lists/roster.h"

#include "service/base/clock.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 3000, WAIT_STEPS = 20000 /* a millisecond apart */ };

static const struct snapshot_options options = {.exact_events = 256, .now_ms = 7};

static struct world w;
static struct snapshot_slot *slot;
static struct roster *roster;
static char why[ROSTER_WHY_BYTES];

static void open_roster(const char *file)
{
    const struct roster_options o = {.snapshots = slot, .file = file};
    assert_int_equal(roster_open(&o, &roster, why), ST_OK);
}

static int setup(void **state)
{
    struct snapshot *s;
    (void)state;
    w = (struct world){0};
    world_files(&w, world_ruleset, world_rules);
    assert_int_equal(snapshot_load(w.ruleset, &options, &w.diags, &s), ST_OK);
    slot = snapshot_slot_new(s);
    open_roster(NULL);
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    roster_close(roster);
    snapshot_slot_free(slot);
    snprintf(command, sizeof command, "rm -rf '%s'", w.folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static enum status order(enum status (*act)(struct roster *r, const struct roster_order *o,
                                            struct roster_item *ret_item),
                         const char *value, int64_t expires_ms, struct roster_item *ret_item)
{
    const struct roster_order o = {.list = span_str("watched"),
                                   .value = span_str(value),
                                   .now_ms = clock_wall_ms(),
                                   .expires_ms = expires_ms,
                                   .by = span_str("me"),
                                   .note = span_str("of a test")};
    return act(roster, &o, ret_item);
}

static struct roster_item put(const char *value)
{
    static struct roster_item item;
    assert_int_equal(order(roster_put, value, 0, &item), ST_OK);
    return item;
}

static struct roster_item take_out(const char *value)
{
    static struct roster_item item;
    assert_int_equal(order(roster_remove, value, 0, &item), ST_OK);
    return item;
}

/* Of what decides now. */
static bool is_in(const char *value)
{
    struct snapshot *s = snapshot_current(slot);
    bool in = list_view_has(s->lists->items[0].view, span_str(value));
    snapshot_unref(s);
    return in;
}

static const char *name_now(void)
{
    static char name[17];
    struct snapshot *s = snapshot_current(slot);
    memcpy(name, s->decided_by, sizeof name);
    assert_int_equal(s->lists_id != 0, strcmp(s->decided_by, s->id_text) != 0);
    snapshot_unref(s);
    return name;
}

static void reload(const char *ruleset)
{
    world_write(&w, "ruleset.yaml", ruleset);
    assert_int_equal(snapshot_offer(slot, w.ruleset, &options, "test", &w.diags), ST_OK);
}

static const char *ruleset_with(const char *lists)
{
    static char text[4096];
    const char *at = strstr(world_ruleset, "  watched: [KP]\n");
    snprintf(text, sizeof text, "%.*s%s%s", (int)(at - world_ruleset), world_ruleset, lists,
             at + strlen("  watched: [KP]\n"));
    return text;
}

static void what_is_put_in_and_taken_out_decides_at_once(void **state)
{
    (void)state;
    struct roster_item item = put("XX");
    assert_true(item.in && !item.in_file && item.changed && item.version == 1);
    assert_true(is_in("XX") && is_in("KP"));
    item = take_out("KP");
    assert_true(!item.in && item.in_file && item.changed);
    assert_false(is_in("KP"));
    item = take_out("XX");
    assert_true(!item.in && !item.changed);
    assert_false(is_in("XX"));
}

static void content_has_one_name_in_any_order(void **state)
{
    char loaded[17], both[17];
    (void)state;
    snprintf(loaded, sizeof loaded, "%s", name_now());
    put("XX");
    take_out("KP");
    snprintf(both, sizeof both, "%s", name_now());
    assert_string_not_equal(both, loaded);
    put("KP");
    put("YY");
    take_out("XX");
    take_out("YY");
    take_out("KP");
    assert_string_not_equal(name_now(), both);
    put("XX");
    assert_string_equal(name_now(), both);
    take_out("XX");
    struct roster_item item;
    assert_int_equal(order(roster_put, "KP", clock_wall_ms() + 1, &item), ST_OK);
    for (int i = 0; i < WAIT_STEPS && strcmp(name_now(), loaded) != 0; i++)
        usleep(1000);
    assert_string_equal(name_now(), loaded);
}

static void what_no_list_can_hold_is_refused(void **state)
{
    struct roster_item item = {.version = 77};
    struct roster_order o = {.list = span_str("nothing"), .value = span_str("x")};
    (void)state;
    assert_int_equal(roster_put(roster, &o, &item), ST_NOT_FOUND);
    assert_int_equal(roster_find(roster, o.list, o.value, &item), ST_NOT_FOUND);
    reload(ruleset_with("  watched: [KP]\n  odd: [100]\n"));
    o.list = span_str("odd");
    assert_int_equal(roster_remove(roster, &o, &item), ST_INVALID);
    assert_true(item.version == 77);
}

static void what_expires_goes_and_the_file_stands_again(void **state)
{
    struct roster_item item;
    int64_t soon_ms = clock_wall_ms() + 50;
    (void)state;
    assert_int_equal(order(roster_put, "XX", soon_ms, &item), ST_OK);
    assert_int_equal(order(roster_put, "KP", soon_ms, &item), ST_OK);
    put("YY");
    for (int i = 0; i < WAIT_STEPS && is_in("XX"); i++)
        usleep(1000);
    assert_true(clock_wall_ms() >= soon_ms);
    assert_true(!is_in("XX") && is_in("KP") && is_in("YY"));
    struct roster_counts counts;
    roster_counts(roster, &counts);
    assert_int_equal(counts.expired, 2);
}

/* However quickly changes come: of each begun 20 ms so many at once, and one at the end. */
static void generations_are_bounded_in_time(void **state)
{
    struct roster_counts counts;
    char value[16];
    int64_t begun_us = clock_mono_us();
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(value, sizeof value, "v-%d", i);
        put(value);
    }
    roster_counts(roster, &counts);
    int64_t windows = (clock_mono_us() - begun_us) / 20000 + 2;
    assert_true(counts.generations <= (uint64_t)(windows * (ROSTER_AT_ONCE + 1)));
    for (int i = 0; i < WAIT_STEPS && !is_in(value); i++)
        usleep(1000);
    assert_true(is_in("v-0") && is_in(value));
}

static void a_reload_keeps_changes_of_lists_of_one_name_and_type(void **state)
{
    (void)state;
    put("XX");
    take_out("KP");
    reload(ruleset_with("  other: [a]\n  watched: [KP, NN]\n"));
    struct snapshot *s = snapshot_current(slot);
    assert_int_equal(s->lists->count, 2);
    const struct list_view *view = s->lists->items[1].view;
    assert_true(list_view_has(view, span_str("XX")) && list_view_has(view, span_str("NN")));
    assert_false(list_view_has(view, span_str("KP")));
    snapshot_unref(s);
    reload(world_ruleset);
    assert_true(is_in("XX") && !is_in("KP"));
}

static void a_candidate_is_seen_with_the_changes_and_is_not_active(void **state)
{
    struct snapshot *fresh, *active;
    char before[17];
    (void)state;
    put("XX");
    snprintf(before, sizeof before, "%s", name_now());
    world_write(&w, "rules.yaml", "rules: []\n");
    assert_int_equal(snapshot_load(w.ruleset, &options, &w.diags, &fresh), ST_OK);
    struct snapshot *seen = snapshot_slot_preview(slot, fresh);
    active = snapshot_current(slot);
    assert_true(list_view_has(seen->lists->items[0].view, span_str("XX")));
    assert_true(seen->id == fresh->id && seen->lists_id == active->lists_id);
    assert_string_not_equal(seen->decided_by, active->decided_by);
    assert_string_equal(name_now(), before);
    snapshot_unref(active);
    snapshot_unref(seen);
    snapshot_unref(fresh);
}

static void without_changes_a_candidate_is_itself(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_current(slot), *seen = snapshot_slot_preview(slot, s);
    assert_ptr_equal(seen, s);
    snapshot_unref(seen);
    snapshot_unref(s);
}

static void what_was_changed_is_there_after_a_restart(void **state)
{
    char path[128], before[17];
    (void)state;
    snprintf(path, sizeof path, "%s/lists.ndjson", w.folder);
    roster_close(roster);
    open_roster(path);
    put("XX");
    take_out("KP");
    put("YY");
    take_out("YY");
    snprintf(before, sizeof before, "%s", name_now());
    roster_close(roster);
    struct snapshot *loaded = snapshot_current(slot);
    snapshot_slot_relist(slot, snapshot_ref((struct snapshot *)snapshot_loaded(loaded)));
    snapshot_unref(loaded);
    assert_false(is_in("XX"));
    open_roster(path);
    assert_string_equal(name_now(), before);
    assert_true(put("ZZ").version == 5);
}

static void count_change(void *user, const struct list_change *c)
{
    (void)c;
    ++*(int *)user;
}

static void all_changes_are_shown_page_by_page(void **state)
{
    struct roster_info info;
    int n = 0;
    size_t place = 0;
    (void)state;
    put("XX");
    put("YY");
    take_out("KP");
    struct snapshot *s = snapshot_current(slot);
    roster_info(roster, s, 0, &info);
    assert_true(info.count == 2 && info.in_file == 1 && info.changed == 3 && info.version == 3);
    assert_true(info.bytes > 0 && span_is(info.name, "watched"));
    do {
        place = roster_each_change(roster, s, 0, place, 1, count_change, &n);
    } while (place > 0);
    assert_int_equal(n, 3);
    snapshot_unref(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_put_in_and_taken_out_decides_at_once),
        TEST(content_has_one_name_in_any_order),
        TEST(what_no_list_can_hold_is_refused),
        TEST(what_expires_goes_and_the_file_stands_again),
        TEST(generations_are_bounded_in_time),
        TEST(a_reload_keeps_changes_of_lists_of_one_name_and_type),
        TEST(a_candidate_is_seen_with_the_changes_and_is_not_active),
        TEST(without_changes_a_candidate_is_itself),
        TEST(what_was_changed_is_there_after_a_restart),
        TEST(all_changes_are_shown_page_by_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
