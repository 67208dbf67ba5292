/*
 * The memory backend: the suite of all backends, over each kind of view, and what is its own.
 */
#include "service/state/state_mem.h"

#include "service/base/check.h"
#include "service/state/claim.h"
#include "service/state/state_table.h"
#include "tests/unit/state/scratch.h"
#include "tests/unit/state/state_suite.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const struct hash_key no_key;
static const int64_t now_ms = INT64_C(1767614400000);

/* ---- the suite ---- */

struct mem_suite {
    bool exclusive;
    struct state_table *table;
};

static struct state *open_mem(struct state_suite *suite)
{
    struct mem_suite *m = suite->user;
    m->table = state_table_new(&no_key, NULL);
    return state_mem_open(m->table, m->exclusive);
}

static void close_mem(struct state_suite *suite, struct state *state)
{
    struct mem_suite *m = suite->user;
    state_close(state);
    state_table_free(m->table);
}

static void pump_nothing(struct state_suite *suite, const bool *done)
{
    (void)suite;
    (void)done;
}

static int run_suite(const char *name, bool exclusive)
{
    struct mem_suite mem = {.exclusive = exclusive};
    struct state_suite suite = {.open = open_mem,
                                .close = close_mem,
                                .pump = pump_nothing,
                                .expires_by_now = true,
                                .user = &mem};
    return state_suite_run(name, &suite);
}

/* ---- one operation ---- */

static enum status answer;

static void take_answer(struct state_op *op, enum status st)
{
    (void)op;
    answer = st;
}

static enum status ask(struct state *s, struct state_op *op)
{
    op->done = take_answer;
    state_submit(s, op);
    return answer;
}

static struct span record_text(char *out, uint64_t txn)
{
    struct record r = {.kind = RECORD_TRANSACTION, .ts_ms = now_ms, .txn = txn};
    return span_of(out, record_encode(&r, NULL, 0, out));
}

static struct span claim_text(char out[64], char state)
{
    struct text t;
    text_init(&t, out, 64);
    claim_encode(&(struct claim){.state = state}, &t);
    return text_span(&t);
}

static size_t log_bytes;

static void take_log(struct state_op *op, enum status st)
{
    answer = st;
    log_bytes = op->entities[0].log.len;
}

static size_t read_bytes(struct state *s, const char *key, int64_t at_ms)
{
    struct state_entity e = {.key = span_str(key)};
    struct state_op op = {
        .verb = STATE_READ, .now_ms = at_ms, .entities = &e, .n_entities = 1, .done = take_log};
    state_submit(s, &op);
    assert_int_equal(answer, ST_OK);
    return log_bytes;
}

static enum status append(struct state *s, const char *key, uint64_t txn, int64_t ttl_ms)
{
    char bytes[RECORD_BYTES_MAX];
    struct state_entity e = {
        .key = span_str(key), .record = record_text(bytes, txn), .ttl_ms = ttl_ms};
    struct state_op op = {.verb = STATE_OBSERVE, .now_ms = now_ms, .entities = &e, .n_entities = 1};
    return ask(s, &op);
}

/* ---- memory ---- */

static void expired_claims_give_their_memory_back(void **state)
{
    (void)state;
    enum { CLAIMS = 400000, LIVE = 20000 };
    char bytes[64];
    struct state_table *t = state_table_new(&no_key, NULL);
    struct state *s = state_mem_open(t, true);
    struct span found;
    uint64_t seed = 1;
    for (int64_t i = 0; i < CLAIMS; i++) {
        struct state_op op = {.verb = STATE_OBSERVE,
                              .now_ms = now_ms + i,
                              .txn_hash = scratch_random(&seed),
                              .claim = claim_text(bytes, 'u'),
                              .ttl_ms = LIVE,
                              .found = &found};
        assert_int_equal(ask(s, &op), ST_OK);
    }
    struct state_table_stats stats = state_table_stats(t);
    assert_true(stats.claims >= LIVE);
    assert_true(stats.claims < 2 * LIVE);
    assert_int_equal(stats.keys, stats.claims);
    assert_true(stats.bytes < 2 * LIVE * 256);
    state_close(s);
    state_table_free(t);
}

static void take_keys(void *user, struct span key, struct span log)
{
    struct text *out = user;
    text_put(out, key);
    text_printf(out, "=%d ", (int)log.len / RECORD_FIXED_BYTES);
}

static void logs_are_walked_in_key_order_without_the_expired(void **state)
{
    (void)state;
    char bytes[256], claim[64];
    struct text out;
    struct span found;
    struct state_table *t = state_table_new(&no_key, NULL);
    struct state *s = state_mem_open(t, true);
    assert_int_equal(append(s, "e:b", 1, 0), ST_OK);
    assert_int_equal(append(s, "e:a", 1, 1000000), ST_OK);
    assert_int_equal(append(s, "e:c", 1, 1000), ST_OK);
    assert_int_equal(append(s, "e:a", 2, 1000000), ST_OK);
    assert_int_equal(append(s, "e:ab", 1, 1000000), ST_OK);
    struct state_op op = {.verb = STATE_OBSERVE,
                          .now_ms = now_ms + 2000,
                          .claim = claim_text(claim, 'u'),
                          .found = &found};
    assert_int_equal(ask(s, &op), ST_OK);
    text_init(&out, bytes, sizeof bytes);
    state_table_each(t, take_keys, &out);
    assert_true(span_is(text_span(&out), "e:a=2 e:ab=1 e:b=1 "));
    state_close(s);
    state_table_free(t);
}

/* ---- limits ---- */

static void a_log_that_could_not_be_read_any_more_is_not_made_longer(void **state)
{
    (void)state;
    static char big[TABLE_VALUE_MAX];
    struct state_table *t = state_table_new(&no_key, NULL);
    struct state *s = state_mem_open(t, false);
    struct state_entity e = {.key = span_str("e:a"), .record = span_of(big, sizeof big - 32)};
    struct state_op op = {.verb = STATE_OBSERVE, .now_ms = now_ms, .entities = &e, .n_entities = 1};
    assert_int_equal(ask(s, &op), ST_OK);
    assert_int_equal(append(s, "e:a", 1, 0), ST_OK);
    assert_int_equal(append(s, "e:a", 2, 0), ST_TOO_LARGE);
    assert_int_equal(read_bytes(s, "e:a", now_ms), TABLE_VALUE_MAX);
    state_close(s);
    state_table_free(t);
}

static void transactions_with_parked_labels_are_limited_in_each_shard(void **state)
{
    (void)state;
    struct state_table *t = state_table_new(&no_key, NULL);
    struct state *s = state_mem_open(t, true);
    for (uint64_t i = 0; i <= SHARD_PARKED_MAX; i++) {
        struct state_op op = {.verb = STATE_PARK,
                              .now_ms = now_ms,
                              .txn_hash = i, /* all of shard 0 */
                              .claim = span_str("label"),
                              .ttl_ms = 1000};
        assert_int_equal(ask(s, &op), i < SHARD_PARKED_MAX ? ST_OK : ST_UNAVAILABLE);
    }
    state_close(s);
    state_table_free(t);
}

static void layouts_are_limited(void **state)
{
    (void)state;
    struct state_table *t = state_table_new(&no_key, NULL);
    struct state *s = state_mem_open(t, true);
    for (uint32_t i = 0; i <= TABLE_LAYOUTS_MAX; i++) {
        struct state_op op = {
            .verb = STATE_LAYOUT_PUT, .layout_id = i, .claim = span_str("layout 1\n")};
        assert_int_equal(ask(s, &op), i < TABLE_LAYOUTS_MAX ? ST_OK : ST_TOO_LARGE);
    }
    state_close(s);
    state_table_free(t);
}

struct nest {
    struct state *s;
    int depth;
    enum status deepest;
};

static void submit_again(struct state_op *op, enum status st)
{
    struct nest *n = op->user;
    n->deepest = st;
    if (st != ST_OK)
        return;
    n->depth++;
    struct state_op inner = *op;
    state_submit(n->s, &inner);
}

static void submits_inside_done_are_limited_and_then_refused(void **state)
{
    (void)state;
    struct state_table *t = state_table_new(&no_key, NULL);
    struct nest n = {.s = state_mem_open(t, false)};
    struct state_op op = {.verb = STATE_READ, .now_ms = now_ms, .done = submit_again, .user = &n};
    state_submit(n.s, &op);
    assert_int_equal(n.depth, STATE_MEM_NESTED_MAX);
    assert_int_equal(n.deepest, ST_UNAVAILABLE);
    state_close(n.s);
    state_table_free(t);
}

/* ---- what an answer borrows ---- */

static void append_inside(struct state_op *op, enum status st)
{
    struct state *s = op->user;
    struct record r;
    CHECK(st == ST_OK);
    struct span log = op->entities[0].log;
    for (uint64_t txn = 100; txn < 200; txn++)
        CHECK(append(s, "e:a", txn, 0) == ST_OK);
    CHECK(log.len == RECORD_FIXED_BYTES && record_decode(log, &r) == ST_OK && r.txn == 1);
}

static void an_answer_outlives_what_is_submitted_inside_done(void **state)
{
    (void)state;
    struct state_table *t = state_table_new(&no_key, NULL);
    struct state *s = state_mem_open(t, false);
    assert_int_equal(append(s, "e:a", 1, 0), ST_OK);
    struct state_entity e = {.key = span_str("e:a")};
    struct state_op op = {.verb = STATE_READ,
                          .now_ms = now_ms,
                          .entities = &e,
                          .n_entities = 1,
                          .done = append_inside,
                          .user = s};
    state_submit(s, &op);
    assert_int_equal(read_bytes(s, "e:a", now_ms), 101 * RECORD_FIXED_BYTES);
    state_close(s);
    state_table_free(t);
}

/* ---- the journal ---- */

static char dir[SCRATCH_PATH_BYTES];
static bool sync_fails;

static int sync_or_fail(int fd)
{
    return sync_fails ? -1 : fdatasync(fd);
}

static struct journal *open_journal(void)
{
    struct journal *j = NULL;
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES];
    struct journal_options o = {.dir = dir, .fsync = JOURNAL_ALWAYS, .sync = sync_or_fail};
    assert_int_equal(journal_open(&o, &j, &opened, why), ST_OK);
    return j;
}

static void a_change_and_its_frame_go_together(void **state)
{
    (void)state;
    char claim[64];
    struct span found;
    scratch_make(dir);
    sync_fails = false;
    struct journal *j = open_journal();
    struct state_table *t = state_table_new(&no_key, j);
    struct state *s = state_mem_open(t, false);
    struct state_op op = {.verb = STATE_OBSERVE,
                          .now_ms = now_ms,
                          .txn_hash = 1,
                          .claim = claim_text(claim, 'u'),
                          .ttl_ms = 1000,
                          .found = &found,
                          .journal_frame = span_str("frame"),
                          .journal_kind = 3};
    assert_int_equal(ask(s, &op), ST_OK);
    assert_int_equal(op.journal_seq, 1);
    op.verb = STATE_SETTLE_UNDECIDED;
    op.claim = claim_text(claim, 'd');
    assert_int_equal(ask(s, &op), ST_OK);
    assert_int_equal(op.journal_seq, 2);
    assert_int_equal(ask(s, &op), ST_OK); /* one stands: no change, no frame */
    assert_int_equal(journal_last_seq(j), 2);
    state_close(s);
    state_table_free(t);
    journal_close(j);
    scratch_remove(dir);
}

/* With a journal that refuses: ST_UNAVAILABLE for each verb that changes something. */
static void assert_refused(struct state *s, enum state_verb verb, uint64_t txn_hash,
                           struct span claim)
{
    char bytes[RECORD_BYTES_MAX];
    struct span found;
    struct state_entity e = {.key = span_str("e:a"), .record = record_text(bytes, 1)};
    struct state_op op = {.verb = verb,
                          .now_ms = now_ms,
                          .txn_hash = txn_hash,
                          .claim = claim,
                          .ttl_ms = 1000,
                          .entities = &e,
                          .n_entities = 1,
                          .found = &found,
                          .journal_frame = span_str("frame")};
    assert_int_equal(ask(s, &op), ST_UNAVAILABLE);
}

static size_t peek_bytes(struct state *s, uint64_t txn_hash)
{
    struct span found;
    struct state_op op = {
        .verb = STATE_PEEK, .now_ms = now_ms, .hashes = &txn_hash, .n_hashes = 1, .found = &found};
    assert_int_equal(ask(s, &op), ST_OK);
    return found.len;
}

static void a_journal_that_refuses_changes_nothing(void **state)
{
    (void)state;
    char claim[64];
    uint64_t seq;
    scratch_make(dir);
    struct journal *j = open_journal();
    struct state_table *t = state_table_new(&no_key, j);
    struct state *s = state_mem_open(t, false);
    assert_int_equal(append(s, "e:a", 1, 0), ST_OK);
    sync_fails = true;
    assert_int_equal(journal_append(j, 1, span_str("x"), &seq), ST_OK);
    assert_int_equal(journal_sync(j), ST_IO);
    struct span u = claim_text(claim, 'u');
    assert_refused(s, STATE_OBSERVE, 1, u);
    assert_refused(s, STATE_SETTLE, 2, u);
    assert_refused(s, STATE_SETTLE_UNDECIDED, 3, u);
    assert_refused(s, STATE_TAKE_PARKED, 4, u);
    assert_refused(s, STATE_PARK, 5, span_str("label"));
    assert_refused(s, STATE_VOID, 6, (struct span){0});
    assert_refused(s, STATE_ERASE, 7, (struct span){0});
    assert_int_equal(read_bytes(s, "e:a", now_ms), RECORD_FIXED_BYTES);
    for (uint64_t hash = 1; hash <= 7; hash++)
        assert_int_equal(peek_bytes(s, hash), 0);
    assert_int_equal(state_table_checkpoint(t, dir), ST_IO);
    state_close(s);
    state_table_free(t);
    journal_close(j);
    scratch_remove(dir);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 4000, SHARED_KEYS = 5 };

struct worker {
    struct state_table *table;
    uint64_t number, firsts;
};

static void count_first(struct state_op *op, enum status st)
{
    struct worker *w = op->user;
    CHECK(st == ST_OK);
    w->firsts += op->outcome == STATE_CLAIM_NONE;
}

/* All workers observe the same transactions, each with records of its own in shared logs. */
static void *work(void *arg)
{
    struct worker *w = arg;
    struct state *s = state_mem_open(w->table, false);
    char a[RECORD_BYTES_MAX], b[RECORD_BYTES_MAX], claim[64], keys[2][16];
    struct span found;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        (void)snprintf(keys[0], sizeof keys[0], "e:a:%d", (int)(i % SHARED_KEYS));
        (void)snprintf(keys[1], sizeof keys[1], "e:b:%d", (int)(i * w->number % SHARED_KEYS));
        struct state_entity e[] = {
            {.key = span_str(keys[0]), .record = record_text(a, i * THREADS + w->number)},
            {.key = span_str(keys[1]), .record = record_text(b, i * THREADS + w->number)}};
        struct state_op op = {.verb = STATE_OBSERVE,
                              .now_ms = now_ms,
                              .txn_hash = i * UINT64_C(0x9e3779b97f4a7c15),
                              .claim = claim_text(claim, 'u'),
                              .ttl_ms = 1000,
                              .entities = e,
                              .n_entities = 2,
                              .found = &found,
                              .done = count_first,
                              .user = w};
        state_submit(s, &op);
    }
    state_close(s);
    return NULL;
}

static void count_records(void *user, struct span key, struct span log)
{
    uint64_t *n = user;
    (void)key;
    struct record r;
    for (; log.len > 0; log = span_of(log.base + r.bytes, log.len - r.bytes)) {
        CHECK(record_decode(log, &r) == ST_OK);
        ++*n;
    }
}

static void threads_lose_no_record_and_only_one_is_first(void **state)
{
    (void)state;
    struct state_table *t = state_table_new(&no_key, NULL);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    uint64_t firsts = 0, records = 0;
    for (uint64_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.table = t, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        firsts += workers[i].firsts;
    }
    state_table_each(t, count_records, &records);
    assert_int_equal(firsts, ROUNDS);
    assert_int_equal(records, 2 * THREADS * ROUNDS);
    state_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expired_claims_give_their_memory_back),
        cmocka_unit_test(logs_are_walked_in_key_order_without_the_expired),
        cmocka_unit_test(a_log_that_could_not_be_read_any_more_is_not_made_longer),
        cmocka_unit_test(transactions_with_parked_labels_are_limited_in_each_shard),
        cmocka_unit_test(layouts_are_limited),
        cmocka_unit_test(submits_inside_done_are_limited_and_then_refused),
        cmocka_unit_test(an_answer_outlives_what_is_submitted_inside_done),
        cmocka_unit_test(a_change_and_its_frame_go_together),
        cmocka_unit_test(a_journal_that_refuses_changes_nothing),
        cmocka_unit_test(threads_lose_no_record_and_only_one_is_first),
    };
    int failed = run_suite("state/state_mem, shared view", false);
    failed += run_suite("state/state_mem, exclusive view", true);
    return failed + cmocka_run_group_tests_name("state/state_mem", tests, NULL, NULL);
}
