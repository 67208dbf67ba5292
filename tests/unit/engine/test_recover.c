/* The memory state after a crash: rebuilt from the journal, it says what it said before. */
#include "service/engine/recover.h"

#include "service/engine/entity.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SECOND = 1000, DAY = 86400000 };

struct disk {
    char dir[64];
    struct journal *journal;
};

static void disk_open(struct disk *d)
{
    struct journal_options options = {.dir = d->dir, .fsync = JOURNAL_NO};
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    assert_int_equal(journal_open(&options, &d->journal, &opened, why), ST_OK);
}

static int make_disk(void **state)
{
    struct disk *d = calloc(1, sizeof *d);
    snprintf(d->dir, sizeof d->dir, "/tmp/sluice-journal-XXXXXX");
    assert_non_null(mkdtemp(d->dir));
    disk_open(d);
    *state = d;
    return 0;
}

static int drop_disk(void **state)
{
    struct disk *d = *state;
    char command[128];
    journal_close(d->journal);
    snprintf(command, sizeof command, "rm -rf '%s'", d->dir);
    assert_int_equal(system(command), 0);
    free(d);
    return 0;
}

/* Another process: an empty table, the same journal. */
static struct recovered restart_with(struct world *w, struct disk *d, const char *ruleset)
{
    struct recovered r = {0};
    world_close(w);
    journal_close(d->journal);
    disk_open(d);
    world_open(w, ruleset, world_rules, d->journal);
    assert_int_equal(recover(&w->engine, 1, &r), ST_OK);
    return r;
}

static struct recovered restart(struct world *w, struct disk *d)
{
    return restart_with(w, d, world_ruleset);
}

static void an_empty_journal_is_no_state(void **state)
{
    struct disk *d = *state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, d->journal);
    struct recovered r = restart(&w, d);
    assert_int_equal(r.events, 0);
    world_close(&w);
}

static void windows_labels_and_answers_are_there_again(void **state)
{
    struct disk *d = *state;
    struct world w;
    char first[sizeof w.answer];
    world_open(&w, world_ruleset, world_rules, d->journal);
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    strcpy(first, w.answer);
    world_score(&w, world_txn_of("t-2", "a-1", "m-1", SECOND));
    world_score(&w, world_label("t-1", "fraud", DAY / 2));
    struct recovered r = restart(&w, d);
    assert_int_equal(r.events, 3);
    assert_int_equal(r.decisions, 2);
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_true(w.score.replayed);
    assert_string_equal(w.answer, first);
    world_score(&w, world_txn_of("t-3", "a-1", "m-1", DAY / 2));
    assert_true(world_feature(&w, "account_tx_count_1d") == 3);
    assert_true(world_feature(&w, "terminal_frauds_30d") == 1);
    world_close(&w);
}

static void a_voided_attempt_stays_out(void **state)
{
    struct disk *d = *state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, d->journal);
    world_score(&w, world_txn_of("t-1", "a-1", NULL, 0));
    assert_int_equal(world_score(&w, world_txn_of("t-1", "a-2", NULL, 0)), SCORE_CONFLICT);
    restart(&w, d);
    world_score(&w, world_txn_of("t-2", "a-2", NULL, SECOND));
    assert_true(world_feature(&w, "account_tx_count_1d") == 1);
    world_close(&w);
}

static void a_parked_label_waits_on_and_finds_its_transaction(void **state)
{
    struct disk *d = *state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, d->journal);
    assert_int_equal(world_score(&w, world_label("t-1", "fraud", SECOND)), SCORE_PARKED);
    restart(&w, d);
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    restart(&w, d);
    world_score(&w, world_txn_of("t-2", "a-1", "m-1", SECOND));
    assert_true(world_feature(&w, "terminal_frauds_30d") == 1);
    world_close(&w);
}

static void erased(struct entity_query *q)
{
    assert_int_equal(q->status, ST_OK);
}

static void an_erased_entity_stays_erased(void **state)
{
    struct disk *d = *state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, d->journal);
    world_score(&w, world_txn("t-1", 0));
    struct arena *arena = arena_new(SCORE_ARENA_BYTES);
    struct entity_query q = {.engine = &w.engine,
                             .arena = arena,
                             .field = span_str("account_id"),
                             .value = span_str("a-1"),
                             .now_ms = w.score.intake.now_ms,
                             .done = erased,
                             .released = erased};
    entity_erase(&q);
    arena_free(arena);
    restart(&w, d);
    world_score(&w, world_txn("t-2", SECOND));
    assert_true(world_feature(&w, "account_tx_count_1d") == 1);
    world_close(&w);
}

static void bringing_the_journal_twice_changes_nothing(void **state)
{
    struct disk *d = *state;
    struct world w;
    struct recovered r;
    char id[32];
    world_open(&w, world_ruleset, world_rules, d->journal);
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        world_score(&w, world_txn(id, (int64_t)i * SECOND));
    }
    restart(&w, d);
    assert_int_equal(recover(&w.engine, 1, &r), ST_OK);
    world_score(&w, world_txn("last", INT64_C(100) * SECOND));
    assert_true(world_feature(&w, "account_tx_count_1d") == 101);
    world_close(&w);
}

/* As after a checkpoint that was taken between the two frames of a transaction. */
static void a_decision_that_comes_first_keeps_its_claim_alive(void **state)
{
    struct disk *d = *state;
    struct world w;
    struct recovered r;
    world_open(&w, world_ruleset, world_rules, d->journal);
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(journal_sync(d->journal), ST_OK);
    assert_int_equal(recover(&w.engine, 2, &r), ST_OK);
    assert_int_equal(r.events, 0);
    assert_int_equal(r.decisions, 1);
    assert_int_equal(world_score(&w, world_txn_of("t-1", "a-2", "m-1", 0)), SCORE_CONFLICT);
    assert_int_equal(world_score(&w, world_label("t-1", "fraud", SECOND)), SCORE_LABELLED);
    world_close(&w);
}

/* world_ruleset, in which terminal_id is required. */
static const char *stricter(void)
{
    static const char before[] = "terminal_id:    {type: string, ";
    static char out[4096];
    const char *at = strstr(world_ruleset, before);
    assert_non_null(at);
    int head = (int)(at - world_ruleset + (ptrdiff_t)strlen(before));
    snprintf(out, sizeof out, "%.*srequired: true, %s", head, world_ruleset, world_ruleset + head);
    return out;
}

static void events_that_the_schema_refuses_by_now_are_counted(void **state)
{
    struct disk *d = *state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, d->journal);
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", 0));
    world_score(&w, world_txn_of("t-2", "a-1", NULL, SECOND));
    world_score(&w, world_txn_of("t-3", "a-1", NULL, 2 * SECOND));
    struct recovered r = restart_with(&w, d, stricter());
    assert_int_equal(r.events, 3);
    assert_int_equal(r.lost, 2);
    assert_int_equal(r.first_lost_seq, 3);
    assert_int_equal(stats_get(&w.engine.stats->redelivered_refused), 2);
    world_close(&w);
}

/* It is in the journal, and was refused already when its transaction came. */
static void a_label_that_was_never_taken_is_not_lost(void **state)
{
    struct disk *d = *state;
    struct world w;
    world_open(&w, world_ruleset, world_rules, d->journal);
    assert_int_equal(world_score(&w, world_label("t-1", "fraud", 0)), SCORE_PARKED);
    world_score(&w, world_txn_of("t-1", "a-1", "m-1", SECOND));
    assert_int_equal(restart(&w, d).lost, 0);
    struct recovered r;
    assert_int_equal(recover(&w.engine, 1, &r), ST_OK); /* the transaction stands there now */
    assert_int_equal(r.lost, 0);
    world_close(&w);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_disk, drop_disk)
    const struct CMUnitTest tests[] = {
        TEST(an_empty_journal_is_no_state),
        TEST(windows_labels_and_answers_are_there_again),
        TEST(a_voided_attempt_stays_out),
        TEST(a_parked_label_waits_on_and_finds_its_transaction),
        TEST(an_erased_entity_stays_erased),
        TEST(bringing_the_journal_twice_changes_nothing),
        TEST(a_decision_that_comes_first_keeps_its_claim_alive),
        TEST(events_that_the_schema_refuses_by_now_are_counted),
        TEST(a_label_that_was_never_taken_is_not_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
