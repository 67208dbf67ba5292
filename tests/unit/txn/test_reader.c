#include "service/txn/reader.h"

#include "tests/unit/txn/json_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD "\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":950.00,"
#define TAIL "\"timestamp\":\"2026-01-05T12:00:10Z\"}"

static const char card_schema[] = "transaction_id: {type: string, required: true, max: 64}\n"
                                  "account_id: {type: string, required: true, max: 64}\n"
                                  "amount: {type: decimal, required: true}\n"
                                  "timestamp: {type: timestamp, required: true}\n"
                                  "currency: {type: string, max: 3}\n"
                                  "merchant.country: {type: string, max: 2}\n"
                                  "score: {type: number}\n"
                                  "count: {type: integer}\n"
                                  "present: {type: bool}\n"
                                  "ip: {type: ip}\n"
                                  "home: {type: geo}\n"
                                  "pan: {type: string, card: true, max: 19}\n"
                                  "posted: {type: timestamp}\n"
                                  "fee: {type: decimal}\n";

static const char foreign_schema[] =
    "transaction_id: {type: string, required: true, path: /Doc/Tx/0/PmtId/EndToEndId}\n"
    "account_id: {type: string, required: true, path: /Doc/Tx/0/Dbtr}\n"
    "amount: {type: decimal, required: true, path: /Doc/Tx/0/Amt}\n"
    "timestamp: {type: timestamp, required: true, path: /Doc/At}\n"
    "slash: {type: string, path: /a~1b/c~0d}\n";

static struct arena *load_arena;
static struct arena *arena;
static struct schema schema;
static struct schema foreign;
static const struct hash_key key = {{7}};

static struct txn_value values[SCHEMA_FIELDS_MAX];
static struct event event;
static struct reader_error error;

static void load(const char *text, struct schema *ret_schema)
{
    static struct diag_list diags;
    struct yaml_file file;
    assert_int_equal(yaml_parse("s.yaml", span_str(text), load_arena, &diags, &file), ST_OK);
    assert_int_equal(schema_load(&file, file.root, load_arena, &diags, ret_schema), ST_OK);
}

static int setup(void **state)
{
    (void)state;
    load_arena = arena_new(4 << 20);
    arena = arena_new(READER_ARENA_BYTES);
    load(card_schema, &schema);
    load(foreign_schema, &foreign);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(load_arena);
    arena_free(arena);
    return 0;
}

/* Reads a copy of exactly the body's size, so that ASan sees its end. */
static enum status read_with(const struct schema *s, struct span body)
{
    static char *copy;
    free(copy);
    copy = malloc(body.len ? body.len : 1);
    assert_non_null(copy);
    if (body.len > 0)
        memcpy(copy, body.base, body.len);
    arena_reset(arena);
    memset(&event, 0xEE, sizeof event);
    enum status st = reader_read(s, &key, span_of(copy, body.len), arena, values, &event, &error);
    return st;
}

static void reads(const char *body)
{
    if (read_with(&schema, span_str(body)) != ST_OK)
        fail_msg("%s: '%s' %s (byte %zu)", body, error.pointer, error.detail, error.offset);
}

static void refuses(const char *body, enum reader_fault fault, const char *pointer, size_t offset,
                    const char *detail)
{
    struct event untouched;
    memset(&untouched, 0xEE, sizeof untouched);
    if (read_with(&schema, span_str(body)) == ST_OK)
        fail_msg("accepted: %s", body);
    assert_string_equal(error.pointer, pointer);
    assert_string_equal(error.detail, detail);
    assert_int_equal(error.offset, offset);
    assert_int_equal(error.fault, fault);
    assert_memory_equal(&event, &untouched, sizeof event);
}

static const struct txn_value *value_of(const char *name)
{
    int slot = schema_find(&schema, span_str(name));
    assert_true(slot >= 0);
    return &values[slot];
}

static void assert_span(struct span s, const char *expected)
{
    if (!span_is(s, expected))
        fail_msg("'%.*s' is not '%s'", SPAN_ARG(s), expected);
}

/* A transaction with `member` in it, in a static buffer. */
static const char *with(const char *member)
{
    static char body[READER_BODY_MAX + 4096];
    int n = snprintf(body, sizeof body, "{" HEAD "%s," TAIL, member);
    assert_true(n > 0 && (size_t)n < sizeof body);
    return body;
}

/* Where `with` puts the member's value. */
static size_t offset_of(const char *body, const char *what)
{
    const char *at = strstr(body, what);
    assert_non_null(at);
    return (size_t)(at - body);
}

/* ---- what is read ---------------------------------------------------------------------------- */

static void a_transaction_fills_its_slots(void **state)
{
    (void)state;
    reads("{" HEAD "\"currency\":\"EUR\",\"merchant\":{\"name\":\"x\",\"country\":\"FR\"},"
          "\"score\":-1.5e3,\"count\":42,\"present\":true,\"ip\":\"2001:DB8:0:0::1\","
          "\"home\":{\"lat\":48.85,\"lon\":2.35},\"unknown\":[1,{\"a\":null}]," TAIL);
    assert_int_equal(event.kind, EVENT_TRANSACTION);
    assert_span(event.transaction_id, "t-1");
    assert_int_equal(event.txn_hash, hash_u64(&key, span_str("t-1")));
    assert_int_equal(event.ts_ms, 1767614410000);
    assert_ptr_equal(event.values, values);
    assert_int_equal(event.outcome, 0);
    assert_span(value_of("account_id")->text, "a-1");
    assert_int_equal(value_of("amount")->i64, 9500000);
    assert_span(value_of("currency")->text, "EUR");
    assert_span(value_of("merchant.country")->text, "FR");
    assert_true(value_of("score")->f64 == -1500.0);
    assert_int_equal(value_of("count")->i64, 42);
    assert_true(value_of("present")->present && value_of("present")->flag);
    assert_span(value_of("ip")->text, "2001:db8::1");
    assert_true(value_of("home")->geo.lat_deg == 48.85 && value_of("home")->geo.lon_deg == 2.35);
    assert_false(value_of("pan")->present);
}

static void spellings_of_one_address_are_one(void **state)
{
    static const struct {
        const char *member, *text;
    } cases[] = {
        {"\"ip\":\"2001:0DB8::0:1\"", "2001:db8::1"},
        {"\"ip\":\"::ffff:192.0.2.1\"", "192.0.2.1"},
        {"\"ip\":\"0:0:0:0:0:FFFF:c000:0201\"", "192.0.2.1"},
        {"\"ip\":\"::192.0.2.1\"", "::192.0.2.1"}, /* not mapped: RFC 4291 retired it */
        {"\"ip\":\"::1\"", "::1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reads(with(cases[i].member));
        assert_span(value_of("ip")->text, cases[i].text);
    }
}

static void null_is_absent_and_a_dotted_key_is_a_path(void **state)
{
    (void)state;
    reads(with("\"currency\":null,\"home\":null,\"merchant\":null,\"merchant.country\":\"DE\""));
    assert_false(value_of("currency")->present);
    assert_false(value_of("home")->present);
    assert_span(value_of("merchant.country")->text, "DE");
}

static void two_values_of_one_field_are_refused(void **state)
{
    (void)state;
    const char *body = with("\"merchant\":{\"country\":\"FR\"},\"merchant.country\":\"DE\"");
    refuses(body, READER_SCHEMA, "/merchant.country", offset_of(body, "\"DE\""),
            "has the value of a field that stands elsewhere too");
}

static void strings_are_unescaped(void **state)
{
    (void)state;
    reads("{\"transaction_id\":\"\\u0041\\n\\\"\\\\\\/\\u00e9\\ud83d\\ude00\\u20AC\","
          "\"account_id\":\"a\",\"amount\":1," TAIL);
    assert_span(event.transaction_id, "A\n\"\\/\xC3\xA9\xF0\x9F\x98\x80\xE2\x82\xAC");
    reads("{\"transaction_id\":\"t\",\"acc\\u006funt_id\":\"a\",\"amount\":1," TAIL);
    assert_span(value_of("account_id")->text, "a");
}

static void foreign_paths_go_through_arrays_and_escaped_keys(void **state)
{
    (void)state;
    const char *body = "{\"Doc\":{\"At\":\"2026-01-05T12:00:10Z\",\"Tx\":[{\"Dbtr\":\"DE1\","
                       "\"Amt\":\"4250.00\",\"PmtId\":{\"EndToEndId\":\"E1\"}},{\"Dbtr\":5}]},"
                       "\"a/b\":{\"c~d\":\"x\"}}";
    assert_int_equal(read_with(&foreign, span_str(body)), ST_OK);
    assert_span(event.transaction_id, "E1");
    assert_span(values[SCHEMA_ACCOUNT_ID].text, "DE1");
    assert_int_equal(values[SCHEMA_AMOUNT].i64, 42500000);
    assert_span(values[4].text, "x");
}

static void a_missing_field_is_named_by_its_path(void **state)
{
    (void)state;
    const char *body = "{\"Doc\":{\"Tx\":[{\"PmtId\":{\"EndToEndId\":\"E1\"}}]}}";
    assert_int_equal(read_with(&foreign, span_str(body)), ST_INVALID);
    assert_string_equal(error.pointer, "/Doc/Tx/0/Dbtr");
    assert_string_equal(error.detail, "the field account_id is missing");
    assert_int_equal(error.offset, strlen(body));
}

static void every_missing_field_is_told_when_nothing_else_is_wrong(void **state)
{
    static const char *const pointers[] = {"/account_id", "/amount", "/timestamp"};
    (void)state;
    assert_int_equal(read_with(&schema, span_str("{\"transaction_id\":\"t-1\"}")), ST_INVALID);
    const struct reader_error *e = &error;
    for (size_t i = 0; i < 3; i++, e = e->next) {
        assert_string_equal(e->pointer, pointers[i]);
        assert_int_equal(e->fault, READER_SCHEMA);
        assert_int_equal(e->offset, 24);
    }
    assert_null(e);
    assert_int_equal(read_with(&schema, span_str("{\"kind\":\"label\"}")), ST_INVALID);
    assert_string_equal(error.pointer, "/transaction_id");
    assert_string_equal(error.next->pointer, "/timestamp");
    assert_string_equal(error.next->next->detail, "the field outcome is missing");
    assert_null(error.next->next->next);
    assert_int_equal(read_with(&schema, span_str("{\"amount\":\"x\"}")), ST_INVALID);
    assert_string_equal(error.pointer, "/amount"); /* it is there, and wrong */
    assert_null(error.next);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static void a_label_is_read_wherever_its_kind_stands(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"kind\":\"label\",\"transaction_id\":\"t-1\",\"outcome\":\"fraud\","
        "\"timestamp\":\"2026-01-12T12:00:10Z\",\"account_id\":\"a-1\"}",
        "{\"transaction_id\":\"t-1\",\"outcome\":\"fraud\",\"account_id\":\"a-1\","
        "\"timestamp\":\"2026-01-12T12:00:10Z\",\"\\u006bind\":\"label\"}",
    };
    struct hash128 digest = {0, 0};
    for (int i = 0; i < 2; i++) {
        reads(bodies[i]);
        assert_int_equal(event.kind, EVENT_LABEL);
        assert_int_equal(event.outcome, OUTCOME_FRAUD);
        assert_int_equal(event.ts_ms, 1768219210000);
        assert_false(event.has_txn_ts);
        assert_span(value_of("account_id")->text, "a-1");
        assert_false(value_of("amount")->present);
        if (i > 0)
            assert_memory_equal(&event.digest, &digest, sizeof digest);
        digest = event.digest;
    }
}

static void a_label_of_a_foreign_schema_goes_by_names(void **state)
{
    (void)state;
    const char *body = "{\"Doc\":7,\"transaction_id\":\"E1\",\"account_id\":\"DE1\","
                       "\"timestamp\":\"2026-01-12T12:00:10Z\",\"outcome\":\"legitimate\","
                       "\"transaction_timestamp\":\"2026-01-05T12:00:10Z\",\"kind\":\"label\"}";
    assert_int_equal(read_with(&foreign, span_str(body)), ST_OK);
    assert_int_equal(event.outcome, OUTCOME_LEGITIMATE);
    assert_span(event.transaction_id, "E1");
    assert_span(values[SCHEMA_ACCOUNT_ID].text, "DE1");
    assert_true(event.has_txn_ts);
    assert_int_equal(event.txn_ts_ms, 1767614410000);
}

static void a_label_that_is_not_whole_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer, *at, *detail;
    } cases[] = {
        {"{\"kind\":\"label\",\"transaction_id\":\"t\",\"timestamp\":\"2026-01-12T12:00:10Z\"}",
         "/outcome", "", "the field outcome is missing"},
        {"{\"kind\":\"label\",\"outcome\":\"fraud\",\"timestamp\":\"2026-01-12T12:00:10Z\"}",
         "/transaction_id", "", "the field transaction_id is missing"},
        {"{\"kind\":\"label\",\"outcome\":\"fraud\",\"transaction_id\":\"t\"}", "/timestamp", "",
         "the field timestamp is missing"},
        {"{\"kind\":\"label\",\"outcome\":\"odd\",\"transaction_id\":\"t\"}", "/outcome", "\"odd\"",
         "must be \"fraud\", \"legitimate\", \"declined\" or \"reversed\""},
        {"{\"kind\":\"refund\"}", "/kind", "\"refund\"", "must be \"transaction\" or \"label\""},
        {"{\"kind\":null}", "/kind", "null", "must be \"transaction\" or \"label\""},
        {"{\"kind\":[]}", "/kind", "[]", "must be \"transaction\" or \"label\""},
        {"{\"kind\":\"label\",\"transaction_timestamp\":5}", "/transaction_timestamp", "5",
         "must be a date and time as in RFC 3339 with an offset, at most to the millisecond"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *body = cases[i].body;
        size_t at = cases[i].at[0] ? offset_of(body, cases[i].at) : strlen(body);
        refuses(body, READER_SCHEMA, cases[i].pointer, at, cases[i].detail);
    }
}

static void outcomes_have_texts(void **state)
{
    (void)state;
    assert_string_equal(outcome_text(OUTCOME_FRAUD), "fraud");
    assert_string_equal(outcome_text(OUTCOME_REVERSED), "reversed");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void the_table_of_json_cases_holds_within_a_message(void **state)
{
    (void)state;
    for (int i = 0; i < JSON_CASES; i++) {
        const struct json_case *c = &json_cases[i];
        char body[2048];
        struct text t;
        text_init(&t, body, sizeof body);
        text_str(&t, "{" HEAD TAIL);
        t.len--;
        text_str(&t, ",\"x\":");
        text_put(&t, c->bytes);
        text_char(&t, '}');
        assert_false(t.overflow);
        bool ok = read_with(&schema, text_span(&t)) == ST_OK;
        enum json_verdict verdict = ok                               ? ACCEPT
                                    : error.fault == READER_NOT_JSON ? NOT_JSON
                                                                     : SCHEMA;
        if (verdict != c->verdict)
            fail_msg("%s: %d, not %d: %s", c->name, verdict, c->verdict, ok ? "" : error.detail);
    }
}

static void no_json_case_is_an_event_by_itself(void **state)
{
    (void)state;
    for (int i = 0; i < JSON_CASES; i++) {
        const struct json_case *c = &json_cases[i];
        bool object = span_starts(c->bytes, span_str("{"));
        if (read_with(&schema, c->bytes) == ST_OK)
            fail_msg("%s was accepted", c->name);
        bool not_json = error.fault == READER_NOT_JSON;
        if (not_json != (c->verdict == NOT_JSON || !object))
            fail_msg("%s: '%s' %s", c->name, error.pointer, error.detail);
    }
}

static void every_prefix_of_a_message_is_refused(void **state)
{
    (void)state;
    const char *body =
        with("\"home\":{\"lat\":1.5e0,\"lon\":-2},\"x\":[true,null,\"\\u00e9\xC3\xA9\"]");
    for (size_t len = 0; len < strlen(body); len++) {
        assert_int_equal(read_with(&schema, span_of(body, len)), ST_INVALID);
        assert_int_equal(error.fault, READER_NOT_JSON);
        assert_true(error.offset <= len);
    }
    reads(body);
}

static void faults_have_a_pointer_and_an_offset(void **state)
{
    (void)state;
    static const struct {
        const char *body, *pointer;
        size_t offset;
        const char *detail;
    } cases[] = {
        {"", "", 0, "expected an object"},
        {"[1]", "", 0, "expected an object, not an array; a body, or a line, is one event"},
        {"null", "", 0, "expected an object"},
        {"\xEF\xBB\xBF{}", "", 0, "expected an object"},
        {"{\"a\":1}x", "", 7, "expected nothing more"},
        {"{a:1}", "", 1, "expected a key in quotes"},
        {"{\"a\":1,}", "", 7, "expected a key in quotes"},
        {"{\"a\" 1}", "/a", 5, "expected ':'"},
        {"{\"a\":}", "/a", 5, "expected a value"},
        {"{\"a\":tru}", "/a", 5, "expected a value"},
        {"{\"a\":1 2}", "/a", 7, "expected ',' or '}'"},
        {"{\"a\":[1 2]}", "/a/0", 8, "expected ',' or ']'"},
        {"{\"a\":[1,{\"b/~\":-}]}", "/a/1/b~1~0", 16, "expected a digit"},
        {"{\"a\":01}", "/a", 6, "expected ',' or '}'"},
        {"{\"a\":\"b", "/a", 7, "the string does not end"},
        {"{\"a\":\"\t\"}", "/a", 6, "a control character must be escaped"},
        {"{\"a\":\"\\x\"}", "/a", 6, "no such escape"},
        {"{\"a\":\"\\u12g4\"}", "/a", 6, "\\u needs four hex digits"},
        {"{\"a\":\"\\u0000\"}", "/a", 6, "the character U+0000 is not accepted"},
        {"{\"a\":\"x\\ud800\"}", "/a", 7, "half of a surrogate pair"},
        {"{\"a\":\"\xC0\xAF\"}", "/a", 6, "not UTF-8"},
        {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "/a", 13, "the key is in this object twice"},
        {"{\"amount\":1,\"am\\u006funt\":1}", "/amount", 12, "the key is in this object twice"},
        {"{\"kind\":\"label\",\"kind\":\"label\"}", "/kind", 16, "the key is in this object twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        refuses(cases[i].body, READER_NOT_JSON, cases[i].pointer, cases[i].offset, cases[i].detail);
}

static void what_is_not_json_comes_before_what_the_schema_refuses(void **state)
{
    (void)state;
    refuses("{\"amount\":true,\"x\":1e400}", READER_SCHEMA, "/amount", 10,
            "must be a number, or a string that is one");
    refuses("{\"amount\":true,\"x\":}", READER_NOT_JSON, "/x", 19, "expected a value");
}

static void a_key_may_repeat_in_other_objects(void **state)
{
    (void)state;
    reads(
        with("\"x\":{\"a\":1,\"b\":{\"a\":1,\"x\":2}},\"y\":[{\"a\":1},{\"a\":1}],\"amounts\":{}"));
}

/* ---- limits ---------------------------------------------------------------------------------- */

static const char *nested(int depth, const char *open, const char *close)
{
    static char member[READER_BODY_MAX];
    struct text t;
    text_init(&t, member, sizeof member - 1);
    text_str(&t, "\"x\":");
    for (int i = 0; i < depth; i++)
        text_str(&t, open);
    text_str(&t, "1");
    for (int i = 0; i < depth; i++)
        text_str(&t, close);
    assert_false(t.overflow);
    member[t.len] = '\0';
    return member;
}

static void depth_32_is_read_and_depth_33_is_not(void **state)
{
    (void)state;
    reads(with(nested(31, "[", "]"))); /* the message is the first level */
    reads(with(nested(31, "{\"a\":", "}")));
    assert_int_equal(read_with(&schema, span_str(with(nested(32, "[", "]")))), ST_INVALID);
    assert_int_equal(error.fault, READER_NOT_JSON);
    assert_string_equal(error.detail, "nested too deeply");
    assert_string_equal(error.pointer, "/x/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/"
                                       "0/0/0");
    assert_int_equal(read_with(&schema, span_str(with(nested(500, "{\"a\":", "}")))), ST_INVALID);
}

static void a_million_brackets_are_too_large(void **state)
{
    (void)state;
    size_t n = 1000000;
    char *body = malloc(n);
    assert_non_null(body);
    memset(body, '[', n);
    assert_int_equal(read_with(&schema, span_of(body, n)), ST_INVALID);
    assert_int_equal(error.fault, READER_TOO_LARGE);
    assert_int_equal(error.offset, READER_BODY_MAX);
    assert_int_equal(read_with(&schema, span_of(body, 1000)), ST_INVALID);
    assert_int_equal(error.fault, READER_NOT_JSON);
    free(body);
}

static void the_largest_body_is_read_and_one_byte_more_is_not(void **state)
{
    (void)state;
    static char body[READER_BODY_MAX + 1];
    size_t len = strlen(with("\"x\":1"));
    memset(body, ' ', sizeof body);
    memcpy(body, with("\"x\":1"), len);
    assert_int_equal(read_with(&schema, span_of(body, READER_BODY_MAX)), ST_OK);
    assert_int_equal(read_with(&schema, span_of(body, READER_BODY_MAX + 1)), ST_INVALID);
    assert_int_equal(error.fault, READER_TOO_LARGE);
}

/* A message with `n` keys in all. */
static struct span with_keys(int n)
{
    static char body[READER_BODY_MAX];
    struct text t;
    text_init(&t, body, sizeof body);
    text_str(&t, "{" HEAD TAIL);
    t.len--;
    for (int i = 4; i < n; i++)
        text_printf(&t, ",\"key-%d\":%d", i, i);
    text_char(&t, '}');
    assert_false(t.overflow);
    return text_span(&t);
}

static void a_message_has_512_keys_and_not_513(void **state)
{
    (void)state;
    assert_int_equal(read_with(&schema, with_keys(READER_KEYS_MAX)), ST_OK);
    assert_int_equal(read_with(&schema, with_keys(READER_KEYS_MAX + 1)), ST_INVALID);
    assert_int_equal(error.fault, READER_TOO_LARGE);
    assert_string_equal(error.detail, "the message has too many keys");
    assert_string_equal(error.pointer, "");
}

static void escapes_of_a_whole_body_fit_the_arena(void **state)
{
    (void)state;
    static char body[READER_BODY_MAX];
    struct text t;
    text_init(&t, body, sizeof body);
    text_str(&t, "{" HEAD TAIL);
    t.len--;
    text_str(&t, ",\"x\":[\"\\n\"");
    while (t.len < sizeof body - 8) /* each alone would take 16 bytes of the arena */
        text_str(&t, ",\"\\n\"");
    text_str(&t, "]}");
    assert_false(t.overflow);
    assert_int_equal(read_with(&schema, text_span(&t)), ST_OK);
    assert_true(arena->used_bytes < 64);
}

static void a_full_arena_is_said(void **state)
{
    (void)state;
    char block[64];
    struct arena small;
    const char *body = with("\"x\":{\"\\n0123456789012345678901234567890123456789\":1,"
                            "\"\\n1123456789012345678901234567890123456789\":2}");
    arena_init(&small, block, sizeof block);
    assert_int_equal(reader_read(&schema, &key, span_str(body), &small, values, &event, &error),
                     ST_INVALID);
    assert_int_equal(error.fault, READER_TOO_LARGE);
}

static void a_long_pointer_is_cut_at_a_segment(void **state)
{
    (void)state;
    char a[200], member[512];
    memset(a, 'a', sizeof a);
    snprintf(member, sizeof member, "\"%.100s\":{\"%.100s\":{\"%.100s\":{\"b\":-}}}", a, a, a);
    assert_int_equal(read_with(&schema, span_str(with(member))), ST_INVALID);
    assert_int_equal(strlen(error.pointer), 202);
}

/* ---- types ----------------------------------------------------------------------------------- */

static void decimals_are_exact(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int64_t e4;
    } cases[] = {
        {"950.00", 9500000},
        {"0", 0},
        {"-0.0", 0},
        {"\"-0\"", 0},
        {"0.0001", 1},
        {"-0.0001", -1},
        {"1.2345", 12345},
        {"1.23450000000000000000000000000000000", 12345},
        {"1e3", 10000000},
        {"12345e-4", 12345},
        {"0.00000000000000000000012345e+23", 123450},
        {"\"81.51\"", 815100},
        {"922337203685477.5807", INT64_MAX},
        {"-922337203685477.5808", INT64_MIN},
        {"\"1E+2\"", 1000000},
        {"0e99999999999", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char member[128];
        snprintf(member, sizeof member, "\"fee\":%s", cases[i].json);
        reads(with(member));
        assert_true(value_of("fee")->present);
        assert_int_equal(value_of("fee")->i64, cases[i].e4);
    }
}

static void values_of_a_wrong_kind_are_refused(void **state)
{
    (void)state;
#define DATE "must be a date and time as in RFC 3339 with an offset, at most to the millisecond"
    static const struct {
        const char *pointer, *json, *detail;
    } cases[] = {
        {"/fee", "0.00001", "has more than 4 digits after the point"},
        {"/fee", "1.23456789012345678901", "has more than 4 digits after the point"},
        {"/fee", "1e-5", "has more than 4 digits after the point"},
        {"/fee", "922337203685477.5808", "is out of range"},
        {"/fee", "-922337203685477.5809", "is out of range"},
        {"/fee", "123456789012345678901234", "is out of range"},
        {"/fee", "1e400", "is out of range"},
        {"/fee", "\"\"", "must be a number, or a string that is one"},
        {"/fee", "\" 1\"", "must be a number, or a string that is one"},
        {"/fee", "\"1,5\"", "must be a number, or a string that is one"},
        {"/fee", "true", "must be a number, or a string that is one"},
        {"/fee", "[1]", "must be a number, or a string that is one"},
        {"/currency", "7", "must be a string"},
        {"/currency", "{}", "must be a string"},
        {"/currency", "\"EURO\"", "is longer than the 3 bytes that the schema allows"},
        {"/score", "\"1\"", "must be a number"},
        {"/score", "1e309", "is out of range"},
        {"/count", "1.5", "must be an integer"},
        {"/count", "9223372036854775808", "is out of range"},
        {"/present", "1", "must be true or false"},
        {"/ip", "\"1.2.3\"", "must be an IPv4 or IPv6 address"},
        {"/ip", "\"1.2.3.256\"", "must be an IPv4 or IPv6 address"},
        {"/ip", "\"::1%eth0\"", "must be an IPv4 or IPv6 address"},
        {"/ip", "4", "must be a string with an IP address"},
        {"/home", "{\"lat\":1}", "must be an object with lat and lon"},
        {"/home", "[1,2]", "must be an object with lat and lon"},
        {"/home", "\"1,2\"", "must be an object with lat and lon"},
        {"/posted", "5", "must be a string with a date and time"},
        {"/posted", "\"2026-01-05\"", DATE},
        {"/merchant", "\"ACME\"", "must be an object or an array, with fields of the schema in it"},
        {"/x", "1e400", "is out of range"},
        {"/x", "1180591620717411303424", "is out of range"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char member[128];
        snprintf(member, sizeof member, "\"%s\":%s", cases[i].pointer + 1, cases[i].json);
        const char *body = with(member);
        refuses(body, READER_SCHEMA, cases[i].pointer,
                offset_of(body, member) + strlen(member) - strlen(cases[i].json), cases[i].detail);
    }
}

static void degrees_have_a_range(void **state)
{
    (void)state;
    reads(with("\"home\":{\"lat\":-90,\"lon\":180.0,\"alt\":[7]}"));
    const char *body = with("\"home\":{\"lat\":90.1,\"lon\":0}");
    refuses(body, READER_SCHEMA, "/home/lat", offset_of(body, "90.1"), "must be from -90 to 90");
    body = with("\"home\":{\"lat\":0,\"lon\":-180.5}");
    refuses(body, READER_SCHEMA, "/home/lon", offset_of(body, "-180.5"),
            "must be from -180 to 180");
    body = with("\"home\":{\"lat\":0,\"lon\":\"0\"}");
    refuses(body, READER_SCHEMA, "/home/lon", offset_of(body, "\"0\""),
            "must be a number of degrees");
}

static void required_strings_are_not_empty(void **state)
{
    (void)state;
    const char *body = "{\"transaction_id\":\"\",\"account_id\":\"a\",\"amount\":1," TAIL;
    refuses(body, READER_SCHEMA, "/transaction_id", 18, "must not be empty");
    body = "{\"transaction_id\":\"t\",\"account_id\":null,\"amount\":1," TAIL;
    refuses(body, READER_SCHEMA, "/account_id", strlen(body), "the field account_id is missing");
}

static void an_aggregated_number_has_a_range(void **state)
{
    (void)state;
    int slot = schema_find(&schema, span_str("score"));
    schema.fields[slot].aggregated = true;
    reads(with("\"score\":9.2e12"));
    assert_int_equal(read_with(&schema, span_str(with("\"score\":-9.3e12"))), ST_INVALID);
    assert_string_equal(error.detail, "is out of range");
    schema.fields[slot].aggregated = false;
    reads(with("\"score\":-9.3e12"));
}

static void numbers_have_at_most_1024_bytes(void **state)
{
    (void)state;
    static char member[2048];
    struct text t;
    text_init(&t, member, sizeof member - 1);
    text_str(&t, "\"x\":0.");
    while (t.len < 4 + 1024)
        text_char(&t, '7');
    reads(with(member));
    text_char(&t, '7');
    assert_int_equal(read_with(&schema, span_str(with(member))), ST_INVALID);
    assert_string_equal(error.detail, "has too many digits");
}

/* ---- timestamps ------------------------------------------------------------------------------ */

static void timestamps_are_rfc_3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t00:00:00z", 0},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2018-04-01T00:02:10Z", 1522540930000},
        {"2018-04-01T02:02:10+02:00", 1522540930000},
        {"2018-03-31T18:32:10-05:30", 1522540930000},
        {"2018-04-01T00:02:10.5Z", 1522540930500},
        {"2018-04-01T00:02:10.123000000000Z", 1522540930123},
        {"2000-02-29T00:00:00Z", 951782400000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2017-01-01T01:59:60.250+02:00", 1483228800250},
        {"0001-01-01T00:00:00Z", -62135596800000},
        {"9999-12-31T23:59:59.999Z", 253402300799999},
        {"2018-04-01T00:02:10-00:00", 1522540930000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 0;
        if (!reader_timestamp(span_str(cases[i].text), &ms))
            fail_msg("refused: %s", cases[i].text);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void other_timestamps_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "2018-04-01",
        "2018-04-01T00:02:10",
        "2018-04-01 00:02:10Z",
        "2018-04-01T00:02Z",
        "2018-4-01T00:02:10Z",
        "2018-13-01T00:00:00Z",
        "2018-00-01T00:00:00Z",
        "2018-04-00T00:00:00Z",
        "2018-04-31T00:00:00Z",
        "2018-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "2018-04-01T24:00:00Z",
        "2018-04-01T00:60:00Z",
        "2018-04-01T00:00:61Z",
        "2018-04-01T00:00:60Z",
        "2018-04-01T00:00:00.Z",
        "2018-04-01T00:00:00.1234Z",
        "2018-04-01T00:00:00,5Z",
        "2018-04-01T00:00:00+0200",
        "2018-04-01T00:00:00+24:00",
        "2018-04-01T00:00:00+02:60",
        "2018-04-01T00:00:00+02",
        "2018-04-01T00:00:00ZZ",
        "2018-04-01T00:00:00Z ",
        "+018-04-01T00:00:00Z",
        "2018-04-01T-1:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 77;
        if (reader_timestamp(span_str(cases[i]), &ms))
            fail_msg("accepted: %s", cases[i]);
        assert_int_equal(ms, 77);
    }
}

/* ---- cards ----------------------------------------------------------------------------------- */

/* Synthetic numbers that networks publish for tests. */
#define CARD "4111111111111111"

static void card_numbers_are_refused_and_never_echoed(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"note\":\"" CARD "\"",
        "\"note\":\"4111 1111 1111 1111\"",
        "\"note\":\"4111-1111-1111-1111\"",
        "\"note\":\"\\u0034111111111111111\"",
        "\"note\":[{\"a\":\"378282246310005\"}]",
        "\"note\":\"6304000000000000000\"",
        "\"note\":\"4222222222222\"",
        "\"note\":\"paid with 4111-1111 1111 1111, thanks\"",
        "\"pay with " CARD "\":1",
        "\"note\":" CARD,
        "\"currency\":" CARD,
        "\"currency\":\"" CARD "\"",
        "\"fee\":\"" CARD "\"",
        "\"kind\":\"" CARD "\"",
        "\"" CARD "\":1",
        "\"a\":{\"" CARD "\":{\"b\":}}",
        "\"a\":{\"4111 1111 1111 1111\":{\"b\":1e400}}",
        "\"pan\":{\"x\":\"" CARD "\"}",
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        if (read_with(&schema, span_str(with(members[i]))) == ST_OK)
            fail_msg("accepted: %s", members[i]);
        assert_int_equal(error.fault, READER_SCHEMA);
        assert_null(strstr(error.pointer, "1111"));
        assert_null(strstr(error.detail, "1111"));
    }
}

static void other_digits_are_no_card_numbers(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"note\":\"4111111111111112\"",     /* another check digit */
        "\"note\":\"411111111111\"",         /* 12 digits */
        "\"note\":\"41111111111111111111\"", /* 20 */
        "\"note\":\"4111  1111 1111 1111\"", /* two spaces */
        "\"note\":\"x4111111111111111\"",    /* a text */
        "\"note\":1522540930007",            /* Unix milliseconds that pass the check */
        "\"count\":4111111111111111",        /* declared as an integer */
        "\"note\":4111111111111111.0",       /* a quantity */
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        reads(with(members[i]));
}

static void a_card_field_holds_a_hash_in_value_and_body(void **state)
{
    (void)state;
    char hidden[64], body[READER_BODY_MAX];
    struct hash128 digest;
    reads(with("\"pan\" : \"4111 1111 1111 1111\" ,\"x\":1"));
    struct span text = value_of("pan")->text;
    snprintf(hidden, sizeof hidden, "card:%016lx", (unsigned long)hash_u64(&key, span_str(CARD)));
    assert_span(text, hidden);
    snprintf(body, sizeof body, "{" HEAD "\"pan\" : \"%s\" ,\"x\":1," TAIL, hidden);
    assert_span(event.body, body);
    digest = event.digest;

    reads(with("\"pan\":\"" CARD "\",\"x\":1"));
    assert_span(value_of("pan")->text, hidden);
    assert_memory_equal(&event.digest, &digest, sizeof digest);

    reads(body); /* as a journal does */
    assert_span(value_of("pan")->text, hidden);
    assert_span(event.body, body);
    assert_memory_equal(&event.digest, &digest, sizeof digest);
}

static void a_card_field_hides_whatever_it_holds(void **state)
{
    (void)state;
    reads(with("\"pan\":\"411111111111111\"")); /* one digit short */
    assert_int_equal(value_of("pan")->text.len, 21);
    assert_null(memmem(event.body.base, event.body.len, "1111", 4));
    assert_int_equal(read_with(&schema, span_str(with("\"pan\":\"41111111111111111111\""))),
                     ST_INVALID);
    assert_string_equal(error.detail, "is longer than the 19 bytes that the schema allows");
}

static void a_card_that_stands_twice_is_hidden_once(void **state)
{
    (void)state;
    enum { DOTTED = SCHEMA_FIELDS_MAX - SCHEMA_REQUIRED };
    static struct schema wide;
    static char yaml[16 << 10], body[READER_BODY_MAX];
    struct text fields, twice;
    text_init(&fields, yaml, sizeof yaml - 1);
    text_put(&fields,
             span_of(card_schema, (size_t)(strstr(card_schema, "currency") - card_schema)));
    text_init(&twice, body, sizeof body - 1);
    text_str(&twice, "{" HEAD);
    for (int i = 0; i < DOTTED; i++) {
        text_printf(&fields, "c.f%d: {type: string, card: true}\n", i);
        text_printf(&twice, "\"c.f%d\":\"" CARD "\",", i);
    }
    text_str(&twice, "\"c\":{");
    for (int i = 0; i < DOTTED; i++)
        text_printf(&twice, "%s\"f%d\":\"" CARD "\"", i > 0 ? "," : "", i);
    text_str(&twice, "}," TAIL);
    load(yaml, &wide);
    assert_int_equal(wide.count, SCHEMA_FIELDS_MAX);
    assert_int_equal(read_with(&wide, text_span(&twice)), ST_INVALID);
    assert_string_equal(error.pointer, "/c/f0");
    assert_string_equal(error.detail, "has the value of a field that stands elsewhere too");
}

/* ---- the digest ------------------------------------------------------------------------------ */

static struct hash128 digest_of(const char *member)
{
    reads(with(member));
    return event.digest;
}

static bool same(const char *a, const char *b)
{
    struct hash128 x = digest_of(a), y = digest_of(b);
    return x.lo == y.lo && x.hi == y.hi;
}

static void what_means_the_same_has_one_digest(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"\"x\":1,\"y\":{\"a\":1,\"b\":[]}", "\"y\" : { \"b\":[ ], \"a\":1 } , \"x\":1"},
        {"\"x\":1.0", "\"x\":1"},
        {"\"x\":100", "\"x\":1e2"},
        {"\"x\":-0", "\"x\":0.000e7"},
        {"\"x\":12345678901234567890123.5e-3", "\"x\":12345678901234567.8901235000e+3"},
        {"\"x\":\"\\u0041\\/\"", "\"x\":\"A/\""},
        {"\"fee\":\"1.50\"", "\"fee\":1.5"},
        {"\"\\u0078\":1", "\"x\":1"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (!same(pairs[i][0], pairs[i][1]))
            fail_msg("%s and %s differ", pairs[i][0], pairs[i][1]);
}

static void what_differs_has_another_digest(void **state)
{
    (void)state;
    static const char *const members[] = {
        "\"x\":1",
        "\"x\":2",
        "\"x\":-1",
        "\"x\":10",
        "\"x\":\"1\"",
        "\"x\":true",
        "\"x\":false",
        "\"x\":null",
        "\"x\":\"\"",
        "\"x\":[]",
        "\"x\":{}",
        "\"x\":[[]]",
        "\"x\":[1,2]",
        "\"x\":[2,1]",
        "\"x\":[12]",
        "\"x\":{\"0\":1,\"1\":2}",
        "\"x/0\":1",
        "\"x\":{\"a\":1}",
        "\"xa\":1",
        "\"y\":{\"a\":1}",
        "\"x\":[1,1]",
        "\"x\":[[1],2]",
        "\"x\":[[1,2]]",
        "\"x\":{\"a\":{\"b\":1}}",
        "\"x\":{\"ab\":1}",
        "\"\":1",
        "\"x\":\"1\",\"z\":1",
        "\"x\":12345678901234567890.5",
        "\"x\":12345678901234567890.25",
        "\"x\":0.12345678901234567890123",
        "\"x\":1.2345678901234567890123",
        "\"x\":-0.12345678901234567890123",
        "\"x\":\"0123456789012345678901234567890123456789012345678901234567890123456789a\"",
        "\"x\":\"0123456789012345678901234567890123456789012345678901234567890123456789b\"",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789a\":1",
        "\"0123456789012345678901234567890123456789012345678901234567890123456789b\":1",
    };
    enum { N = sizeof members / sizeof members[0] };
    struct hash128 digests[N];
    for (int i = 0; i < N; i++) {
        digests[i] = digest_of(members[i]);
        for (int j = 0; j < i; j++)
            if (digests[i].lo == digests[j].lo || digests[i].hi == digests[j].hi)
                fail_msg("%s and %s have one digest", members[i], members[j]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_fills_its_slots),
        cmocka_unit_test(spellings_of_one_address_are_one),
        cmocka_unit_test(null_is_absent_and_a_dotted_key_is_a_path),
        cmocka_unit_test(two_values_of_one_field_are_refused),
        cmocka_unit_test(strings_are_unescaped),
        cmocka_unit_test(foreign_paths_go_through_arrays_and_escaped_keys),
        cmocka_unit_test(a_missing_field_is_named_by_its_path),
        cmocka_unit_test(every_missing_field_is_told_when_nothing_else_is_wrong),
        cmocka_unit_test(a_label_is_read_wherever_its_kind_stands),
        cmocka_unit_test(a_label_of_a_foreign_schema_goes_by_names),
        cmocka_unit_test(a_label_that_is_not_whole_is_refused),
        cmocka_unit_test(outcomes_have_texts),
        cmocka_unit_test(the_table_of_json_cases_holds_within_a_message),
        cmocka_unit_test(no_json_case_is_an_event_by_itself),
        cmocka_unit_test(every_prefix_of_a_message_is_refused),
        cmocka_unit_test(faults_have_a_pointer_and_an_offset),
        cmocka_unit_test(what_is_not_json_comes_before_what_the_schema_refuses),
        cmocka_unit_test(a_key_may_repeat_in_other_objects),
        cmocka_unit_test(depth_32_is_read_and_depth_33_is_not),
        cmocka_unit_test(a_million_brackets_are_too_large),
        cmocka_unit_test(the_largest_body_is_read_and_one_byte_more_is_not),
        cmocka_unit_test(a_message_has_512_keys_and_not_513),
        cmocka_unit_test(escapes_of_a_whole_body_fit_the_arena),
        cmocka_unit_test(a_full_arena_is_said),
        cmocka_unit_test(a_long_pointer_is_cut_at_a_segment),
        cmocka_unit_test(decimals_are_exact),
        cmocka_unit_test(values_of_a_wrong_kind_are_refused),
        cmocka_unit_test(degrees_have_a_range),
        cmocka_unit_test(required_strings_are_not_empty),
        cmocka_unit_test(an_aggregated_number_has_a_range),
        cmocka_unit_test(numbers_have_at_most_1024_bytes),
        cmocka_unit_test(timestamps_are_rfc_3339),
        cmocka_unit_test(other_timestamps_are_refused),
        cmocka_unit_test(card_numbers_are_refused_and_never_echoed),
        cmocka_unit_test(other_digits_are_no_card_numbers),
        cmocka_unit_test(a_card_field_holds_a_hash_in_value_and_body),
        cmocka_unit_test(a_card_field_hides_whatever_it_holds),
        cmocka_unit_test(a_card_that_stands_twice_is_hidden_once),
        cmocka_unit_test(what_means_the_same_has_one_digest),
        cmocka_unit_test(what_differs_has_another_digest),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
