#include "service/cli/eval_json.h"

#include "rules/cel_func.h"
#include "rules/cel_time.h"
#include "rules/cel_utf8.h"

#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>

static const char out_of_room[] = "too large";

static struct span text_of(const json_t *j)
{
    return span_of(json_string_value(j), json_string_length(j));
}

/* The one key of an object and its value; NULL: it is none, or has more. */
static const char *only_key(const json_t *j, const json_t **ret_value)
{
    void *at = json_object_iter((json_t *)(uintptr_t)j); /* looks only */
    if (at == NULL || json_object_size(j) != 1)
        return NULL;
    *ret_value = json_object_iter_value(at);
    return json_object_iter_key(at);
}

/* ---- values, read ------------------------------------------------------------------------- */

struct reading {
    struct arena *arena;
    int depth;
};

typedef const char *value_reader(struct reading *r, const json_t *j, struct cel_value *ret_value);

static value_reader read_value;

static const char *read_null(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    if (!json_is_true(j) && !json_is_null(j))
        return "null is written {\"null\": true}";
    *ret_value = cel_null();
    return NULL;
}

static const char *read_bool(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    if (!json_is_boolean(j))
        return "a bool is true or false";
    *ret_value = cel_bool(json_is_true(j));
    return NULL;
}

/* An optional minus and digits, and nothing else: strtoll would take more. */
static bool is_whole_number(struct span s, bool may_be_negative)
{
    size_t i = may_be_negative && s.len > 0 && s.base[0] == '-';
    if (i == s.len)
        return false;
    for (; i < s.len; i++)
        if (s.base[i] < '0' || s.base[i] > '9')
            return false;
    return true;
}

static const char *read_int(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    long long v = json_integer_value(j);
    errno = 0;
    if (json_is_string(j) && is_whole_number(text_of(j), true))
        v = strtoll(json_string_value(j), NULL, 10);
    else if (!json_is_integer(j))
        return "an int is a string of digits";
    if (errno != 0)
        return "an int has 64 bits";
    *ret_value = cel_int(v);
    return NULL;
}

static const char *read_uint(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    long long small = json_integer_value(j);
    unsigned long long v = (unsigned long long)small;
    errno = 0;
    if (json_is_string(j) && is_whole_number(text_of(j), false))
        v = strtoull(json_string_value(j), NULL, 10);
    else if (!json_is_integer(j) || small < 0)
        return "a uint is a string of digits";
    if (errno != 0)
        return "a uint has 64 bits";
    *ret_value = cel_uint(v);
    return NULL;
}

static const char *read_double(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    struct span t = json_is_string(j) ? text_of(j) : span_of(NULL, 0);
    if (json_is_number(j))
        *ret_value = cel_double(json_number_value(j));
    else if (span_is(t, "NaN"))
        *ret_value = cel_double((double)NAN);
    else if (span_is(t, "Infinity"))
        *ret_value = cel_double((double)INFINITY);
    else if (span_is(t, "-Infinity"))
        *ret_value = cel_double(-(double)INFINITY);
    else
        return "a double is a number, \"NaN\", \"Infinity\" or \"-Infinity\"";
    return NULL;
}

static const char *copy_text(struct reading *r, const json_t *j, struct span *ret_text)
{
    if (!json_is_string(j))
        return "this kind of value is written as a string";
    struct span copy = arena_try_copy(r->arena, text_of(j));
    if (copy.base == NULL)
        return out_of_room;
    *ret_text = copy;
    return NULL;
}

static const char *read_string(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    struct span text;
    const char *wrong = copy_text(r, j, &text);
    if (wrong == NULL)
        *ret_value = cel_string(text);
    return wrong;
}

static const char *read_bytes(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    struct span t = text_of(j);
    if (!json_is_string(j))
        return "bytes are a string of base64";
    size_t len = 0;
    unsigned char *mem = arena_try(r->arena, t.len + 1);
    int variant =
        t.len % 4 == 0 ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_ORIGINAL_NO_PADDING;
    if (mem == NULL)
        return out_of_room;
    if (sodium_base642bin(mem, t.len + 1, t.base, t.len, NULL, &len, NULL, variant) != 0)
        return "bytes are not base64";
    *ret_value = cel_bytes(span_of(mem, len));
    return NULL;
}

static const char *read_type(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    struct span text;
    const char *wrong = copy_text(r, j, &text);
    if (wrong == NULL)
        *ret_value = cel_type_named(text);
    return wrong;
}

/* `ret_value` is an error of the language's own when the text is none. */
static const char *or_wrong(struct cel_value v, const char *wrong, struct cel_value *ret_value)
{
    if (cel_is_error(v))
        return wrong;
    *ret_value = v;
    return NULL;
}

static const char *read_timestamp(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    return or_wrong(json_is_string(j) ? cel_time_parse(text_of(j)) : cel_fault(CEL_ERR_ARGUMENT),
                    "a timestamp is RFC 3339, within the years 0001 to 9999", ret_value);
}

static const char *read_duration(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    (void)r;
    return or_wrong(json_is_string(j) ? cel_duration_parse(text_of(j))
                                      : cel_fault(CEL_ERR_ARGUMENT),
                    "a duration is written as \"1.5s\"", ret_value);
}

/* As the language's own function of that name reads it. */
static const char *read_by(struct reading *r, const char *function, const json_t *j,
                           const char *wrong, struct cel_value *ret_value)
{
    const struct cel_env env = {0};
    struct cel_context cx = {.arena = r->arena, .steps = CEL_STEPS_MAX};
    struct cel_value text;
    int count = 0;
    const struct cel_func *f = cel_func_find(&env, span_str(function), false, &count);
    if (f == NULL || read_string(r, j, &text) != NULL)
        return wrong;
    return or_wrong(cel_func_call(&cx, f, count, &text, 1), wrong, ret_value);
}

static const char *read_ip(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    return read_by(r, "ip", j, "an ip is an address", ret_value);
}

static const char *read_cidr(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    return read_by(r, "cidr", j, "a cidr is an address, '/' and a number of bits", ret_value);
}

static const char *read_optional(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    if (json_is_null(j)) {
        *ret_value = cel_optional_of(NULL);
        return NULL;
    }
    struct cel_value *some = arena_try(r->arena, sizeof *some);
    if (some == NULL)
        return out_of_room;
    const char *wrong = read_value(r, j, some);
    if (wrong == NULL)
        *ret_value = cel_optional_of(some);
    return wrong;
}

static const char *read_list(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    if (!json_is_array(j))
        return "a list is an array";
    size_t n = json_array_size(j);
    struct cel_list *list = arena_try(r->arena, sizeof *list);
    struct cel_value *items = arena_try(r->arena, n * sizeof *items);
    if (list == NULL || items == NULL)
        return out_of_room;
    for (size_t i = 0; i < n; i++) {
        const char *wrong = read_value(r, json_array_get(j, i), &items[i]);
        if (wrong != NULL)
            return wrong;
    }
    *list = (struct cel_list){.count = n, .items = items};
    *ret_value = cel_list_of(list);
    return NULL;
}

static bool may_be_key(struct cel_value v)
{
    return v.kind == CEL_BOOL || v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_STRING;
}

static const char *read_entry(struct reading *r, const json_t *pair, struct cel_entry *ret_entry)
{
    if (json_array_size(pair) != 2)
        return "a map is an array of [key, value]";
    const char *wrong = read_value(r, json_array_get(pair, 0), &ret_entry->key);
    if (wrong == NULL && !may_be_key(ret_entry->key))
        wrong = "a map's key is a bool, an int, a uint or a string";
    return wrong ? wrong : read_value(r, json_array_get(pair, 1), &ret_entry->value);
}

static const char *read_entries(struct reading *r, const json_t *j, struct cel_entry *ret_entries)
{
    const char *wrong = NULL;
    for (size_t i = 0; i < json_array_size(j) && wrong == NULL; i++)
        wrong = read_entry(r, json_array_get(j, i), &ret_entries[i]);
    return wrong;
}

static const char *read_map(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    if (!json_is_array(j))
        return "a map is an array of [key, value]";
    size_t n = json_array_size(j);
    struct cel_map *map = arena_try(r->arena, sizeof *map);
    struct cel_entry *entries = arena_try(r->arena, n * sizeof *entries);
    bool repeated = false;
    if (map == NULL || entries == NULL)
        return out_of_room;
    const char *wrong = read_entries(r, j, entries);
    if (wrong != NULL)
        return wrong;
    *map = (struct cel_map){.count = n, .entries = entries};
    map->index = cel_index_build(r->arena, &entries->key, n, sizeof *entries, &repeated);
    if (map->index == NULL || repeated)
        return repeated ? "a map has the same key twice" : out_of_room;
    *ret_value = cel_map_of(map);
    return NULL;
}

static const char *read_value(struct reading *r, const json_t *j, struct cel_value *ret_value)
{
    static const struct {
        const char *name;
        value_reader *read;
    } kinds[] = {
        {"int", read_int},
        {"string", read_string},
        {"bool", read_bool},
        {"double", read_double},
        {"uint", read_uint},
        {"bytes", read_bytes},
        {"null", read_null},
        {"list", read_list},
        {"map", read_map},
        {"type", read_type},
        {"timestamp", read_timestamp},
        {"duration", read_duration},
        {"optional", read_optional},
        {"ip", read_ip},
        {"cidr", read_cidr},
    };
    const json_t *v = NULL;
    const char *kind = only_key(j, &v);
    if (kind == NULL)
        return "a value is an object with one key, its kind: {\"int\": \"5\"}";
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(kind, kinds[i].name) != 0)
            continue;
        if (r->depth == EVAL_DEPTH_MAX)
            return "a value is nested too deeply";
        r->depth++;
        const char *wrong = kinds[i].read(r, v, ret_value);
        r->depth--;
        return wrong;
    }
    return "there is no such kind of value";
}

const char *eval_value_read(const json_t *json, struct arena *arena, struct cel_value *ret_value)
{
    struct reading r = {.arena = arena};
    struct cel_value value = cel_null();
    const char *wrong = read_value(&r, json, &value);
    if (wrong == NULL)
        *ret_value = value;
    return wrong;
}

/* ---- types, read -------------------------------------------------------------------------- */

static const char *read_cel_type(struct eval_signature *in, const json_t *j,
                                 const struct cel_type **ret_type);

static const struct {
    const char *name;
    const struct cel_type *type;
} plain_types[] = {
    {"int", &cel_type_int},           {"uint", &cel_type_uint},
    {"double", &cel_type_double},     {"bool", &cel_type_bool},
    {"string", &cel_type_string},     {"bytes", &cel_type_bytes},
    {"null", &cel_type_null},         {"timestamp", &cel_type_timestamp},
    {"duration", &cel_type_duration}, {"type", &cel_type_type},
    {"dyn", &cel_type_dyn},           {"any", &cel_type_dyn},
};

static const char *read_plain(const json_t *j, const struct cel_type **ret_type)
{
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++) {
        if (!span_is(text_of(j), plain_types[i].name))
            continue;
        *ret_type = plain_types[i].type;
        return NULL;
    }
    return "there is no such type";
}

static const char *keep_type(struct eval_signature *in, struct cel_type type,
                             const struct cel_type **ret_type)
{
    struct cel_type *t = arena_try(in->arena, sizeof *t);
    if (t == NULL)
        return out_of_room;
    *t = type;
    *ret_type = t;
    return NULL;
}

/* An array of them; NULL is none. */
static const char *read_params(struct eval_signature *in, const json_t *j, struct cel_type *type)
{
    if (j != NULL && !json_is_array(j))
        return "a type's params are an array";
    if (json_array_size(j) > CEL_TYPE_PARAMS_MAX)
        return "a type has too many params";
    type->n_params = (int)json_array_size(j);
    for (int i = 0; i < type->n_params; i++) {
        const char *wrong = read_cel_type(in, json_array_get(j, (size_t)i), &type->params[i]);
        if (wrong != NULL)
            return wrong;
    }
    return NULL;
}

static const char *read_param(struct eval_signature *in, const json_t *j,
                              const struct cel_type **ret_type)
{
    struct cel_type type = {.kind = CEL_T_PARAM};
    if (!json_is_string(j))
        return "a type parameter is a name";
    while (type.id < in->n_params && !span_eq(in->params[type.id], text_of(j)))
        type.id++;
    if (type.id == in->n_params && !in->is_open) {
        *ret_type = &cel_type_dyn;
        return NULL;
    }
    if (type.id == CEL_TYPE_PARAMS_MAX)
        return "a function has too many type parameters";
    if (type.id == in->n_params)
        in->params[in->n_params++] = text_of(j);
    return keep_type(in, type, ret_type);
}

/* {"abstract": name, "params": [..]}, among them what the language knows itself. */
static const char *read_abstract(struct eval_signature *in, const json_t *j,
                                 const struct cel_type **ret_type)
{
    const json_t *name = json_object_get(j, "abstract"), *params = json_object_get(j, "params");
    struct cel_type type = {.kind = CEL_T_ABSTRACT};
    if (!json_is_string(name) || json_object_size(j) != 1u + (params != NULL))
        return "there is no such type";
    const char *wrong = read_params(in, params, &type);
    if (wrong != NULL)
        return wrong;
    if (span_is(text_of(name), "optional_type") && type.n_params == 1)
        type.kind = CEL_T_OPTIONAL;
    else if (span_is(text_of(name), "net.IP") && type.n_params == 0)
        type.kind = CEL_T_IP;
    else if (span_is(text_of(name), "net.CIDR") && type.n_params == 0)
        type.kind = CEL_T_CIDR;
    else if ((type.name = arena_try_copy(in->arena, text_of(name))).base == NULL)
        return out_of_room;
    return keep_type(in, type, ret_type);
}

/* {"list": type} and the like: `count` types below one key. */
static const char *read_made(struct eval_signature *in, enum cel_type_kind kind, const json_t *j,
                             int count, const struct cel_type **ret_type)
{
    struct cel_type type = {.kind = kind, .n_params = 1};
    const char *wrong =
        count == 1 ? read_cel_type(in, j, &type.params[0]) : read_params(in, j, &type);
    if (wrong != NULL)
        return wrong;
    return type.n_params == count ? keep_type(in, type, ret_type) : "a map has two types";
}

static const char *read_cel_type(struct eval_signature *in, const json_t *j,
                                 const struct cel_type **ret_type)
{
    const json_t *v = NULL;
    const char *key = only_key(j, &v);
    if (in->n_nodes++ == CEL_TYPE_NODES_MAX)
        return "a type is too large";
    if (json_is_string(j))
        return read_plain(j, ret_type);
    if (key == NULL || strcmp(key, "abstract") == 0)
        return read_abstract(in, j, ret_type);
    if (strcmp(key, "list") == 0)
        return read_made(in, CEL_T_LIST, v, 1, ret_type);
    if (strcmp(key, "map") == 0)
        return read_made(in, CEL_T_MAP, v, 2, ret_type);
    if (strcmp(key, "wrapper") == 0)
        return read_made(in, CEL_T_WRAPPER, v, 1, ret_type);
    if (strcmp(key, "type") == 0)
        return read_made(in, CEL_T_TYPE, v, 1, ret_type);
    if (strcmp(key, "param") == 0)
        return read_param(in, v, ret_type);
    return "there is no such type";
}

const char *eval_type_read(const json_t *json, struct eval_signature *in,
                           const struct cel_type **ret_type)
{
    const struct cel_type *type;
    const char *wrong = read_cel_type(in, json, &type);
    if (wrong == NULL)
        *ret_type = type;
    return wrong;
}

/* ---- written ------------------------------------------------------------------------------ */

/* A character, or U+FFFD for what is none. */
static void put_character(struct span s, size_t *pos, struct text *out)
{
    size_t from = *pos;
    if (cel_utf8_next(s, pos) < 0)
        text_str(out, "\xef\xbf\xbd");
    else
        text_put(out, span_of(s.base + from, *pos - from));
}

static void write_repaired(struct span s, struct text *out)
{
    text_char(out, '"');
    for (size_t i = 0; i < s.len && !out->overflow;) {
        char c = s.base[i];
        if (c == '"' || c == '\\')
            text_printf(out, "\\%c", c);
        else if ((unsigned char)c < 0x20)
            text_printf(out, "\\u%04x", c);
        else
            put_character(s, &i, out);
        i += c == '"' || c == '\\' || (unsigned char)c < 0x20;
    }
    text_char(out, '"');
}

void eval_string_write(struct span bytes, struct text *out)
{
    if (cel_utf8_is_valid(bytes))
        text_json_string(out, bytes);
    else
        write_repaired(bytes, out);
}

void eval_double_write(double value, struct text *out)
{
    size_t from = out->len;
    if (!isfinite(value)) {
        text_str(out, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        return;
    }
    if (value == 0 && signbit(value))
        text_char(out, '-');
    text_double(out, value);
    for (size_t i = from; i < out->len; i++)
        if (out->base[i] == '.' || out->base[i] == 'e')
            return;
    text_str(out, ".0");
}

static void write_double(double value, struct text *out)
{
    text_str(out, isfinite(value) ? "" : "\"");
    eval_double_write(value, out);
    text_str(out, isfinite(value) ? "" : "\"");
}

static void write_bytes(struct span bytes, struct text *out)
{
    size_t room = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    text_char(out, '"');
    if (room > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    sodium_bin2base64(out->base + out->len, room, (const unsigned char *)bytes.base, bytes.len,
                      sodium_base64_VARIANT_ORIGINAL);
    out->len += room - 1; /* without its NUL */
    text_char(out, '"');
}

static void write_value(struct cel_value v, int depth, struct text *out);

static void write_list(const struct cel_list *list, int depth, struct text *out)
{
    text_char(out, '[');
    for (size_t i = 0; i < list->count && !out->overflow; i++) {
        text_str(out, i ? "," : "");
        write_value(list->items[i], depth, out);
    }
    text_char(out, ']');
}

static void write_map(const struct cel_map *map, int depth, struct text *out)
{
    text_char(out, '[');
    for (size_t i = 0; i < map->count && !out->overflow; i++) {
        text_str(out, i ? ",[" : "[");
        write_value(map->entries[i].key, depth, out);
        text_char(out, ',');
        write_value(map->entries[i].value, depth, out);
        text_char(out, ']');
    }
    text_char(out, ']');
}

static const char *kind_key(enum cel_kind kind)
{
    static const char *const keys[] = {
        [CEL_NULL] = "null",         [CEL_BOOL] = "bool",
        [CEL_INT] = "int",           [CEL_UINT] = "uint",
        [CEL_DOUBLE] = "double",     [CEL_STRING] = "string",
        [CEL_BYTES] = "bytes",       [CEL_TIMESTAMP] = "timestamp",
        [CEL_DURATION] = "duration", [CEL_LIST] = "list",
        [CEL_MAP] = "map",           [CEL_TYPE] = "type",
        [CEL_OPTIONAL] = "optional", [CEL_IP] = "ip",
        [CEL_CIDR] = "cidr",         [CEL_ERROR] = NULL,
    };
    return keys[kind];
}

/* What stands behind the kind's key. */
static void write_content(struct cel_value v, int depth, struct text *out)
{
    switch ((enum cel_kind)v.kind) {
    case CEL_NULL:
        text_str(out, "true");
        break;
    case CEL_BOOL:
        text_str(out, v.flag ? "true" : "false");
        break;
    case CEL_DOUBLE:
        write_double(v.f64, out);
        break;
    case CEL_STRING:
    case CEL_TYPE:
        eval_string_write(v.text, out);
        break;
    case CEL_BYTES:
        write_bytes(v.text, out);
        break;
    case CEL_LIST:
        write_list(v.list, depth, out);
        break;
    case CEL_MAP:
        write_map(v.map, depth, out);
        break;
    case CEL_OPTIONAL:
        if (v.some != NULL)
            write_value(*v.some, depth, out);
        else
            text_str(out, "null");
        break;
    case CEL_TIMESTAMP:
        text_char(out, '"');
        cel_time_write(v, out);
        text_char(out, '"');
        break;
    default: /* these have one short form, without anything to escape */
        text_char(out, '"');
        cel_value_write(v, out);
        text_char(out, '"');
    }
}

static void write_value(struct cel_value v, int depth, struct text *out)
{
    const char *key = kind_key(v.kind);
    if (key == NULL) {
        text_str(out, "null");
        return;
    }
    if (depth == 0) {
        out->overflow = true;
        return;
    }
    text_printf(out, "{\"%s\":", key);
    write_content(v, depth - 1, out);
    text_char(out, '}');
}

void eval_value_write(struct cel_value value, struct text *out)
{
    write_value(value, EVAL_DEPTH_MAX, out);
}

static void write_types(const struct cel_type *t, struct text *out)
{
    for (int i = 0; i < t->n_params; i++) {
        text_str(out, i ? "," : "");
        eval_type_write(t->params[i], out);
    }
}

static void write_abstract(const char *name, const struct cel_type *t, struct text *out)
{
    text_str(out, "{\"abstract\":");
    eval_string_write(name ? span_str(name) : t->name, out);
    text_str(out, ",\"params\":[");
    write_types(t, out);
    text_str(out, "]}");
}

static void write_made(const char *before, const struct cel_type *t, const char *behind,
                       struct text *out)
{
    text_str(out, before);
    write_types(t, out);
    text_str(out, behind);
}

static void write_plain(const struct cel_type *t, struct text *out)
{
    const char *name = "dyn"; /* a free variable, too */
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++)
        if (plain_types[i].type->kind == t->kind && t->kind != CEL_T_DYN)
            name = plain_types[i].name;
    text_printf(out, "\"%s\"", name);
}

void eval_type_write(const struct cel_type *type, struct text *out)
{
    switch (type->kind) {
    case CEL_T_LIST:
        write_made("{\"list\":", type, "}", out);
        break;
    case CEL_T_MAP:
        write_made("{\"map\":[", type, "]}", out);
        break;
    case CEL_T_WRAPPER:
        write_made("{\"wrapper\":", type, "}", out);
        break;
    case CEL_T_TYPE:
        if (type->n_params > 0)
            write_made("{\"type\":", type, "}", out);
        else
            write_plain(type, out);
        break;
    case CEL_T_OPTIONAL:
        write_abstract("optional_type", type, out);
        break;
    case CEL_T_IP:
        write_abstract("net.IP", type, out);
        break;
    case CEL_T_CIDR:
        write_abstract("net.CIDR", type, out);
        break;
    case CEL_T_ABSTRACT:
        write_abstract(NULL, type, out);
        break;
    default:
        write_plain(type, out);
    }
}
