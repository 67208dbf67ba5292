/*
 * fuzz_reader.c -- the reader against jansson: the same bytes are JSON for both, or for neither.
 *
 * They differ by design. We refuse what is not an object, nesting over 32 levels, and, as outside
 * the schema, what jansson cannot hold: integers over 64 bits and reals over a double. Bodies
 * over a limit of ours, and messages given up at a key that looks like a card, are not compared.
 * jansson 2.14 also takes a raw NUL behind a number for nothing.
 *
 * What is read must also be read again: the event's own body, and jansson's spelling of the same
 * document, have the same digest.
 */
#include "tests/fuzz/fuzz.h"

#include "service/txn/reader.h"
#include "tests/unit/txn/json_cases.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define EXPECT(cond)                                                                              \
    do {                                                                                          \
        if (!(cond)) {                                                                            \
            fprintf(stderr, "%s:%d: %s (our error: '%s' %s at %zu)\n", __FILE__, __LINE__, #cond, \
                    error.pointer, error.detail, error.offset);                                   \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

static const char schema_text[] = "transaction_id: {type: string, required: true, max: 64}\n"
                                  "account_id: {type: string, required: true, max: 64}\n"
                                  "amount: {type: decimal, required: true}\n"
                                  "timestamp: {type: timestamp, required: true}\n"
                                  "merchant.country: {type: string, max: 2}\n"
                                  "pan: {type: string, card: true, max: 19}\n"
                                  "count: {type: integer}\n"
                                  "ip: {type: ip}\n"
                                  "home: {type: geo}\n"
                                  "first: {type: string, path: /items/0/a}\n";

static struct schema schema;
static const struct hash_key key = {{1, 2, 3}};
static struct arena *arena;
static struct txn_value values[SCHEMA_FIELDS_MAX];
static struct reader_error error;

static void load_schema(void)
{
    static struct diag_list diags;
    struct yaml_file file;
    static struct arena *forever;
    forever = arena_new(1 << 20);
    if (yaml_parse("schema", span_str(schema_text), forever, &diags, &file) != ST_OK ||
        schema_load(&file, file.root, forever, &diags, &schema) != ST_OK)
        abort();
    arena = arena_new(2 * READER_ARENA_BYTES); /* an event, and what it is read from again */
}

static bool read_event(struct span body, struct event *ret_event)
{
    error = (struct reader_error){0};
    return reader_read(&schema, &key, body, arena, values, ret_event, &error) == ST_OK;
}

static bool given_up(void)
{
    return error.fault == READER_TOO_LARGE ||
           strcmp(error.detail, "has a key that looks like a card number") == 0;
}

static bool has_real(const json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach((json_t *)value, name, member) if (has_real(member)) return true;
    json_array_foreach(value, i, member) if (has_real(member)) return true;
    return json_is_real(value);
}

/* The digest of `body` must be that of `event`. */
static void expect_same(struct span body, const struct event *event)
{
    struct event again;
    EXPECT(read_event(body, &again));
    EXPECT(again.kind == event->kind && again.txn_hash == event->txn_hash);
    EXPECT(again.digest.lo == event->digest.lo && again.digest.hi == event->digest.hi);
}

/* An accepted event against jansson's tree of it. */
static void compare_event(const struct event *event, const json_t *root)
{
    const json_t *id = json_object_get(root, "transaction_id");
    EXPECT(json_is_string(id));
    EXPECT(span_eq(event->transaction_id, span_of(json_string_value(id), json_string_length(id))));
    expect_same(event->body, event);
    if (has_real(root)) /* jansson writes the nearest double */
        return;
    char *spelt = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    EXPECT(spelt != NULL);
    if (strlen(spelt) <= READER_BODY_MAX)
        expect_same(span_str(spelt), event);
    free(spelt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct event event;
    json_error_t theirs;
    if (arena == NULL)
        load_schema();
    arena_reset(arena);
    bool ok = read_event(span_of(data, size), &event);
    if (!ok) {
        EXPECT(error.offset <= size);
        EXPECT(memchr(error.pointer, '\0', sizeof error.pointer) != NULL);
        if (given_up())
            return 0;
    }
    bool is_json = ok || error.fault == READER_SCHEMA;
    json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, &theirs);
    if (root == NULL && is_json)
        EXPECT(!ok && json_error_code(&theirs) == json_error_numeric_overflow);
    if (root && !is_json)
        EXPECT(json_is_array(root) || strcmp(error.detail, "nested too deeply") == 0 ||
               memchr(data, '\0', size));
    if (root && ok)
        compare_event(&event, root);
    json_decref(root);
    return 0;
}

/* ---- where mutations start ------------------------------------------------------------------- */

#define HEAD "{\"transaction_id\":\"t-1\",\"account_id\":\"a-1\",\"amount\":950.00,"
#define TAIL "\"timestamp\":\"2026-01-05T12:00:10Z\"}"

static const char *const messages[] = {
    HEAD TAIL,
    HEAD "\"merchant\":{\"country\":\"FR\"},\"pan\":\"4111 1111 1111 1111\",\"count\":-12," TAIL,
    HEAD
    "\"ip\":\"2001:db8::1\",\"home\":{\"lat\":48.85,\"lon\":-2e0},\"items\":[{\"a\":\"b\"}]," TAIL,
    HEAD "\"x\":[[[{\"\\u00e9\\ud83d\\ude00\":[true,false,null,0.5,\"\\n\"]}]]]," TAIL,
    "{\"kind\":\"label\",\"transaction_id\":\"t-1\",\"outcome\":\"fraud\"," TAIL,
    "{\"transaction_id\":\"t-1\",\"outcome\":\"declined\",\"kind\":\"label\",\"account_id\":"
    "\"a\"," TAIL,
};

enum { MESSAGES = sizeof messages / sizeof messages[0] };

size_t fuzz_seed(size_t i, uint8_t *buf, size_t cap)
{
    struct text t;
    text_init(&t, buf, cap);
    if (i >= MESSAGES + JSON_CASES)
        return SIZE_MAX;
    if (i < MESSAGES) {
        text_str(&t, messages[i]);
    } else {
        text_str(&t, HEAD "\"x\":");
        text_put(&t, json_cases[i - MESSAGES].bytes);
        text_str(&t, "," TAIL);
    }
    return t.len;
}
