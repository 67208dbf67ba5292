/* What a state far away has missed is brought to it from the journal, once, in order. */
#include "service/engine/redeliver.h"

#include "service/base/clock.h"
#include "service/engine/delivery.h"
#include "service/engine/entity.h"
#include "service/engine/lookup.h"
#include "service/engine/outbox.h"
#include "service/engine/outbox_mark.h"
#include "service/engine/outbox_sweep.h"
#include "tests/unit/engine/far_state.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct bed {
    uv_loop_t loop;
    char dir[64];
    struct journal *journal;
    struct watermark *reached;
    struct delivery *delivery;
    struct far_state *far;
    struct world w;
};

static bool disk_is_broken;

static int sync_or_fail(int fd)
{
    return disk_is_broken ? -1 : fdatasync(fd);
}

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    assert_int_equal(uv_loop_init(&b->loop), 0);
    snprintf(b->dir, sizeof b->dir, "/tmp/sluice-journal-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    struct journal_options options = {.dir = b->dir, .fsync = JOURNAL_NO, .sync = sync_or_fail};
    assert_int_equal(journal_open(&options, &b->journal, &opened, why), ST_OK);
    b->reached = watermark_new(0);
    b->delivery = delivery_new(b->reached, 0);
    b->far = far_state_new();
    world_open_state(&b->w, world_ruleset, world_rules, &b->far->state, &b->loop);
    b->w.engine.journal = b->journal;
    b->w.engine.delivery = b->delivery;
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    char command[128];
    disk_is_broken = false;
    world_close(&b->w);
    assert_int_equal(uv_loop_close(&b->loop), 0);
    delivery_free(b->delivery);
    watermark_free(b->reached);
    journal_close(b->journal);
    snprintf(command, sizeof command, "rm -rf '%s'", b->dir);
    assert_int_equal(system(command), 0);
    free(b);
    return 0;
}

/* As engine.c does it. */
static void connect_again(struct bed *b, uint64_t beacon)
{
    delivery_connected(b->delivery, beacon);
    delivery_lost(b->delivery, journal_last_seq(b->journal));
}

static void tick(uv_timer_t *timer)
{
    (void)timer;
}

static void bring(struct bed *b)
{
    int64_t until_us = clock_mono_us() + 5000000;
    assert_int_equal(journal_sync(b->journal), ST_OK);
    struct redelivery *r = redelivery_new(&b->w.engine);
    uv_timer_t awake; /* the looks alone keep no loop running */
    uv_timer_init(&b->loop, &awake);
    uv_timer_start(&awake, tick, 1, 1);
    while (!delivery_is_whole(b->delivery) && clock_mono_us() < until_us) {
        uv_run(&b->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    assert_true(delivery_is_whole(b->delivery));
    uv_run(&b->loop, UV_RUN_NOWAIT);
    redelivery_free(r);
    uv_close((uv_handle_t *)&awake, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

static void what_came_while_it_was_away_is_brought(void **state)
{
    struct bed *b = *state;
    char first[sizeof b->w.answer];
    world_score(&b->w, world_txn("t-1", 0));
    b->far->is_away = true;
    world_score(&b->w, world_txn("t-2", 1));
    assert_true(b->w.score.degraded);
    strcpy(first, b->w.answer);
    world_score(&b->w, world_txn("t-3", 2));
    assert_false(delivery_is_whole(b->delivery));
    b->far->is_away = false;
    bring(b);
    world_score(&b->w, world_txn("t-4", 3));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 4);
    world_score(&b->w, world_txn("t-2", 1)); /* what was answered is what is remembered */
    assert_true(b->w.score.replayed);
    assert_string_equal(b->w.answer, first);
}

static void what_has_arrived_is_not_brought_again(void **state)
{
    struct bed *b = *state;
    b->far->is_away = true;
    world_score(&b->w, world_txn("t-1", 0));
    b->far->is_away = false;
    world_score(&b->w, world_txn("t-2", 1));
    delivery_lost(b->delivery, journal_last_seq(b->journal));
    bring(b);
    assert_int_equal(b->w.engine.stats->redelivered, 2); /* an event and its decision */
    assert_int_equal(delivery_reached(b->delivery), 4);
}

static void what_was_lost_on_the_way_is_brought_and_counts_once(void **state)
{
    struct bed *b = *state;
    world_score(&b->w, world_txn("t-1", 0));
    b->far->is_losing = true; /* it took effect; nobody heard */
    world_score(&b->w, world_txn("t-2", 1));
    assert_true(b->w.score.degraded);
    b->far->is_losing = false;
    bring(b);
    world_score(&b->w, world_txn("t-3", 2));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 3);
}

static void a_state_that_has_forgotten_is_filled_again(void **state)
{
    struct bed *b = *state;
    char id[32];
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        world_score(&b->w, world_txn(id, (int64_t)i * 100));
    }
    assert_int_equal(delivery_reached(b->delivery), journal_last_seq(b->journal));
    static const struct hash_key key;
    struct state *old = b->far->near;
    struct state_table *old_table = b->far->table;
    b->far->table = state_table_new(&key, NULL);
    b->far->near = state_mem_open(b->far->table, true);
    connect_again(b, 0);
    world_score(&b->w, world_txn("meanwhile", 29950));
    assert_true(b->w.score.degraded);
    assert_true(world_says(&b->w, "\"degraded\":[\"state_incomplete\"]"));
    bring(b);
    world_score(&b->w, world_txn("last", 30000));
    assert_false(b->w.score.degraded);
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 302);
    state_close(old);
    state_table_free(old_table);
}

/* n transactions of one account, the i-th after i * 100 ms. */
static void score_many(struct bed *b, int from, int to)
{
    char id[32];
    for (int i = from; i < to; i++) {
        snprintf(id, sizeof id, "t-%d", i);
        world_score(&b->w, world_txn(id, (int64_t)i * 100));
    }
}

static void what_has_folded_is_not_counted_again(void **state)
{
    struct bed *b = *state;
    score_many(b, 0, 700);
    connect_again(b, 0);
    bring(b);
    score_many(b, 700, 1200);
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 1200);
}

static void a_decision_does_not_stand_for_an_event_that_was_refused(void **state)
{
    struct bed *b = *state;
    world_score(&b->w, world_txn("t-1", 0));
    b->far->fails_at = b->far->n_submitted + 1; /* this one alone: the server is full */
    world_score(&b->w, world_txn("t-2", 1));
    assert_true(b->w.score.degraded);
    bring(b);
    world_score(&b->w, world_txn("t-3", 2));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 3);
}

static void a_conflict_that_was_lost_on_the_way_leaves_no_trace(void **state)
{
    struct bed *b = *state;
    world_score(&b->w, world_txn_of("t-1", "a-1", NULL, 0));
    b->far->is_losing = true;
    world_score(&b->w, world_txn_of("t-1", "a-2", NULL, 0));
    assert_true(b->w.score.degraded);
    b->far->is_losing = false;
    bring(b);
    world_score(&b->w, world_txn_of("t-2", "a-2", NULL, 1));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 1);
}

/* ---- an erasure ---- */

static void erase_told(struct entity_query *q)
{
    (void)q;
}

static enum status erase(struct bed *b, const char *account)
{
    struct entity_query q = {.engine = &b->w.engine,
                             .arena = b->w.arena,
                             .field = span_str("account_id"),
                             .value = span_str(account),
                             .now_ms = b->w.score.intake.now_ms,
                             .done = erase_told,
                             .released = erase_told};
    arena_reset(b->w.arena);
    entity_erase(&q);
    return q.status;
}

static void nothing_is_erased_before_what_it_would_erase_has_arrived(void **state)
{
    struct bed *b = *state;
    b->far->is_away = true;
    world_score(&b->w, world_txn("t-1", 0));
    b->far->is_away = false;
    assert_int_equal(erase(b, "a-1"), ST_UNAVAILABLE);
    bring(b);
    assert_int_equal(erase(b, "a-1"), ST_OK);
    world_score(&b->w, world_txn("t-2", 1));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 1);
}

static void what_has_arrived_is_told_when_no_event_comes(void **state)
{
    struct bed *b = *state;
    world_score(&b->w, world_txn("t-1", 0));
    assert_int_equal(erase(b, "a-1"), ST_OK);
    struct redelivery *r = redelivery_new(&b->w.engine);
    int64_t until_us = clock_mono_us() + 5000000;
    uv_timer_t awake;
    uv_timer_init(&b->loop, &awake);
    uv_timer_start(&awake, tick, 1, 1);
    while (b->far->n_beacons == 0 && clock_mono_us() < until_us)
        uv_run(&b->loop, UV_RUN_ONCE);
    assert_int_equal(b->far->n_beacons, 1);
    redelivery_free(r);
    uv_close((uv_handle_t *)&awake, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
}

/* ---- a damaged journal ---- */

static void count_undeliverable(void *user, enum status st)
{
    int *n = user;
    assert_true(st == ST_CORRUPT || st == ST_NOT_FOUND);
    (*n)++;
}

static void segment_path(const struct bed *b, char path[128])
{
    snprintf(path, 128, "%s/0000000000000001.log", b->dir);
}

static void damage(const struct bed *b, long offset, int whence)
{
    char path[128];
    segment_path(b, path);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, whence), 0);
    fputs("damage", f);
    assert_int_equal(fclose(f), 0);
}

/* Three transactions come while the state is away: six frames. */
static void score_away(struct bed *b)
{
    b->far->is_away = true;
    world_score(&b->w, world_txn("t-1", 0));
    world_score(&b->w, world_txn("t-2", 1));
    world_score(&b->w, world_txn("t-3", 2));
    b->far->is_away = false;
    assert_int_equal(journal_sync(b->journal), ST_OK);
}

/* Some looks at the journal; answers how often it was told that it cannot be read. */
static int look_for_a_while(struct bed *b)
{
    int n = 0;
    b->w.engine.undeliverable = count_undeliverable;
    b->w.engine.user = &n;
    struct redelivery *r = redelivery_new(&b->w.engine);
    int64_t until_us = clock_mono_us() + 400000; /* some looks */
    uv_timer_t awake;
    uv_timer_init(&b->loop, &awake);
    uv_timer_start(&awake, tick, 1, 1);
    while (clock_mono_us() < until_us)
        uv_run(&b->loop, UV_RUN_ONCE);
    redelivery_free(r);
    uv_close((uv_handle_t *)&awake, NULL);
    uv_run(&b->loop, UV_RUN_NOWAIT);
    return n;
}

static void a_journal_that_cannot_be_read_is_told_once(void **state)
{
    struct bed *b = *state;
    score_away(b);
    damage(b, 60, SEEK_SET); /* in its first frame */
    assert_int_equal(look_for_a_while(b), 1);
    assert_int_equal(delivery_reached(b->delivery), 0);
}

static void frames_before_a_damage_are_brought(void **state)
{
    struct bed *b = *state;
    score_away(b);
    damage(b, -40, SEEK_END); /* in its last frame */
    assert_int_equal(look_for_a_while(b), 1);
    assert_int_equal(delivery_reached(b->delivery), journal_last_seq(b->journal) - 1);
}

static void a_segment_that_was_removed_is_told_once(void **state)
{
    struct bed *b = *state;
    char path[128];
    score_away(b);
    segment_path(b, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(look_for_a_while(b), 1);
}

static void looked_up(struct lookup *l)
{
    (void)l;
}

static bool is_kept(struct bed *b, const char *id)
{
    struct lookup l = {.engine = &b->w.engine,
                       .arena = b->w.arena,
                       .txn_id = span_str(id),
                       .done = looked_up,
                       .released = looked_up};
    b->far->is_holding = false;
    lookup_start(&l);
    return l.status == ST_OK;
}

static void a_decision_that_the_journal_refuses_is_kept_by_the_state(void **state)
{
    struct bed *b = *state;
    b->far->is_holding = true;
    world_start(&b->w, world_txn("t-1", 0));
    disk_is_broken = true;
    assert_int_equal(journal_sync(b->journal), ST_IO); /* it takes nothing more */
    while (b->far->n_held > 0)
        far_state_answer(b->far);
    assert_true(b->w.is_released);
    b->far->is_holding = false;
    assert_true(is_kept(b, "t-1"));
}

/* ---- alerts ---- */

static void open_outbox(struct bed *b, int waiting_max)
{
    struct outbox_options options = {
        .waiting_max = waiting_max, .journal = b->journal, .redis_keeps = true};
    b->w.engine.outbox = outbox_new(&options);
}

static void close_outbox(struct bed *b)
{
    outbox_free(b->w.engine.outbox);
    b->w.engine.outbox = NULL;
}

static void score_flagged(struct bed *b, const char *id)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"transaction_id\":\"%s\",\"account_id\":\"a-1\",\"amount\":1,"
             "\"timestamp\":\"2026-01-05T12:00:00Z\",\"country\":\"KP\"}",
             id);
    assert_int_equal(world_score(&b->w, body), SCORE_DECIDED);
    assert_true(b->w.score.flagged);
}

static void an_alert_goes_with_its_decision_and_not_again(void **state)
{
    struct bed *b = *state;
    open_outbox(b, 10);
    score_flagged(b, "t-1");
    assert_int_equal(b->far->n_alerts, 1);
    assert_false(b->far->alert_was_nobodys);
    struct outbox_item *item = outbox_take(b->w.engine.outbox);
    assert_int_equal(item->kept.ms, 1);
    assert_int_equal(item->seq, 2);
    connect_again(b, 0);
    bring(b);
    assert_int_equal(b->far->n_alerts, 1);
    outbox_done(b->w.engine.outbox, item);
    close_outbox(b);
}

/* Else a crash would lose it: the frame has arrived, and no one brings it again. */
static void an_alert_that_waits_is_brought_as_ours(void **state)
{
    struct bed *b = *state;
    struct state_alert entry;
    open_outbox(b, 10);
    b->far->is_away = true;
    score_flagged(b, "t-1");
    b->far->is_away = false;
    assert_int_equal(b->far->n_alerts, 0);
    struct outbox_item *item = outbox_take(b->w.engine.outbox);
    bring(b);
    assert_int_equal(b->far->n_alerts, 1);
    assert_false(b->far->alert_was_nobodys);
    assert_int_equal(item->kept.ms, 1);
    outbox_done(b->w.engine.outbox, item);
    assert_int_equal(outbox_take_done(b->w.engine.outbox, &entry, 1), 1);
    assert_null(outbox_take(b->w.engine.outbox));
    close_outbox(b);
}

static void an_alert_that_was_sent_is_not_brought(void **state)
{
    struct bed *b = *state;
    open_outbox(b, 10);
    b->far->is_away = true;
    score_flagged(b, "t-1");
    b->far->is_away = false;
    outbox_done(b->w.engine.outbox, outbox_take(b->w.engine.outbox));
    bring(b);
    assert_int_equal(b->far->n_alerts, 0);
    close_outbox(b);
}

static void an_alert_without_room_is_brought_as_nobodys(void **state)
{
    struct bed *b = *state;
    open_outbox(b, 1);
    b->far->is_away = true;
    score_flagged(b, "t-1");
    score_flagged(b, "t-2");
    b->far->is_away = false;
    outbox_done(b->w.engine.outbox, outbox_take(b->w.engine.outbox));
    bring(b);
    assert_int_equal(b->far->n_alerts, 1);
    assert_true(b->far->alert_was_nobodys);
    close_outbox(b);
}

static void an_alert_that_another_process_wrote_is_brought_as_nobodys(void **state)
{
    struct bed *b = *state;
    open_outbox(b, 10);
    b->far->is_away = true;
    score_flagged(b, "t-1");
    close_outbox(b); /* it has died, and Redis with what it knew */
    open_outbox(b, 10);
    b->far->is_away = false;
    bring(b);
    assert_int_equal(b->far->n_alerts, 1);
    assert_true(b->far->alert_was_nobodys);
    close_outbox(b);
}

static uint64_t mark_of(struct bed *b)
{
    struct outbox_mark *m;
    uint64_t seq;
    assert_int_equal(outbox_mark_open(b->dir, &m, &seq), ST_OK);
    outbox_mark_close(m);
    return seq;
}

/* As at the end of a process, which moves the mark. */
static void sweep_once(struct bed *b)
{
    struct outbox_mark *m;
    uint64_t seq;
    assert_int_equal(outbox_mark_open(b->dir, &m, &seq), ST_OK);
    b->w.engine.outbox_mark = m;
    outbox_sweep_free(outbox_sweep_new(&b->w.engine));
    uv_run(&b->loop, UV_RUN_NOWAIT);
    b->w.engine.outbox_mark = NULL;
    outbox_mark_close(m);
}

static void the_mark_waits_for_what_is_lacked(void **state)
{
    struct bed *b = *state;
    open_outbox(b, 0);
    b->far->is_away = true;
    score_flagged(b, "t-1"); /* nowhere but in the journal */
    sweep_once(b);
    assert_int_equal(mark_of(b), 0);
    b->far->is_away = false;
    bring(b);
    sweep_once(b);
    assert_int_equal(mark_of(b), 2);
    close_outbox(b);
}

/* ---- labels ---- */

static void labels_and_conflicts_are_brought_in_their_place(void **state)
{
    struct bed *b = *state;
    world_score(&b->w, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(world_score(&b->w, world_txn_of("t-1", "a-2", "m-1", 0)), SCORE_CONFLICT);
    world_score(&b->w, world_label("t-1", "fraud", 10));
    connect_again(b, 0);
    bring(b);
    world_score(&b->w, world_txn_of("t-2", "a-2", "m-1", 20));
    assert_true(world_feature(&b->w, "account_tx_count_1d") == 1);
    assert_true(world_feature(&b->w, "terminal_tx_count_1d") == 2);
    assert_true(world_feature(&b->w, "terminal_frauds_30d") == 1);
}

/* One of the operations of t-<n> is refused; its label waited for it. */
static void label_finds_its_transaction(struct bed *b, int fails, bool is_lost)
{
    char id[16], terminal[16];
    snprintf(id, sizeof id, "t-%d-%d", fails, is_lost);
    snprintf(terminal, sizeof terminal, "m-%d-%d", fails, is_lost);
    const char *txn = world_txn_of(id, "a-1", terminal, 0);
    assert_int_equal(world_score(&b->w, world_label(id, "fraud", 10)), SCORE_PARKED);
    b->far->fails_at = b->far->n_submitted + fails;
    b->far->fails_lost = is_lost;
    world_score(&b->w, txn);
    b->far->fails_at = 0;
    bring(b);
    assert_int_equal(world_score(&b->w, txn), SCORE_DECIDED);
    snprintf(id, sizeof id, "u-%d-%d", fails, is_lost);
    world_score(&b->w, world_txn_of(id, "a-2", terminal, 20));
    assert_true(world_feature(&b->w, "terminal_tx_count_1d") == 2);
    assert_true(world_feature(&b->w, "terminal_frauds_30d") == 1);
}

static void a_parked_label_is_taken_whichever_operation_fails(void **state)
{
    struct bed *b = *state;
    for (int fails = 1; fails <= 6; fails++) {
        label_finds_its_transaction(b, fails, false);
        label_finds_its_transaction(b, fails, true);
    }
}

static void a_patient_event_waits_until_nothing_is_missing(void **state)
{
    struct bed *b = *state;
    world_score(&b->w, world_txn("t-1", 0));
    connect_again(b, 0);
    assert_false(delivery_is_whole(b->delivery));
    b->w.score.intake.patient = true;
    assert_int_equal(world_score(&b->w, world_txn("t-2", 100)), SCORE_UNAVAILABLE);
    delivery_set_stuck(b->delivery, true); /* it would wait for ever */
    assert_int_equal(world_score(&b->w, world_txn("t-2", 100)), SCORE_DECIDED);
    assert_true(world_says(&b->w, "\"degraded\":[\"state_incomplete\"]"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(what_came_while_it_was_away_is_brought),
        TEST(what_has_arrived_is_not_brought_again),
        TEST(what_was_lost_on_the_way_is_brought_and_counts_once),
        TEST(a_state_that_has_forgotten_is_filled_again),
        TEST(what_has_folded_is_not_counted_again),
        TEST(a_decision_does_not_stand_for_an_event_that_was_refused),
        TEST(a_conflict_that_was_lost_on_the_way_leaves_no_trace),
        TEST(nothing_is_erased_before_what_it_would_erase_has_arrived),
        TEST(what_has_arrived_is_told_when_no_event_comes),
        TEST(a_journal_that_cannot_be_read_is_told_once),
        TEST(frames_before_a_damage_are_brought),
        TEST(a_segment_that_was_removed_is_told_once),
        TEST(a_decision_that_the_journal_refuses_is_kept_by_the_state),
        TEST(an_alert_goes_with_its_decision_and_not_again),
        TEST(an_alert_that_waits_is_brought_as_ours),
        TEST(an_alert_that_was_sent_is_not_brought),
        TEST(an_alert_without_room_is_brought_as_nobodys),
        TEST(an_alert_that_another_process_wrote_is_brought_as_nobodys),
        TEST(the_mark_waits_for_what_is_lacked),
        TEST(labels_and_conflicts_are_brought_in_their_place),
        TEST(a_parked_label_is_taken_whichever_operation_fails),
        TEST(a_patient_event_waits_until_nothing_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
