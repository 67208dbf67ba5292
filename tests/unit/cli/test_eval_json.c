#include "service/cli/eval_json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

enum { ARENA_BYTES = 1 << 20 };

static struct arena *arena;
static char written[8192];

static int setup(void **state)
{
    (void)state;
    arena = arena_new(ARENA_BYTES);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *j = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (j == NULL)
        fail_msg("%s: %s", text, error.text);
    return j;
}

/* What is read is written, or why it is not read. */
static const char *value_again(const char *text)
{
    json_t *j = json_of(text);
    struct cel_value v;
    struct text t;
    const char *wrong = eval_value_read(j, arena, &v);
    json_decref(j);
    if (wrong != NULL)
        return wrong;
    text_init(&t, written, sizeof written - 1);
    eval_value_write(v, &t);
    assert_false(t.overflow);
    written[t.len] = '\0';
    return written;
}

static const char *type_again(const char *text)
{
    struct eval_signature in = {.arena = arena};
    json_t *j = json_of(text);
    const struct cel_type *type;
    struct text t;
    const char *wrong = eval_type_read(j, &in, &type);
    if (wrong == NULL) {
        text_init(&t, written, sizeof written - 1);
        eval_type_write(type, &t);
        written[t.len] = '\0';
    }
    json_decref(j);
    return wrong ? wrong : written;
}

static void every_kind_of_value_reads_back_as_it_was_written(void **state)
{
    static const char *const values[] = {
        "{\"null\":true}",
        "{\"bool\":false}",
        "{\"int\":\"-9223372036854775808\"}",
        "{\"uint\":\"18446744073709551615\"}",
        "{\"double\":1.5}",
        "{\"double\":1.0}",
        "{\"double\":-0.0}",
        "{\"double\":0.1}",
        "{\"double\":5e-324}",
        "{\"double\":1.7976931348623157e+308}",
        "{\"double\":\"NaN\"}",
        "{\"double\":\"Infinity\"}",
        "{\"double\":\"-Infinity\"}",
        "{\"string\":\"\"}",
        "{\"string\":\"a\\u0000\\\"\\\\\\n\xc3\xa9\"}",
        "{\"bytes\":\"\"}",
        "{\"bytes\":\"AP8=\"}",
        "{\"type\":\"google.protobuf.Timestamp\"}",
        "{\"timestamp\":\"2026-01-05T12:00:10.123456789Z\"}",
        "{\"timestamp\":\"0001-01-01T00:00:00Z\"}",
        "{\"duration\":\"-1.5s\"}",
        "{\"list\":[]}",
        "{\"list\":[{\"int\":\"1\"},{\"list\":[{\"string\":\"a\"}]}]}",
        "{\"map\":[]}",
        "{\"map\":[[{\"string\":\"a\"},{\"null\":true}],[{\"bool\":true},{\"uint\":\"1\"}]]}",
        "{\"ip\":\"2001:db8::1\"}",
        "{\"cidr\":\"10.0.0.0/8\"}",
        "{\"optional\":null}",
        "{\"optional\":{\"optional\":{\"int\":\"1\"}}}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++)
        assert_string_equal(value_again(values[i]), values[i]);
}

static void other_spellings_of_a_value_are_read(void **state)
{
    (void)state;
    assert_string_equal(value_again("{\"int\": 5}"), "{\"int\":\"5\"}");
    assert_string_equal(value_again("{\"uint\": 5}"), "{\"uint\":\"5\"}");
    assert_string_equal(value_again("{\"double\": 5}"), "{\"double\":5.0}");
    assert_string_equal(value_again("{\"null\": null}"), "{\"null\":true}");
    assert_string_equal(value_again("{\"bytes\": \"AP8\"}"), "{\"bytes\":\"AP8=\"}");
}

static void what_is_no_value_is_told_and_leaves_ret_alone(void **state)
{
    static const char *const wrong[] = {
        "5",
        "[]",
        "{}",
        "{\"int\": \"1\", \"uint\": \"1\"}",
        "{\"object\": {}}",
        "{\"enum\": \"A\"}",
        "{\"int\": \"\"}",
        "{\"int\": \"-\"}",
        "{\"int\": \"+1\"}",
        "{\"int\": \" 1\"}",
        "{\"int\": \"1\\u0000\"}",
        "{\"int\": \"9223372036854775808\"}",
        "{\"int\": 1.5}",
        "{\"uint\": \"-1\"}",
        "{\"uint\": -1}",
        "{\"uint\": \"18446744073709551616\"}",
        "{\"double\": \"nan\"}",
        "{\"double\": null}",
        "{\"bool\": 1}",
        "{\"null\": false}",
        "{\"string\": 1}",
        "{\"bytes\": \"*\"}",
        "{\"bytes\": []}",
        "{\"timestamp\": \"10000-01-01T00:00:00Z\"}",
        "{\"duration\": \"1\"}",
        "{\"duration\": 1}",
        "{\"list\": {}}",
        "{\"list\": [5]}",
        "{\"map\": {}}",
        "{\"map\": [[{\"int\": \"1\"}]]}",
        "{\"map\": [[{\"double\": 1.5}, {\"int\": \"1\"}]]}",
        "{\"map\": [[{\"int\": \"1\"}, {\"int\": \"1\"}], [{\"int\": \"1\"}, {\"int\": \"2\"}]]}",
        "{\"ip\": \"x\"}",
        "{\"cidr\": 5}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct cel_value v = cel_int(42);
        json_t *j = json_of(wrong[i]);
        if (eval_value_read(j, arena, &v) == NULL)
            fail_msg("%s is read", wrong[i]);
        assert_int_equal(v.i64, 42);
        json_decref(j);
    }
}

static json_t *nested(int depth)
{
    json_t *j = json_pack("{s:s}", "int", "1");
    for (int i = 1; i < depth; i++)
        j = json_pack("{s:[o]}", "list", j);
    return j;
}

static void values_may_be_nested_to_a_limit(void **state)
{
    struct cel_value v = cel_null();
    struct cel_list list = {.count = 1, .items = &v};
    struct text t;
    json_t *fits = nested(EVAL_DEPTH_MAX), *over = nested(EVAL_DEPTH_MAX + 1);
    (void)state;
    assert_null(eval_value_read(fits, arena, &v));
    text_init(&t, written, sizeof written);
    eval_value_write(v, &t);
    assert_false(t.overflow);
    eval_value_write(cel_list_of(&list), &t); /* one deeper */
    assert_true(t.overflow);
    assert_string_equal(eval_value_read(over, arena, &v), "a value is nested too deeply");
    json_decref(fits);
    json_decref(over);
}

static void a_full_arena_is_told(void **state)
{
    struct cel_value v;
    char block[64];
    struct arena small;
    json_t *j = json_of("{\"list\": [{\"string\": \"0123456789012345678901234567890123456789\"}]}");
    (void)state;
    arena_init(&small, block, sizeof block);
    assert_string_equal(eval_value_read(j, &small, &v), "too large");
    json_decref(j);
}

static void types_read_back_as_they_were_written(void **state)
{
    static const char *const types[] = {
        "\"int\"",
        "\"dyn\"",
        "\"timestamp\"",
        "{\"list\":\"string\"}",
        "{\"map\":[\"string\",{\"list\":\"dyn\"}]}",
        "{\"wrapper\":\"int\"}",
        "{\"type\":\"int\"}",
        "{\"abstract\":\"tuple\",\"params\":[\"int\",\"uint\",\"double\"]}",
        "{\"abstract\":\"optional_type\",\"params\":[\"int\"]}",
        "{\"abstract\":\"net.IP\",\"params\":[]}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(types); i++)
        assert_string_equal(type_again(types[i]), types[i]);
    assert_string_equal(type_again("{\"abstract\": \"net.CIDR\"}"),
                        "{\"abstract\":\"net.CIDR\",\"params\":[]}");
    assert_string_equal(type_again("{\"param\": \"T\"}"), "\"dyn\""); /* in no signature */
}

static void what_is_no_type_is_told(void **state)
{
    static const char *const wrong[] = {
        "5",
        "null",
        "{}",
        "\"foo\"",
        "{\"message\": \"a.B\"}",
        "{\"list\": \"foo\"}",
        "{\"map\": [\"int\"]}",
        "{\"map\": [\"int\", \"int\", \"int\"]}",
        "{\"map\": \"int\"}",
        "{\"abstract\": 5}",
        "{\"abstract\": \"t\", \"params\": [\"int\", \"int\", \"int\", \"int\"]}",
        "{\"abstract\": \"t\", \"other\": []}",
        "{\"param\": 5}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (type_again(wrong[i]) == written)
            fail_msg("%s is read", wrong[i]);
}

static void a_signature_numbers_its_parameters(void **state)
{
    struct eval_signature in = {.arena = arena, .is_open = true};
    json_t *u = json_of("{\"list\": {\"param\": \"U\"}}"), *t = json_of("{\"param\": \"T\"}");
    json_t *other = json_of("{\"param\": \"X\"}");
    const struct cel_type *type;
    (void)state;
    assert_null(eval_type_read(u, &in, &type));
    assert_int_equal(type->params[0]->id, 0);
    assert_null(eval_type_read(t, &in, &type));
    assert_int_equal(type->id, 1);
    in.is_open = false;
    assert_null(eval_type_read(t, &in, &type));
    assert_int_equal(type->id, 1);
    assert_null(eval_type_read(other, &in, &type));
    assert_int_equal(type->kind, CEL_T_DYN);
    json_decref(u);
    json_decref(t);
    json_decref(other);
}

static void a_type_has_a_limit_of_parts(void **state)
{
    struct eval_signature in = {.arena = arena};
    json_t *j = json_string("int");
    const struct cel_type *type;
    (void)state;
    for (int i = 0; i < CEL_TYPE_NODES_MAX; i++)
        j = json_pack("{s:o}", "list", j);
    assert_string_equal(eval_type_read(j, &in, &type), "a type is too large");
    json_decref(j);
}

static void bytes_that_are_no_utf8_become_a_json_string(void **state)
{
    struct text t;
    (void)state;
    text_init(&t, written, sizeof written - 1);
    eval_string_write(span_str("a\xff\"\n\xc3\xa9\xc3"), &t);
    written[t.len] = '\0';
    assert_string_equal(written, "\"a\xef\xbf\xbd\\\"\\u000a\xc3\xa9\xef\xbf\xbd\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_value_reads_back_as_it_was_written),
        TEST(other_spellings_of_a_value_are_read),
        TEST(what_is_no_value_is_told_and_leaves_ret_alone),
        TEST(values_may_be_nested_to_a_limit),
        TEST(a_full_arena_is_told),
        TEST(types_read_back_as_they_were_written),
        TEST(what_is_no_type_is_told),
        TEST(a_signature_numbers_its_parameters),
        TEST(a_type_has_a_limit_of_parts),
        TEST(bytes_that_are_no_utf8_become_a_json_string),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
