/* A flagged transaction's record: its name, its fields, and what is left out. */
#include "service/engine/alert.h"

#include "service/engine/outbox.h"
#include "service/txn/reader.h"
#include "tests/unit/engine/alert_record.h"
#include "tests/unit/engine/world.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char ruleset[] =
    "schema:\n"
    "  transaction_id: {type: string, required: true, max: 64}\n"
    "  account_id:     {type: string, required: true, max: 64}\n"
    "  amount:         {type: decimal, required: true}\n"
    "  timestamp:      {type: timestamp, required: true}\n"
    "  note:           {type: string}\n"
    "  ratio:          {type: number}\n"
    "  items:          {type: integer}\n"
    "  is_online:      {type: bool}\n"
    "  valued_at:      {type: timestamp}\n"
    "  address:        {type: ip}\n"
    "  place:          {type: geo}\n"
    "  pan:            {type: string, card: true}\n"
    "  holder:         {type: string, private: true}\n"
    "  merchant.city:  {type: string}\n"
    "features:\n"
    "  account_tx_count: {by: account_id, aggregate: count, windows: [5m]}\n"
    "flag_at: 70\n"
    "rules: [rules.yaml]\n";

static const char rules[] = "rules:\n"
                            "  - {id: any, when: amount > 0.0, score: 80, reason: why}\n";

static const char whole[] =
    "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":950.50,"
    "\"timestamp\":\"2026-01-05T13:00:00.5+01:00\",\"note\":\"a \\\"word\\\"\\n\",\"ratio\":0.25,"
    "\"items\":-7,\"is_online\":false,\"valued_at\":\"2026-01-06T00:00:00Z\","
    "\"address\":\"192.0.2.7\",\"place\":{\"lat\":48.5,\"lon\":-11.25},"
    "\"pan\":\"4111111111111111\",\"holder\":\"A. Person\",\"merchant\":{\"city\":\"Ulm\"}}";

struct bed {
    struct world w;
    struct snapshot *snap;
    struct event event;
    struct txn_value values[SCHEMA_FIELDS_MAX];
    struct decision decision;
    struct window_value features[1];
    struct alert alert;
    char record[ALERT_BYTES_MAX];
    size_t record_bytes;
};

static struct bed *open_with(const char *schema)
{
    struct bed *b = calloc(1, sizeof *b);
    world_open(&b->w, schema, rules, NULL);
    b->snap = snapshot_current(b->w.snapshots);
    b->decision = (struct decision){.flag = true, .score = 80};
    b->features[0] = (struct window_value){.exact = true, .scale = 1, .value = {.i64 = 11}};
    return b;
}

static int open_bed(void **state)
{
    *state = open_with(ruleset);
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

static void write_alert(struct bed *b, const char *body, const char *traceparent)
{
    struct reader_error error;
    struct text out;
    arena_reset(b->w.arena);
    struct span copy = arena_copy(b->w.arena, span_str(body));
    assert_int_equal(reader_read(&b->snap->schema, &b->w.engine.state->hash_key, copy, b->w.arena,
                                 b->values, &b->event, &error),
                     ST_OK);
    struct alert_source from = {.snap = b->snap,
                                .event = &b->event,
                                .decision = &b->decision,
                                .values = b->features,
                                .traceparent = span_str(traceparent)};
    text_init(&out, b->record, sizeof b->record);
    alert_write(&from, &out);
    b->record_bytes = out.len;
    assert_int_equal(alert_decode(text_span(&out), &b->alert), ST_OK);
}

static json_t *json_of(struct span json)
{
    json_error_t error;
    json_t *root = json_loadb(json.base, json.len, 0, &error);
    if (root == NULL)
        fail_msg("%s in %.*s", error.text, SPAN_ARG(json));
    return root;
}

/* ---- its name ---- */

static void its_id_is_of_the_transactions_alone(void **state)
{
    (void)state;
    char id[ALERT_ID_DIGITS + 1];
    alert_id(span_str("t-1"), id); /* printf alert:t-1 | sha256sum | cut -c-32 */
    assert_string_equal(id, "7ae44db3637f19778227620a2d518b96");
    alert_id(span_str("t-11"), id);
    assert_string_equal(id, "d0a6e88e9936a6a9a3447346aecf5cae");
}

static void the_longest_id_has_one_too(void **state)
{
    (void)state;
    static char longest[SCHEMA_STRING_LIMIT];
    char id[ALERT_ID_DIGITS + 1], other[ALERT_ID_DIGITS + 1];
    memset(longest, 'x', sizeof longest);
    alert_id(span_of(longest, sizeof longest), id);
    alert_id(span_of(longest, sizeof longest - 1), other);
    assert_int_equal(strlen(id), ALERT_ID_DIGITS);
    assert_string_not_equal(id, other);
}

/* ---- its transaction ---- */

static void each_type_is_written_by_name_and_private_fields_are_not(void **state)
{
    struct bed *b = *state;
    char expected[2048];
    write_alert(b, whole, "");
    const char *pan = strstr(b->alert.json.base, "\"pan\":\"");
    assert_non_null(pan);
    struct span hashed = b->values[schema_find(&b->snap->schema, span_str("pan"))].text;
    snprintf(expected, sizeof expected,
             "{\"alert_id\":\"7ae44db3637f19778227620a2d518b96\",\"transaction\":{"
             "\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":950.5,"
             "\"timestamp\":\"2026-01-05T12:00:00.500Z\",\"note\":\"a \\\"word\\\"\\n\","
             "\"ratio\":0.25,\"items\":-7,\"is_online\":false,"
             "\"valued_at\":\"2026-01-06T00:00:00Z\",\"address\":\"192.0.2.7\","
             "\"place\":{\"lat\":48.5,\"lon\":-11.25},\"pan\":\"%.*s\",\"merchant.city\":\"Ulm\"},"
             "\"transaction_id\":\"t-1\",\"decision\":\"flag\",\"score\":80,\"reasons\":[],"
             "\"features\":{\"account_tx_count_5m\":{\"value\":11,\"exact\":true}},"
             "\"ruleset\":\"%.16s\",\"degraded\":[]}",
             SPAN_ARG(hashed), b->snap->id_text);
    char *json = strndup(b->alert.json.base, b->alert.json.len);
    assert_string_equal(json, expected);
    assert_null(strstr(json, "Person"));
    assert_null(strstr(json, "4111111111111111"));
    free(json);
}

static void a_field_that_is_not_there_is_left_out(void **state)
{
    struct bed *b = *state;
    write_alert(b,
                "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":1,"
                "\"timestamp\":\"2026-01-05T12:00:00Z\",\"note\":null,\"items\":3}",
                "");
    json_t *root = json_of(b->alert.json);
    json_t *txn = json_object_get(root, "transaction");
    assert_int_equal(json_object_size(txn), 5);
    assert_int_equal(json_integer_value(json_object_get(txn, "items")), 3);
    assert_null(json_object_get(txn, "note"));
    json_decref(root);
}

/* ---- more than fits ---- */

enum { LONG_FIELDS = 15, LONG_BYTES = 4096 };

static const char *long_ruleset(void)
{
    static char out[8192];
    size_t at = (size_t)snprintf(out, sizeof out,
                                 "schema:\n"
                                 "  transaction_id: {type: string, required: true}\n"
                                 "  account_id:     {type: string, required: true}\n"
                                 "  amount:         {type: decimal, required: true}\n"
                                 "  timestamp:      {type: timestamp, required: true}\n");
    for (int i = 0; i < LONG_FIELDS; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "  text_%d: {type: string, max: %d}\n", i,
                               LONG_BYTES);
    snprintf(out + at, sizeof out - at,
             "  last: {type: string}\n"
             "features:\n"
             "  account_tx_count: {by: account_id, aggregate: count, windows: [5m]}\n"
             "flag_at: 70\n"
             "rules: [rules.yaml]\n");
    return out;
}

/* About 61 KB, of the character `c`. */
static const char *long_body(char c)
{
    static char out[80 << 10];
    size_t at = (size_t)snprintf(out, sizeof out,
                                 "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":1,"
                                 "\"timestamp\":\"2026-01-05T12:00:00Z\",\"last\":\"here\"");
    for (int i = 0; i < LONG_FIELDS; i++) {
        at += (size_t)snprintf(out + at, sizeof out - at, ",\"text_%d\":\"", i);
        memset(out + at, c, LONG_BYTES);
        at += LONG_BYTES;
        out[at++] = '"';
    }
    out[at++] = '}';
    out[at] = '\0';
    return out;
}

static void fields_that_do_not_fit_are_omitted_and_counted(void **state)
{
    struct bed *b = *state = open_with(long_ruleset());
    write_alert(b, long_body('x'), "");
    json_t *root = json_of(b->alert.json);
    json_t *txn = json_object_get(root, "transaction");
    json_int_t omitted = json_integer_value(json_object_get(txn, "omitted"));
    assert_true(omitted > 0 && omitted < LONG_FIELDS);
    assert_int_equal((json_int_t)json_object_size(txn) - 1 + omitted, 4 + LONG_FIELDS + 1);
    assert_string_equal(json_string_value(json_object_get(txn, "last")), "here");
    assert_string_equal(json_string_value(json_object_get(root, "decision")), "flag");
    assert_true(b->record_bytes <= ALERT_BYTES_MAX);
    json_decref(root);
}

static void a_transaction_of_64_kb_goes_through_the_engine(void **state)
{
    struct bed *b = *state = open_with(long_ruleset());
    struct outbox_options options = {.waiting_max = 1};
    struct outbox *outbox = b->w.engine.outbox = outbox_new(&options);
    assert_int_equal(world_score(&b->w, long_body('y')), SCORE_DECIDED);
    assert_true(b->w.score.flagged);
    struct outbox_item *item = outbox_take(outbox);
    assert_non_null(item);
    json_t *root = json_of(item->alert.json);
    assert_true(
        json_integer_value(json_object_get(json_object_get(root, "transaction"), "omitted")) > 0);
    json_decref(root);
    outbox_done(outbox, item);
    outbox_free(outbox);
}

/* ---- the record ---- */

static const char traceparent[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static void a_record_is_read_as_it_was_written(void **state)
{
    struct bed *b = *state;
    write_alert(b, whole, traceparent);
    assert_true(span_is(b->alert.transaction_id, "t-1"));
    assert_true(span_is(b->alert.traceparent, traceparent));
    assert_int_equal(b->alert.ts_ms, b->event.ts_ms);
    assert_string_equal(b->alert.id, "7ae44db3637f19778227620a2d518b96");
    json_decref(json_of(b->alert.json));
    write_alert(b, whole, "");
    assert_int_equal(b->alert.traceparent.len, 0);
}

static void the_same_transaction_makes_the_same_bytes(void **state)
{
    struct bed *b = *state;
    char first[ALERT_BYTES_MAX];
    write_alert(b, whole, traceparent);
    size_t bytes = b->record_bytes;
    memcpy(first, b->record, bytes);
    write_alert(b, whole, traceparent);
    assert_int_equal(b->record_bytes, bytes);
    assert_memory_equal(first, b->record, bytes);
}

/* Behind the head its JSON may end anywhere: the frame's checksum is who knows. */
static void a_record_cut_before_its_json_is_corrupt_and_leaves_ret_alone(void **state)
{
    struct bed *b = *state;
    write_alert(b, whole, traceparent);
    size_t head = ALERT_HEAD_BYTES + strlen("t-1") + strlen(traceparent);
    assert_int_equal(head, b->alert.json.base - b->record);
    struct alert a = {.ts_ms = 42};
    for (size_t n = 0; n <= head; n++) {
        char *cut = malloc(n + 1); /* so that a read past the end is seen */
        memcpy(cut, b->record, n);
        cut = realloc(cut, n > 0 ? n : 1);
        assert_int_equal(alert_decode(span_of(cut, n), &a), ST_CORRUPT);
        free(cut);
    }
    assert_int_equal(a.ts_ms, 42);
    assert_int_equal(alert_decode(span_of(b->record, head + 1), &a), ST_OK);
}

static void an_id_longer_than_any_is_corrupt(void **state)
{
    (void)state;
    static char record[ALERT_BYTES_MAX];
    struct alert a;
    uint16_t n = SCHEMA_STRING_LIMIT;
    memcpy(record, &n, sizeof n);
    assert_int_equal(alert_decode(span_of(record, sizeof record), &a), ST_OK);
    n++;
    memcpy(record, &n, sizeof n);
    assert_int_equal(alert_decode(span_of(record, sizeof record), &a), ST_CORRUPT);
}

static void a_record_made_by_hand_is_one(void **state)
{
    (void)state;
    char room[ALERT_RECORD_BYTES];
    struct alert a;
    assert_int_equal(alert_decode(alert_record_make("t-1", room), &a), ST_OK);
    assert_true(alert_record_is(&a, "t-1"));
    assert_false(alert_record_is(&a, "t-2"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_id_is_of_the_transactions_alone),
        cmocka_unit_test(the_longest_id_has_one_too),
        TEST(each_type_is_written_by_name_and_private_fields_are_not),
        TEST(a_field_that_is_not_there_is_left_out),
        cmocka_unit_test_teardown(fields_that_do_not_fit_are_omitted_and_counted, close_bed),
        cmocka_unit_test_teardown(a_transaction_of_64_kb_goes_through_the_engine, close_bed),
        TEST(a_record_is_read_as_it_was_written),
        TEST(the_same_transaction_makes_the_same_bytes),
        TEST(a_record_cut_before_its_json_is_corrupt_and_leaves_ret_alone),
        cmocka_unit_test(an_id_longer_than_any_is_corrupt),
        cmocka_unit_test(a_record_made_by_hand_is_one),
    };
    return cmocka_run_group_tests_name("engine/alert", tests, NULL, NULL);
}
