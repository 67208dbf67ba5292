#include "service/base/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const colours[] = {"red", "blue"};
static const struct shape colour = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, colours)};
static const struct shape name = {.kind = SHAPE_TEXT, .pattern = "^\"?[a-z]+\\.$", .max = 9};
static const struct shape names = {.kind = SHAPE_LIST, .of = &name, .min = 1, .max = 3};
static const struct shape size = {.kind = SHAPE_INT, .min = 1, .max = 4096};
static const struct shape delay = {.kind = SHAPE_DURATION};
static const struct shape nothing = {.kind = SHAPE_NULL};
static const struct shape *const forms[] = {&names, &colour, &nothing};
static const struct shape either = {.kind = SHAPE_EITHER, SHAPE_ROW(either, forms)};
static const struct shape_key keys[] = {
    {"colour", &colour, true, "One \"word\"."},
    {"size", &size, false, "How large."},
    {"names", &either, false, "Of whom."},
    {"delay", &delay, false, "How long."},
};
static const struct shape_case cases[] = {{"colour", "red", "size", NULL},
                                          {"colour", "blue", NULL, "size"}};
static const struct shape thing = {
    .kind = SHAPE_MAPPING, .title = "A thing", SHAPE_ROW(keys, keys), SHAPE_ROW(cases, cases)};

static char bytes[8192];

static json_t *written(const struct shape *shape)
{
    struct text out;
    json_error_t error;
    text_init(&out, bytes, sizeof bytes);
    shape_write_schema(shape, &out);
    assert_false(out.overflow);
    json_t *root = json_loadb(out.base, out.len, JSON_REJECT_DUPLICATES, &error);
    assert_non_null(root);
    return root;
}

static const json_t *at(const json_t *value, const char *path)
{
    char step[64];
    while (*path != '\0') {
        size_t n = strcspn(path, "/");
        snprintf(step, sizeof step, "%.*s", (int)n, path);
        value = json_is_array(value) ? json_array_get(value, (size_t)atoi(step))
                                     : json_object_get(value, step);
        assert_non_null(value);
        path += n + (path[n] == '/');
    }
    return value;
}

static void assert_text(const json_t *root, const char *path, const char *wanted)
{
    assert_string_equal(json_string_value(at(root, path)), wanted);
}

static void a_mapping_says_its_keys_and_which_are_needed(void **state)
{
    (void)state;
    json_t *root = written(&thing);
    assert_text(root, "title", "A thing");
    assert_text(root, "properties/colour/description", "One \"word\".");
    assert_text(root, "properties/colour/enum/1", "blue");
    assert_text(root, "required/0", "colour");
    assert_int_equal(json_array_size(at(root, "required")), 1);
    assert_true(json_is_false(at(root, "additionalProperties")));
    assert_int_equal(json_integer_value(at(root, "properties/size/maximum")), 4096);
    json_decref(root);
}

static void texts_durations_and_alternatives_have_their_limits(void **state)
{
    (void)state;
    json_t *root = written(&thing);
    assert_text(root, "properties/names/anyOf/0/items/pattern", "^\"?[a-z]+\\.$");
    assert_int_equal(json_integer_value(at(root, "properties/names/anyOf/0/minItems")), 1);
    assert_text(root, "properties/names/anyOf/1/enum/0", "red");
    assert_text(root, "properties/names/anyOf/2/type", "null");
    assert_text(root, "properties/delay/pattern", "^[0-9]+(ms|s|m|h|d)$");
    json_decref(root);
}

static void a_value_may_need_another_key_and_refuse_one(void **state)
{
    (void)state;
    json_t *root = written(&thing);
    assert_text(root, "allOf/0/if/properties/colour/enum/0", "red");
    assert_text(root, "allOf/0/then/required/0", "size");
    assert_text(root, "allOf/1/if/properties/colour/enum/0", "blue");
    assert_true(json_is_false(at(root, "allOf/1/then/properties/size")));
    json_decref(root);
}

static void names_of_ones_own_are_told_by_a_pattern(void **state)
{
    const struct shape named = {
        .kind = SHAPE_MAPPING, .of = &colour, .pattern = "^[a-z]+$", .max = 5};
    (void)state;
    json_t *root = written(&named);
    assert_text(root, "additionalProperties/enum/0", "red");
    assert_text(root, "propertyNames/pattern", "^[a-z]+$");
    assert_int_equal(json_integer_value(at(root, "maxProperties")), 5);
    json_decref(root);
}

static void the_loader_refuses_what_is_no_key_of_the_shape(void **state)
{
    struct arena *arena = arena_new(1 << 16);
    struct diag_list diags = {0};
    struct yaml_file file;
    (void)state;
    assert_int_equal(yaml_parse("t.yaml", span_str("{colour: red, sise: 2}"), arena, &diags, &file),
                     ST_OK);
    assert_false(shape_only(&file, file.root, &thing, &diags));
    assert_string_equal(diags.items[0].message, "unknown key 'sise'");
    assert_string_equal(diags.items[0].hint, "did you mean 'size'?");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mapping_says_its_keys_and_which_are_needed),
        cmocka_unit_test(texts_durations_and_alternatives_have_their_limits),
        cmocka_unit_test(a_value_may_need_another_key_and_refuse_one),
        cmocka_unit_test(names_of_ones_own_are_told_by_a_pattern),
        cmocka_unit_test(the_loader_refuses_what_is_no_key_of_the_shape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
