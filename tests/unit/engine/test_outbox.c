/* Alerts between the decision and the sink: their order, the room they have, and the mark. */
#include "service/engine/outbox.h"

#include "service/base/check.h"
#include "tests/unit/engine/alert_record.h"
#include "tests/unit/state/scratch.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct state_alert nowhere = {0};

struct bed {
    char dir[SCRATCH_PATH_BYTES];
    struct journal *journal;
    struct outbox *outbox;
    int n_seen, n_woken;
};

static void seen(void *user, const struct alert *alert)
{
    struct bed *b = user;
    assert_int_equal(strlen(alert->id), ALERT_ID_DIGITS);
    b->n_seen++;
}

static void woken(void *user)
{
    struct bed *b = user;
    b->n_woken++;
}

static int open_bed(void **state)
{
    struct bed *b = *state = calloc(1, sizeof *b);
    struct journal_options options = {.dir = b->dir, .fsync = JOURNAL_NO};
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    scratch_make(b->dir);
    assert_int_equal(journal_open(&options, &b->journal, &opened, why), ST_OK);
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    outbox_free(b->outbox);
    journal_close(b->journal);
    scratch_remove(b->dir);
    free(b);
    return 0;
}

/* ---- kinds of outboxes ---- */

static void open_outbox(struct bed *b, struct outbox_options options)
{
    options.seen = seen;
    options.woken = woken;
    options.user = b;
    b->outbox = outbox_new(&options);
}

/* Nothing survives the process. */
static void open_alone(struct bed *b, int waiting_max)
{
    open_outbox(b, (struct outbox_options){.waiting_max = waiting_max});
}

static void open_over_journal(struct bed *b, int waiting_max)
{
    open_outbox(b, (struct outbox_options){
                       .waiting_max = waiting_max, .journal = b->journal, .journal_keeps = true});
}

static void open_over_redis(struct bed *b, int waiting_max)
{
    open_outbox(b, (struct outbox_options){
                       .waiting_max = waiting_max, .journal = b->journal, .redis_keeps = true});
}

/* ---- short forms ---- */

static uint64_t append(struct bed *b)
{
    uint64_t seq;
    assert_int_equal(journal_append(b->journal, 1, span_str("frame"), &seq), ST_OK);
    return seq;
}

static void put_in(struct bed *b, struct outbox_place *place, const char *id, uint64_t seq,
                   struct state_alert kept)
{
    char room[ALERT_RECORD_BYTES];
    outbox_put(b->outbox, place, alert_record_make(id, room), seq, kept);
}

/* As a worker does it: the place, the frame if there is a journal, the alert. */
static uint64_t put(struct bed *b, const char *id)
{
    struct outbox_place place = {0};
    outbox_open_place(b->outbox, &place);
    uint64_t seq = append(b);
    put_in(b, &place, id, seq, nowhere);
    return seq;
}

static void put_kept(struct bed *b, const char *id, uint64_t ms)
{
    struct outbox_place place = {0};
    outbox_open_place(b->outbox, &place);
    put_in(b, &place, id, append(b), (struct state_alert){ms, 0});
}

static void put_swept(struct bed *b, const char *id, uint64_t seq)
{
    char room[ALERT_RECORD_BYTES];
    outbox_put_swept(b->outbox, alert_record_make(id, room), seq, nowhere);
}

static struct outbox_item *take(struct bed *b, const char *id)
{
    struct outbox_item *item = outbox_take(b->outbox);
    assert_non_null(item);
    if (!alert_record_is(&item->alert, id))
        fail_msg("%.*s instead of %s", SPAN_ARG(item->alert.transaction_id), id);
    return item;
}

static void take_and_end(struct bed *b, const char *id)
{
    outbox_done(b->outbox, take(b, id));
}

static uint64_t acknowledged(struct bed *b)
{
    return outbox_acknowledged_seq(b->outbox, journal_last_seq(b->journal));
}

static bool left(struct bed *b, uint64_t from, uint64_t to)
{
    uint64_t left_from, left_to;
    return outbox_left(b->outbox, &left_from, &left_to) && left_from == from && left_to == to;
}

static bool nothing_is_left(struct bed *b)
{
    uint64_t from, to;
    return !outbox_left(b->outbox, &from, &to);
}

/* ---- order ---- */

static void alerts_are_taken_in_the_order_they_were_put(void **state)
{
    struct bed *b = *state;
    open_alone(b, 10);
    assert_null(outbox_take(b->outbox));
    assert_int_equal(outbox_last(b->outbox), 0);
    assert_int_equal(outbox_settled(b->outbox), 0);
    put(b, "t-1");
    put(b, "t-2");
    put(b, "t-3");
    assert_int_equal(outbox_last(b->outbox), 3);
    for (uint64_t i = 1; i <= 3; i++) {
        const char *const ids[] = {"", "t-1", "t-2", "t-3"};
        struct outbox_item *item = take(b, ids[i]);
        assert_int_equal(item->number, i);
        outbox_done(b->outbox, item);
    }
    assert_null(outbox_take(b->outbox));
    assert_int_equal(b->n_seen, 3);
    assert_int_equal(b->n_woken, 3);
}

static void what_is_settled_waits_for_the_oldest(void **state)
{
    struct bed *b = *state;
    open_alone(b, 10);
    put(b, "t-1");
    put(b, "t-2");
    put(b, "t-3");
    struct outbox_item *first = take(b, "t-1"), *second = take(b, "t-2");
    outbox_done(b->outbox, second);
    assert_int_equal(outbox_settled(b->outbox), 0);
    outbox_done(b->outbox, first);
    assert_int_equal(outbox_settled(b->outbox), 2);
    take_and_end(b, "t-3");
    assert_int_equal(outbox_settled(b->outbox), 3);
}

static void what_the_sink_could_not_take_goes_before_all_others(void **state)
{
    struct bed *b = *state;
    open_alone(b, 10);
    put(b, "t-1");
    put(b, "t-2");
    struct outbox_item *item = take(b, "t-1");
    outbox_again(b->outbox, item);
    put(b, "t-3");
    item = take(b, "t-1");
    assert_int_equal(item->number, 1);
    outbox_done(b->outbox, item);
    take_and_end(b, "t-2");
    take_and_end(b, "t-3");
    assert_int_equal(outbox_stats(b->outbox).retries_total, 1);
    assert_int_equal(outbox_stats(b->outbox).sent_total, 3);
}

static void what_was_never_taken_goes_with_the_outbox(void **state)
{
    struct bed *b = *state;
    open_alone(b, 10);
    put(b, "t-1");
    put(b, "t-2");
    take(b, "t-1"); /* the leak checker looks on */
}

/* ---- room ---- */

static void an_open_place_is_a_promise_of_room(void **state)
{
    struct bed *b = *state;
    struct outbox_place first = {0}, second = {0}, third = {0};
    open_over_journal(b, 2);
    assert_int_equal(outbox_room(b->outbox), 2);
    outbox_open_place(b->outbox, &first);
    outbox_open_place(b->outbox, &second);
    outbox_open_place(b->outbox, &third);
    assert_true(first.has_room && second.has_room && !third.has_room);
    assert_int_equal(outbox_room(b->outbox), 0);
    outbox_close_place(b->outbox, &first);
    assert_int_equal(outbox_room(b->outbox), 1);
    outbox_close_place(b->outbox, &first); /* it is not open: nothing */
    assert_int_equal(outbox_room(b->outbox), 1);
    put_in(b, &second, "t-2", append(b), nowhere); /* the promise is kept */
    assert_int_equal(outbox_room(b->outbox), 1);
    outbox_close_place(b->outbox, &third);
    take_and_end(b, "t-2");
    assert_int_equal(outbox_room(b->outbox), 2);
}

static void without_room_it_is_left_in_its_frame(void **state)
{
    struct bed *b = *state;
    open_over_journal(b, 1);
    put(b, "t-1");
    assert_true(nothing_is_left(b));
    uint64_t second = put(b, "t-2"), third = put(b, "t-3");
    assert_true(left(b, second, third));
    assert_int_equal(b->n_seen, 3); /* it was decided all the same */
    assert_int_equal(b->n_woken, 1);
    struct outbox_stats stats = outbox_stats(b->outbox);
    assert_int_equal(stats.waiting, 1);
    assert_int_equal(stats.left_total, 2);
    assert_int_equal(stats.lost_total, 0);
    assert_int_equal(outbox_last(b->outbox), 1);
}

static void what_comes_while_some_are_left_is_left_too(void **state)
{
    struct bed *b = *state;
    open_over_journal(b, 1);
    put(b, "t-1");
    uint64_t second = put(b, "t-2");
    take_and_end(b, "t-1");
    assert_int_equal(outbox_room(b->outbox), 1);
    uint64_t third = put(b, "t-3");
    assert_true(left(b, second, third));
    put_swept(b, "t-2", second);
    outbox_swept(b->outbox, second);
    assert_true(left(b, third, third));
    take_and_end(b, "t-2");
    put_swept(b, "t-3", third);
    outbox_swept(b->outbox, third);
    assert_true(nothing_is_left(b));
    take_and_end(b, "t-3");
    put(b, "t-4");
    take_and_end(b, "t-4");
    assert_int_equal(b->n_seen, 4); /* each once: the sweep's are known here */
}

/* Workers end in another order than they began. */
static void left_frames_are_all_between_the_first_and_the_last(void **state)
{
    struct bed *b = *state;
    struct outbox_place places[3] = {0};
    open_over_journal(b, 0);
    for (int i = 0; i < 3; i++)
        outbox_open_place(b->outbox, &places[i]);
    uint64_t first = append(b), second = append(b), third = append(b);
    put_in(b, &places[1], "t-2", second, nowhere);
    assert_true(left(b, second, second));
    put_in(b, &places[2], "t-3", third, nowhere);
    assert_true(left(b, second, third));
    put_in(b, &places[0], "t-1", first, nowhere);
    assert_true(left(b, first, third));
}

static void without_a_place_that_survives_it_is_lost_and_counted(void **state)
{
    struct bed *b = *state;
    open_alone(b, 1);
    put(b, "t-1");
    put(b, "t-2");
    assert_int_equal(outbox_stats(b->outbox).lost_total, 1);
    assert_int_equal(outbox_stats(b->outbox).left_total, 0);
    assert_true(nothing_is_left(b));
    take_and_end(b, "t-1");
    put(b, "t-3"); /* nothing waits behind what is gone */
    take_and_end(b, "t-3");
}

/* The journal took the event, and then no more. */
static void an_alert_whose_frame_was_not_written_is_lost_and_not_left(void **state)
{
    struct bed *b = *state;
    struct outbox_place place = {0};
    open_over_journal(b, 0);
    uint64_t event = append(b);
    outbox_open_place(b->outbox, &place);
    put_in(b, &place, "t-1", event, nowhere);
    assert_true(nothing_is_left(b));
    assert_int_equal(outbox_stats(b->outbox).lost_total, 1);
    assert_int_equal(outbox_stats(b->outbox).left_total, 0);
    outbox_free(b->outbox);
    open_over_redis(b, 0);
    outbox_open_place(b->outbox, &place);
    put_in(b, &place, "t-1", event, nowhere);
    assert_int_equal(outbox_stats(b->outbox).lost_total, 1);
    assert_false(outbox_lacks(b->outbox, journal_last_seq(b->journal) + 1));
}

static void what_is_kept_in_redis_is_left_there(void **state)
{
    struct bed *b = *state;
    open_over_redis(b, 1);
    put_kept(b, "t-1", 7);
    put_kept(b, "t-2", 8);
    assert_int_equal(outbox_stats(b->outbox).left_total, 1);
    assert_true(nothing_is_left(b)); /* in the journal; the sweep asks Redis */
}

/* ---- the mark ---- */

static void a_place_holds_the_mark_back_until_its_alert_is_acknowledged(void **state)
{
    struct bed *b = *state;
    struct outbox_place place = {0};
    open_over_journal(b, 10);
    append(b);
    uint64_t before = append(b);
    assert_int_equal(acknowledged(b), before);
    outbox_open_place(b->outbox, &place);
    append(b); /* others write on */
    assert_int_equal(acknowledged(b), before);
    uint64_t its_own = append(b);
    append(b);
    assert_int_equal(acknowledged(b), before);
    put_in(b, &place, "t-1", its_own, nowhere);
    assert_int_equal(acknowledged(b), its_own - 1);
    struct outbox_item *item = take(b, "t-1");
    assert_int_equal(acknowledged(b), its_own - 1);
    outbox_again(b->outbox, item);
    assert_int_equal(acknowledged(b), its_own - 1);
    take_and_end(b, "t-1");
    assert_int_equal(acknowledged(b), journal_last_seq(b->journal));
}

static void a_place_that_is_closed_holds_nothing(void **state)
{
    struct bed *b = *state;
    struct outbox_place place = {0};
    open_over_journal(b, 10);
    outbox_open_place(b->outbox, &place);
    append(b);
    assert_int_equal(acknowledged(b), 0);
    outbox_close_place(b->outbox, &place);
    assert_int_equal(acknowledged(b), 1);
    assert_null(outbox_take(b->outbox));
}

static void the_mark_waits_for_the_oldest_frame_whatever_its_number(void **state)
{
    struct bed *b = *state;
    struct outbox_place places[2] = {0};
    open_over_journal(b, 10);
    outbox_open_place(b->outbox, &places[0]);
    outbox_open_place(b->outbox, &places[1]);
    uint64_t first = append(b), second = append(b);
    put_in(b, &places[1], "t-2", second, nowhere);
    put_in(b, &places[0], "t-1", first, nowhere);
    take_and_end(b, "t-2");
    assert_int_equal(acknowledged(b), first - 1);
    take_and_end(b, "t-1");
    assert_int_equal(acknowledged(b), second);
}

static void what_was_left_holds_the_mark_back(void **state)
{
    struct bed *b = *state;
    open_over_journal(b, 0);
    append(b);
    uint64_t seq = put(b, "t-1");
    append(b);
    assert_int_equal(acknowledged(b), seq - 1);
    put_swept(b, "t-1", seq);
    outbox_swept(b->outbox, seq);
    assert_int_equal(acknowledged(b), seq - 1);
    take_and_end(b, "t-1");
    assert_int_equal(acknowledged(b), journal_last_seq(b->journal));
}

static void what_an_earlier_process_left_is_left_and_news(void **state)
{
    struct bed *b = *state;
    for (int i = 0; i < 5; i++)
        append(b);
    open_outbox(b, (struct outbox_options){.waiting_max = 10,
                                           .journal = b->journal,
                                           .journal_keeps = true,
                                           .acknowledged_seq = 2});
    assert_true(left(b, 3, 5));
    assert_int_equal(acknowledged(b), 2);
    put_swept(b, "t-4", 4);
    outbox_swept(b->outbox, 5);
    assert_true(nothing_is_left(b));
    assert_int_equal(b->n_seen, 1);
    assert_int_equal(acknowledged(b), 3);
    take_and_end(b, "t-4");
    assert_int_equal(acknowledged(b), 5);
}

static void nothing_is_left_where_the_mark_has_all(void **state)
{
    struct bed *b = *state;
    append(b);
    open_outbox(b, (struct outbox_options){.waiting_max = 10,
                                           .journal = b->journal,
                                           .journal_keeps = true,
                                           .acknowledged_seq = 1});
    assert_true(nothing_is_left(b));
}

/* ---- Redis ---- */

static void acknowledged_entries_are_answered_once(void **state)
{
    struct bed *b = *state;
    struct state_alert entries[2];
    open_over_redis(b, 10);
    put_kept(b, "t-1", 11);
    put_kept(b, "t-2", 12);
    put_kept(b, "t-3", 13);
    put(b, "t-4"); /* not there */
    assert_int_equal(outbox_take_done(b->outbox, entries, 2), 0);
    take_and_end(b, "t-1");
    take_and_end(b, "t-2");
    take_and_end(b, "t-3");
    take_and_end(b, "t-4");
    uint64_t sum = 0;
    assert_int_equal(outbox_take_done(b->outbox, entries, 2), 2);
    sum += entries[0].ms + entries[1].ms;
    assert_int_equal(outbox_take_done(b->outbox, entries, 2), 1);
    assert_int_equal(sum + entries[0].ms, 11 + 12 + 13);
    assert_int_equal(outbox_take_done(b->outbox, entries, 2), 0);
}

static void frames_of_an_earlier_process_behind_the_mark_are_lacked(void **state)
{
    struct bed *b = *state;
    for (int i = 0; i < 5; i++)
        append(b);
    open_outbox(b, (struct outbox_options){.waiting_max = 10,
                                           .journal = b->journal,
                                           .redis_keeps = true,
                                           .acknowledged_seq = 2});
    assert_false(outbox_lacks(b->outbox, 2));
    assert_true(outbox_lacks(b->outbox, 3));
    assert_true(outbox_lacks(b->outbox, 5));
    assert_false(outbox_lacks(b->outbox, 6));
}

static void what_is_neither_here_nor_there_is_lacked(void **state)
{
    struct bed *b = *state;
    open_over_redis(b, 1);
    put_kept(b, "t-1", 11);
    put_kept(b, "t-2", 12); /* left there */
    assert_false(outbox_lacks(b->outbox, 2));
    uint64_t seq = put(b, "t-3");
    assert_false(outbox_lacks(b->outbox, seq - 1));
    assert_true(outbox_lacks(b->outbox, seq));
    assert_int_equal(outbox_stats(b->outbox).lost_total, 0);
}

static void the_first_that_is_lacked_may_be_told_last(void **state)
{
    struct bed *b = *state;
    struct outbox_place places[2] = {0};
    open_over_redis(b, 0);
    outbox_open_place(b->outbox, &places[0]);
    outbox_open_place(b->outbox, &places[1]);
    uint64_t first = append(b), second = append(b);
    put_in(b, &places[1], "t-2", second, nowhere);
    put_in(b, &places[0], "t-1", first, nowhere);
    assert_true(outbox_lacks(b->outbox, first));
    assert_true(outbox_lacks(b->outbox, second));
}

static void what_waits_here_alone_is_held_until_it_is_kept_or_sent(void **state)
{
    struct bed *b = *state;
    struct state_alert entry;
    open_over_redis(b, 10);
    uint64_t first = put(b, "t-1"), second = put(b, "t-2"), third = put(b, "t-3");
    put_kept(b, "t-4", 14);
    assert_true(outbox_holds(b->outbox, first));
    assert_true(outbox_holds(b->outbox, third));
    assert_false(outbox_holds(b->outbox, third + 1)); /* it is there */
    assert_false(outbox_lacks(b->outbox, first));
    outbox_kept(b->outbox, first, (struct state_alert){11, 0});
    assert_false(outbox_holds(b->outbox, first));
    assert_true(outbox_holds(b->outbox, second));
    take_and_end(b, "t-1");
    assert_int_equal(outbox_take_done(b->outbox, &entry, 1), 1);
    assert_int_equal(entry.ms, 11);
    take_and_end(b, "t-2");
    assert_false(outbox_holds(b->outbox, second));
    outbox_kept(b->outbox, second, (struct state_alert){12, 0}); /* while it was being brought */
    assert_int_equal(outbox_take_done(b->outbox, &entry, 1), 1);
    assert_int_equal(entry.ms, 12);
    outbox_kept(b->outbox, third, nowhere); /* its decision stood there, and it with it */
    assert_false(outbox_holds(b->outbox, third));
    take_and_end(b, "t-3");
    assert_int_equal(outbox_take_done(b->outbox, &entry, 1), 0);
}

static void what_is_held_is_found_whatever_the_order_it_was_put_in(void **state)
{
    struct bed *b = *state;
    struct outbox_place places[4] = {0};
    static const int order[] = {2, 0, 3, 1};
    uint64_t seqs[4];
    open_over_redis(b, 10);
    for (int i = 0; i < 4; i++)
        outbox_open_place(b->outbox, &places[i]);
    for (int i = 0; i < 4; i++)
        seqs[i] = append(b);
    for (int i = 0; i < 4; i++)
        put_in(b, &places[order[i]], "t-1", seqs[order[i]], nowhere);
    for (int i = 3; i >= 0; i--) {
        assert_true(outbox_holds(b->outbox, seqs[i]));
        outbox_kept(b->outbox, seqs[i], nowhere);
        assert_false(outbox_holds(b->outbox, seqs[i]));
    }
}

/* Its own worker would find the decision that is brought, and think that it was another's. */
static void a_frame_whose_place_is_open_is_lacked(void **state)
{
    struct bed *b = *state;
    struct outbox_place place = {0};
    open_over_redis(b, 10);
    uint64_t before = append(b);
    outbox_open_place(b->outbox, &place);
    uint64_t seq = append(b);
    assert_false(outbox_lacks(b->outbox, before));
    assert_true(outbox_lacks(b->outbox, seq));
    outbox_close_place(b->outbox, &place);
    assert_false(outbox_lacks(b->outbox, seq));
}

static void the_mark_waits_for_redis_and_never_goes_back(void **state)
{
    struct bed *b = *state;
    open_over_redis(b, 0);
    for (int i = 0; i < 4; i++)
        put(b, "t-1"); /* neither here nor there */
    assert_int_equal(outbox_acknowledged_seq(b->outbox, 2), 2);
    assert_int_equal(outbox_acknowledged_seq(b->outbox, 4), 4);
    assert_int_equal(outbox_acknowledged_seq(b->outbox, 1), 4); /* it was emptied */
}

/* ---- threads ---- */

enum { PUTTERS = 4, PUTS = 4000, ROOM = 64 };

struct hammer {
    struct outbox *outbox;
    atomic_int n_putting;
    int times[PUTTERS * PUTS]; /* of the sink: how often each transaction came */
};

struct putter {
    struct hammer *hammer;
    int index;
    int n_put; /* with room */
};

static void *put_many(void *user)
{
    struct putter *p = user;
    char room[ALERT_RECORD_BYTES], id[32];
    for (int i = 0; i < PUTS; i++) {
        struct outbox_place place = {0};
        outbox_open_place(p->hammer->outbox, &place);
        snprintf(id, sizeof id, "%d", p->index * PUTS + i);
        p->n_put += place.has_room && i % 5 != 0;
        if (i % 5 == 0)
            outbox_close_place(p->hammer->outbox, &place);
        else
            outbox_put(p->hammer->outbox, &place, alert_record_make(id, room), 0, nowhere);
        if (i % 16 == 0)
            sched_yield();
    }
    atomic_fetch_sub(&p->hammer->n_putting, 1);
    return NULL;
}

static void *look_on(void *user)
{
    struct hammer *h = user;
    uint64_t settled = 0;
    while (atomic_load(&h->n_putting) > 0) {
        uint64_t now = outbox_settled(h->outbox);
        CHECK(now >= settled && now <= outbox_last(h->outbox));
        CHECK(outbox_room(h->outbox) <= ROOM);
        CHECK(outbox_acknowledged_seq(h->outbox, 9) == 9);
        settled = now;
        sched_yield();
    }
    return NULL;
}

static int number_of(struct span id)
{
    char text[16];
    snprintf(text, sizeof text, "%.*s", SPAN_ARG(id));
    return atoi(text);
}

/* As a sink that gives every third back, and takes it then. */
static int sink_all(struct hammer *h)
{
    const struct outbox_item *given_back = NULL;
    int n = 0;
    bool was_last;
    do {
        struct outbox_item *item;
        was_last = atomic_load(&h->n_putting) == 0;
        while ((item = outbox_take(h->outbox)) != NULL) {
            if (item->number % 3 == 0 && item != given_back) {
                given_back = item;
                outbox_again(h->outbox, item);
                continue;
            }
            h->times[number_of(item->alert.transaction_id)]++;
            outbox_done(h->outbox, item);
            n++;
        }
    } while (!was_last);
    return n;
}

static void threads_lose_nothing_and_bring_nothing_twice(void **state)
{
    struct bed *b = *state;
    struct hammer *h = calloc(1, sizeof *h);
    struct putter putters[PUTTERS];
    pthread_t threads[PUTTERS], looker;
    struct outbox_options options = {.waiting_max = ROOM};
    h->outbox = b->outbox = outbox_new(&options);
    atomic_store(&h->n_putting, PUTTERS);
    for (int i = 0; i < PUTTERS; i++) {
        putters[i] = (struct putter){.hammer = h, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, put_many, &putters[i]), 0);
    }
    assert_int_equal(pthread_create(&looker, NULL, look_on, h), 0);
    int n = sink_all(h), n_put = 0;
    for (int i = 0; i < PUTTERS; i++) {
        pthread_join(threads[i], NULL);
        n_put += putters[i].n_put;
    }
    pthread_join(looker, NULL);
    for (int i = 0; i < PUTTERS * PUTS; i++)
        assert_true(h->times[i] <= 1);
    struct outbox_stats stats = outbox_stats(b->outbox);
    assert_int_equal(n, n_put);
    assert_int_equal(stats.put_total, n);
    assert_int_equal(stats.sent_total, n);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.put_total + stats.lost_total, PUTTERS * PUTS / 5 * 4);
    assert_int_equal(outbox_settled(b->outbox), n);
    assert_int_equal(outbox_room(b->outbox), ROOM);
    free(h);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(alerts_are_taken_in_the_order_they_were_put),
        TEST(what_is_settled_waits_for_the_oldest),
        TEST(what_the_sink_could_not_take_goes_before_all_others),
        TEST(what_was_never_taken_goes_with_the_outbox),
        TEST(an_open_place_is_a_promise_of_room),
        TEST(without_room_it_is_left_in_its_frame),
        TEST(what_comes_while_some_are_left_is_left_too),
        TEST(left_frames_are_all_between_the_first_and_the_last),
        TEST(without_a_place_that_survives_it_is_lost_and_counted),
        TEST(an_alert_whose_frame_was_not_written_is_lost_and_not_left),
        TEST(what_is_kept_in_redis_is_left_there),
        TEST(a_place_holds_the_mark_back_until_its_alert_is_acknowledged),
        TEST(a_place_that_is_closed_holds_nothing),
        TEST(the_mark_waits_for_the_oldest_frame_whatever_its_number),
        TEST(what_was_left_holds_the_mark_back),
        TEST(what_an_earlier_process_left_is_left_and_news),
        TEST(nothing_is_left_where_the_mark_has_all),
        TEST(acknowledged_entries_are_answered_once),
        TEST(frames_of_an_earlier_process_behind_the_mark_are_lacked),
        TEST(what_is_neither_here_nor_there_is_lacked),
        TEST(the_first_that_is_lacked_may_be_told_last),
        TEST(what_waits_here_alone_is_held_until_it_is_kept_or_sent),
        TEST(what_is_held_is_found_whatever_the_order_it_was_put_in),
        TEST(a_frame_whose_place_is_open_is_lacked),
        TEST(the_mark_waits_for_redis_and_never_goes_back),
        TEST(threads_lose_nothing_and_bring_nothing_twice),
    };
    return cmocka_run_group_tests_name("engine/outbox", tests, NULL, NULL);
}
