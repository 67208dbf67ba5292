/*
 * Optionals: a value that may not be there, without an error. a.?b, a[?i], [?x] and or, orValue are
 * instructions of the VM; the macros optMap and optFlatMap stand in cel_macro.c.
 *
 * Source: cel-go, cel/library.go (OptionalTypes).
 */
#include "rules/cel_library.h"

#include "rules/cel_ops.h"

static struct cel_value of(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)n_args;
    return cel_some(cx, args[0]);
}

static bool is_zero(struct cel_value v)
{
    switch (v.kind) {
    case CEL_NULL:
        return true;
    case CEL_BOOL:
        return !v.flag;
    case CEL_INT:
    case CEL_UINT:
    case CEL_DURATION:
        return v.u64 == 0;
    case CEL_DOUBLE:
        return v.f64 == 0;
    case CEL_STRING:
    case CEL_BYTES:
        return v.text.len == 0;
    case CEL_LIST:
        return v.list->count == 0;
    case CEL_MAP:
        return v.map->count == 0;
    default:
        return false;
    }
}

static struct cel_value of_non_zero(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    (void)n_args;
    return is_zero(args[0]) ? cel_optional_of(NULL) : cel_some(cx, args[0]);
}

static struct cel_value none(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)cx;
    (void)args;
    (void)n_args;
    return cel_optional_of(NULL);
}

static struct cel_value has_value(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)cx;
    (void)n_args;
    return cel_bool(args[0].some != NULL);
}

static struct cel_value value(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)cx;
    (void)n_args;
    return args[0].some ? *args[0].some
                        : cel_error(CEL_ERR_NO_VALUE, span_str("of optional.none()"));
}

/* [optional.of(1), optional.none()] -> [1] */
static struct cel_value unwrap(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    (void)n_args;
    if (!cel_spend(cx, list->count))
        return cel_fault(CEL_ERR_LIMIT);
    struct cel_value all = cel_list_new(cx, list->count);
    for (size_t i = 0; i < list->count; i++)
        all = cel_list_append_some(cx, all, &list->items[i]);
    return all;
}

static const struct cel_type optionals = {
    .kind = CEL_T_LIST, .n_params = 1, .params = {OPTIONAL_A}};

static const struct cel_func optional[] = {
    FUNCTION("optional.of", of, OPTIONAL_A, A),
    FUNCTION("optional.ofNonZeroValue", of_non_zero, OPTIONAL_A, A),
    {.name = "optional.none", .result = OPTIONAL_A, .run = none},
    METHOD("hasValue", has_value, BOOL, OPTIONAL_A),
    FUNCTION("@hasValue", has_value, BOOL, OPTIONAL_A),
    METHOD("value", value, A, OPTIONAL_A),
    FUNCTION("@value", value, A, OPTIONAL_A),
    METHOD_OPERATOR("or", OPTIONAL_A, OPTIONAL_A, OPTIONAL_A),
    METHOD_OPERATOR("orValue", A, OPTIONAL_A, A),
    FUNCTION("optional.unwrap", unwrap, LIST, &optionals),
    METHOD("unwrapOpt", unwrap, LIST, &optionals),
};

LIBRARY(cel_lib_optional, optional);
