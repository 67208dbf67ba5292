#include "models/model_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTES(literal) span_of(literal, sizeof(literal) - 1)

static struct diag_list diags;

static enum status read_it(struct span bytes, json_t **ret_object)
{
    struct model_file file = {.name = "fraud.json", .bytes = bytes, .diags = &diags};
    diags = (struct diag_list){0};
    return model_json_read(&file, ret_object);
}

static void a_file_is_told_by_its_first_name(void **state)
{
    (void)state;
    assert_true(model_json_begins(BYTES("{\"learner\":"), "learner"));
    assert_true(model_json_begins(BYTES(" \n{ \t\r\n\"learner\" "), "learner"));
    assert_true(model_json_begins(BYTES("{L\0\0\0\0\0\0\0\7learner{"), "learner"));
    assert_true(model_json_begins(BYTES("{i\7learner{"), "learner"));
    assert_false(model_json_begins(BYTES("{\"learner"), "learner"));
    assert_false(model_json_begins(BYTES("{\"learners\":"), "learner"));
    assert_false(model_json_begins(BYTES("{\"a\":\"learner\""), "learner"));
    assert_false(model_json_begins(BYTES("[\"learner\""), "learner"));
    assert_false(model_json_begins(BYTES("{L\0\0\0\0\0\0\0\7learn"), "learner"));
    assert_false(model_json_begins(BYTES("{L\0\0"), "learner"));
    assert_false(model_json_begins(BYTES("{Nlearner"), "learner"));
    assert_false(model_json_begins(BYTES("{"), "learner"));
    assert_false(model_json_begins(BYTES(""), "learner"));
}

static void json_and_ubjson_are_the_same_values(void **state)
{
    (void)state;
    json_t *text, *binary;
    assert_int_equal(read_it(BYTES("{\"a\":[1,2]}"), &text), ST_OK);
    assert_int_equal(read_it(BYTES("{i\1a[$i#i\2\1\2}"), &binary), ST_OK);
    assert_true(json_equal(text, binary));
    json_decref(text);
    json_decref(binary);
}

static void check_refused(struct span bytes, const char *message)
{
    json_t *untouched = NULL;
    assert_int_not_equal(read_it(bytes, &untouched), ST_OK);
    assert_null(untouched);
    assert_int_equal(diags.count, 1);
    assert_string_equal(diags.items[0].message, message);
}

static void what_is_wrong_is_placed(void **state)
{
    (void)state;
    check_refused(BYTES("{\"a\":\n  1 2}"), "this is no JSON: '}' expected near '2'");
    assert_int_equal(diags.items[0].line, 2);
    assert_int_equal(diags.items[0].col, 5);
    check_refused(BYTES("{i\1aX"), "this is no UBJSON: at byte 5 this is the mark of no value that "
                                   "is read");
    check_refused(BYTES("{\"a\":1,\"a\":2}"), "this is no JSON: duplicate object key near '\"a\"'");
    check_refused(BYTES("[1]"), "this is no object");
}

/* So many values, if it were JSON; such a row is refused at once. */
static char *row_of(char c, size_t n)
{
    char *bytes = malloc(n);
    assert_non_null(bytes);
    memset(bytes, c, n);
    bytes[0] = '[';
    return bytes;
}

static void values_are_counted_before_there_is_memory_for_them(void **state)
{
    (void)state;
    json_t *untouched = NULL;
    char *bytes = row_of(',', MODEL_VALUES_MAX);
    assert_int_equal(read_it(span_of(bytes, MODEL_VALUES_MAX - 1), &untouched), ST_INVALID);
    assert_int_equal(read_it(span_of(bytes, MODEL_VALUES_MAX), &untouched), ST_TOO_LARGE);
    assert_string_equal(diags.items[0].message, "more than 8388608 values");
    free(bytes);
}

static void arrays_and_objects_are_counted_too(void **state)
{
    (void)state;
    json_t *untouched = NULL;
    for (size_t i = 0; i < 2; i++) {
        char *bytes = row_of("[{"[i], MODEL_NESTED_MAX + 1);
        assert_int_equal(read_it(span_of(bytes, MODEL_NESTED_MAX), &untouched), ST_INVALID);
        assert_int_equal(read_it(span_of(bytes, MODEL_NESTED_MAX + 1), &untouched), ST_TOO_LARGE);
        assert_string_equal(diags.items[0].message, "more than 1048576 arrays and objects");
        free(bytes);
    }
}

static void names_are_counted_too(void **state)
{
    (void)state;
    json_t *untouched = NULL;
    char *bytes = row_of(':', MODEL_NAMES_MAX + 2);
    assert_int_equal(read_it(span_of(bytes, MODEL_NAMES_MAX + 1), &untouched), ST_INVALID);
    assert_int_equal(read_it(span_of(bytes, MODEL_NAMES_MAX + 2), &untouched), ST_TOO_LARGE);
    assert_string_equal(diags.items[0].message, "more than 1048576 names");
    free(bytes);
}

static enum status take_it(const struct model_file *file, json_t *object, struct model *model)
{
    (void)file;
    model->n_outputs = (int)json_integer_value(json_object_get(object, "n"));
    return model->n_outputs > 0 ? ST_OK : ST_INVALID;
}

static void a_model_is_given_when_it_is_whole(void **state)
{
    (void)state;
    struct model model = {.n_outputs = 7}, begun = {.n_inputs = 3};
    struct model_file file = {.name = "m.json", .bytes = BYTES("{\"n\":0}"), .diags = &diags};
    assert_int_equal(model_json_load(&file, begun, take_it, &model), ST_INVALID);
    assert_int_equal(model.n_outputs, 7);
    file.bytes = BYTES("{\"n\"");
    assert_int_equal(model_json_load(&file, begun, take_it, &model), ST_INVALID);
    assert_int_equal(model.n_outputs, 7);
    file.bytes = BYTES("{\"n\":2}");
    assert_int_equal(model_json_load(&file, begun, take_it, &model), ST_OK);
    assert_int_equal(model.n_outputs, 2);
    assert_int_equal(model.n_inputs, 3);
}

static void a_column_has_a_value_for_each_node(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b"};
    const json_t *columns[2];
    json_t *tree = json_pack("{s:[i,i],s:[i,i],s:[i],s:i}", "a", 1, 2, "b", 3, 4, "c", 5, "d", 6);
    assert_int_equal(model_json_columns(tree, keys, 2, 2, columns), -1);
    assert_int_equal(json_integer_value(json_array_get(columns[1], 1)), 4);
    assert_int_equal(model_json_columns(tree, (const char *const[]){"a", "c"}, 2, 2, columns), 1);
    assert_int_equal(model_json_columns(tree, (const char *const[]){"d", "a"}, 2, 0, columns), 0);
    assert_int_equal(model_json_columns(tree, (const char *const[]){"e"}, 1, 0, columns), 0);
    assert_int_equal(model_json_columns(NULL, keys, 2, 2, columns), 0);
    json_decref(tree);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_told_by_its_first_name),
        cmocka_unit_test(json_and_ubjson_are_the_same_values),
        cmocka_unit_test(what_is_wrong_is_placed),
        cmocka_unit_test(values_are_counted_before_there_is_memory_for_them),
        cmocka_unit_test(arrays_and_objects_are_counted_too),
        cmocka_unit_test(names_are_counted_too),
        cmocka_unit_test(a_model_is_given_when_it_is_whole),
        cmocka_unit_test(a_column_has_a_value_for_each_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
