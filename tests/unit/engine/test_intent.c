/* What an event is about to write: keys, records, claim. */
#include "service/engine/intent.h"

#include "service/engine/engine_internal.h"
#include "service/engine/frames.h"
#include "service/state/journal.h"
#include "service/txn/reader.h"
#include "tests/unit/engine/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct bed {
    struct world w;
    struct snapshot *snap;
    struct event event;
    struct txn_value values[SCHEMA_FIELDS_MAX];
    struct row row;
    struct intent intent;
};

static int open_bed(void **state)
{
    struct bed *b = calloc(1, sizeof *b);
    world_open(&b->w, world_ruleset, world_rules, NULL);
    b->snap = snapshot_current(b->w.snapshots);
    *state = b;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *b = *state;
    snapshot_unref(b->snap);
    world_close(&b->w);
    free(b);
    return 0;
}

static void read_body(struct bed *b, const char *body)
{
    struct reader_error error;
    arena_reset(b->w.arena);
    assert_int_equal(reader_read(&b->snap->schema, &b->w.engine.state->hash_key, span_str(body),
                                 b->w.arena, b->values, &b->event, &error),
                     ST_OK);
}

static void make(struct bed *b, const char *body)
{
    read_body(b, body);
    assert_int_equal(
        row_init(&b->row, b->snap, b->values, b->w.engine.parts->row_scratch, b->w.arena), ST_OK);
    assert_int_equal(intent_of_transaction(b->snap, &b->w.engine.state->hash_key, &b->event,
                                           &b->row, 7, b->w.arena, &b->intent),
                     ST_OK);
}

static void each_key_that_is_there_has_an_entity(void **state)
{
    struct bed *b = *state;
    make(b, world_txn("t-1", 0));
    assert_int_equal(b->intent.n_entities, 1);
    assert_true(span_is(b->intent.entities[0].key, "e:account_id:a-1"));
    make(b, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(b->intent.n_entities, 2);
    assert_true(span_is(b->intent.entities[1].key, "e:terminal_id:m-1"));
    assert_int_equal(b->intent.entities[1].ttl_ms, INT64_C(36) * 86400000);
}

static void an_empty_text_names_no_entity(void **state)
{
    struct bed *b = *state;
    make(b, "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"terminal_id\":\"\",\"amount\":1,"
            "\"timestamp\":\"2026-01-05T12:00:00Z\"}");
    assert_int_equal(b->intent.n_entities, 1);
    assert_true(span_is(b->intent.entities[0].key, "e:account_id:a-1"));
    read_body(b, "{\"kind\":\"label\",\"transaction_id\":\"t-1\",\"outcome\":\"fraud\","
                 "\"terminal_id\":\"\",\"timestamp\":\"2026-01-12T12:00:00Z\"}");
    assert_false(intent_label_carries(b->snap, OUTCOME_FRAUD, b->values));
}

static void its_record_holds_columns_and_filters(void **state)
{
    struct bed *b = *state;
    struct record r;
    make(b, "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":1000.01,"
            "\"timestamp\":\"2026-01-05T12:00:00.5Z\"}");
    assert_int_equal(record_decode(b->intent.entities[0].record, &r), ST_OK);
    assert_int_equal(r.kind, RECORD_TRANSACTION);
    assert_int_equal(r.nonce, 7);
    assert_int_equal(r.ts_ms, b->event.ts_ms);
    assert_true(r.txn == b->event.txn_hash);
    assert_int_equal(r.layout, plan_layout(b->snap->features.keys[0].plan)->id);
    assert_int_equal(r.bits, 1 | 1 << 1); /* the amount; is_large */
    assert_int_equal(record_column(&r, 0), 10000100);
    make(b, world_txn("t-1", 0));
    assert_int_equal(record_decode(b->intent.entities[0].record, &r), ST_OK);
    assert_int_equal(r.bits, 1);
}

static void its_claim_remembers_what_a_label_needs(void **state)
{
    struct bed *b = *state;
    struct claim c;
    struct span currency;
    int64_t amount_e4;
    make(b, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(claim_decode(intent_claim(&b->intent), &c), ST_OK);
    assert_int_equal(c.state, 'u');
    assert_int_equal(c.nonce, 7);
    assert_int_equal(c.ts_ms, b->event.ts_ms);
    assert_true(c.ruleset == b->snap->id);
    assert_int_equal(c.n_keys, 2 + 1); /* and the amount */
    assert_true(claim_amount(&c, &amount_e4, &currency));
    assert_int_equal(amount_e4, 100000);
    assert_int_equal(currency.len, 0); /* the schema has none */
    assert_true(span_is(c.keys[1].field, "terminal_id"));
    assert_true(span_is(c.keys[1].value, "m-1"));
    assert_int_equal(c.rest.len, 0);
}

static void the_answer_stands_behind_the_claim_and_the_whole_is_a_frame(void **state)
{
    struct bed *b = *state;
    struct claim c;
    struct frame_decision f;
    make(b, world_txn("t-1", 0));
    text_str(&b->intent.decision, "{\"answer\":1}");
    assert_true(span_is(intent_answer(&b->intent), "{\"answer\":1}"));
    assert_int_equal(claim_decode(intent_decided(&b->intent), &c), ST_OK);
    assert_int_equal(c.state, 'd');
    assert_true(span_is(c.rest, "{\"answer\":1}"));
    assert_int_equal(frame_get_decision(text_span(&b->intent.decision), &f), ST_OK);
    assert_true(f.txn_hash == b->event.txn_hash);
    assert_true(span_eq(f.claim, intent_decided(&b->intent)));
}

static void put_alert(struct bed *b)
{
    struct decision d = {.flag = true, .score = 80};
    static struct window_value features[16];
    struct alert_source from = {
        .snap = b->snap, .event = &b->event, .decision = &d, .values = features};
    assert_true(b->snap->features.n_features <= 16);
    intent_put_alert(&b->intent, &from);
}

static void an_alert_stands_behind_the_answer_and_the_whole_is_a_frame(void **state)
{
    struct bed *b = *state;
    struct claim c;
    struct frame_decision f;
    struct alert a;
    uint8_t kind;
    make(b, world_txn("t-1", 0));
    text_str(&b->intent.decision, "{\"answer\":1}");
    assert_int_equal(intent_alert(&b->intent).len, 0);
    put_alert(b);
    assert_true(span_is(intent_answer(&b->intent), "{\"answer\":1}"));
    struct span frame = intent_frame(&b->intent, &kind);
    assert_int_equal(kind, FRAME_FLAGGED);
    assert_int_equal(frame_get_flagged(frame, &f), ST_OK);
    assert_true(f.txn_hash == b->event.txn_hash);
    assert_true(span_eq(f.claim, intent_decided(&b->intent)));
    assert_true(span_eq(f.alert, intent_alert(&b->intent)));
    assert_int_equal(claim_decode(f.claim, &c), ST_OK);
    assert_int_equal(c.state, 'd');
    assert_true(span_is(c.rest, "{\"answer\":1}"));
    assert_int_equal(alert_decode(f.alert, &a), ST_OK);
    assert_true(span_is(a.transaction_id, "t-1"));
}

static void without_an_alert_the_frame_is_the_decisions(void **state)
{
    struct bed *b = *state;
    uint8_t kind;
    make(b, world_txn("t-1", 0));
    text_str(&b->intent.decision, "{\"answer\":1}");
    struct span frame = intent_frame(&b->intent, &kind);
    assert_int_equal(kind, FRAME_DECISION);
    assert_true(span_eq(frame, text_span(&b->intent.decision)));
}

/* The longest claim, answer and alert: JOURNAL_FRAME_MAX takes the frame, and so does the state. */
static void the_longest_answer_leaves_room_for_its_alert(void **state)
{
    struct bed *b = *state;
    struct frame_decision f;
    uint8_t kind;
    make(b, world_txn_of("t-1", "a-1", "m-1", 0));
    while (!b->intent.decision.overflow)
        text_char(&b->intent.decision, 'x');
    assert_int_equal(intent_answer(&b->intent).len, DECISION_BYTES_MAX);
    b->intent.decision.overflow = false;
    put_alert(b);
    assert_int_equal(frame_get_flagged(intent_frame(&b->intent, &kind), &f), ST_OK);
    assert_true(span_eq(f.alert, intent_alert(&b->intent)));
    assert_int_equal(intent_answer(&b->intent).len, DECISION_BYTES_MAX);
    _Static_assert(FRAME_DECISION_HEAD_BYTES + CLAIM_FIXED_BYTES_MAX + DECISION_BYTES_MAX +
                           ALERT_BYTES_MAX + FRAME_FLAGGED_TAIL_BYTES <=
                       JOURNAL_FRAME_MAX,
                   "a frame that no journal takes");
}

static void the_same_event_makes_the_same_bytes(void **state)
{
    struct bed *b = *state;
    char first[RECORD_BYTES_MAX];
    make(b, world_txn("t-1", 0));
    struct span record = b->intent.entities[0].record;
    memcpy(first, record.base, record.len);
    make(b, world_txn("t-1", 0));
    assert_memory_equal(first, b->intent.entities[0].record.base, record.len);
}

static void a_label_goes_where_its_outcome_counts(void **state)
{
    struct bed *b = *state;
    struct claim claim;
    struct record r;
    make(b, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(claim_decode(intent_claim(&b->intent), &claim), ST_OK);
    struct intent_correction c = {OUTCOME_FRAUD, b->event.txn_hash, claim.ts_ms, claim.ts_ms + 5};
    assert_int_equal(
        intent_of_remembered(b->snap, b->w.engine.layouts, &c, &claim, b->w.arena, &b->intent),
        ST_OK);
    assert_int_equal(b->intent.n_entities, 1);
    assert_true(span_is(b->intent.entities[0].key, "e:terminal_id:m-1"));
    assert_int_equal(record_decode(b->intent.entities[0].record, &r), ST_OK);
    assert_int_equal(r.kind, RECORD_FRAUD);
    assert_int_equal(r.ts_ms, claim.ts_ms);
    assert_int_equal(r.known_at_ms, claim.ts_ms + 5);
    c.outcome = OUTCOME_REVERSED;
    assert_int_equal(
        intent_of_remembered(b->snap, b->w.engine.layouts, &c, &claim, b->w.arena, &b->intent),
        ST_OK);
    assert_int_equal(b->intent.n_entities, 0);
}

static void a_label_with_filters_to_look_at_does_not_carry_enough(void **state)
{
    struct bed *b = *state;
    read_body(b, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_true(intent_label_carries(b->snap, OUTCOME_FRAUD, b->values));
    assert_false(intent_label_carries(b->snap, OUTCOME_DECLINED, b->values)); /* is_large */
    read_body(b, world_txn("t-1", 0));
    assert_false(intent_label_carries(b->snap, OUTCOME_FRAUD, b->values)); /* no terminal */
}

static void a_layout_that_is_not_known_is_told(void **state)
{
    struct bed *b = *state;
    struct claim claim;
    struct layout_book empty = {.count = 0};
    make(b, world_txn_of("t-1", "a-1", "m-1", 0));
    assert_int_equal(claim_decode(intent_claim(&b->intent), &claim), ST_OK);
    struct intent_correction c = {OUTCOME_FRAUD, b->event.txn_hash, claim.ts_ms, claim.ts_ms};
    assert_int_equal(intent_of_remembered(b->snap, &empty, &c, &claim, b->w.arena, &b->intent),
                     ST_NOT_FOUND);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        TEST(each_key_that_is_there_has_an_entity),
        TEST(an_empty_text_names_no_entity),
        TEST(its_record_holds_columns_and_filters),
        TEST(its_claim_remembers_what_a_label_needs),
        TEST(the_answer_stands_behind_the_claim_and_the_whole_is_a_frame),
        TEST(an_alert_stands_behind_the_answer_and_the_whole_is_a_frame),
        TEST(without_an_alert_the_frame_is_the_decisions),
        TEST(the_longest_answer_leaves_room_for_its_alert),
        TEST(the_same_event_makes_the_same_bytes),
        TEST(a_label_goes_where_its_outcome_counts),
        TEST(a_label_with_filters_to_look_at_does_not_carry_enough),
        TEST(a_layout_that_is_not_known_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
