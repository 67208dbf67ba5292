#include "tests/unit/models/ubjson_write.h"

static void put_big_endian(struct text *out, uint64_t v, int n_bytes)
{
    for (int i = n_bytes - 1; i >= 0; i--)
        text_char(out, (char)(v >> 8 * i));
}

static void put_length(struct text *out, size_t n)
{
    text_char(out, 'L');
    put_big_endian(out, n, 8);
}

static void put_text(struct text *out, struct span text)
{
    put_length(out, text.len);
    text_put(out, text);
}

static void put_number(struct text *out, char type, const json_t *json)
{
    float real = (float)json_number_value(json);
    uint32_t bits;
    memcpy(&bits, &real, sizeof bits);
    if (type == 'd')
        put_big_endian(out, bits, 4);
    else
        put_big_endian(out, (uint64_t)json_integer_value(json), type == 'l' ? 4 : 1);
}

static char type_of(const json_t *json)
{
    json_int_t v = json_integer_value(json);
    return json_is_real(json) ? 'd' : !json_is_integer(json) ? '\0' : v == (int8_t)v ? 'i' : 'l';
}

/* The type that all of them have; '\0': there is none. */
static char common_type(const json_t *array)
{
    char common = json_array_size(array) > 0 ? type_of(json_array_get(array, 0)) : '\0';
    for (size_t i = 0; i < json_array_size(array); i++) {
        char type = type_of(json_array_get(array, i));
        if (type != common)
            common = (type == 'i' && common == 'l') || (type == 'l' && common == 'i') ? 'l' : '\0';
    }
    return common;
}

static void put_array(struct text *out, const json_t *array)
{
    char type = common_type(array);
    text_char(out, '[');
    if (type != '\0') {
        text_char(out, '$');
        text_char(out, type);
    }
    text_char(out, '#');
    put_length(out, json_array_size(array));
    for (size_t i = 0; i < json_array_size(array); i++)
        if (type != '\0')
            put_number(out, type, json_array_get(array, i));
        else
            ubjson_write(json_array_get(array, i), out);
}

static void put_object(struct text *out, const json_t *object)
{
    const char *name;
    json_t *value;
    text_char(out, '{');
    json_object_foreach((json_t *)object, name, value)
    {
        put_text(out, span_str(name));
        ubjson_write(value, out);
    }
    text_char(out, '}');
}

void ubjson_write(const json_t *json, struct text *out)
{
    if (json_is_object(json)) {
        put_object(out, json);
    } else if (json_is_array(json)) {
        put_array(out, json);
    } else if (json_is_string(json)) {
        text_char(out, 'S');
        put_text(out, span_of(json_string_value(json), json_string_length(json)));
    } else if (json_is_number(json)) {
        text_char(out, type_of(json));
        put_number(out, type_of(json), json);
    } else {
        text_char(out, json_is_true(json) ? 'T' : json_is_false(json) ? 'F' : 'Z');
    }
}
