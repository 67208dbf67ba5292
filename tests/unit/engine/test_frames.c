/* The journal's frames: what is written is read, and what is no frame is told. */
#include "service/engine/frames.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static char bytes[4096];
static struct text out;

static int clear(void **state)
{
    (void)state;
    text_init(&out, bytes, sizeof bytes);
    return 0;
}

static void an_event_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct frame_event f = {7, 1234567890123, span_str("{\"a\":1}")}, g;
    frame_put_event(&f, &out);
    assert_int_equal(out.len, FRAME_EVENT_HEAD_BYTES + f.body.len);
    assert_int_equal(frame_get_event(text_span(&out), &g), ST_OK);
    assert_int_equal(g.nonce, 7);
    assert_int_equal(g.received_at_ms, 1234567890123);
    assert_true(span_eq(g.body, f.body));
}

static void a_decision_is_its_transaction_and_its_claim(void **state)
{
    (void)state;
    uint64_t hash = 42;
    struct frame_decision g;
    text_put(&out, span_of(&hash, sizeof hash));
    text_str(&out, "claim");
    assert_int_equal(frame_get_decision(text_span(&out), &g), ST_OK);
    assert_int_equal(g.txn_hash, 42);
    assert_true(span_is(g.claim, "claim"));
}

static void put_flagged(const char *claim, const char *alert)
{
    uint64_t hash = 42;
    text_raw(&out, &hash, sizeof hash);
    text_str(&out, claim);
    text_str(&out, alert);
    frame_end_flagged(span_str(alert), &out);
}

static void a_flagged_decision_has_its_alert_behind_its_claim(void **state)
{
    (void)state;
    struct frame_decision g;
    put_flagged("claim", "an alert");
    assert_int_equal(frame_get_flagged(text_span(&out), &g), ST_OK);
    assert_int_equal(g.txn_hash, 42);
    assert_true(span_is(g.claim, "claim"));
    assert_true(span_is(g.alert, "an alert"));
}

static void an_alert_longer_than_its_frame_is_corrupt(void **state)
{
    (void)state;
    struct frame_decision g = {.txn_hash = 7};
    put_flagged("", "alert");
    assert_int_equal(frame_get_flagged(text_span(&out), &g), ST_OK);
    uint32_t n = (uint32_t)(out.len - FRAME_FLAGGED_TAIL_BYTES);
    for (; n > out.len - FRAME_DECISION_HEAD_BYTES - FRAME_FLAGGED_TAIL_BYTES; n--) {
        memcpy(out.base + out.len - sizeof n, &n, sizeof n);
        g.txn_hash = 7;
        assert_int_equal(frame_get_flagged(text_span(&out), &g), ST_CORRUPT);
        assert_int_equal(g.txn_hash, 7);
    }
    n = UINT32_MAX;
    memcpy(out.base + out.len - sizeof n, &n, sizeof n);
    assert_int_equal(frame_get_flagged(text_span(&out), &g), ST_CORRUPT);
    for (size_t cut = 0; cut < FRAME_FLAGGED_TAIL_BYTES; cut++)
        assert_int_equal(frame_get_flagged(span_of(bytes, cut), &g), ST_CORRUPT);
}

static void the_end_of_a_wait_is_its_time(void **state)
{
    (void)state;
    int64_t now_ms = 0;
    frame_put_expired(1234567890123, &out);
    assert_int_equal(frame_get_expired(text_span(&out), &now_ms), ST_OK);
    assert_int_equal(now_ms, 1234567890123);
    text_char(&out, 'x');
    assert_int_equal(frame_get_expired(text_span(&out), &now_ms), ST_CORRUPT);
    assert_int_equal(frame_get_expired(span_of(bytes, 7), &now_ms), ST_CORRUPT);
}

static void keys_and_records_are_read_as_they_were_written(void **state)
{
    (void)state;
    struct state_entity e[2] = {{.key = span_str("e:a:1"), .record = span_str("record 1")},
                                {.key = span_str("e:b:2"), .record = span_str("r2")}};
    struct frame_entities g;
    frame_put_void(9, e, 2, &out);
    assert_int_equal(frame_get_void(text_span(&out), &g), ST_OK);
    assert_int_equal(g.txn_hash, 9);
    assert_int_equal(g.n_entities, 2);
    assert_true(span_eq(g.entities[1].key, e[1].key));
    assert_true(span_eq(g.entities[1].record, e[1].record));
    clear(NULL);
    frame_put_erase(e, 2, &out);
    assert_int_equal(frame_get_erase(text_span(&out), &g), ST_OK);
    assert_int_equal(g.n_entities, 2);
    assert_true(span_eq(g.entities[0].key, e[0].key));
    assert_int_equal(g.entities[0].record.len, 0);
}

static void a_frame_cut_anywhere_is_corrupt(void **state)
{
    (void)state;
    struct state_entity e = {.key = span_str("e:a:1"), .record = span_str("record 1")};
    struct frame_entities g;
    struct frame_event event;
    frame_put_void(9, &e, 1, &out);
    for (size_t n = 0; n < out.len; n++)
        assert_int_equal(frame_get_void(span_of(bytes, n), &g), ST_CORRUPT);
    for (size_t n = 0; n < FRAME_EVENT_HEAD_BYTES; n++)
        assert_int_equal(frame_get_event(span_of(bytes, n), &event), ST_CORRUPT);
}

static void more_keys_than_a_ruleset_has_are_corrupt(void **state)
{
    (void)state;
    struct frame_entities g;
    uint16_t n = STATE_ENTITIES_MAX + 1;
    text_put(&out, span_of(&n, sizeof n));
    assert_int_equal(frame_get_erase(text_span(&out), &g), ST_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_event_is_read_as_it_was_written, clear),
        cmocka_unit_test_setup(a_decision_is_its_transaction_and_its_claim, clear),
        cmocka_unit_test_setup(a_flagged_decision_has_its_alert_behind_its_claim, clear),
        cmocka_unit_test_setup(an_alert_longer_than_its_frame_is_corrupt, clear),
        cmocka_unit_test_setup(the_end_of_a_wait_is_its_time, clear),
        cmocka_unit_test_setup(keys_and_records_are_read_as_they_were_written, clear),
        cmocka_unit_test_setup(a_frame_cut_anywhere_is_corrupt, clear),
        cmocka_unit_test_setup(more_keys_than_a_ruleset_has_are_corrupt, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
