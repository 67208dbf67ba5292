/* What a crash has left, or had no room, comes again: from the journal, and from Redis. */
#include "service/engine/outbox_sweep.h"

#include "service/base/clock.h"
#include "service/engine/outbox.h"
#include "service/engine/outbox_mark.h"
#include "tests/unit/engine/alert_record.h"
#include "tests/unit/engine/world.h"
#include "tests/unit/state/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { WAIT_US = 10000000, WHILE_US = 400000 /* some ticks */ };

static void tick(uv_timer_t *timer)
{
    (void)timer;
}

/* Until `is_so` says so; answers whether it did. */
static bool run_until(uv_loop_t *loop, bool (*is_so)(void *user), void *user, int64_t wait_us)
{
    int64_t until_us = clock_mono_us() + wait_us;
    uv_timer_t awake; /* the sweep's alone keeps no loop running */
    uv_timer_init(loop, &awake);
    uv_timer_start(&awake, tick, 1, 1);
    bool so = false;
    while (!(so = is_so(user)) && clock_mono_us() < until_us)
        uv_run(loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&awake, NULL);
    uv_run(loop, UV_RUN_NOWAIT);
    return so;
}

static bool never(void *user)
{
    (void)user;
    return false;
}

/* ---- over the journal ---- */

struct bed {
    uv_loop_t loop;
    char dir[SCRATCH_PATH_BYTES];
    int64_t segment_bytes, max_bytes;
    struct journal *journal;
    struct outbox_mark *mark;
    uint64_t mark_at_start;
    struct outbox *outbox;
    struct outbox_sweep *sweep;
    struct world w;
    int n_undeliverable;
    uint64_t wanted;
};

static void count_undeliverable(void *user, enum status st)
{
    struct bed *b = user;
    assert_int_not_equal(st, ST_OK);
    b->n_undeliverable++;
}

/* A process begins: as cli/backend.c does it, without its table. */
static void begin(struct bed *b, int waiting_max)
{
    struct journal_options options = {.dir = b->dir,
                                      .fsync = JOURNAL_NO,
                                      .segment_bytes = b->segment_bytes,
                                      .max_bytes = b->max_bytes};
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    assert_int_equal(journal_open(&options, &b->journal, &opened, why), ST_OK);
    assert_int_equal(outbox_mark_open(b->dir, &b->mark, &b->mark_at_start), ST_OK);
    journal_keep(b->journal, b->mark_at_start + 1);
    struct outbox_options box = {.waiting_max = waiting_max,
                                 .journal = b->journal,
                                 .journal_keeps = true,
                                 .acknowledged_seq = b->mark_at_start};
    b->outbox = outbox_new(&box);
    world_open(&b->w, world_ruleset, world_rules, b->journal);
    b->w.engine.loop = &b->loop;
    b->w.engine.outbox = b->outbox;
    b->w.engine.outbox_mark = b->mark;
    b->w.engine.undeliverable = count_undeliverable;
    b->w.engine.user = b;
}

static void start_sweep(struct bed *b)
{
    b->sweep = outbox_sweep_new(&b->w.engine);
}

static void end(struct bed *b)
{
    outbox_sweep_free(b->sweep);
    b->sweep = NULL;
    world_close(&b->w);
    outbox_mark_close(b->mark);
    outbox_free(b->outbox);
    journal_close(b->journal);
}

static int open_bed(void **state)
{
    struct bed *b = *state = calloc(1, sizeof *b);
    assert_int_equal(uv_loop_init(&b->loop), 0);
    scratch_make(b->dir);
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    assert_int_equal(uv_loop_close(&b->loop), 0);
    scratch_remove(b->dir);
    free(b);
    return 0;
}

static const char *id_of(int i)
{
    static char id[32];
    snprintf(id, sizeof id, "t-%d", i);
    return id;
}

static void score(struct bed *b, int i, bool flagged)
{
    char body[256];
    snprintf(body, sizeof body,
             "{\"transaction_id\":\"%s\",\"account_id\":\"a-%d\",\"amount\":1,"
             "\"timestamp\":\"2026-01-05T12:00:00Z\",\"country\":\"%s\"}",
             id_of(i), i, flagged ? "KP" : "DE");
    assert_int_equal(world_score(&b->w, body), SCORE_DECIDED);
    assert_true(b->w.score.flagged == flagged);
}

static void score_flagged(struct bed *b, int from, int to)
{
    for (int i = from; i < to; i++)
        score(b, i, true);
    assert_int_equal(journal_sync(b->journal), ST_OK);
}

static bool is_put(void *user)
{
    const struct bed *b = user;
    return outbox_last(b->outbox) >= b->wanted;
}

/* Transaction i is next to go out. */
static struct outbox_item *take(struct bed *b, int i)
{
    b->wanted = outbox_settled(b->outbox) + 1;
    struct outbox_item *item = outbox_take(b->outbox);
    if (item == NULL) {
        assert_true(run_until(&b->loop, is_put, b, WAIT_US));
        item = outbox_take(b->outbox);
    }
    assert_non_null(item);
    if (!span_is(item->alert.transaction_id, id_of(i)))
        fail_msg("%.*s instead of t-%d", SPAN_ARG(item->alert.transaction_id), i);
    return item;
}

static void take_and_end(struct bed *b, int i)
{
    outbox_done(b->outbox, take(b, i));
}

static void run_a_while(struct bed *b)
{
    assert_false(run_until(&b->loop, never, NULL, WHILE_US));
}

static bool mark_has_all(void *user)
{
    const struct bed *b = user;
    struct outbox_mark *m;
    uint64_t seq;
    assert_int_equal(outbox_mark_open(b->dir, &m, &seq), ST_OK);
    outbox_mark_close(m);
    return seq == journal_last_seq(b->journal);
}

static void what_a_process_left_is_put_again_in_order(void **state)
{
    struct bed *b = *state;
    begin(b, 10);
    start_sweep(b);
    score_flagged(b, 0, 4);
    score(b, 4, false);
    take_and_end(b, 0);
    take(b, 1); /* the sink never says */
    end(b);
    begin(b, 10);
    assert_int_equal(b->mark_at_start, 3); /* event and decision of t-0, the event of t-1 */
    score_flagged(b, 5, 6);                /* comes behind what was left */
    start_sweep(b);
    for (int i = 1; i < 4; i++)
        take_and_end(b, i);
    take_and_end(b, 5);
    assert_true(run_until(&b->loop, mark_has_all, b, WAIT_US));
    assert_null(outbox_take(b->outbox));
    end(b);
    begin(b, 10);
    start_sweep(b);
    run_a_while(b);
    assert_int_equal(outbox_last(b->outbox), 0);
    end(b);
}

static void without_a_mark_all_that_the_journal_has_comes_again(void **state)
{
    struct bed *b = *state;
    char path[SCRATCH_PATH_BYTES + 16];
    begin(b, 10);
    start_sweep(b);
    score_flagged(b, 0, 3);
    for (int i = 0; i < 3; i++)
        take_and_end(b, i);
    end(b);
    snprintf(path, sizeof path, "%s/outbox", b->dir);
    assert_int_equal(unlink(path), 0);
    begin(b, 10);
    start_sweep(b);
    for (int i = 0; i < 3; i++)
        take_and_end(b, i);
    end(b);
}

static void what_had_no_room_comes_in_order_and_once(void **state)
{
    struct bed *b = *state;
    begin(b, 3);
    start_sweep(b);
    score_flagged(b, 0, 40);
    assert_int_equal(outbox_stats(b->outbox).left_total, 37);
    for (int i = 0; i < 20; i++)
        take_and_end(b, i);
    score_flagged(b, 40, 50);
    for (int i = 20; i < 50; i++)
        take_and_end(b, i);
    run_a_while(b);
    assert_null(outbox_take(b->outbox));
    assert_int_equal(outbox_stats(b->outbox).sent_total, 50);
    assert_int_equal(outbox_stats(b->outbox).lost_total, 0);
    assert_true(run_until(&b->loop, mark_has_all, b, WAIT_US));
    end(b);
}

/* More frames than the sweep looks at in one turn. */
static void what_was_left_behind_many_frames_is_found(void **state)
{
    struct bed *b = *state;
    uint64_t seq;
    begin(b, 1);
    for (int i = 0; i < 9000; i++)
        assert_int_equal(journal_append(b->journal, 5, span_str("12345678"), &seq), ST_OK);
    score_flagged(b, 0, 2);
    end(b);
    begin(b, 1);
    start_sweep(b);
    take_and_end(b, 0);
    take_and_end(b, 1);
    end(b);
}

static void the_mark_waits_for_the_sink(void **state)
{
    struct bed *b = *state;
    begin(b, 10);
    start_sweep(b);
    score_flagged(b, 0, 1);
    struct outbox_item *item = take(b, 0);
    run_a_while(b);
    assert_false(mark_has_all(b));
    outbox_done(b->outbox, item);
    assert_true(run_until(&b->loop, mark_has_all, b, WAIT_US));
    end(b);
}

static void the_end_tells_what_is_acknowledged_by_then(void **state)
{
    struct bed *b = *state;
    begin(b, 10);
    start_sweep(b);
    score_flagged(b, 0, 1);
    outbox_done(b->outbox, take(b, 0));
    outbox_sweep_free(b->sweep); /* no tick since */
    b->sweep = NULL;
    assert_true(mark_has_all(b));
    end(b);
}

/* ---- what the journal may not let go ---- */

static bool first_has_gone(void *user)
{
    const struct bed *b = user;
    uint64_t seq;
    assert_int_equal(journal_append(b->journal, 5, span_str("12345678"), &seq), ST_OK);
    journal_release(b->journal, seq);
    return journal_first_seq(b->journal) > 2;
}

static void frames_of_waiting_alerts_are_kept_whatever_is_released(void **state)
{
    struct bed *b = *state;
    b->segment_bytes = 64;
    b->max_bytes = 1;
    begin(b, 10);
    start_sweep(b);
    score_flagged(b, 0, 1); /* frame 2 */
    struct outbox_item *item = take(b, 0);
    for (int i = 1; i < 10; i++) {
        score(b, i, false);
        assert_int_equal(journal_sync(b->journal), ST_OK);
        journal_release(b->journal, journal_last_seq(b->journal));
    }
    assert_false(run_until(&b->loop, first_has_gone, b, WHILE_US));
    assert_true(journal_first_seq(b->journal) <= 2);
    outbox_done(b->outbox, item);
    assert_true(run_until(&b->loop, first_has_gone, b, WAIT_US));
    end(b);
}

/* ---- a journal that cannot be read ---- */

static void segment_path(const struct bed *b, char path[SCRATCH_PATH_BYTES + 32])
{
    snprintf(path, SCRATCH_PATH_BYTES + 32, "%s/0000000000000001.log", b->dir);
}

static void damage(const struct bed *b, long offset, int whence)
{
    char path[SCRATCH_PATH_BYTES + 32];
    segment_path(b, path);
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    assert_int_equal(fseek(f, offset, whence), 0);
    fputs("damage", f);
    assert_int_equal(fclose(f), 0);
}

static void a_damaged_journal_is_told_once_and_moves_no_mark(void **state)
{
    struct bed *b = *state;
    begin(b, 0);
    score_flagged(b, 0, 3);
    damage(b, 60, SEEK_SET); /* in its first frame */
    outbox_free(b->outbox);  /* with room, from now on */
    struct outbox_options box = {.waiting_max = 10, .journal = b->journal, .journal_keeps = true};
    b->w.engine.outbox = b->outbox = outbox_new(&box);
    start_sweep(b);
    run_a_while(b);
    assert_int_equal(b->n_undeliverable, 1);
    assert_int_equal(outbox_last(b->outbox), 0);
    end(b);
    struct outbox_mark *m;
    uint64_t seq;
    assert_int_equal(outbox_mark_open(b->dir, &m, &seq), ST_OK);
    outbox_mark_close(m);
    assert_int_equal(seq, 0);
}

static void alerts_before_a_damage_come(void **state)
{
    struct bed *b = *state;
    begin(b, 0);
    score_flagged(b, 0, 3);
    damage(b, -40, SEEK_END); /* in its last frame */
    outbox_free(b->outbox);
    struct outbox_options box = {.waiting_max = 10, .journal = b->journal, .journal_keeps = true};
    b->w.engine.outbox = b->outbox = outbox_new(&box);
    start_sweep(b);
    take_and_end(b, 0);
    take_and_end(b, 1);
    run_a_while(b);
    assert_int_equal(b->n_undeliverable, 1);
    assert_null(outbox_take(b->outbox));
    end(b);
}

static void a_segment_that_was_removed_is_told_once(void **state)
{
    struct bed *b = *state;
    char path[SCRATCH_PATH_BYTES + 32];
    begin(b, 0);
    score_flagged(b, 0, 3);
    segment_path(b, path);
    assert_int_equal(unlink(path), 0);
    outbox_free(b->outbox);
    struct outbox_options box = {.waiting_max = 10, .journal = b->journal, .journal_keeps = true};
    b->w.engine.outbox = b->outbox = outbox_new(&box);
    start_sweep(b);
    run_a_while(b);
    assert_int_equal(b->n_undeliverable, 1);
    end(b);
}

static void a_frame_that_is_none_is_counted_and_passed(void **state)
{
    struct bed *b = *state;
    uint64_t seq;
    begin(b, 10);
    assert_int_equal(journal_append(b->journal, 6, span_str("no frame"), &seq), ST_OK);
    score_flagged(b, 0, 1);
    end(b);
    begin(b, 10);
    start_sweep(b);
    take_and_end(b, 0);
    assert_int_equal(b->w.engine.stats->corrupt, 1);
    end(b);
}

/* ---- over Redis: a state that is a shelf of entries ---- */

enum { SHELF = 64 };

struct shelf {
    struct state state;
    uv_loop_t loop;
    struct engine engine;
    struct outbox *outbox;
    struct outbox_sweep *sweep;
    char records[SHELF][ALERT_RECORD_BYTES];
    struct span entries[SHELF];
    int n_entries, at; /* of those to be taken; all before `at` were */
    bool refuses_takes, loses_takes;
    int n_takes, n_drops, n_dropped;
    unsigned epoch;
    int most; /* of one answer */
    uint64_t dropped[SHELF];
};

static void take_from(struct shelf *f, struct state_op *op)
{
    f->n_takes++;
    f->epoch = op->take_epoch;
    if (f->refuses_takes) {
        op->done(op, ST_UNAVAILABLE);
        return;
    }
    assert_true(op->n_alerts >= 0 && op->n_alerts <= STATE_PEEK_MAX);
    for (op->n_found = 0; f->at < f->n_entries && op->n_found < op->n_alerts; f->at++) {
        if (op->n_found == f->most)
            break;
        op->alerts[op->n_found] = (struct state_alert){(uint64_t)f->at + 1, 7};
        op->found[op->n_found++] = f->entries[f->at];
    }
    bool is_whole = f->at == f->n_entries;
    op->cursor = is_whole ? (struct state_alert){0} : (struct state_alert){(uint64_t)f->at, 7};
    op->done(op, f->loses_takes ? ST_UNAVAILABLE : ST_OK);
}

static void drop_from(struct shelf *f, struct state_op *op)
{
    f->n_drops++;
    for (int i = 0; i < op->n_alerts; i++)
        f->dropped[f->n_dropped++] = op->alerts[i].ms;
    op->done(op, ST_OK);
}

static void submit(struct state *state, struct state_op *op)
{
    struct shelf *f = (struct shelf *)state;
    assert_true(op->verb == STATE_TAKE_ALERTS || op->verb == STATE_DROP_ALERTS);
    if (op->verb == STATE_TAKE_ALERTS)
        take_from(f, op);
    else
        drop_from(f, op);
}

static bool available(const struct state *state)
{
    (void)state;
    return true;
}

static void close_nothing(struct state *state)
{
    (void)state;
}

static const struct state_backend shelf_backend = {
    .name = "shelf", .submit = submit, .available = available, .close = close_nothing};

static void open_shelf(struct shelf *f, int n_entries, int waiting_max)
{
    struct outbox_options options = {.waiting_max = waiting_max, .redis_keeps = true};
    static struct engine_stats stats;
    *f = (struct shelf){.state.backend = &shelf_backend, .n_entries = n_entries, .most = SHELF};
    stats = (struct engine_stats){0};
    assert_int_equal(uv_loop_init(&f->loop), 0);
    for (int i = 0; i < n_entries; i++)
        f->entries[i] = alert_record_make(id_of(i), f->records[i]);
    f->outbox = outbox_new(&options);
    f->engine =
        (struct engine){.loop = &f->loop, .state = &f->state, .stats = &stats, .outbox = f->outbox};
    f->sweep = outbox_sweep_new(&f->engine);
}

static void close_shelf(struct shelf *f)
{
    outbox_sweep_free(f->sweep);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    outbox_free(f->outbox);
}

static int send_all(struct shelf *f)
{
    struct outbox_item *item;
    int n = 0;
    while ((item = outbox_take(f->outbox)) != NULL) {
        assert_true(alert_record_is(&item->alert, id_of((int)item->number - 1)));
        outbox_done(f->outbox, item);
        n++;
    }
    return n;
}

static bool all_are_dropped(void *user)
{
    struct shelf *f = user;
    send_all(f);
    return f->n_dropped == f->n_entries;
}

static void what_others_left_in_redis_is_sent_and_deleted(void **state)
{
    (void)state;
    static struct shelf f;
    open_shelf(&f, 10, 100);
    assert_true(run_until(&f.loop, all_are_dropped, &f, WAIT_US));
    uint64_t sum = 0;
    for (int i = 0; i < 10; i++)
        sum += f.dropped[i];
    assert_int_equal(sum, 55); /* each once */
    assert_int_equal(outbox_stats(f.outbox).sent_total, 10);
    close_shelf(&f);
}

static void no_more_is_taken_than_there_is_room_for(void **state)
{
    (void)state;
    static struct shelf f;
    open_shelf(&f, 10, 4);
    assert_false(run_until(&f.loop, never, NULL, WHILE_US));
    assert_int_equal(outbox_last(f.outbox), 4);
    assert_true(run_until(&f.loop, all_are_dropped, &f, WAIT_US));
    assert_int_equal(outbox_stats(f.outbox).sent_total, 10);
    close_shelf(&f);
}

static bool all_were_taken(void *user)
{
    const struct shelf *f = user;
    return f->at == f->n_entries;
}

static void it_looks_on_at_once_while_there_is_more(void **state)
{
    (void)state;
    static struct shelf f;
    open_shelf(&f, 12, 100);
    f.most = 3;
    assert_true(run_until(&f.loop, all_were_taken, &f, WAIT_US));
    assert_int_equal(f.n_takes, 4);
    close_shelf(&f);
}

static bool epoch_is_next(void *user)
{
    const struct shelf *f = user;
    return f->epoch == 1;
}

static void after_a_lost_answer_it_takes_under_another_name(void **state)
{
    (void)state;
    static struct shelf f;
    open_shelf(&f, 1, 100);
    f.loses_takes = true;
    while (f.n_takes == 0)
        assert_false(run_until(&f.loop, never, NULL, WHILE_US / 10));
    f.loses_takes = false;
    assert_int_equal(f.epoch, 0);
    assert_int_equal(outbox_last(f.outbox), 0);
    f.at = 0; /* the dead name's, by and by */
    assert_true(run_until(&f.loop, epoch_is_next, &f, WAIT_US));
    assert_true(run_until(&f.loop, all_are_dropped, &f, WAIT_US));
    assert_int_equal(f.epoch, 1);
    close_shelf(&f);
}

static void an_entry_that_is_no_alert_is_counted_and_passed(void **state)
{
    (void)state;
    static struct shelf f;
    open_shelf(&f, 2, 100);
    f.entries[0] = span_str("none");
    while (outbox_last(f.outbox) == 0)
        assert_false(run_until(&f.loop, never, NULL, WHILE_US / 10));
    struct outbox_item *item = outbox_take(f.outbox);
    assert_true(alert_record_is(&item->alert, "t-1"));
    outbox_done(f.outbox, item);
    assert_int_equal(f.engine.stats->corrupt, 1);
    close_shelf(&f);
}

static void put_kept(struct shelf *f, const char *id, uint64_t ms)
{
    char room[ALERT_RECORD_BYTES];
    struct outbox_place place = {0};
    outbox_open_place(f->outbox, &place);
    outbox_put(f->outbox, &place, alert_record_make(id, room), 0, (struct state_alert){ms, 0});
}

static bool one_is_dropped(void *user)
{
    const struct shelf *f = user;
    return f->n_dropped == 1;
}

/* As by a server that is full: only what is deleted makes room there. */
static void what_is_acknowledged_is_deleted_though_nothing_can_be_taken(void **state)
{
    (void)state;
    static struct shelf f;
    open_shelf(&f, 0, 100);
    f.refuses_takes = true;
    put_kept(&f, id_of(0), 42);
    assert_int_equal(send_all(&f), 1);
    assert_true(run_until(&f.loop, one_is_dropped, &f, WAIT_US));
    assert_int_equal(f.dropped[0], 42);
    close_shelf(&f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(what_a_process_left_is_put_again_in_order),
        TEST(without_a_mark_all_that_the_journal_has_comes_again),
        TEST(what_had_no_room_comes_in_order_and_once),
        TEST(what_was_left_behind_many_frames_is_found),
        TEST(the_mark_waits_for_the_sink),
        TEST(the_end_tells_what_is_acknowledged_by_then),
        TEST(frames_of_waiting_alerts_are_kept_whatever_is_released),
        TEST(a_damaged_journal_is_told_once_and_moves_no_mark),
        TEST(alerts_before_a_damage_come),
        TEST(a_segment_that_was_removed_is_told_once),
        TEST(a_frame_that_is_none_is_counted_and_passed),
        cmocka_unit_test(what_others_left_in_redis_is_sent_and_deleted),
        cmocka_unit_test(no_more_is_taken_than_there_is_room_for),
        cmocka_unit_test(it_looks_on_at_once_while_there_is_more),
        cmocka_unit_test(after_a_lost_answer_it_takes_under_another_name),
        cmocka_unit_test(an_entry_that_is_no_alert_is_counted_and_passed),
        cmocka_unit_test(what_is_acknowledged_is_deleted_though_nothing_can_be_taken),
    };
    return cmocka_run_group_tests_name("engine/outbox_sweep", tests, NULL, NULL);
}
