#include "service/engine/rule_table.h"

#include "tests/unit/engine/world.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Rules of the world by their index. */
enum { BURST, LARGE, WATCHED, NIGHT };

struct bed {
    struct world world;
    struct snapshot *snap;
    struct tally tally;
    struct rule_table table;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    world_open(&b->world, world_ruleset, world_rules, NULL);
    b->snap = snapshot_current(b->world.snapshots);
    tally_init(&b->tally);
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    rule_table_fini(&b->table);
    tally_fini(&b->tally);
    snapshot_unref(b->snap);
    world_close(&b->world);
    free(b);
    return 0;
}

static const struct rule_line *make(struct bed *b, int line)
{
    const struct engine *engine = &b->world.engine;
    rule_table_fini(&b->table);
    rule_table_init(&b->table, b->snap, &engine, 1, &b->tally);
    return &b->table.lines[line];
}

static void add(struct bed *b, const char *row, int64_t fraud, int64_t legitimate)
{
    const int64_t columns[TALLY_COLUMNS] = {fraud, legitimate, fraud * 10000, legitimate * 20000,
                                            (fraud + legitimate) * 1000};
    tally_add(&b->tally, span_str(row), columns);
}

static void fire(struct bed *b, int times, const int *rules, int n)
{
    struct engine_stats *stats = b->world.engine.stats;
    stats->fired_ruleset = b->snap->id;
    for (int i = 0; i < times; i++) {
        cofire_note(b->world.engine.cofire, b->snap->id, rules, n);
        for (int k = 0; k < n; k++)
            stats->fired[rules[k]]++;
    }
}

static void labels_stand_beside_the_rule_by_its_id(void **state)
{
    struct bed *b = *state;
    add(b, "l:EUR:burst", 3, 1);
    add(b, "l:USD:burst", 1, 0);
    add(b, "s::night", 0, 5);
    const struct rule_line *burst = make(b, BURST);
    assert_int_equal(burst->live.fraud, 4);
    assert_int_equal(burst->live.legitimate, 1);
    assert_int_equal(burst->live.lag_ms, 5000);
    assert_int_equal(burst->live.n_money, 2);
    assert_true(span_is(burst->live.money[0].currency, "EUR"));
    assert_int_equal(burst->live.money[0].fraud_e4, 30000);
    assert_int_equal(burst->live.money[0].legitimate_e4, 20000);
    assert_int_equal(b->table.lines[NIGHT].shadow.legitimate, 5);
    assert_int_equal(b->table.n, b->table.n_current);
}

static void a_rule_that_is_gone_keeps_its_labels(void **state)
{
    struct bed *b = *state;
    add(b, "l:EUR:zzz", 1, 0);
    add(b, "s:EUR:old", 2, 0);
    add(b, "l:EUR:old", 3, 0);
    add(b, "?:EUR:strange", 3, 0);
    make(b, 0);
    assert_int_equal(b->table.n, b->table.n_current + 2);
    const struct rule_line *old = &b->table.lines[b->table.n_current];
    assert_true(span_is(old->id, "old"));
    assert_null(old->rule);
    assert_int_equal(old->live.fraud, 3);
    assert_int_equal(old->shadow.fraud, 2);
}

static void a_share_needs_twenty(void **state)
{
    struct bed *b = *state;
    double share = 42;
    add(b, "l:EUR:burst", 10, 9);
    add(b, "f:EUR:", 10, 9);
    add(b, "a:EUR:", 9, 0);
    assert_false(rule_precision(make(b, BURST), &share));
    assert_false(rule_recall(&b->table, &b->table.lines[BURST], &share));
    assert_false(rule_table_recall(&b->table, &share));
    assert_true(share == 42);
    add(b, "s:EUR:burst", 0, 1);
    add(b, "a:EUR:", 1, 0);
    assert_true(rule_precision(make(b, BURST), &share));
    assert_true(share == 0.5);
    assert_true(rule_recall(&b->table, &b->table.lines[BURST], &share));
    assert_true(share == 0.5);
    assert_true(rule_table_recall(&b->table, &share));
    assert_true(share == 0.5);
    assert_false(rule_table_precision(&b->table, &share)); /* 19 are flagged */
}

/* A table over a ruleset with the model `fraud`, and its hash in `ret_hash`; unref its snapshot. */
static struct snapshot *load_model(struct world *w, char ret_hash[17])
{
    struct snapshot_options options = {.exact_events = 256};
    struct snapshot *snap;
    char ruleset[4096];
    *w = (struct world){0};
    snprintf(ruleset, sizeof ruleset, "%smodels: {fraud: {file: fraud.yaml, threshold: 0.5}}\n",
             world_ruleset);
    world_files(w, ruleset, world_rules);
    world_write(w, "fraud.yaml", "model: linear\ninputs:\n  amount: {weight: 1}\n");
    assert_int_equal(snapshot_load(w->ruleset, &options, &w->diags, &snap), ST_OK);
    memcpy(ret_hash, snap->models.items[0].model.hash, 17);
    return snap;
}

static void add_to(struct bed *b, const char *kind, const char *hash, int64_t fraud,
                   int64_t legitimate)
{
    char row[TALLY_NAME_MAX];
    snprintf(row, sizeof row, "%s:EUR:fraud@%s", kind, hash);
    add(b, row, fraud, legitimate);
}

static void labels_stand_beside_the_model_of_that_very_file(void **state)
{
    struct bed *b = *state;
    struct world w;
    char hash[17], command[128];
    struct snapshot *snap = load_model(&w, hash);
    double share = 42;
    add_to(b, "m", hash, 15, 4);
    add_to(b, "n", hash, 4, 77);
    add_to(b, "m", "0011223344556677", 99, 99);
    add(b, "m:EUR:other@0011223344556677", 99, 99);
    rule_table_init(&b->table, snap, NULL, 0, &b->tally);
    const struct rule_model *m = &b->table.models[0];
    assert_int_equal(m->above.fraud, 15);
    assert_int_equal(m->above.legitimate, 4);
    assert_int_equal(m->below.fraud, 4);
    assert_int_equal(m->below.legitimate, 77);
    assert_int_equal(m->above.money[0].fraud_e4, 150000);
    assert_int_equal(b->table.n, b->table.n_current); /* they are no rules */
    assert_false(rule_model_precision(m, &share));
    assert_false(rule_model_recall(m, &share));
    assert_true(share == 42);
    add_to(b, "m", hash, 0, 1);
    add_to(b, "n", hash, 1, 0);
    rule_table_fini(&b->table);
    rule_table_init(&b->table, snap, NULL, 0, &b->tally);
    assert_true(rule_model_precision(m, &share) && share == 0.75);
    assert_true(rule_model_recall(m, &share) && share == 0.75);
    snapshot_unref(snap);
    snprintf(command, sizeof command, "rm -rf '%s'", w.folder);
    assert_int_equal(system(command), 0);
}

static void the_mean_lag_is_of_live_and_shadow(void **state)
{
    struct bed *b = *state;
    int64_t ms = 42;
    make(b, BURST);
    assert_false(rule_mean_lag_ms(&b->table.lines[BURST].live, &b->table.flagged, &ms));
    add(b, "l:EUR:burst", 1, 0);
    add(b, "s:EUR:burst", 0, 3);
    const struct rule_line *line = make(b, BURST);
    assert_true(rule_mean_lag_ms(&line->live, &line->shadow, &ms));
    assert_int_equal(ms, 1000);
}

static void what_is_below_zero_counts_as_nothing(void **state)
{
    struct bed *b = *state;
    add(b, "l:EUR:burst", -1, 2);
    const struct rule_line *burst = make(b, BURST);
    assert_int_equal(burst->live.fraud, 0);
    assert_int_equal(burst->live.legitimate, 2);
}

static void a_rule_without_the_like_is_named_odd(void **state)
{
    struct bed *b = *state;
    fire(b, RULE_NEVER_MIN - 1, (const int[]){LARGE}, 1);
    make(b, 0);
    assert_int_equal(b->table.lines[BURST].hint, RULE_HINT_NONE);
    assert_int_equal(b->table.lines[LARGE].hint, RULE_HINT_ALWAYS_FIRES);
    fire(b, 1, NULL, 0);
    make(b, 0);
    assert_int_equal(b->table.transactions, RULE_NEVER_MIN);
    assert_int_equal(b->table.lines[BURST].hint, RULE_HINT_NEVER_FIRES);
    assert_int_equal(b->table.lines[LARGE].hint, RULE_HINT_NONE);
    assert_int_equal(b->table.lines[LARGE].fired, RULE_NEVER_MIN - 1);
}

static void a_rule_that_fires_only_beside_another_is_covered_by_it(void **state)
{
    struct bed *b = *state;
    fire(b, RULE_COVERED_MIN - 1, (const int[]){BURST, LARGE}, 2);
    fire(b, 50, (const int[]){LARGE}, 1);
    assert_int_equal(make(b, BURST)->hint, RULE_HINT_NONE);
    fire(b, 1, (const int[]){BURST, LARGE}, 2);
    const struct rule_line *burst = make(b, BURST);
    assert_int_equal(burst->hint, RULE_HINT_COVERED_BY);
    assert_ptr_equal(burst->covered_by, b->snap->rules->rules[LARGE]);
    assert_int_equal(b->table.lines[LARGE].hint, RULE_HINT_NONE);
    fire(b, 1, (const int[]){BURST}, 1);
    assert_int_equal(make(b, BURST)->hint, RULE_HINT_NONE);
}

static void a_shadow_rule_fires_as_a_shadow_and_a_held_one_too(void **state)
{
    struct bed *b = *state;
    fire(b, 7, (const int[]){BURST, NIGHT}, 2);
    b->world.engine.stats->held[BURST] = 3;
    const struct rule_line *burst = make(b, BURST);
    assert_int_equal(burst->fired, 7);
    assert_int_equal(burst->shadow_fired, 3);
    assert_int_equal(b->table.lines[NIGHT].fired, 0);
    assert_int_equal(b->table.lines[NIGHT].shadow_fired, 7);
}

/* As when a loop takes a ruleset with more rules while its counts are read. */
static void a_rule_that_this_ruleset_has_not_covers_nothing(void **state)
{
    struct bed *b = *state;
    fire(b, RULE_COVERED_MIN, (const int[]){BURST}, 1);
    fire(b, 1, NULL, 0);
    for (int i = b->snap->rules->count; i < RULES_MAX; i++) {
        b->world.engine.cofire->rules[BURST].with[0] = (uint16_t)(i + 1);
        assert_null(make(b, BURST)->covered_by);
    }
}

static void what_another_ruleset_counted_is_not_shown(void **state)
{
    struct bed *b = *state;
    fire(b, 7, (const int[]){BURST}, 1);
    b->world.engine.stats->fired_ruleset++;
    b->world.engine.cofire->ruleset++;
    assert_int_equal(make(b, BURST)->fired, 0);
    assert_int_equal(b->table.transactions, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(labels_stand_beside_the_rule_by_its_id),
        TEST(a_rule_that_is_gone_keeps_its_labels),
        TEST(a_share_needs_twenty),
        TEST(labels_stand_beside_the_model_of_that_very_file),
        TEST(the_mean_lag_is_of_live_and_shadow),
        TEST(what_is_below_zero_counts_as_nothing),
        TEST(a_rule_without_the_like_is_named_odd),
        TEST(a_rule_that_fires_only_beside_another_is_covered_by_it),
        TEST(a_shadow_rule_fires_as_a_shadow_and_a_held_one_too),
        TEST(a_rule_that_this_ruleset_has_not_covers_nothing),
        TEST(what_another_ruleset_counted_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
