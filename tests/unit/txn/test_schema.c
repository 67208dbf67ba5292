#include "service/txn/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define REQUIRED                                                \
    "transaction_id: {type: string, required: true, max: 64}\n" \
    "account_id: {type: string, required: true}\n"              \
    "amount: {type: decimal, required: true}\n"                 \
    "timestamp: {type: timestamp, required: true}\n"

static struct arena *arena;
static struct diag_list list;
static struct schema schema;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(4 << 20);
    memset(&list, 0, sizeof list);
    memset(&schema, 0, sizeof schema);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static enum status load(const char *text)
{
    struct yaml_file file;
    memset(&list, 0, sizeof list);
    assert_int_equal(yaml_parse("s.yaml", span_str(text), arena, &list, &file), ST_OK);
    return schema_load(&file, file.root, arena, &list, &schema);
}

static void loads(const char *text)
{
    if (load(text) != ST_OK)
        fail_msg("%s", list.items[0].message);
}

static void assert_span(struct span s, const char *expected)
{
    if (!span_is(s, expected))
        fail_msg("'%.*s' is not '%s'", SPAN_ARG(s), expected);
}

static void the_required_fields_have_the_first_slots(void **state)
{
    (void)state;
    loads("currency: {type: string, max: 3}\n"
          "timestamp: {type: timestamp, required: true}\n"
          "amount: {type: decimal, required: true}\n"
          "merchant.country: {type: string}\n"
          "account_id: {type: string, required: true}\n"
          "transaction_id: {type: string, required: true, max: 64}\n");
    assert_int_equal(schema.count, 6);
    assert_span(schema.fields[SCHEMA_TRANSACTION_ID].name, "transaction_id");
    assert_span(schema.fields[SCHEMA_ACCOUNT_ID].name, "account_id");
    assert_span(schema.fields[SCHEMA_AMOUNT].name, "amount");
    assert_span(schema.fields[SCHEMA_TIMESTAMP].name, "timestamp");
    assert_span(schema.fields[4].name, "currency");
    assert_span(schema.fields[5].name, "merchant.country");
    assert_int_equal(schema_find(&schema, span_str("currency")), 4);
    assert_int_equal(schema_find(&schema, span_str("currenc")), -1);
}

static void a_field_has_what_its_declaration_says(void **state)
{
    (void)state;
    loads(REQUIRED "pan: {type: string, card: true, max: 19, required: true}\n"
                   "home.place: {type: geo}\n"
                   "memo: {type: string, path: /Doc/Tx/0/a~1b}\n");
    const struct field *pan = &schema.fields[4], *home = &schema.fields[5],
                       *memo = &schema.fields[6];
    assert_true(pan->card && pan->required && !pan->aggregated);
    assert_int_equal(pan->max_bytes, 19);
    assert_int_equal(pan->line, 5);
    assert_int_equal(pan->col, 1);
    assert_span(pan->path, "/pan");
    assert_int_equal(home->type, FIELD_GEO);
    assert_false(home->required);
    assert_span(home->path, "/home/place");
    assert_span(memo->path, "/Doc/Tx/0/a~1b");
    assert_int_equal(memo->max_bytes, SCHEMA_STRING_MAX);
}

static void types_have_texts(void **state)
{
    (void)state;
    assert_string_equal(field_type_text(FIELD_STRING), "string");
    assert_string_equal(field_type_text(FIELD_GEO), "geo");
}

static void mistakes_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *extra; /* line 5 */
        int col;
        const char *message;
    } cases[] = {
        {"x: {type: strin}", 11, "unknown type 'strin'"},
        {"x: {max: 5}", 1, "the field 'x' has no type"},
        {"x: {type: [string]}", 11, "expected a text"},
        {"x: string", 4, "a field is a mapping with its type"},
        {"x: {type: string, maximum: 5}", 19, "unknown key 'maximum'"},
        {"x: {type: string, max: 0}", 24, "expected an integer from 1 to 4096"},
        {"x: {type: string, max: 4097}", 24, "expected an integer from 1 to 4096"},
        {"x: {type: integer, max: 5}", 20, "'max' is for strings, and 'x' is of type integer"},
        {"x: {type: ip, card: true}", 15, "'card' is for strings, and 'x' is of type ip"},
        {"x: {type: bool, required: yes}", 27, "expected true or false"},
        {"1x: {type: bool}", 1, "'1x' cannot be a field's name"},
        {"a-b: {type: bool}", 1, "'a-b' cannot be a field's name"},
        {"a..b: {type: bool}", 1, "'a..b' cannot be a field's name"},
        {"a.: {type: bool}", 1, "'a.' cannot be a field's name"},
        {"'': {type: bool}", 1, "'' cannot be a field's name"},
        {"kind: {type: string}", 1, "the name 'kind' is taken by labels"},
        {"kind.of: {type: string}", 1, "the name 'kind.of' is taken by labels"},
        {"outcome: {type: string}", 1, "the name 'outcome' is taken by labels"},
        {"transaction_timestamp: {type: timestamp}", 1,
         "the name 'transaction_timestamp' is taken by labels"},
        {"x: {type: bool, path: a/b}", 23, "not a JSON Pointer to a place in a message"},
        {"x: {type: bool, path: /}", 23, "not a JSON Pointer to a place in a message"},
        {"x: {type: bool, path: /a~2}", 23, "not a JSON Pointer to a place in a message"},
        {"x: {type: bool, path: /a~}", 23, "not a JSON Pointer to a place in a message"},
        {"x: {type: bool, path: /kind}", 1, "the path of 'x' leads to the reserved key 'kind'"},
        {"x: {type: bool, path: /kind/a}", 1, "the path of 'x' leads to the reserved key 'kind'"},
        {"x: {type: bool, path: /amount}", 1, "the path of 'x' meets that of 'amount'"},
        {"x: {type: bool, path: /amount/of}", 1, "the path of 'x' meets that of 'amount'"},
        {"amount.of: {type: bool}", 1, "the path of 'amount.of' meets that of 'amount'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        struct schema untouched = schema;
        snprintf(text, sizeof text, REQUIRED "%s\n", cases[i].extra);
        if (load(text) != ST_INVALID)
            fail_msg("accepted: %s", cases[i].extra);
        assert_string_equal(list.items[0].message, cases[i].message);
        assert_int_equal(list.errors, 1);
        assert_int_equal(list.items[0].line, 5);
        assert_int_equal(list.items[0].col, cases[i].col);
        assert_memory_equal(&schema, &untouched, sizeof schema);
    }
}

static void a_message_shows_the_line_and_what_to_do(void **state)
{
    (void)state;
    char printed[1024];
    struct text t;
    assert_int_equal(load(REQUIRED "x: {type: strin}\n"), ST_INVALID);
    text_init(&t, printed, sizeof printed - 1);
    diag_print_all(&list, &t);
    printed[t.len] = '\0';
    assert_string_equal(printed,
                        "s.yaml:5:11: unknown type 'strin'\n"
                        "    x: {type: strin}\n"
                        "              ^\n"
                        "the types are string decimal number integer bool timestamp ip geo\n");
}

static void paths_that_meet_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *extra, *message;
    } cases[] = {
        {"a: {type: bool, path: /m/n}\nb: {type: bool, path: /m/n}\n",
         "the path of 'b' meets that of 'a'"},
        {"a: {type: bool, path: /m/n}\nb: {type: bool, path: /m}\n",
         "the path of 'b' meets that of 'a'"},
        {"a: {type: bool, path: /m}\nb: {type: bool, path: /m/0}\n",
         "the path of 'b' meets that of 'a'"},
        {"a: {type: geo}\nb: {type: number, path: /a/lat}\n", "the path of 'b' meets that of 'a'"},
        {"a: {type: geo}\na.alt: {type: number}\n", "the path of 'a.alt' meets that of 'a'"},
        /* the paths do not meet, but a label has both by name */
        {"a: {type: bool, path: /m}\na.b: {type: bool, path: /n}\n",
         "the path of 'a.b' meets that of 'a'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, REQUIRED "%s", cases[i].extra);
        assert_int_equal(load(text), ST_INVALID);
        assert_string_equal(list.items[0].message, cases[i].message);
        assert_int_equal(list.items[0].line, 6);
        assert_int_equal(list.errors, 1);
    }
    loads(REQUIRED "a: {type: bool, path: /m/0/x}\nb: {type: bool, path: /m/1/x}\n"
                   "c: {type: bool, path: /m/0/y}\n");
}

static void the_required_fields_are_required(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message, *hint;
    } cases[] = {
        {"account_id: {type: string, required: true}\namount: {type: decimal, required: true}\n"
         "timestamp: {type: timestamp, required: true}\n",
         "the schema has no field 'transaction_id'",
         "write 'transaction_id: {type: string, required: true}'"},
        {"transaction_id: {type: string, required: true}\naccount_id: {type: string}\n"
         "amount: {type: decimal, required: true}\ntimestamp: {type: timestamp, required: true}\n",
         "every transaction has 'account_id', of type string",
         "write 'account_id: {type: string, required: true}'"},
        {"transaction_id: {type: string, required: true}\n"
         "account_id: {type: string, required: true}\n"
         "amount: {type: number, required: true}\ntimestamp: {type: timestamp, required: true}\n",
         "every transaction has 'amount', of type decimal",
         "write 'amount: {type: decimal, required: true}'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(load(cases[i].text), ST_INVALID);
        assert_int_equal(list.errors, 1);
        assert_string_equal(list.items[0].message, cases[i].message);
        assert_string_equal(list.items[0].hint, cases[i].hint);
    }
}

static void a_type_alone_is_shown_as_a_field_is_written(void **state)
{
    (void)state;
    assert_int_equal(load(REQUIRED "n: number\n"), ST_INVALID);
    assert_int_equal(list.errors, 1);
    assert_string_equal(list.items[0].message, "a field is a mapping with its type");
    assert_string_equal(list.items[0].hint, "write 'n: {type: number}'");
    list = (struct diag_list){0};
    assert_int_equal(load("transaction_id: {type: string, required: true}\n"
                          "account_id: {type: string, required: true}\namount: decimal\n"
                          "timestamp: {type: timestamp, required: true}\n"),
                     ST_INVALID);
    assert_int_equal(list.errors, 1);
    assert_string_equal(list.items[0].hint, "write 'amount: {type: decimal, required: true}'");
}

static void a_ruleset_without_a_schema_is_refused(void **state)
{
    (void)state;
    struct yaml_file file = {.name = "s.yaml"};
    assert_int_equal(schema_load(&file, NULL, arena, &list, &schema), ST_INVALID);
    assert_string_equal(list.items[0].message, "the ruleset has no schema");
    assert_int_equal(load("[]"), ST_INVALID);
    assert_string_equal(list.items[0].message, "the ruleset has no schema");
}

/* A schema of `n` fields. */
static const char *with_fields(int n)
{
    static char text[32 << 10];
    struct text t;
    text_init(&t, text, sizeof text - 1);
    text_str(&t, REQUIRED);
    for (int i = SCHEMA_REQUIRED; i < n; i++)
        text_printf(&t, "f%d: {type: bool}\n", i);
    assert_false(t.overflow);
    text[t.len] = '\0';
    return text;
}

static void a_schema_has_128_fields_and_not_129(void **state)
{
    (void)state;
    loads(with_fields(SCHEMA_FIELDS_MAX));
    assert_int_equal(schema.count, SCHEMA_FIELDS_MAX);
    assert_int_equal(load(with_fields(SCHEMA_FIELDS_MAX + 1)), ST_INVALID);
    assert_string_equal(list.items[0].message, "more than 128 fields");
}

static const char *with_path(int keys, const char *type)
{
    static char text[1024];
    struct text t;
    text_init(&t, text, sizeof text - 1);
    text_printf(&t, REQUIRED "x: {type: %s, path: ", type);
    for (int i = 0; i < keys; i++)
        text_str(&t, "/a");
    text_str(&t, "}\n");
    text[t.len] = '\0';
    return text;
}

static void a_path_has_32_keys_and_not_33(void **state)
{
    (void)state;
    loads(with_path(32, "bool"));
    assert_int_equal(load(with_path(33, "bool")), ST_INVALID);
    loads(with_path(31, "geo"));
    assert_int_equal(load(with_path(32, "geo")), ST_INVALID);
}

static void a_name_has_64_bytes_and_not_65(void **state)
{
    (void)state;
    char text[1024], name[66];
    memset(name, 'n', sizeof name);
    snprintf(text, sizeof text, REQUIRED "%.64s: {type: bool}\n", name);
    loads(text);
    snprintf(text, sizeof text, REQUIRED "%.65s: {type: bool}\n", name);
    assert_int_equal(load(text), ST_INVALID);
}

static void a_full_arena_is_said(void **state)
{
    (void)state;
    struct yaml_file file;
    static char block[8192];
    assert_int_equal(yaml_parse("s.yaml", span_str(REQUIRED "a.b: {type: geo, path: /a~1/b}\n"),
                                arena, &list, &file),
                     ST_OK);
    enum status st = ST_NO_SPACE;
    size_t cap = 0;
    for (; cap < sizeof block && st != ST_OK; cap += 16) {
        struct arena small;
        arena_init(&small, block, cap);
        memset(&list, 0, sizeof list);
        st = schema_load(&file, file.root, &small, &list, &schema);
        assert_true(st == ST_OK || (st == ST_NO_SPACE && list.errors == 1));
    }
    assert_int_equal(st, ST_OK);
    assert_true(cap > 512);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_required_fields_have_the_first_slots),
        TEST(a_field_has_what_its_declaration_says),
        TEST(types_have_texts),
        TEST(mistakes_are_explained),
        TEST(a_message_shows_the_line_and_what_to_do),
        TEST(paths_that_meet_are_refused),
        TEST(the_required_fields_are_required),
        TEST(a_type_alone_is_shown_as_a_field_is_written),
        TEST(a_ruleset_without_a_schema_is_refused),
        TEST(a_schema_has_128_fields_and_not_129),
        TEST(a_path_has_32_keys_and_not_33),
        TEST(a_name_has_64_bytes_and_not_65),
        TEST(a_full_arena_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
