#include "tests/unit/state/state_suite.h"

#include "service/base/check.h"
#include "service/state/claim.h"
#include "service/state/fold.h"
#include "service/state/tiles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
    TTL_MS = 3600 * 1000,
    ANSWER_BYTES = 1 << 20,
    VALUE_BYTES = 16 << 10,
};

static const int64_t now_ms = INT64_C(1767614400000); /* 2026-01-05T12:00:00Z */

/* ---- one operation, and what it answered, copied ---- */

struct asked {
    struct state_op op;
    struct span found[STATE_PEEK_MAX];
    struct span logs[STATE_ENTITIES_MAX];
    enum status st;
    bool done;
    char bytes[ANSWER_BYTES];
    size_t used;
};

static struct asked asked; /* too large for a stack */

static struct span keep(struct span s)
{
    CHECK(s.len <= sizeof asked.bytes - asked.used);
    char *copy = asked.bytes + asked.used;
    if (s.len > 0)
        memcpy(copy, s.base, s.len);
    asked.used += s.len;
    return span_of(copy, s.len);
}

static void answered(struct state_op *op, enum status st)
{
    CHECK(op == &asked.op && !asked.done); /* once */
    asked.done = true;
    asked.st = st;
    if (st != ST_OK)
        return;
    for (int i = 0; i < op->n_found; i++)
        asked.found[i] = keep(op->found[i]);
    for (int i = 0; i < op->n_entities; i++)
        asked.logs[i] = keep(op->entities[i].log);
}

static enum status ask(struct state_suite *suite, struct state_op op)
{
    asked.op = op;
    asked.op.now_ms = op.now_ms != 0 ? op.now_ms : now_ms;
    asked.op.ttl_ms = op.ttl_ms != 0 ? op.ttl_ms : TTL_MS;
    asked.op.found = asked.found;
    asked.op.done = answered;
    asked.done = false;
    asked.used = 0;
    memset(asked.found, 0, sizeof asked.found);
    memset(asked.logs, 0, sizeof asked.logs);
    state_submit(suite->state, &asked.op);
    suite->pump(suite, &asked.done);
    assert_true(asked.done);
    return asked.st;
}

/* ---- short forms ---- */

static struct span claim_text(char *out, char state, uint32_t nonce, const char *answer)
{
    struct text t;
    struct claim c = {.state = state, .nonce = nonce, .rest = span_str(answer)};
    text_init(&t, out, VALUE_BYTES);
    claim_encode(&c, &t);
    assert_false(t.overflow);
    return text_span(&t);
}

static struct span record_text(char *out, uint64_t txn, uint32_t nonce)
{
    struct record r = {.kind = RECORD_TRANSACTION,
                       .layout = 7,
                       .ts_ms = now_ms,
                       .txn = txn,
                       .nonce = nonce,
                       .bits = 1};
    int64_t column = (int64_t)txn * 10000;
    return span_of(out, record_encode(&r, &column, 1, out));
}

static struct state_entity entity(const char *key, struct span record)
{
    return (struct state_entity){.key = span_str(key), .record = record, .ttl_ms = TTL_MS};
}

/* One record to one log, without a claim. */
static void append(struct state_suite *suite, const char *key, uint64_t txn, uint32_t nonce)
{
    char bytes[RECORD_BYTES_MAX];
    struct state_entity e = entity(key, record_text(bytes, txn, nonce));
    struct state_op op = {.verb = STATE_OBSERVE, .entities = &e, .n_entities = 1};
    assert_int_equal(ask(suite, op), ST_OK);
}

static struct span read_log(struct state_suite *suite, const char *key)
{
    struct state_entity e = entity(key, (struct span){0});
    struct state_op op = {.verb = STATE_READ, .entities = &e, .n_entities = 1};
    assert_int_equal(ask(suite, op), ST_OK);
    return asked.logs[0];
}

static struct span peek(struct state_suite *suite, uint64_t txn)
{
    struct state_op op = {.verb = STATE_PEEK, .hashes = &txn, .n_hashes = 1};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.n_found, 1);
    return asked.found[0];
}

/* Any verb that takes a claim. */
static enum status ask_claim(struct state_suite *suite, enum state_verb verb, uint64_t txn,
                             struct span claim)
{
    return ask(suite, (struct state_op){.verb = verb, .txn_hash = txn, .claim = claim});
}

/* The log is exactly these transactions, in this order. */
static void assert_log(struct span log, const uint64_t *txns, int n)
{
    struct record r = {0};
    for (int i = 0; i < n; i++) {
        assert_int_equal(record_decode(log, &r), ST_OK);
        assert_true(r.txn == txns[i]);
        log = span_of(log.base + r.bytes, log.len - r.bytes);
    }
    assert_int_equal(log.len, 0);
}

#define ASSERT_LOG(log, ...)                         \
    assert_log(log, (const uint64_t[]){__VA_ARGS__}, \
               (int)(sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t)))

/* ---- claims ---- */

/* As a transaction does: its claim is made, unless one stands, and then decided. */
static enum status decide(struct state_suite *suite, uint64_t txn, struct span decided)
{
    char bytes[VALUE_BYTES];
    struct span undecided = claim_text(bytes, 'u', 1, "");
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, txn, undecided), ST_OK);
    return ask_claim(suite, STATE_SETTLE, txn, decided);
}

static void the_first_attempt_finds_nothing_and_its_claim_stands(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    struct span claim = claim_text(bytes, 'u', 1, "");
    assert_int_equal(peek(suite, 1).len, 0);
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 1, claim), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_NONE);
    assert_true(span_eq(peek(suite, 1), claim));
    assert_int_equal(peek(suite, 2).len, 0);
}

static void a_second_attempt_finds_the_first_undecided(void **state)
{
    struct state_suite *suite = *state;
    char first[VALUE_BYTES], second[VALUE_BYTES], record[RECORD_BYTES_MAX];
    struct span claim = claim_text(first, 'u', 1, "");
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 1, claim), ST_OK);
    struct state_entity e = entity("e:a:1", record_text(record, 1, 2));
    struct state_op op = {.verb = STATE_OBSERVE,
                          .txn_hash = 1,
                          .claim = claim_text(second, 'u', 2, ""),
                          .entities = &e,
                          .n_entities = 1};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_UNDECIDED);
    assert_int_equal(asked.op.n_found, 1);
    assert_true(span_eq(asked.found[0], claim));
    ASSERT_LOG(asked.logs[0], 1); /* its record stands nevertheless */
    assert_true(span_eq(peek(suite, 1), claim));
}

static void a_settled_claim_is_found_with_its_answer(void **state)
{
    struct state_suite *suite = *state;
    char first[VALUE_BYTES], decided[VALUE_BYTES];
    struct span answer = claim_text(decided, 'd', 1, "{\"decision\":\"allow\"}");
    assert_int_equal(decide(suite, 1, answer), ST_OK);
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 1, claim_text(first, 'u', 2, "")), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_DECIDED);
    assert_true(span_eq(asked.found[0], answer));
    assert_true(span_eq(peek(suite, 1), answer));
}

static void settling_replaces_whatever_stands(void **state)
{
    struct state_suite *suite = *state;
    char a[VALUE_BYTES], b[VALUE_BYTES];
    struct span longer = claim_text(a, 'd', 1, "a longer answer, which the next one replaces");
    struct span shorter = claim_text(b, 'd', 1, "short");
    assert_int_equal(decide(suite, 1, longer), ST_OK);
    assert_true(span_eq(peek(suite, 1), longer));
    assert_int_equal(decide(suite, 1, shorter), ST_OK);
    assert_true(span_eq(peek(suite, 1), shorter));
}

static void a_late_decision_is_written_if_none_stands(void **state)
{
    struct state_suite *suite = *state;
    char u[VALUE_BYTES], d[VALUE_BYTES];
    struct span late = claim_text(d, 'd', 1, "late");
    assert_int_equal(ask_claim(suite, STATE_SETTLE_UNDECIDED, 1, late), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_NONE);
    assert_true(span_eq(peek(suite, 1), late));
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 2, claim_text(u, 'u', 1, "")), ST_OK);
    assert_int_equal(ask_claim(suite, STATE_SETTLE_UNDECIDED, 2, late), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_UNDECIDED);
    assert_true(span_eq(peek(suite, 2), late));
}

static void a_late_decision_leaves_the_one_that_stands(void **state)
{
    struct state_suite *suite = *state;
    char a[VALUE_BYTES], b[VALUE_BYTES];
    struct span standing = claim_text(a, 'd', 1, "standing");
    assert_int_equal(decide(suite, 1, standing), ST_OK);
    assert_int_equal(ask_claim(suite, STATE_SETTLE_UNDECIDED, 1, claim_text(b, 'd', 2, "late")),
                     ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_DECIDED);
    assert_true(span_eq(asked.found[0], standing));
    assert_true(span_eq(peek(suite, 1), standing));
}

static void a_late_decision_of_another_body_changes_nothing(void **state)
{
    struct state_suite *suite = *state;
    char u[VALUE_BYTES], d[VALUE_BYTES];
    struct span undecided = claim_text(u, 'u', 1, "");
    struct span late = claim_text(d, 'd', 2, "late");
    d[CLAIM_DIGEST_AT] ^= 1;
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 1, undecided), ST_OK);
    assert_int_equal(ask_claim(suite, STATE_SETTLE_UNDECIDED, 1, late), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_UNDECIDED);
    assert_true(span_eq(peek(suite, 1), undecided));
}

/* The settling verbs, with an alert: memory leaves it to the journal's frame. */
static void settle_with_alert(struct state_suite *suite, enum state_verb verb, uint64_t txn,
                              struct span claim)
{
    struct state_op op = {
        .verb = verb, .txn_hash = txn, .claim = claim, .alert = span_str("an alert")};
    assert_int_equal(ask(suite, op), ST_OK);
}

static void a_decision_that_is_settled_says_so_and_one_that_is_not_too(void **state)
{
    struct state_suite *suite = *state;
    char u[VALUE_BYTES], d[VALUE_BYTES];
    struct span decided = claim_text(d, 'd', 1, "answer");
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 1, claim_text(u, 'u', 1, "")), ST_OK);
    settle_with_alert(suite, STATE_SETTLE, 1, decided);
    assert_true(asked.op.is_settled);
    settle_with_alert(suite, STATE_SETTLE_UNDECIDED, 1, decided); /* it stands */
    assert_false(asked.op.is_settled);
    settle_with_alert(suite, STATE_SETTLE_UNDECIDED, 2, decided);
    assert_true(asked.op.is_settled);
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 3, claim_text(u, 'u', 1, "")), ST_OK);
    settle_with_alert(suite, STATE_SETTLE_UNDECIDED, 3, decided);
    assert_true(asked.op.is_settled);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_UNDECIDED);
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 4, claim_text(u, 'u', 1, "")), ST_OK);
    d[CLAIM_DIGEST_AT] ^= 1;
    settle_with_alert(suite, STATE_SETTLE_UNDECIDED, 4, decided);
    assert_false(asked.op.is_settled);
    assert_int_equal(decide(suite, 5, decided), ST_OK); /* without an alert */
    assert_true(asked.op.is_settled);
    assert_int_equal(ask_claim(suite, STATE_SETTLE_UNDECIDED, 6, decided), ST_OK);
    assert_true(asked.op.is_settled);
    assert_int_equal(asked.op.kept.ms, 0);
    assert_true(span_eq(peek(suite, 6), decided));
}

static void where_no_alert_was_left_none_is_taken(void **state)
{
    struct state_suite *suite = *state;
    struct state_alert entries[4] = {{0}}, gone = {1, 2};
    struct state_op op = {
        .verb = STATE_TAKE_ALERTS, .alerts = entries, .n_alerts = 4, .cursor = {1767614400000, 3}};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.n_found, 0);
    assert_int_equal(asked.op.cursor.ms, 0);
    op = (struct state_op){.verb = STATE_DROP_ALERTS, .alerts = &gone, .n_alerts = 1};
    assert_int_equal(ask(suite, op), ST_OK);
}

static void a_peek_answers_each_claim_or_nothing(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    static uint64_t hashes[STATE_PEEK_MAX];
    for (uint64_t i = 0; i < STATE_PEEK_MAX; i++)
        hashes[i] = i * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t i = 0; i < STATE_PEEK_MAX; i += 100)
        assert_int_equal(decide(suite, hashes[i], claim_text(bytes, 'd', i + 1, "yes")), ST_OK);
    struct state_op op = {.verb = STATE_PEEK, .hashes = hashes, .n_hashes = STATE_PEEK_MAX};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.n_found, STATE_PEEK_MAX);
    for (uint32_t i = 0; i < STATE_PEEK_MAX; i++) {
        struct span expected =
            i % 100 == 0 ? claim_text(bytes, 'd', i + 1, "yes") : (struct span){0};
        assert_true(span_eq(asked.found[i], expected));
    }
}

/* ---- logs ---- */

static void records_are_read_back_in_the_order_they_came(void **state)
{
    struct state_suite *suite = *state;
    char a[RECORD_BYTES_MAX], b[RECORD_BYTES_MAX];
    for (uint64_t txn = 1; txn <= 3; txn++) {
        struct state_entity e[] = {entity("e:account_id:a-1", record_text(a, txn, 1)),
                                   entity("e:terminal_id:t-1", record_text(b, txn + 10, 1))};
        struct state_op op = {.verb = STATE_OBSERVE, .entities = e, .n_entities = 2};
        assert_int_equal(ask(suite, op), ST_OK);
    }
    ASSERT_LOG(asked.logs[0], 1, 2, 3); /* its own record is in */
    ASSERT_LOG(asked.logs[1], 11, 12, 13);
    ASSERT_LOG(read_log(suite, "e:terminal_id:t-1"), 11, 12, 13);
}

static void a_log_nobody_wrote_to_is_empty_and_stays_so(void **state)
{
    struct state_suite *suite = *state;
    assert_int_equal(read_log(suite, "e:a:1").len, 0);
    assert_int_equal(read_log(suite, "e:a:1").len, 0);
}

static void an_entity_without_a_record_is_only_read(void **state)
{
    struct state_suite *suite = *state;
    char bytes[RECORD_BYTES_MAX];
    append(suite, "e:a:1", 1, 1);
    struct state_entity e[] = {entity("e:a:1", (struct span){0}),
                               entity("e:b:1", record_text(bytes, 2, 1)),
                               entity("e:c:1", (struct span){0})};
    struct state_op op = {.verb = STATE_OBSERVE, .entities = e, .n_entities = 3};
    assert_int_equal(ask(suite, op), ST_OK);
    ASSERT_LOG(asked.logs[0], 1);
    ASSERT_LOG(asked.logs[1], 2);
    assert_int_equal(asked.logs[2].len, 0);
    ASSERT_LOG(read_log(suite, "e:a:1"), 1);
}

static void keys_may_hold_any_bytes(void **state)
{
    struct state_suite *suite = *state;
    char record[RECORD_BYTES_MAX];
    const struct span keys[] = {span_of("e:a:\0", 5), span_of("e:a:\0\0", 6), span_str("e:a:"),
                                span_str("e:a:\r\n$5"), span_str("e:a: b\xff\"{}")};
    enum { KEYS = sizeof keys / sizeof keys[0] };
    for (uint64_t i = 0; i < KEYS; i++) {
        struct state_entity e = {
            .key = keys[i], .record = record_text(record, i + 1, 1), .ttl_ms = TTL_MS};
        struct state_op op = {.verb = STATE_OBSERVE, .entities = &e, .n_entities = 1};
        assert_int_equal(ask(suite, op), ST_OK);
        ASSERT_LOG(asked.logs[0], i + 1);
    }
}

static void a_log_grows_to_thousands_of_records(void **state)
{
    struct state_suite *suite = *state;
    enum { RECORDS = 2000 };
    static uint64_t txns[RECORDS];
    for (uint64_t i = 0; i < RECORDS; i++) {
        append(suite, "e:a:1", i + 1, 1);
        txns[i] = i + 1;
    }
    assert_log(read_log(suite, "e:a:1"), txns, RECORDS);
}

static void erasing_deletes_these_logs_and_no_others(void **state)
{
    struct state_suite *suite = *state;
    append(suite, "e:a:1", 1, 1);
    append(suite, "e:a:2", 2, 1);
    append(suite, "e:a:3", 3, 1);
    struct state_entity e[] = {entity("e:a:1", (struct span){0}), entity("e:a:3", (struct span){0}),
                               entity("e:a:4", (struct span){0})};
    struct state_op op = {.verb = STATE_ERASE, .entities = e, .n_entities = 3};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(read_log(suite, "e:a:1").len, 0);
    ASSERT_LOG(read_log(suite, "e:a:2"), 2);
    assert_int_equal(read_log(suite, "e:a:3").len, 0);
    append(suite, "e:a:1", 4, 1);
    ASSERT_LOG(read_log(suite, "e:a:1"), 4);
}

/* ---- void ---- */

static void void_one(struct state_suite *suite, const char *key, uint64_t txn, uint32_t nonce)
{
    char bytes[RECORD_BYTES_MAX];
    struct state_entity e = entity(key, record_text(bytes, txn, nonce));
    struct state_op op = {.verb = STATE_VOID, .entities = &e, .n_entities = 1};
    assert_int_equal(ask(suite, op), ST_OK);
}

static void voiding_takes_out_exactly_the_record(void **state)
{
    struct state_suite *suite = *state;
    for (uint64_t txn = 1; txn <= 5; txn++)
        append(suite, "e:a:1", txn, 1);
    void_one(suite, "e:a:1", 3, 1);
    ASSERT_LOG(read_log(suite, "e:a:1"), 1, 2, 4, 5);
    void_one(suite, "e:a:1", 1, 1);
    ASSERT_LOG(read_log(suite, "e:a:1"), 2, 4, 5);
    void_one(suite, "e:a:1", 5, 1);
    ASSERT_LOG(read_log(suite, "e:a:1"), 2, 4);
}

static void voiding_takes_out_every_copy(void **state)
{
    struct state_suite *suite = *state;
    static const uint64_t txns[] = {3, 1, 3, 3, 2, 3};
    for (int i = 0; i < 6; i++)
        append(suite, "e:a:1", txns[i], 1);
    void_one(suite, "e:a:1", 3, 1);
    ASSERT_LOG(read_log(suite, "e:a:1"), 1, 2);
    append(suite, "e:a:2", 3, 1);
    append(suite, "e:a:2", 3, 1);
    void_one(suite, "e:a:2", 3, 1);
    assert_int_equal(read_log(suite, "e:a:2").len, 0);
}

static void voiding_leaves_the_record_of_another_attempt(void **state)
{
    struct state_suite *suite = *state;
    struct record r;
    append(suite, "e:a:1", 1, 100);
    append(suite, "e:a:1", 1, 200);
    void_one(suite, "e:a:1", 1, 100);
    ASSERT_LOG(read_log(suite, "e:a:1"), 1);
    assert_int_equal(record_decode(asked.logs[0], &r), ST_OK);
    assert_int_equal(r.nonce, 200);
    void_one(suite, "e:a:1", 1, 300);
    ASSERT_LOG(read_log(suite, "e:a:1"), 1);
}

static void voiding_in_a_log_that_is_not_there_makes_none(void **state)
{
    struct state_suite *suite = *state;
    void_one(suite, "e:a:1", 1, 1);
    assert_int_equal(read_log(suite, "e:a:1").len, 0);
}

/* ---- fold ---- */

/* A header as fold.c finds one, with nothing but a generation. */
static struct span header_text(char *out, uint64_t generation)
{
    uint32_t bytes = TILES_HEADER_BYTES;
    memset(out, 0, TILES_HEADER_BYTES);
    out[0] = (char)TILES_MAGIC;
    out[1] = TILES_VERSION;
    memcpy(out + 4, &bytes, sizeof bytes);
    memcpy(out + 8, &generation, sizeof generation);
    return span_of(out, TILES_HEADER_BYTES);
}

struct fold_case {
    char log[VALUE_BYTES], bytes[VALUE_BYTES];
    struct state_fold fold;
};

/* A fold of the whole log as it is now: a header of `generation` instead of it. */
static void plan_fold(struct state_suite *suite, struct fold_case *c, uint64_t generation)
{
    char record[RECORD_BYTES_MAX];
    struct span log = read_log(suite, "e:a:1");
    size_t record_bytes = record_text(record, 1, 1).len;
    memcpy(c->log, log.base, log.len);
    c->fold = (struct state_fold){
        .old_generation = fold_generation(log),
        .old_bytes = log.len,
        .last_record_bytes = record_bytes,
        .last_record = span_of(c->log + log.len - record_bytes, record_bytes),
        .bytes = header_text(c->bytes, generation),
    };
}

static enum status try_fold(struct state_suite *suite, const struct state_fold *fold)
{
    struct state_entity e = entity("e:a:1", (struct span){0});
    struct state_op op = {.verb = STATE_FOLD, .entities = &e, .n_entities = 1, .fold = *fold};
    return ask(suite, op);
}

static void assert_folded(struct state_suite *suite, uint64_t generation, const uint64_t *txns,
                          int n)
{
    struct span log = read_log(suite, "e:a:1");
    assert_int_equal(fold_header_bytes(log), TILES_HEADER_BYTES);
    assert_true(fold_generation(log) == generation);
    assert_log(span_of(log.base + TILES_HEADER_BYTES, log.len - TILES_HEADER_BYTES), txns, n);
}

static void folding_keeps_what_was_appended_meanwhile(void **state)
{
    struct state_suite *suite = *state;
    static struct fold_case c;
    append(suite, "e:a:1", 1, 1);
    append(suite, "e:a:1", 2, 1);
    plan_fold(suite, &c, 77);
    append(suite, "e:a:1", 3, 1);
    append(suite, "e:a:1", 4, 1);
    assert_int_equal(try_fold(suite, &c.fold), ST_OK);
    assert_folded(suite, 77, (const uint64_t[]){3, 4}, 2);
    plan_fold(suite, &c, 78); /* over a header */
    append(suite, "e:a:1", 5, 1);
    assert_int_equal(try_fold(suite, &c.fold), ST_OK);
    assert_folded(suite, 78, (const uint64_t[]){5}, 1);
}

static void a_fold_may_make_a_log_longer(void **state)
{
    struct state_suite *suite = *state;
    static struct fold_case c;
    append(suite, "e:a:1", 1, 1);
    plan_fold(suite, &c, 77);
    append(suite, "e:a:1", 2, 1);
    uint32_t bytes = VALUE_BYTES;
    memcpy(c.bytes + 4, &bytes, sizeof bytes);
    c.fold.bytes.len = VALUE_BYTES;
    assert_int_equal(try_fold(suite, &c.fold), ST_OK);
    struct span log = read_log(suite, "e:a:1");
    assert_memory_equal(log.base, c.bytes, VALUE_BYTES);
    ASSERT_LOG(span_of(log.base + VALUE_BYTES, log.len - VALUE_BYTES), 2);
}

static void a_fold_after_another_fold_is_refused(void **state)
{
    struct state_suite *suite = *state;
    static struct fold_case first, second;
    append(suite, "e:a:1", 1, 1);
    append(suite, "e:a:1", 2, 1);
    plan_fold(suite, &first, 77);
    plan_fold(suite, &second, 78);
    assert_int_equal(try_fold(suite, &first.fold), ST_OK);
    for (uint64_t txn = 3; txn < 9; txn++)
        append(suite, "e:a:1", txn, 1);
    assert_int_equal(try_fold(suite, &second.fold), ST_CONFLICT);
    assert_folded(suite, 77, (const uint64_t[]){3, 4, 5, 6, 7, 8}, 6);
}

static void a_fold_of_another_generation_is_refused(void **state)
{
    struct state_suite *suite = *state;
    static struct fold_case c;
    append(suite, "e:a:1", 1, 1);
    plan_fold(suite, &c, 77);
    c.fold.old_generation = 5;
    assert_int_equal(try_fold(suite, &c.fold), ST_CONFLICT);
    ASSERT_LOG(read_log(suite, "e:a:1"), 1);
}

static void a_fold_with_another_last_record_is_refused(void **state)
{
    struct state_suite *suite = *state;
    static struct fold_case c;
    append(suite, "e:a:1", 1, 1);
    append(suite, "e:a:1", 2, 1);
    plan_fold(suite, &c, 77);
    void_one(suite, "e:a:1", 1, 1);
    append(suite, "e:a:1", 3, 1); /* as long as before */
    assert_int_equal(try_fold(suite, &c.fold), ST_CONFLICT);
    ASSERT_LOG(read_log(suite, "e:a:1"), 2, 3);
}

static void a_fold_of_a_log_that_became_shorter_is_refused(void **state)
{
    struct state_suite *suite = *state;
    static struct fold_case c;
    append(suite, "e:a:1", 1, 1);
    append(suite, "e:a:1", 2, 1);
    plan_fold(suite, &c, 77);
    void_one(suite, "e:a:1", 1, 1);
    assert_int_equal(try_fold(suite, &c.fold), ST_CONFLICT);
    void_one(suite, "e:a:1", 2, 1);
    assert_int_equal(try_fold(suite, &c.fold), ST_CONFLICT);
    assert_int_equal(read_log(suite, "e:a:1").len, 0);
}

/* ---- parked labels ---- */

static enum status park(struct state_suite *suite, uint64_t txn, const char *label)
{
    return ask_claim(suite, STATE_PARK, txn, span_str(label));
}

static void assert_labels(struct span parked, const char *const *labels, int n)
{
    struct claim c;
    struct span label;
    assert_true(claim_is_parked(parked));
    assert_int_equal(claim_decode(parked, &c), ST_OK);
    for (int i = 0; i < n; i++) {
        assert_true(claim_next_label(&c.rest, &label));
        assert_true(span_is(label, labels[i]));
    }
    assert_int_equal(c.rest.len, 0);
}

#define ASSERT_LABELS(parked, ...)                            \
    assert_labels(parked, (const char *const[]){__VA_ARGS__}, \
                  (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)))

static void a_transaction_finds_the_labels_that_came_before_it(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    struct span claim = claim_text(bytes, 'u', 1, "");
    assert_int_equal(park(suite, 1, "fraud"), ST_OK);
    assert_int_equal(park(suite, 1, "legitimate"), ST_OK);
    assert_int_equal(park(suite, 2, "other"), ST_OK);
    assert_int_equal(ask_claim(suite, STATE_OBSERVE, 1, claim), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_PARKED);
    ASSERT_LABELS(asked.found[0], "fraud", "legitimate");
    ASSERT_LABELS(peek(suite, 1), "fraud", "legitimate"); /* they still stand */
    assert_int_equal(ask_claim(suite, STATE_TAKE_PARKED, 1, claim), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_PARKED);
    ASSERT_LABELS(asked.found[0], "fraud", "legitimate");
    assert_true(span_eq(peek(suite, 1), claim));
    ASSERT_LABELS(peek(suite, 2), "other");
}

static void taking_where_nothing_is_parked_is_claiming(void **state)
{
    struct state_suite *suite = *state;
    char a[VALUE_BYTES], b[VALUE_BYTES];
    struct span first = claim_text(a, 'u', 1, "");
    assert_int_equal(ask_claim(suite, STATE_TAKE_PARKED, 1, first), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_NONE);
    assert_int_equal(ask_claim(suite, STATE_TAKE_PARKED, 1, claim_text(b, 'u', 2, "")), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_UNDECIDED);
    assert_true(span_eq(asked.found[0], first));
    assert_true(span_eq(peek(suite, 1), first));
}

static void a_label_for_a_known_transaction_is_not_parked(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    struct span claim = claim_text(bytes, 'd', 1, "answer");
    assert_int_equal(decide(suite, 1, claim), ST_OK);
    assert_int_equal(park(suite, 1, "fraud"), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_DECIDED);
    assert_true(span_eq(asked.found[0], claim));
    assert_true(span_eq(peek(suite, 1), claim));
}

static enum status expire(struct state_suite *suite, int64_t at_ms)
{
    return ask(suite, (struct state_op){.verb = STATE_EXPIRE_PARKED, .now_ms = at_ms});
}

static void labels_whose_wait_has_ended_are_handed_out_once(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    assert_int_equal(park(suite, 1, "first"), ST_OK);
    assert_int_equal(park(suite, 1, "second"), ST_OK);
    assert_int_equal(park(suite, 2, "taken"), ST_OK);
    assert_int_equal(ask_claim(suite, STATE_TAKE_PARKED, 2, claim_text(bytes, 'u', 1, "")), ST_OK);
    assert_int_equal(expire(suite, now_ms + TTL_MS - 1), ST_OK);
    assert_int_equal(asked.op.n_found, 0);
    assert_int_equal(expire(suite, now_ms + TTL_MS), ST_OK);
    assert_int_equal(asked.op.n_found, 1);
    ASSERT_LABELS(asked.found[0], "first", "second");
    assert_int_equal(peek(suite, 1).len, 0);
    assert_int_equal(expire(suite, now_ms + 10 * TTL_MS), ST_OK);
    assert_int_equal(asked.op.n_found, 0);
    assert_true(peek(suite, 2).len > 0);
}

static void a_further_label_makes_all_of_them_wait_longer(void **state)
{
    struct state_suite *suite = *state;
    assert_int_equal(park(suite, 1, "first"), ST_OK);
    struct state_op op = {
        .verb = STATE_PARK, .txn_hash = 1, .claim = span_str("second"), .now_ms = now_ms + 1000};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(expire(suite, now_ms + TTL_MS), ST_OK);
    assert_int_equal(asked.op.n_found, 0);
    assert_int_equal(expire(suite, now_ms + TTL_MS + 1000), ST_OK);
    assert_int_equal(asked.op.n_found, 1);
    ASSERT_LABELS(asked.found[0], "first", "second");
}

static void many_that_expire_at_once_are_handed_out_in_turns(void **state)
{
    struct state_suite *suite = *state;
    enum { PARKED = STATE_PEEK_MAX + 10 };
    for (uint64_t i = 1; i <= PARKED; i++)
        assert_int_equal(park(suite, i * UINT64_C(0x9e3779b97f4a7c15), "label"), ST_OK);
    assert_int_equal(expire(suite, now_ms + TTL_MS), ST_OK);
    assert_int_equal(asked.op.n_found, STATE_PEEK_MAX);
    assert_int_equal(expire(suite, now_ms + TTL_MS), ST_OK);
    assert_int_equal(asked.op.n_found, PARKED - STATE_PEEK_MAX);
}

static void one_label_over_the_limit_is_refused(void **state)
{
    struct state_suite *suite = *state;
    for (int i = 0; i < STATE_PARKED_MAX; i++)
        assert_int_equal(park(suite, 1, "label"), ST_OK);
    struct span before = peek(suite, 1);
    size_t bytes = before.len;
    assert_int_equal(park(suite, 1, "label"), ST_TOO_LARGE);
    assert_int_equal(peek(suite, 1).len, bytes);
    assert_int_equal(park(suite, 2, "label"), ST_OK);
}

/* ---- layouts ---- */

static void put_layout(struct state_suite *suite, uint32_t id, const char *text)
{
    struct state_op op = {.verb = STATE_LAYOUT_PUT, .layout_id = id, .claim = span_str(text)};
    assert_int_equal(ask(suite, op), ST_OK);
}

static void published_layouts_are_answered_each_once(void **state)
{
    struct state_suite *suite = *state;
    assert_int_equal(ask(suite, (struct state_op){.verb = STATE_LAYOUTS}), ST_OK);
    assert_int_equal(asked.op.n_found, 0);
    put_layout(suite, 1, "layout 1\nkey a\n");
    put_layout(suite, 0xffffffff, "layout 1\nkey b\n");
    put_layout(suite, 1, "layout 1\nkey a\n");
    assert_int_equal(ask(suite, (struct state_op){.verb = STATE_LAYOUTS}), ST_OK);
    assert_int_equal(asked.op.n_found, 2);
    bool a_first = span_is(asked.found[0], "layout 1\nkey a\n");
    assert_true(span_is(asked.found[a_first ? 1 : 0], "layout 1\nkey b\n"));
    assert_true(span_is(asked.found[a_first ? 0 : 1], "layout 1\nkey a\n"));
}

/* ---- coverage ---- */

static void put_coverage(struct state_suite *suite, const char *expected, const char *text,
                         bool is_put)
{
    struct state_op op = {
        .verb = STATE_COVERAGE, .claim = span_str(text), .expected = span_str(expected)};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.is_settled, is_put);
}

static void coverage_is_replaced_only_where_it_stands_as_expected(void **state)
{
    struct state_suite *suite = *state;
    assert_int_equal(ask(suite, (struct state_op){.verb = STATE_COVERAGE}), ST_OK);
    assert_int_equal(asked.op.n_found, 0);
    put_coverage(suite, "coverage 0\n", "coverage 1\n", false);
    put_coverage(suite, "", "coverage 1\n", true);
    put_coverage(suite, "", "coverage 2\n", false);
    assert_true(span_is(asked.found[0], "coverage 1\n"));
    put_coverage(suite, "coverage 1\n", "coverage 3\n", true);
    assert_int_equal(ask(suite, (struct state_op){.verb = STATE_COVERAGE}), ST_OK);
    assert_int_equal(asked.op.n_found, 1);
    assert_true(span_is(asked.found[0], "coverage 3\n"));
}

/* ---- expiry, where the caller's time decides ---- */

static void a_claim_is_forgotten_when_its_time_is_over(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    if (!suite->expires_by_now)
        skip();
    struct state_op op = {
        .verb = STATE_OBSERVE, .txn_hash = 1, .claim = claim_text(bytes, 'u', 1, "")};
    assert_int_equal(ask(suite, op), ST_OK);
    op.now_ms = now_ms + TTL_MS - 1;
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_UNDECIDED);
    op.now_ms = now_ms + TTL_MS;
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_NONE);
    assert_int_equal(asked.op.n_found, 0);
}

static void a_claim_that_is_settled_lives_no_shorter(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    if (!suite->expires_by_now)
        skip();
    struct state_op op = {
        .verb = STATE_OBSERVE, .txn_hash = 1, .claim = claim_text(bytes, 'u', 1, "")};
    assert_int_equal(ask(suite, op), ST_OK);
    op.verb = STATE_SETTLE;
    op.claim = claim_text(bytes, 'd', 1, "answer");
    op.now_ms = 1; /* nobody knew a later time */
    assert_int_equal(ask(suite, op), ST_OK);
    assert_true(peek(suite, 1).len > 0);
    op.now_ms = now_ms + TTL_MS; /* it is over, and another begins */
    assert_int_equal(ask(suite, op), ST_OK);
    op.verb = STATE_OBSERVE;
    op.now_ms = now_ms + 2 * TTL_MS;
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_NONE);
}

static void a_claim_that_takes_parked_labels_has_a_life_of_its_own(void **state)
{
    struct state_suite *suite = *state;
    char bytes[VALUE_BYTES];
    if (!suite->expires_by_now)
        skip();
    assert_int_equal(park(suite, 1, "fraud"), ST_OK);
    struct state_op op = {
        .verb = STATE_TAKE_PARKED, .txn_hash = 1, .claim = claim_text(bytes, 'u', 1, "")};
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_PARKED);
    op.now_ms = now_ms + TTL_MS;
    assert_int_equal(ask(suite, op), ST_OK);
    assert_int_equal(asked.op.outcome, STATE_CLAIM_NONE);
}

static void a_log_is_forgotten_when_nothing_came_for_its_time(void **state)
{
    struct state_suite *suite = *state;
    char bytes[RECORD_BYTES_MAX];
    if (!suite->expires_by_now)
        skip();
    append(suite, "e:a:1", 1, 1);
    struct state_entity e = entity("e:a:1", record_text(bytes, 2, 1));
    struct state_op op = {
        .verb = STATE_OBSERVE, .entities = &e, .n_entities = 1, .now_ms = now_ms + TTL_MS - 1};
    assert_int_equal(ask(suite, op), ST_OK);
    ASSERT_LOG(asked.logs[0], 1, 2);
    e.record = record_text(bytes, 3, 1);
    op.now_ms = now_ms + 2 * TTL_MS - 2; /* the second record refreshed it */
    assert_int_equal(ask(suite, op), ST_OK);
    ASSERT_LOG(asked.logs[0], 1, 2, 3);
    e.record = record_text(bytes, 4, 1);
    op.now_ms = now_ms + 10 * TTL_MS;
    assert_int_equal(ask(suite, op), ST_OK);
    ASSERT_LOG(asked.logs[0], 4);
}

/* ---- limits ---- */

static enum status observe_key_of(struct state_suite *suite, size_t key_bytes)
{
    static char key[STATE_KEY_BYTES_MAX + 1];
    char record[RECORD_BYTES_MAX];
    memset(key, 'k', sizeof key);
    struct state_entity e = {
        .key = span_of(key, key_bytes), .record = record_text(record, 1, 1), .ttl_ms = TTL_MS};
    return ask(suite, (struct state_op){.verb = STATE_OBSERVE, .entities = &e, .n_entities = 1});
}

static void a_key_over_the_limit_is_refused_and_a_long_one_kept(void **state)
{
    struct state_suite *suite = *state;
    const size_t prefix_room = 128; /* a backend's prefix counts */
    assert_int_equal(observe_key_of(suite, STATE_KEY_BYTES_MAX - prefix_room), ST_OK);
    ASSERT_LOG(asked.logs[0], 1);
    assert_int_equal(observe_key_of(suite, STATE_KEY_BYTES_MAX + 1), ST_TOO_LARGE);
}

static void a_claim_over_the_limit_is_refused_and_the_longest_kept(void **state)
{
    struct state_suite *suite = *state;
    static char bytes[STATE_FOUND_MAX + 1];
    memset(bytes, 'x', sizeof bytes);
    memcpy(bytes, "Cd", 2);
    struct span longest = span_of(bytes, STATE_FOUND_MAX);
    assert_int_equal(decide(suite, 1, longest), ST_OK);
    assert_true(span_eq(peek(suite, 1), longest));
    assert_int_equal(ask_claim(suite, STATE_SETTLE, 2, span_of(bytes, sizeof bytes)), ST_TOO_LARGE);
    assert_int_equal(peek(suite, 2).len, 0);
}

static void sixteen_entities_take_part_in_one_observation(void **state)
{
    struct state_suite *suite = *state;
    struct state_entity e[STATE_ENTITIES_MAX];
    char keys[STATE_ENTITIES_MAX][16], records[STATE_ENTITIES_MAX][RECORD_BYTES_MAX];
    char bytes[VALUE_BYTES];
    for (uint64_t i = 0; i < STATE_ENTITIES_MAX; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "e:f%d:v", (int)i);
        e[i] = entity(keys[i], record_text(records[i], i + 1, 1));
    }
    struct state_op op = {.verb = STATE_OBSERVE,
                          .txn_hash = 1,
                          .claim = claim_text(bytes, 'u', 1, ""),
                          .entities = e,
                          .n_entities = STATE_ENTITIES_MAX};
    assert_int_equal(ask(suite, op), ST_OK);
    for (uint64_t i = 0; i < STATE_ENTITIES_MAX; i++)
        ASSERT_LOG(asked.logs[i], i + 1);
}

/* ---- verdicts ---- */

enum { DAY_MS = 86400000 };

/* One label of `txn`, of 10.00, `lag_days` after it, with two rows. */
static bool judge(struct state_suite *suite, uint64_t txn, bool is_fraud, int lag_days)
{
    const struct span rows[] = {span_str("f:EUR:"), span_str("l:EUR:burst")};
    int64_t lag_ms = (int64_t)lag_days * DAY_MS;
    struct state_verdict v = {.verdict = {is_fraud, now_ms + lag_ms, lag_ms},
                              .amount_e4 = 100000,
                              .ttl_ms = TTL_MS,
                              .rows = rows,
                              .n_rows = 2};
    struct state_op op = {.verb = STATE_OBSERVE, .txn_hash = txn, .verdict = &v};
    assert_int_equal(ask(suite, op), ST_OK);
    return asked.op.verdict_is_news;
}

static void assert_row(struct state_suite *suite, const char *name, int64_t fraud,
                       int64_t legitimate, int64_t fraud_e4, int64_t legitimate_e4, int lag_days)
{
    struct tally t;
    tally_init(&t);
    assert_int_equal(ask(suite, (struct state_op){.verb = STATE_TALLY, .tally = &t}), ST_OK);
    const int64_t *columns = tally_row(&t, span_str(name));
    assert_non_null(columns);
    assert_int_equal(columns[TALLY_FRAUD], fraud);
    assert_int_equal(columns[TALLY_LEGITIMATE], legitimate);
    assert_int_equal(columns[TALLY_FRAUD_E4], fraud_e4);
    assert_int_equal(columns[TALLY_LEGITIMATE_E4], legitimate_e4);
    assert_int_equal(columns[TALLY_LAG_MS], (int64_t)lag_days * DAY_MS);
    assert_int_equal(columns[TALLY_USED_MS], fraud + legitimate > 0 ? now_ms : 0);
    tally_fini(&t);
}

static void where_nothing_was_judged_the_tally_is_empty(void **state)
{
    assert_row(*state, "l:EUR:burst", 0, 0, 0, 0, 0);
}

static void a_verdict_adds_to_each_of_its_rows(void **state)
{
    struct state_suite *suite = *state;
    assert_true(judge(suite, 1, true, 3));
    assert_true(judge(suite, 2, false, 4));
    assert_row(suite, "f:EUR:", 1, 1, 100000, 100000, 7);
    assert_row(suite, "l:EUR:burst", 1, 1, 100000, 100000, 7);
}

static void a_verdict_sent_twice_counts_once(void **state)
{
    struct state_suite *suite = *state;
    assert_true(judge(suite, 1, true, 3));
    assert_false(judge(suite, 1, true, 3));
    assert_row(suite, "f:EUR:", 1, 0, 100000, 0, 3);
}

static void a_later_verdict_takes_the_first_one_back(void **state)
{
    struct state_suite *suite = *state;
    assert_true(judge(suite, 1, true, 3));
    assert_true(judge(suite, 1, false, 10));
    assert_row(suite, "f:EUR:", 0, 1, 0, 100000, 10);
    assert_true(judge(suite, 1, true, 12));
    assert_row(suite, "f:EUR:", 1, 0, 100000, 0, 12);
}

static void an_older_verdict_that_comes_late_counts_nothing(void **state)
{
    struct state_suite *suite = *state;
    assert_true(judge(suite, 1, false, 10));
    assert_false(judge(suite, 1, true, 3));
    assert_row(suite, "f:EUR:", 0, 1, 0, 100000, 10);
}

static void of_two_verdicts_at_once_fraud_stands(void **state)
{
    struct state_suite *suite = *state;
    assert_true(judge(suite, 1, false, 3));
    assert_true(judge(suite, 1, true, 3));
    assert_false(judge(suite, 1, false, 3));
    assert_row(suite, "f:EUR:", 1, 0, 100000, 0, 3);
}

static void a_verdict_and_records_are_one_step(void **state)
{
    struct state_suite *suite = *state;
    char record[RECORD_BYTES_MAX];
    const struct span row = span_str("a::");
    struct state_entity e = entity("e:a:1", record_text(record, 1, 0));
    struct state_verdict v = {
        .verdict = {true, now_ms, 0}, .ttl_ms = TTL_MS, .rows = &row, .n_rows = 1};
    struct state_op op = {
        .verb = STATE_OBSERVE, .txn_hash = 1, .entities = &e, .n_entities = 1, .verdict = &v};
    assert_int_equal(ask(suite, op), ST_OK);
    ASSERT_LOG(asked.logs[0], 1);
    assert_true(asked.op.verdict_is_news);
    assert_row(suite, "a::", 1, 0, 0, 0, 0);
    assert_int_equal(peek(suite, 1).len, 0); /* and is no claim */
}

static void a_sum_that_would_leave_its_range_stays(void **state)
{
    struct state_suite *suite = *state;
    const struct span row = span_str("f:EUR:");
    for (uint64_t txn = 1; txn <= 2; txn++) {
        struct state_verdict v = {
            .verdict = {true, now_ms, 0}, .amount_e4 = INT64_MAX, .rows = &row, .n_rows = 1};
        struct state_op op = {.verb = STATE_OBSERVE, .txn_hash = txn, .verdict = &v};
        assert_int_equal(ask(suite, op), ST_OK);
    }
    assert_row(suite, "f:EUR:", 2, 0, INT64_MAX, 0, 0);
}

static int under_way, most_under_way, refused, n_answered;
static bool all_answered;

static void count_answer(struct state_op *op, enum status st)
{
    (void)op;
    under_way--;
    n_answered++;
    refused += st == ST_UNAVAILABLE;
    all_answered = n_answered == STATE_INFLIGHT_MAX + 1;
}

static void at_most_the_limit_is_under_way_and_each_is_answered_once(void **state)
{
    struct state_suite *suite = *state;
    static struct state_op ops[STATE_INFLIGHT_MAX + 1];
    static struct state_entity e;
    e = entity("e:a:1", (struct span){0});
    under_way = most_under_way = refused = n_answered = 0;
    all_answered = false;
    for (int i = 0; i <= STATE_INFLIGHT_MAX; i++) {
        ops[i] = (struct state_op){.verb = STATE_READ,
                                   .now_ms = now_ms,
                                   .entities = &e,
                                   .n_entities = 1,
                                   .done = count_answer};
        under_way++;
        state_submit(suite->state, &ops[i]);
        if (most_under_way < under_way)
            most_under_way = under_way;
    }
    suite->pump(suite, &all_answered);
    assert_true(all_answered);
    assert_int_equal(under_way, 0);
    assert_true(most_under_way <= STATE_INFLIGHT_MAX);
    /* Who answers later has to refuse the one over the limit; who answers at once, none. */
    assert_int_equal(refused, most_under_way > 0 ? 1 : 0);
}

/* ---- run ---- */

static int open_state(void **state)
{
    struct state_suite *suite = *state;
    suite->state = suite->open(suite);
    return suite->state == NULL;
}

static int close_state(void **state)
{
    struct state_suite *suite = *state;
    suite->close(suite, suite->state);
    suite->state = NULL;
    return 0;
}

int state_suite_run(const char *name, struct state_suite *suite)
{
#define WITH_STATE(test) \
    cmocka_unit_test_prestate_setup_teardown(test, open_state, close_state, suite)
    const struct CMUnitTest tests[] = {
        WITH_STATE(the_first_attempt_finds_nothing_and_its_claim_stands),
        WITH_STATE(a_second_attempt_finds_the_first_undecided),
        WITH_STATE(a_settled_claim_is_found_with_its_answer),
        WITH_STATE(settling_replaces_whatever_stands),
        WITH_STATE(a_late_decision_is_written_if_none_stands),
        WITH_STATE(a_late_decision_leaves_the_one_that_stands),
        WITH_STATE(a_late_decision_of_another_body_changes_nothing),
        WITH_STATE(a_decision_that_is_settled_says_so_and_one_that_is_not_too),
        WITH_STATE(where_no_alert_was_left_none_is_taken),
        WITH_STATE(a_peek_answers_each_claim_or_nothing),
        WITH_STATE(records_are_read_back_in_the_order_they_came),
        WITH_STATE(a_log_nobody_wrote_to_is_empty_and_stays_so),
        WITH_STATE(an_entity_without_a_record_is_only_read),
        WITH_STATE(keys_may_hold_any_bytes),
        WITH_STATE(a_log_grows_to_thousands_of_records),
        WITH_STATE(erasing_deletes_these_logs_and_no_others),
        WITH_STATE(voiding_takes_out_exactly_the_record),
        WITH_STATE(voiding_takes_out_every_copy),
        WITH_STATE(voiding_leaves_the_record_of_another_attempt),
        WITH_STATE(voiding_in_a_log_that_is_not_there_makes_none),
        WITH_STATE(folding_keeps_what_was_appended_meanwhile),
        WITH_STATE(a_fold_may_make_a_log_longer),
        WITH_STATE(a_fold_after_another_fold_is_refused),
        WITH_STATE(a_fold_of_another_generation_is_refused),
        WITH_STATE(a_fold_with_another_last_record_is_refused),
        WITH_STATE(a_fold_of_a_log_that_became_shorter_is_refused),
        WITH_STATE(a_transaction_finds_the_labels_that_came_before_it),
        WITH_STATE(taking_where_nothing_is_parked_is_claiming),
        WITH_STATE(a_label_for_a_known_transaction_is_not_parked),
        WITH_STATE(labels_whose_wait_has_ended_are_handed_out_once),
        WITH_STATE(a_further_label_makes_all_of_them_wait_longer),
        WITH_STATE(many_that_expire_at_once_are_handed_out_in_turns),
        WITH_STATE(one_label_over_the_limit_is_refused),
        WITH_STATE(published_layouts_are_answered_each_once),
        WITH_STATE(coverage_is_replaced_only_where_it_stands_as_expected),
        WITH_STATE(a_claim_is_forgotten_when_its_time_is_over),
        WITH_STATE(a_claim_that_is_settled_lives_no_shorter),
        WITH_STATE(a_claim_that_takes_parked_labels_has_a_life_of_its_own),
        WITH_STATE(a_log_is_forgotten_when_nothing_came_for_its_time),
        WITH_STATE(a_key_over_the_limit_is_refused_and_a_long_one_kept),
        WITH_STATE(a_claim_over_the_limit_is_refused_and_the_longest_kept),
        WITH_STATE(sixteen_entities_take_part_in_one_observation),
        WITH_STATE(where_nothing_was_judged_the_tally_is_empty),
        WITH_STATE(a_verdict_adds_to_each_of_its_rows),
        WITH_STATE(a_verdict_sent_twice_counts_once),
        WITH_STATE(a_later_verdict_takes_the_first_one_back),
        WITH_STATE(an_older_verdict_that_comes_late_counts_nothing),
        WITH_STATE(of_two_verdicts_at_once_fraud_stands),
        WITH_STATE(a_verdict_and_records_are_one_step),
        WITH_STATE(a_sum_that_would_leave_its_range_stays),
        WITH_STATE(at_most_the_limit_is_under_way_and_each_is_answered_once),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}
