/* What was added while running equals, once filled, what had been there all along. */
#include "service/engine/fill.h"

#include "service/engine/covered.h"
#include "service/engine/frames.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_MS INT64_C(1767614400000) /* 2026-01-05T12:00:00Z */

enum {
    MINUTE_MS = 60000,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    EXACT_EVENTS = 8, /* most logs of the stream have folded, some have not */
    EVENTS = 1500,
    ADDED_AT = 1200,
    EVERY_MS = 10 * MINUTE_MS, /* ten days in all */
};

#define SCHEMA                                                                    \
    "schema:\n"                                                                   \
    "  transaction_id: {type: string, required: true, max: 64}\n"                 \
    "  account_id:     {type: string, required: true, max: 64}\n"                 \
    "  amount:         {type: decimal, required: true}\n"                         \
    "  timestamp:      {type: timestamp, required: true}\n"                       \
    "  terminal_id:    {type: string, max: 64}\n"                                 \
    "  country:        {type: string, max: 2}\n"                                  \
    "features:\n"                                                                 \
    "  account_tx_count: {by: account_id, aggregate: count, windows: [1h, 1d]}\n" \
    "  account_frauds: {by: account_id, aggregate: fraud_count, windows: [2d]}\n" \
    "  terminal_tx_count: {by: terminal_id, aggregate: count, windows: [1d]}\n"
#define RULES "flag_at: 70\nrules: [rules.yaml]\n"

static const char before[] = SCHEMA RULES;
/* A column, a filter, labels, a longer window; a key field; and one that stays as it is. */
static const char after[] = SCHEMA
    "  account_sum: {by: account_id, aggregate: sum, of: amount, windows: [1d, 3d]}\n"
    "  account_small: {by: account_id, aggregate: count, windows: [2d], where: amount < 50.0}\n"
    "  account_terminals: {by: account_id, aggregate: distinct, of: terminal_id, windows: [5d]}\n"
    "  account_declines: {by: account_id, aggregate: decline_count, windows: [5d]}\n"
    "  country_tx_count: {by: country, aggregate: count, windows: [1h, 5d]}\n"
    "  country_frauds: {by: country, aggregate: fraud_count, windows: [5d]}\n"
    "  country_max: {by: country, aggregate: max, of: amount, windows: [1d]}\n" RULES;

struct place {
    char dir[64];
    struct journal *journal;
    struct world world;
};

static struct place there, always; /* where they were added, where they had always been */

static void open_place(struct place *p, const char *ruleset, int64_t segment_bytes,
                       int64_t max_bytes)
{
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    snprintf(p->dir, sizeof p->dir, "/tmp/sluice-fill-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    struct journal_options options = {
        .dir = p->dir, .fsync = JOURNAL_NO, .segment_bytes = segment_bytes, .max_bytes = max_bytes};
    assert_int_equal(journal_open(&options, &p->journal, &opened, why), ST_OK);
    world_open(&p->world, ruleset, "rules: []\n", p->journal);
}

static void close_place(struct place *p)
{
    char command[128];
    world_close(&p->world);
    journal_close(p->journal);
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    assert_int_equal(system(command), 0);
}

static void put_in_place(struct place *p, const char *ruleset, int64_t at_ms)
{
    struct world *w = &p->world;
    struct snapshot_options options = {.exact_events = EXACT_EVENTS, .now_ms = START_MS + at_ms};
    world_write(w, "ruleset.yaml", ruleset);
    w->diags = (struct diag_list){0};
    assert_int_equal(snapshot_offer(w->snapshots, w->ruleset, &options, "test", &w->diags), ST_OK);
}

/* A view of the table in which something happens before some operations. */
struct busy_state {
    struct state state;
    struct state *table;
    void (*happens)(const struct state_op *op); /* NULL: nothing */
};

static void busy_submit(struct state *s, struct state_op *op)
{
    struct busy_state *b = (struct busy_state *)s;
    if (b->happens != NULL)
        b->happens(op);
    state_submit(b->table, op);
}

static struct busy_state busy;
static atomic_bool stop;
static bool stop_after_rush;
static uint64_t table_bytes_max;

static enum status fill(struct place *p, int64_t at_ms, struct filled *ret_filled)
{
    static const struct state_backend backend = {.name = "busy", .submit = busy_submit};
    struct world *w = &p->world;
    busy.table = state_mem_open(w->table, false);
    busy.state = (struct state){.backend = &backend, .hash_key = busy.table->hash_key};
    struct fill_options o = {.snap = snapshot_current(w->snapshots),
                             .snapshots = w->snapshots,
                             .journal = p->journal,
                             .state = &busy.state,
                             .engine = w->engine.options,
                             .table_bytes_max = table_bytes_max,
                             .now_ms = START_MS + at_ms};
    enum status st = fill_run(&o, &stop, ret_filled);
    state_close(busy.table);
    snapshot_unref(o.snap);
    return st;
}

/* ---- the stream ---- */

static uint32_t chance_state;

static uint32_t chance(uint32_t n)
{
    chance_state = chance_state * 1664525 + 1013904223;
    return (chance_state >> 8) % n;
}

/* Same in both places: all comes from the number. */
static void write_transaction(char *out, size_t cap, int i)
{
    char time[40];
    struct text t;
    chance_state = (uint32_t)i * 2654435761u;
    int64_t late_ms = chance(10) == 0 ? (int64_t)chance(2 * DAY_MS) : 0;
    text_init(&t, time, sizeof time - 1);
    text_time_ms(&t, START_MS + (int64_t)i * EVERY_MS - late_ms);
    time[t.len] = '\0';
    snprintf(out, cap,
             "{\"transaction_id\":\"t-%d\",\"account_id\":\"a-%u\",\"amount\":%u.%02u,"
             "\"timestamp\":\"%s\",\"terminal_id\":\"m-%u\",\"country\":\"%s\"}",
             i, chance(3) == 0 ? chance(40) : chance(4), chance(200), chance(100), time, chance(7),
             chance(3) == 0 ? "BE" : "NL");
}

static void say(struct place *p, const char *body, int64_t at_ms)
{
    p->world.score.intake.now_ms = START_MS + at_ms;
    world_score(&p->world, body);
}

static void send_label(struct place *p, int of, int at)
{
    static const char *const outcomes[] = {"fraud", "declined", "legitimate"};
    char id[16];
    snprintf(id, sizeof id, "t-%d", of);
    say(p, world_label(id, outcomes[chance(3)], (int64_t)at * EVERY_MS), (int64_t)at * EVERY_MS);
}

static void stream(struct place *p, int from, int to)
{
    char body[512];
    for (int i = from; i < to; i++) {
        write_transaction(body, sizeof body, i);
        say(p, body, (int64_t)i * EVERY_MS);
        chance_state = (uint32_t)i;
        if (i > 0 && chance(5) == 0) { /* again, long after perhaps */
            write_transaction(body, sizeof body, i - 1 - (int)chance(i < 60 ? (uint32_t)i : 60));
            say(p, body, (int64_t)i * EVERY_MS);
            chance_state = (uint32_t)i + 7;
        }
        if (i > 0 && chance(4) == 0)
            send_label(p, i - 1 - (int)chance(i < 200 ? (uint32_t)i : 200), i);
    }
}

/* "features" of the last answer. */
static const char *features_of(struct place *p)
{
    char *at = strstr(p->world.answer, "\"features\":{");
    assert_non_null(at);
    *strstr(at, "},\"rules\"") = '\0';
    return at;
}

static int assert_same(int from, int to)
{
    char body[512];
    int inexact = 0;
    for (int i = from; i < to; i++) {
        write_transaction(body, sizeof body, i);
        say(&there, body, (int64_t)i * EVERY_MS);
        say(&always, body, (int64_t)i * EVERY_MS);
        const char *a = features_of(&there), *b = features_of(&always);
        assert_string_equal(a, b);
        assert_null(strstr(a, "\"covered\":false"));
        inexact += strstr(a, "\"exact\":false") != NULL;
    }
    return inexact;
}

static int open_places(void **state)
{
    (void)state;
    busy.happens = NULL;
    stop = stop_after_rush = false;
    table_bytes_max = 0;
    open_place(&there, before, 0, 0);
    put_in_place(&there, before, 0);
    open_place(&always, after, 0, 0);
    put_in_place(&always, after, 0);
    return 0;
}

static int close_places(void **state)
{
    (void)state;
    close_place(&there);
    close_place(&always);
    return 0;
}

static void what_was_filled_equals_what_had_always_been_there(void **state)
{
    (void)state;
    struct filled filled;
    stream(&always, 0, EVENTS);
    stream(&there, 0, ADDED_AT);
    put_in_place(&there, after, ADDED_AT * (int64_t)EVERY_MS);
    stream(&there, ADDED_AT, EVENTS);
    assert_int_equal(fill(&there, EVENTS * (int64_t)EVERY_MS, &filled), ST_OK);
    assert_int_equal(filled.keys, 2);
    assert_int_equal(filled.keys_too_old, 0);
    assert_true(filled.logs > 40);
    stream(&always, EVENTS, EVENTS + 100); /* with labels of what came before, too */
    stream(&there, EVENTS, EVENTS + 100);
    assert_true(assert_same(EVENTS + 100, EVENTS + 400) > 0); /* bounds, too */
}

static void what_is_filled_at_once_is_covered_at_once(void **state)
{
    (void)state;
    struct filled filled;
    stream(&always, 0, EVENTS);
    stream(&there, 0, EVENTS);
    put_in_place(&there, after, EVENTS * (int64_t)EVERY_MS);
    struct snapshot *s = snapshot_current(there.world.snapshots);
    assert_true(fill_is_wanted(s, START_MS + EVENTS * (int64_t)EVERY_MS));
    assert_int_equal(fill(&there, EVENTS * (int64_t)EVERY_MS, &filled), ST_OK);
    assert_false(fill_is_wanted(s, START_MS + EVENTS * (int64_t)EVERY_MS));
    snapshot_unref(s);
    assert_same(EVENTS, EVENTS + 200);
}

static void filling_twice_is_as_good_as_once(void **state)
{
    (void)state;
    struct filled filled;
    stream(&always, 0, 400);
    stream(&there, 0, 400);
    put_in_place(&there, after, 400 * (int64_t)EVERY_MS);
    assert_int_equal(fill(&there, 400 * (int64_t)EVERY_MS, &filled), ST_OK);
    put_in_place(&there, before, 400 * (int64_t)EVERY_MS);
    put_in_place(&there, after, 400 * (int64_t)EVERY_MS);
    assert_int_equal(fill(&there, 400 * (int64_t)EVERY_MS, &filled), ST_OK);
    assert_same(400, 500);
}

/* ---- while others write ---- */

static void ignore(struct state_op *op, enum status st)
{
    (void)op;
    assert_int_equal(st, ST_OK);
}

static int next_event, n_happened;

static void erase(struct place *p, const char *account)
{
    struct world *w = &p->world;
    char key[64], frame[128];
    struct text out;
    snprintf(key, sizeof key, "e:account_id:%s", account);
    struct state_entity e = {.key = span_str(key)};
    text_init(&out, frame, sizeof frame);
    frame_put_erase(&e, 1, &out);
    struct state_op op = {.verb = STATE_ERASE,
                          .now_ms = w->score.intake.now_ms,
                          .entities = &e,
                          .n_entities = 1,
                          .journal_frame = text_span(&out),
                          .journal_kind = FRAME_ERASE,
                          .done = ignore};
    state_submit(w->engine.state, &op);
}

/* Transactions, another body under a known id, labels, erasures, between any two steps of it. */
static void much_happens(const struct state_op *op)
{
    struct place *const both[] = {&there, &always};
    if (op->verb != STATE_FOLD && op->verb != STATE_READ && op->verb != STATE_COVERAGE)
        return;
    if (++n_happened % 3 != 0 || next_event == EVENTS + 200)
        return;
    for (int i = 0; i < 2; i++) {
        char body[512];
        stream(both[i], next_event, next_event + 1);
        write_transaction(body, sizeof body, next_event - 2);
        memcpy(strstr(body, "\"amount\":") + 9, "7", 1);
        say(both[i], body, next_event * (int64_t)EVERY_MS);
        if (n_happened % 5 == 0)
            erase(both[i], n_happened % 2 ? "a-1" : "a-7");
    }
    next_event++;
}

static void what_comes_meanwhile_is_neither_lost_nor_counted_twice(void **state)
{
    (void)state;
    struct filled filled;
    stream(&always, 0, EVENTS);
    stream(&there, 0, EVENTS);
    put_in_place(&there, after, EVENTS * (int64_t)EVERY_MS);
    next_event = EVENTS;
    n_happened = 0;
    busy.happens = much_happens;
    assert_int_equal(fill(&there, (EVENTS + 200) * (int64_t)EVERY_MS, &filled), ST_OK);
    assert_true(next_event > EVENTS + 20);
    assert_same(EVENTS + 200, EVENTS + 400);
}

enum { RUSH = 300 }; /* many more than a log keeps as they are, and remembers by name */

static int rush_at;

/* Five hours of one account, a minute apart. */
static void rush(struct place *p)
{
    char id[16];
    for (int i = 0; i < RUSH; i++) {
        int64_t at_ms = 600 * (int64_t)EVERY_MS + i * (int64_t)MINUTE_MS;
        snprintf(id, sizeof id, "r-%d", i);
        say(p, world_txn_of(id, "a-0", NULL, at_ms), at_ms);
    }
}

/* Before the nth log is touched. */
static void much_happens_at_once(const struct state_op *op)
{
    if (op->verb != STATE_READ || ++n_happened != rush_at)
        return;
    rush(&there);
    rush(&always);
    stop = stop_after_rush;
}

static void what_folds_meanwhile_is_not_counted_twice(void **state)
{
    (void)state;
    struct filled filled;
    stream(&always, 0, 600);
    stream(&there, 0, 600);
    put_in_place(&there, after, 600 * (int64_t)EVERY_MS);
    n_happened = 0;
    rush_at = 2; /* the account's log is the first */
    busy.happens = much_happens_at_once;
    assert_int_equal(fill(&there, 600 * (int64_t)EVERY_MS, &filled), ST_OK);
    assert_same(640, 840);
}

static void one_that_was_stopped_has_changed_nothing(void **state)
{
    (void)state;
    struct filled filled;
    put_in_place(&always, before, 0); /* the same history, and nothing is filled */
    stream(&always, 0, 600);
    stream(&there, 0, 600);
    put_in_place(&always, after, 600 * (int64_t)EVERY_MS);
    put_in_place(&there, after, 600 * (int64_t)EVERY_MS);
    n_happened = 0;
    rush_at = 1;
    stop_after_rush = true;
    busy.happens = much_happens_at_once;
    assert_int_equal(fill(&there, 600 * (int64_t)EVERY_MS, &filled), ST_CONFLICT);
    put_in_place(&always, before, 640 * (int64_t)EVERY_MS);
    put_in_place(&there, before, 640 * (int64_t)EVERY_MS);
    assert_same(640, 840);
}

static void upsets(const struct state_op *op)
{
    char id[32];
    if (op->verb != STATE_FOLD)
        return;
    erase(&there, "a-1");
    snprintf(id, sizeof id, "again-%d", n_happened++);
    say(&there, world_txn_of(id, "a-1", NULL, 100 * (int64_t)EVERY_MS), 100 * (int64_t)EVERY_MS);
}

static void a_log_that_never_holds_still_leaves_all_uncovered(void **state)
{
    (void)state;
    struct filled filled;
    stream(&there, 0, 100);
    put_in_place(&there, after, 100 * (int64_t)EVERY_MS);
    busy.happens = upsets;
    assert_int_equal(fill(&there, 100 * (int64_t)EVERY_MS, &filled), ST_CONFLICT);
    struct snapshot *s = snapshot_current(there.world.snapshots);
    assert_true(fill_is_wanted(s, START_MS + 100 * (int64_t)EVERY_MS));
    snapshot_unref(s);
}

/* ---- others ---- */

static void another_ruleset_comes(const struct state_op *op)
{
    static bool is_coming;
    if (op->verb != STATE_FOLD || is_coming)
        return;
    is_coming = true;
    put_in_place(&there, before, 100 * (int64_t)EVERY_MS);
    stream(&there, 100, 101);
    is_coming = false;
    busy.happens = NULL;
}

static void going_back_meanwhile_leaves_the_older_rulesets_word(void **state)
{
    (void)state;
    struct filled filled;
    stream(&there, 0, 100);
    put_in_place(&there, after, 100 * (int64_t)EVERY_MS);
    busy.happens = another_ruleset_comes;
    assert_int_equal(fill(&there, 100 * (int64_t)EVERY_MS, &filled), ST_CONFLICT);
    put_in_place(&there, after, 101 * (int64_t)EVERY_MS);
    struct snapshot *s = snapshot_current(there.world.snapshots);
    assert_true(fill_is_wanted(s, START_MS + 101 * (int64_t)EVERY_MS));
    snapshot_unref(s);
}

static void goes_back_before_it_begins(const struct state_op *op)
{
    if (op->verb != STATE_COVERAGE)
        return;
    busy.happens = NULL;
    put_in_place(&there, before, 100 * (int64_t)EVERY_MS);
    stream(&there, 100, 101);
}

static void take_whether_countries_stand(struct state_op *op, enum status st)
{
    bool *stand = op->user;
    assert_int_equal(st, ST_OK);
    *stand = memmem(op->found[0].base, op->found[0].len, "key country", 11) != NULL;
}

static void going_back_as_it_begins_does_not_tell_of_what_nobody_writes(void **state)
{
    (void)state;
    struct filled filled;
    struct span found[1];
    bool stand = true;
    stream(&there, 0, 100);
    put_in_place(&there, after, 100 * (int64_t)EVERY_MS);
    busy.happens = goes_back_before_it_begins;
    assert_int_equal(fill(&there, 100 * (int64_t)EVERY_MS, &filled), ST_CONFLICT);
    struct state_op op = {.verb = STATE_COVERAGE,
                          .now_ms = START_MS,
                          .found = found,
                          .done = take_whether_countries_stand,
                          .user = &stand};
    state_submit(there.world.engine.state, &op);
    assert_false(stand);
}

static bool has_log(struct place *p, const char *name)
{
    struct state_entity e = {.key = span_str(name)};
    struct state_op op = {
        .verb = STATE_READ, .now_ms = START_MS, .entities = &e, .n_entities = 1, .done = ignore};
    state_submit(p->world.engine.state, &op);
    return e.log.len > 0;
}

static void stops(const struct state_op *op)
{
    stop |= op->verb == STATE_OBSERVE && ++n_happened == 2;
}

static void one_that_was_stopped_leaves_no_log_that_it_made(void **state)
{
    (void)state;
    struct filled filled;
    stream(&there, 0, 100);
    put_in_place(&there, after, 100 * (int64_t)EVERY_MS);
    n_happened = 0;
    busy.happens = stops;
    assert_int_equal(fill(&there, 100 * (int64_t)EVERY_MS, &filled), ST_CONFLICT);
    assert_int_equal(n_happened, 2);
    assert_false(has_log(&there, "e:country:NL"));
    assert_false(has_log(&there, "e:country:BE"));
    assert_true(has_log(&there, "e:account_id:a-0"));
}

/* ---- limits ---- */

enum { SEGMENT_BYTES = 64 << 10, JOURNAL_MAX_BYTES = 2 * SEGMENT_BYTES };

static void a_journal_that_begins_too_late_fills_what_began_later_and_only_once(void **state)
{
    (void)state;
    struct filled filled;
    close_place(&there);
    open_place(&there, before, SEGMENT_BYTES, JOURNAL_MAX_BYTES);
    put_in_place(&there, before, 0);
    for (int i = 0; i < 900; i += 100) {
        stream(&there, i, i + 100);
        assert_int_equal(journal_sync(there.journal), ST_OK);
        journal_release(there.journal, journal_last_seq(there.journal));
    }
    assert_true(journal_first_seq(there.journal) > 1);
    int64_t at_ms = 900 * (int64_t)EVERY_MS;
    put_in_place(&there, after, at_ms);
    assert_int_equal(fill(&there, at_ms, &filled), ST_OK);
    assert_int_equal(filled.keys, 1); /* country */
    assert_int_equal(filled.keys_too_old, 1);
    struct snapshot *s = snapshot_current(there.world.snapshots);
    assert_true(fill_is_wanted(s, START_MS + at_ms));
    snapshot_unref(s);
    assert_int_equal(fill(&there, at_ms, &filled), ST_OK);
    assert_int_equal(filled.keys, 0); /* nothing would be gained */
}

static void what_stops_it_or_is_too_large_leaves_all_uncovered(void **state)
{
    (void)state;
    struct filled filled;
    stream(&there, 0, 600);
    put_in_place(&there, after, 600 * (int64_t)EVERY_MS);
    table_bytes_max = 1;
    assert_int_equal(fill(&there, 600 * (int64_t)EVERY_MS, &filled), ST_TOO_LARGE);
    table_bytes_max = 0;
    stop = true;
    assert_int_equal(fill(&there, 600 * (int64_t)EVERY_MS, &filled), ST_CONFLICT);
    struct snapshot *s = snapshot_current(there.world.snapshots);
    assert_true(fill_is_wanted(s, START_MS + 600 * (int64_t)EVERY_MS));
    snapshot_unref(s);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_places, close_places)
    const struct CMUnitTest tests[] = {
        TEST(what_was_filled_equals_what_had_always_been_there),
        TEST(what_is_filled_at_once_is_covered_at_once),
        TEST(filling_twice_is_as_good_as_once),
        TEST(what_comes_meanwhile_is_neither_lost_nor_counted_twice),
        TEST(what_folds_meanwhile_is_not_counted_twice),
        TEST(one_that_was_stopped_has_changed_nothing),
        TEST(going_back_meanwhile_leaves_the_older_rulesets_word),
        TEST(going_back_as_it_begins_does_not_tell_of_what_nobody_writes),
        TEST(one_that_was_stopped_leaves_no_log_that_it_made),
        TEST(a_journal_that_begins_too_late_fills_what_began_later_and_only_once),
        TEST(a_log_that_never_holds_still_leaves_all_uncovered),
        TEST(what_stops_it_or_is_too_large_leaves_all_uncovered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
