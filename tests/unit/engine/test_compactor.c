/* What a ruleset does not need goes, and what it reads stays as it was. */
#include "service/engine/compactor.h"

#include "service/engine/layouts.h"
#include "service/state/fold.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define START_MS INT64_C(1767614400000) /* 2026-01-05T12:00:00Z */
#define SCHEMA                                                                     \
    "schema:\n"                                                                    \
    "  transaction_id: {type: string, required: true, max: 64}\n"                  \
    "  account_id:     {type: string, required: true, max: 64}\n"                  \
    "  amount:         {type: decimal, required: true}\n"                          \
    "  timestamp:      {type: timestamp, required: true}\n"                        \
    "  terminal_id:    {type: string, max: 64}\n"                                  \
    "features:\n"                                                                  \
    "  account_sum: {by: account_id, aggregate: sum, of: amount, windows: [1d]}\n" \
    "  account_small: {by: account_id, aggregate: count, windows: [1h], where: amount < 50.0}\n"
#define RULES "flag_at: 70\nrules: [rules.yaml]\n"
#define WIDER                                                                                      \
    "  terminal_tx_count: {by: terminal_id, aggregate: count, windows: [1d]}\n"                    \
    "  account_terminals: {by: account_id, aggregate: distinct, of: terminal_id, windows: [7d]}\n" \
    "  account_large: {by: account_id, aggregate: max, of: amount, windows: [7d], where: amount "  \
    "> "                                                                                           \
    "5.0}\n"

enum {
    EXACT_EVENTS = 8,
    EVENTS = 900,
    AFTER_MS = 60000,
    LOOKS_MAX = 20000, /* a millisecond apart */
    ARENA_BYTES = 64 << 20,
    FEATURES = 2,
    ACCOUNTS = 7,
};

static struct world w;
static struct compact_walk last;
static int n_told;

static void told(void *user, const struct compact_walk *walk)
{
    (void)user;
    last = *walk;
    n_told++;
}

static void put_in_place(const char *ruleset)
{
    struct snapshot_options options = {.exact_events = EXACT_EVENTS, .now_ms = START_MS};
    world_write(&w, "ruleset.yaml", ruleset);
    assert_int_equal(snapshot_offer(w.snapshots, w.ruleset, &options, "test", &w.diags), ST_OK);
}

/* Some accounts fold, some do not: account 0 gets half of all. */
static void score_some(void)
{
    char account[16], terminal[16], id[16];
    for (int i = 0; i < EVENTS; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        snprintf(account, sizeof account, "a-%d", i % 2 ? 0 : i % ACCOUNTS);
        snprintf(terminal, sizeof terminal, "m-%d", i % 40);
        world_score(&w, world_txn_of(id, account, terminal, (int64_t)i * 60000));
    }
}

struct seen {
    struct window_value values[ACCOUNTS][FEATURES];
    int n;
    size_t bytes; /* of all logs */
    bool others;  /* logs of another key field */
};

static void see_log(void *user, struct span key, struct span log)
{
    struct seen *s = user;
    struct snapshot *snap = snapshot_current(w.snapshots);
    struct fold_query query = {.log = log, .t_ms = START_MS + (int64_t)EVENTS * 60000};
    struct arena *arena = arena_new(ARENA_BYTES);
    struct window_value values[PLAN_FEATURES_MAX];
    struct fold_seen ret;
    s->bytes += log.len;
    if (!span_starts(key, span_str("e:account_id:"))) {
        s->others = true;
    } else {
        assert_int_equal(
            fold_read(snap->features.keys[0].plan, w.engine.layouts, &query, arena, values, &ret),
            ST_OK);
        memcpy(s->values[s->n++], values, sizeof s->values[0]);
    }
    arena_free(arena);
    snapshot_unref(snap);
}

static void see(struct seen *ret)
{
    memset(ret, 0, sizeof *ret);
    state_table_each(w.table, see_log, ret);
    assert_int_equal(ret->n, ACCOUNTS);
}

static struct compactor *open_compactor(void)
{
    struct compactor_options o = {
        .snapshots = w.snapshots, .table = w.table, .after_ms = AFTER_MS, .told = told};
    n_told = 0;
    return compactor_new(&o);
}

static void look_until_told(struct compactor *c, int64_t at_ms)
{
    for (int i = 0; i < LOOKS_MAX && n_told == 0; i++) {
        compactor_look(c, at_ms);
        usleep(1000);
    }
    assert_int_equal(n_told, 1);
}

static int open_world(void **state)
{
    (void)state;
    world_open(&w, SCHEMA WIDER RULES, "rules: []\n", NULL);
    put_in_place(SCHEMA WIDER RULES);
    score_some();
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&w);
    return 0;
}

static void what_is_taken_out_is_freed_and_what_stays_reads_as_before(void **state)
{
    static struct seen before, after;
    int64_t end_ms = START_MS + (int64_t)EVENTS * 60000;
    (void)state;
    put_in_place(SCHEMA RULES);
    see(&before);
    uint64_t bytes = state_table_stats(w.table).bytes;
    struct compactor *c = open_compactor();
    compactor_look(c, end_ms);
    compactor_look(c, end_ms + AFTER_MS - 1);
    assert_false(compactor_is_running(c)); /* it may be taken back */
    look_until_told(c, end_ms + AFTER_MS);
    assert_int_equal(last.looked, ACCOUNTS + 40);
    assert_int_equal(last.removed, 40);
    assert_int_equal(last.replaced, ACCOUNTS);
    see(&after);
    assert_true(before.others && !after.others);
    assert_memory_equal(before.values, after.values, sizeof before.values);
    assert_true(after.bytes < before.bytes / 2);
    assert_true(bytes - state_table_stats(w.table).bytes > (before.bytes - after.bytes) / 2);
    compactor_free(c);
}

static void a_ruleset_that_needs_all_frees_nothing(void **state)
{
    (void)state;
    int64_t end_ms = START_MS + (int64_t)EVENTS * 60000;
    struct compactor *c = open_compactor();
    compactor_look(c, end_ms);
    look_until_told(c, end_ms + AFTER_MS);
    assert_int_equal(last.removed, 0);
    compactor_free(c);
}

static void one_that_is_taken_back_in_time_finds_all(void **state)
{
    (void)state;
    struct compactor *c = open_compactor();
    compactor_look(c, START_MS);
    put_in_place(SCHEMA RULES);
    compactor_look(c, START_MS + AFTER_MS - 1);
    put_in_place(SCHEMA WIDER RULES);
    compactor_look(c, START_MS + 2 * AFTER_MS - 2);
    assert_false(compactor_is_running(c));
    compactor_free(c);
    assert_int_equal(n_told, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(what_is_taken_out_is_freed_and_what_stays_reads_as_before),
        TEST(a_ruleset_that_needs_all_frees_nothing),
        TEST(one_that_is_taken_back_in_time_finds_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
