#include "service/engine/filler.h"

#include "service/engine/covered.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS INT64_C(1767614400000) /* 2026-01-05T12:00:00Z */

enum { LOOKS_MAX = 20000 }; /* a millisecond apart */

static struct world w;
static char dir[64];
static struct journal *journal;
static struct filler *filler;
static struct filler_report report;
static int n_told;

static enum status open_view(void *user, const atomic_bool *stop, struct fill_options *o,
                             const char **ret_why)
{
    (void)user;
    (void)stop;
    (void)ret_why;
    o->state = state_mem_open(w.table, false);
    return ST_OK;
}

static void close_view(void *user, struct fill_options *o)
{
    (void)user;
    state_close(o->state);
}

static void told(void *user, const struct filler_report *r)
{
    (void)user;
    n_told++;
    report = *r;
}

static int open_world(void **state)
{
    (void)state;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    snprintf(dir, sizeof dir, "/tmp/sluice-filler-XXXXXX");
    assert_non_null(mkdtemp(dir));
    struct journal_options options = {.dir = dir, .fsync = JOURNAL_NO};
    assert_int_equal(journal_open(&options, &journal, &opened, why), ST_OK);
    world_open(&w, world_ruleset, world_rules, journal);
    struct filler_options o = {.snapshots = w.snapshots,
                               .journal = journal,
                               .open = open_view,
                               .close = close_view,
                               .engine = w.engine.options,
                               .told = told};
    n_told = 0;
    filler = filler_new(&o);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    char command[128];
    filler_free(filler);
    world_close(&w);
    journal_close(journal);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
    return 0;
}

static void reload_with(const char *feature)
{
    static char text[8192];
    const char *lists = strstr(world_ruleset, "lists:\n");
    struct snapshot_options options = {.exact_events = 256, .now_ms = START_MS};
    snprintf(text, sizeof text, "%.*s  %s\n%s", (int)(lists - world_ruleset), world_ruleset,
             feature, lists);
    world_write(&w, "ruleset.yaml", text);
    assert_int_equal(snapshot_offer(w.snapshots, w.ruleset, &options, "test", &w.diags), ST_OK);
}

static void look_until_told(int64_t at_ms)
{
    int before = n_told;
    for (int i = 0; i < LOOKS_MAX && n_told == before; i++) {
        filler_look(filler, START_MS + at_ms + i);
        usleep(1000);
    }
    assert_int_equal(n_told, before + 1);
}

static void a_ruleset_that_lacks_nothing_is_left_alone(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    filler_look(filler, START_MS);
    filler_look(filler, START_MS + FILLER_SETTLE_MS);
    assert_false(filler_is_running(filler));
}

static void what_a_reload_adds_is_filled_once_it_has_settled(void **state)
{
    (void)state;
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    reload_with("extra: {by: terminal_id, aggregate: avg, of: amount, windows: [1d]}");
    filler_look(filler, START_MS);
    assert_false(filler_is_running(filler));
    look_until_told(FILLER_SETTLE_MS);
    assert_int_equal(report.status, ST_OK);
    assert_int_equal(report.filled.keys, 1);
    assert_int_equal(report.filled.logs, 1);
    world_score(&w, world_txn_of("t-2", "a-1", "m-1", 1));
    assert_true(world_says(&w, "\"extra_1d\":{\"value\":10,\"exact\":true}"));
    filler_look(filler, START_MS + 2 * FILLER_SETTLE_MS);
    assert_false(filler_is_running(filler));
}

static void what_comes_to_nothing_is_tried_again_later(void **state)
{
    (void)state;
    reload_with("extra: {by: country, aggregate: count, windows: [1d]}");
    filler_look(filler, START_MS);
    look_until_told(FILLER_SETTLE_MS);
    assert_int_equal(report.status, ST_NOT_FOUND); /* the journal is empty */
    filler_look(filler, START_MS + FILLER_SETTLE_MS + FILLER_RETRY_MS - 1);
    assert_false(filler_is_running(filler));
    filler_look(filler, START_MS + FILLER_SETTLE_MS + FILLER_RETRY_MS + LOOKS_MAX);
    assert_true(filler_is_running(filler));
    for (int i = 0; i < LOOKS_MAX && filler_is_running(filler); i++) {
        filler_look(filler, START_MS + FILLER_SETTLE_MS + FILLER_RETRY_MS + LOOKS_MAX);
        usleep(1000);
    }
    assert_int_equal(n_told, 1); /* as before: no news, and twice as long to wait */
    filler_look(filler, START_MS + FILLER_SETTLE_MS + 3 * FILLER_RETRY_MS + LOOKS_MAX - 1);
    assert_false(filler_is_running(filler));
}

static void a_reload_meanwhile_stops_it_and_the_new_one_is_filled(void **state)
{
    (void)state;
    world_score(&w, world_txn("t-1", 0));
    reload_with("extra: {by: country, aggregate: count, windows: [1d]}");
    filler_look(filler, START_MS);
    filler_look(filler, START_MS + FILLER_SETTLE_MS);
    assert_true(filler_is_running(filler));
    reload_with("other: {by: country, aggregate: count, windows: [2d]}");
    look_until_told(3 * FILLER_SETTLE_MS);
    assert_int_equal(n_told, 1);
    struct snapshot *s = snapshot_current(w.snapshots);
    assert_false(fill_is_wanted(s, START_MS));
    snapshot_unref(s);
}

static void relist(void)
{
    struct snapshot *s = snapshot_current(w.snapshots);
    struct list_view *view = s->lists->items[0].view;
    const struct snapshot_lists lists = {&view, 7, "0123456789abcdef"};
    snapshot_slot_relist(w.snapshots, snapshot_with_lists(s, &lists));
    snapshot_unref(s);
}

static void a_change_of_lists_puts_nothing_off(void **state)
{
    (void)state;
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    reload_with("extra: {by: terminal_id, aggregate: avg, of: amount, windows: [1d]}");
    filler_look(filler, START_MS);
    relist();
    filler_look(filler, START_MS + FILLER_SETTLE_MS);
    assert_true(filler_is_running(filler));
    relist();
    look_until_told(FILLER_SETTLE_MS);
    assert_int_equal(report.status, ST_OK);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_ruleset_that_lacks_nothing_is_left_alone),
        TEST(what_a_reload_adds_is_filled_once_it_has_settled),
        TEST(what_comes_to_nothing_is_tried_again_later),
        TEST(a_reload_meanwhile_stops_it_and_the_new_one_is_filled),
        TEST(a_change_of_lists_puts_nothing_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
