#include "rules/cel_type.h"

#define SCALAR_TYPE(name, which) const struct cel_type name = {.kind = (which)}

SCALAR_TYPE(cel_type_dyn, CEL_T_DYN);
SCALAR_TYPE(cel_type_null, CEL_T_NULL);
SCALAR_TYPE(cel_type_bool, CEL_T_BOOL);
SCALAR_TYPE(cel_type_int, CEL_T_INT);
SCALAR_TYPE(cel_type_uint, CEL_T_UINT);
SCALAR_TYPE(cel_type_double, CEL_T_DOUBLE);
SCALAR_TYPE(cel_type_string, CEL_T_STRING);
SCALAR_TYPE(cel_type_bytes, CEL_T_BYTES);
SCALAR_TYPE(cel_type_timestamp, CEL_T_TIMESTAMP);
SCALAR_TYPE(cel_type_duration, CEL_T_DURATION);
SCALAR_TYPE(cel_type_ip, CEL_T_IP);
SCALAR_TYPE(cel_type_cidr, CEL_T_CIDR);
SCALAR_TYPE(cel_type_type, CEL_T_TYPE);
SCALAR_TYPE(cel_type_error, CEL_T_ERROR);

const struct cel_type cel_type_a = {.kind = CEL_T_PARAM, .id = 0};
const struct cel_type cel_type_b = {.kind = CEL_T_PARAM, .id = 1};
const struct cel_type cel_type_list_a = {
    .kind = CEL_T_LIST, .n_params = 1, .params = {&cel_type_a}};
const struct cel_type cel_type_map_ab = {
    .kind = CEL_T_MAP, .n_params = 2, .params = {&cel_type_a, &cel_type_b}};
const struct cel_type cel_type_optional_a = {
    .kind = CEL_T_OPTIONAL, .n_params = 1, .params = {&cel_type_a}};
const struct cel_type cel_type_optional_b = {
    .kind = CEL_T_OPTIONAL, .n_params = 1, .params = {&cel_type_b}};
const struct cel_type cel_type_list_string = {
    .kind = CEL_T_LIST, .n_params = 1, .params = {&cel_type_string}};
const struct cel_type cel_type_list_int = {
    .kind = CEL_T_LIST, .n_params = 1, .params = {&cel_type_int}};
const struct cel_type cel_type_map_string_double = {
    .kind = CEL_T_MAP, .n_params = 2, .params = {&cel_type_string, &cel_type_double}};

static const struct cel_type *made(struct arena *arena, struct cel_type type)
{
    struct cel_type *t = arena_must(arena, sizeof *t);
    *t = type;
    return t;
}

const struct cel_type *cel_type_list(struct arena *arena, const struct cel_type *item)
{
    return made(arena, (struct cel_type){.kind = CEL_T_LIST, .n_params = 1, .params = {item}});
}

const struct cel_type *cel_type_map(struct arena *arena, const struct cel_type *key,
                                    const struct cel_type *value)
{
    return made(arena, (struct cel_type){.kind = CEL_T_MAP, .n_params = 2, .params = {key, value}});
}

const struct cel_type *cel_type_optional(struct arena *arena, const struct cel_type *of)
{
    return made(arena, (struct cel_type){.kind = CEL_T_OPTIONAL, .n_params = 1, .params = {of}});
}

const struct cel_type *cel_type_wrapper(struct arena *arena, const struct cel_type *of)
{
    return made(arena, (struct cel_type){.kind = CEL_T_WRAPPER, .n_params = 1, .params = {of}});
}

bool cel_type_is_number(const struct cel_type *t)
{
    return t->kind == CEL_T_INT || t->kind == CEL_T_UINT || t->kind == CEL_T_DOUBLE;
}

bool cel_type_same(const struct cel_type *a, const struct cel_type *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->id != b->id || a->n_params != b->n_params ||
        !span_eq(a->name, b->name))
        return false;
    for (int i = 0; i < a->n_params; i++) {
        if (!cel_type_same(a->params[i], b->params[i]))
            return false;
    }
    return true;
}

static const char *kind_text(enum cel_type_kind kind)
{
    static const char *const texts[] = {
        [CEL_T_DYN] = "dyn",
        [CEL_T_NULL] = "null",
        [CEL_T_BOOL] = "bool",
        [CEL_T_INT] = "int",
        [CEL_T_UINT] = "uint",
        [CEL_T_DOUBLE] = "double",
        [CEL_T_STRING] = "string",
        [CEL_T_BYTES] = "bytes",
        [CEL_T_TIMESTAMP] = "timestamp",
        [CEL_T_DURATION] = "duration",
        [CEL_T_LIST] = "list",
        [CEL_T_MAP] = "map",
        [CEL_T_OPTIONAL] = "optional_type",
        [CEL_T_IP] = "net.IP",
        [CEL_T_CIDR] = "net.CIDR",
        [CEL_T_TYPE] = "type",
        [CEL_T_WRAPPER] = "wrapper",
        [CEL_T_ABSTRACT] = "",
        [CEL_T_PARAM] = "",
        [CEL_T_VAR] = "any",
        [CEL_T_ERROR] = "error",
    };
    return texts[kind];
}

void cel_type_write(const struct cel_type *t, struct text *out)
{
    text_str(out, kind_text(t->kind));
    text_put(out, t->name);
    if (t->kind == CEL_T_PARAM)
        text_char(out, (char)('A' + t->id));
    if (t->n_params == 0)
        return;
    text_char(out, '(');
    for (int i = 0; i < t->n_params; i++) {
        text_str(out, i ? ", " : "");
        cel_type_write(t->params[i], out);
    }
    text_char(out, ')');
}

enum cel_kind cel_type_values(const struct cel_type *t)
{
    static const uint8_t kinds[] = {
        [CEL_T_NULL] = CEL_NULL,         [CEL_T_BOOL] = CEL_BOOL,
        [CEL_T_INT] = CEL_INT,           [CEL_T_UINT] = CEL_UINT,
        [CEL_T_DOUBLE] = CEL_DOUBLE,     [CEL_T_STRING] = CEL_STRING,
        [CEL_T_BYTES] = CEL_BYTES,       [CEL_T_TIMESTAMP] = CEL_TIMESTAMP,
        [CEL_T_DURATION] = CEL_DURATION, [CEL_T_LIST] = CEL_LIST,
        [CEL_T_MAP] = CEL_MAP,           [CEL_T_TYPE] = CEL_TYPE,
        [CEL_T_OPTIONAL] = CEL_OPTIONAL, [CEL_T_IP] = CEL_IP,
        [CEL_T_CIDR] = CEL_CIDR,         [CEL_T_ERROR] = CEL_MISSING,
    };
    return kinds[t->kind];
}

static bool kind_is(const struct cel_type *t, struct cel_value v)
{
    if (v.kind == CEL_RANGE)
        return t->kind == (v.is_int ? CEL_T_INT : CEL_T_DOUBLE);
    return cel_type_values(t) == v.kind;
}

bool cel_type_takes(const struct cel_type *t, struct cel_value v)
{
    switch (t->kind) {
    case CEL_T_DYN:
    case CEL_T_PARAM:
    case CEL_T_VAR:
    case CEL_T_ERROR:
    case CEL_T_ABSTRACT:
        return true;
    case CEL_T_WRAPPER:
        return v.kind == CEL_NULL || cel_type_takes(t->params[0], v);
    default:
        /* what was prepared at load (a pattern, networks) stands where its text or list stood */
        return kind_is(t, v) ||
               (v.kind == CEL_HANDLE && (t->kind == CEL_T_STRING || t->kind == CEL_T_LIST));
    }
}
