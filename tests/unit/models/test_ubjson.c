#include "models/ubjson.h"

#include "tests/unit/models/ubjson_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { VALUES = 100 };

#define BYTES(literal) span_of(literal, sizeof(literal) - 1)

/* What it is as JSON. */
static void check_reads_as(struct span bytes, const char *want)
{
    struct ubjson_error error;
    json_t *json;
    assert_int_equal(ubjson_read(bytes, VALUES, &json, &error), ST_OK);
    char *text = json_dumps(json, JSON_COMPACT);
    assert_string_equal(text, want);
    free(text);
    json_decref(json);
}

static void check_refused(struct span bytes, enum status want, size_t offset, const char *problem)
{
    struct ubjson_error error;
    json_t *untouched = NULL;
    assert_int_equal(ubjson_read(bytes, VALUES, &untouched, &error), want);
    assert_null(untouched);
    assert_string_equal(error.problem, problem);
    assert_int_equal(error.offset, offset);
}

static void each_kind_of_value_is_read(void **state)
{
    (void)state;
    check_reads_as(BYTES("{}"), "{}");
    check_reads_as(BYTES("{i\1aZi\1bTi\1cF}"), "{\"a\":null,\"b\":true,\"c\":false}");
    check_reads_as(BYTES("{U\1aSI\0\3abc}"), "{\"a\":\"abc\"}");
    check_reads_as(BYTES("{l\0\0\0\1a{L\0\0\0\0\0\0\0\1b{}}}"), "{\"a\":{\"b\":{}}}");
}

static void each_type_of_number_is_read(void **state)
{
    (void)state;
    check_reads_as(
        BYTES("{i\1a[i\xffU\xffI\xff\xfel\xff\xff\xff\xfdL\xff\xff\xff\xff\xff\xff\xff\xfc]}"),
        "{\"a\":[-1,255,-2,-3,-4]}");
    check_reads_as(BYTES("{i\1a[d\x3f\x80\0\0D\xc0\0\0\0\0\0\0\0]}"), "{\"a\":[1.0,-2.0]}");
}

static void what_json_has_not_is_null(void **state)
{
    (void)state;
    check_reads_as(BYTES("{i\1a[d\x7f\x80\0\0D\x7f\xf8\0\0\0\0\0\0]}"), "{\"a\":[null,null]}");
}

static void an_array_has_an_end_or_a_count_or_a_type_too(void **state)
{
    (void)state;
    check_reads_as(BYTES("{i\1a[]i\1b[i\1[]]}"), "{\"a\":[],\"b\":[1,[]]}");
    check_reads_as(BYTES("{i\1a[#i\2i\5Si\1x}"), "{\"a\":[5,\"x\"]}");
    check_reads_as(BYTES("{i\1a[#i\0i\1b[#i\1[#i\0}"), "{\"a\":[],\"b\":[[]]}");
    check_reads_as(BYTES("{i\1a[$I#i\2\0\1\1\0i\1b[$d#i\0}"), "{\"a\":[1,256],\"b\":[]}");
}

static void a_mark_for_nothing_is_skipped(void **state)
{
    (void)state;
    check_reads_as(BYTES("{NNi\1aN[Ni\1N]N}"), "{\"a\":[1]}");
}

static void what_is_not_of_models_is_refused(void **state)
{
    (void)state;
    check_refused(BYTES("{i\1aHi\1"
                        "5}"),
                  ST_INVALID, 5, "this is the mark of no value that is read");
    check_refused(BYTES("{i\1a[$T#i\3}"), ST_INVALID, 8,
                  "an array's type is no number's, or its count is not there");
    check_refused(BYTES("{Si\1a"), ST_INVALID, 2, "a length is expected");
    check_refused(BYTES("{i\xff"), ST_INVALID, 3, "a length below 0");
    check_refused(BYTES("{i\1aTi\1aF}"), ST_INVALID, 9, "a name is there twice");
    check_refused(BYTES("{i\1aSi\1\xff}"), ST_INVALID, 8, "a text is not UTF-8");
    check_refused(BYTES("{i\1\xffT}"), ST_INVALID, 5, "a name is not UTF-8");
    check_refused(BYTES("[]"), ST_INVALID, 1, "it does not begin with an object");
    check_refused(BYTES("{}N"), ST_INVALID, 2, "there are bytes behind its end");
}

static void a_count_is_held_against_the_bytes_before_there_is_memory_for_it(void **state)
{
    (void)state;
    check_refused(BYTES("{i\1a[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff"), ST_INVALID, 17,
                  "the file ends in the middle");
    check_refused(BYTES("{i\1a[#l\x7f\xff\xff\xff"), ST_INVALID, 11, "the file ends in the middle");
}

/* `n` values within one array, with the array and the object around it two more. */
static struct span many(bool is_typed, size_t n)
{
    static char buf[VALUES * 2 + 16];
    struct text text;
    text_init(&text, buf, sizeof buf);
    text_str(&text, is_typed ? "{i\1a[$i#U" : "{i\1a[");
    if (is_typed)
        text_char(&text, (char)n);
    for (size_t i = 0; i < n; i++)
        text_str(&text, is_typed ? "\7" : "i\7");
    text_str(&text, is_typed ? "}" : "]}");
    return text_span(&text);
}

static void values_are_limited(void **state)
{
    (void)state;
    struct ubjson_error error;
    for (int is_typed = 0; is_typed < 2; is_typed++) {
        json_t *json;
        assert_int_equal(ubjson_read(many(is_typed, VALUES - 2), VALUES, &json, &error), ST_OK);
        json_decref(json);
        assert_int_equal(ubjson_read(many(is_typed, VALUES - 1), VALUES, &json, &error),
                         ST_TOO_LARGE);
        assert_string_equal(error.problem, "more values than a model may have");
    }
}

static struct span nested(size_t depth)
{
    static char buf[UBJSON_DEPTH_MAX * 2 + 16];
    struct text text;
    text_init(&text, buf, sizeof buf);
    text_str(&text, "{i\1a");
    for (size_t i = 1; i < depth; i++)
        text_char(&text, '[');
    for (size_t i = 1; i < depth; i++)
        text_char(&text, ']');
    text_char(&text, '}');
    return text_span(&text);
}

static void depth_is_limited(void **state)
{
    (void)state;
    struct ubjson_error error;
    json_t *json;
    assert_int_equal(ubjson_read(nested(UBJSON_DEPTH_MAX), VALUES, &json, &error), ST_OK);
    json_decref(json);
    assert_int_equal(ubjson_read(nested(UBJSON_DEPTH_MAX + 1), VALUES, &json, &error),
                     ST_TOO_LARGE);
    assert_string_equal(error.problem, "nested too deep");
}

/* An array of `n` empty ones; with the object and the array around them two more. */
static enum status read_empty(size_t n)
{
    char *bytes = malloc(2 * n + 16);
    struct ubjson_error error;
    struct text text;
    json_t *json;
    assert_non_null(bytes);
    text_init(&text, bytes, 2 * n + 16);
    text_str(&text, "{i\1a[");
    for (size_t i = 0; i < n; i++)
        text_str(&text, i % 2 ? "[]" : "{}");
    text_str(&text, "]}");
    enum status st = ubjson_read(text_span(&text), 2 * n + 16, &json, &error);
    free(bytes);
    if (st == ST_OK)
        json_decref(json);
    else
        assert_string_equal(error.problem, "more arrays and objects than a model may have");
    return st;
}

static void arrays_and_objects_are_limited(void **state)
{
    (void)state;
    assert_int_equal(read_empty(UBJSON_NESTED_MAX - 2), ST_OK);
    assert_int_equal(read_empty(UBJSON_NESTED_MAX - 1), ST_TOO_LARGE);
}

/* An object of `n` values. */
static enum status read_named(int n)
{
    char *bytes = malloc((size_t)n * 16 + 16);
    struct ubjson_error error;
    struct text text;
    json_t *json;
    assert_non_null(bytes);
    text_init(&text, bytes, (size_t)n * 16 + 16);
    text_char(&text, '{');
    for (int i = 0; i < n; i++)
        text_printf(&text, "i\7%07dZ", i);
    text_char(&text, '}');
    enum status st = ubjson_read(text_span(&text), (size_t)n + 16, &json, &error);
    free(bytes);
    if (st == ST_OK)
        json_decref(json);
    else
        assert_string_equal(error.problem, "more names than a model may have");
    return st;
}

static void names_are_limited(void **state)
{
    (void)state;
    assert_int_equal(read_named(UBJSON_NAMES_MAX), ST_OK);
    assert_int_equal(read_named(UBJSON_NAMES_MAX + 1), ST_TOO_LARGE);
}

static void an_object_is_told_from_json(void **state)
{
    (void)state;
    assert_true(ubjson_is(BYTES("{L")));
    assert_true(ubjson_is(BYTES("{i\1a")));
    assert_false(ubjson_is(BYTES("{\"")));
    assert_false(ubjson_is(BYTES("{ ")));
    assert_false(ubjson_is(BYTES("{\0")));
    assert_false(ubjson_is(BYTES("{")));
    assert_false(ubjson_is(BYTES("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_value_is_read),
        cmocka_unit_test(each_type_of_number_is_read),
        cmocka_unit_test(what_json_has_not_is_null),
        cmocka_unit_test(an_array_has_an_end_or_a_count_or_a_type_too),
        cmocka_unit_test(a_mark_for_nothing_is_skipped),
        cmocka_unit_test(what_is_not_of_models_is_refused),
        cmocka_unit_test(a_count_is_held_against_the_bytes_before_there_is_memory_for_it),
        cmocka_unit_test(values_are_limited),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(arrays_and_objects_are_limited),
        cmocka_unit_test(names_are_limited),
        cmocka_unit_test(an_object_is_told_from_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
