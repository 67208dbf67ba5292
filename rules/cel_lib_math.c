/*
 * math.*: the greatest and the least, rounding, signs, bits.
 *
 * Source: cel-go, ext/math.go, all versions; cel_macro.c looks at the arguments of math.greatest
 * and math.least first, and makes a list of more than two.
 */
#include "rules/cel_library.h"

#include <math.h>

static struct cel_value invalid(const char *why)
{
    return cel_error(CEL_ERR_ARGUMENT, span_str(why));
}

/* ---- the greatest, the least --------------------------------------------------------------- */

static bool is_number(struct cel_value v)
{
    return v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_DOUBLE;
}

/* The first that none is beyond: `sign` 1 looks for the greatest, -1 for the least. */
static struct cel_value extreme(struct cel_context *cx, const struct cel_value *numbers, size_t n,
                                int sign)
{
    if (!cel_spend(cx, n))
        return cel_fault(CEL_ERR_LIMIT);
    if (n == 0)
        return invalid("(the list is empty)");
    struct cel_value best = numbers[0];
    for (size_t i = 0; i < n; i++) {
        int order;
        if (!is_number(best) || !is_number(numbers[i]) || !cel_order(numbers[i], best, &order))
            return cel_fault(CEL_ERR_NO_OVERLOAD);
        if (order == 2 && n > 1)
            return invalid("(NaN has no order)");
        if (order == sign)
            best = numbers[i];
    }
    return best;
}

static struct cel_value extreme_of(struct cel_context *cx, const struct cel_value *args, int n_args,
                                   int sign)
{
    if (args[0].kind == CEL_LIST)
        return extreme(cx, args[0].list->items, args[0].list->count, sign);
    return extreme(cx, args, (size_t)n_args, sign);
}

static struct cel_value greatest(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    return extreme_of(cx, args, n_args, 1);
}

static struct cel_value least(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    return extreme_of(cx, args, n_args, -1);
}

/* ---- doubles ------------------------------------------------------------------------------- */

/* A function of one double, `x`. */
#define OF_DOUBLE(name, make, value)                                                               \
    static struct cel_value name(struct cel_context *cx, const struct cel_value *args, int n_args) \
    {                                                                                              \
        double x = args[0].f64;                                                                    \
        UNUSED_ARGS;                                                                               \
        return make(value);                                                                        \
    }

OF_DOUBLE(ceil_of, cel_double, ceil(x))
OF_DOUBLE(floor_of, cel_double, floor(x))
OF_DOUBLE(round_of, cel_double, round(x)) /* halves away from zero */
OF_DOUBLE(trunc_of, cel_double, trunc(x))
OF_DOUBLE(is_nan, cel_bool, isnan(x))
OF_DOUBLE(is_inf, cel_bool, isinf(x))
OF_DOUBLE(is_finite, cel_bool, isfinite(x))
OF_DOUBLE(abs_double, cel_double, fabs(x))
OF_DOUBLE(sign_double, cel_double, isnan(x) ? x : (x > 0) - (x < 0))
OF_DOUBLE(sqrt_double, cel_double, sqrt(x)) /* NaN below zero */

/* ---- ints and uints ------------------------------------------------------------------------ */

static struct cel_value abs_int(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    int64_t v = args[0].i64;
    UNUSED_ARGS;
    if (v == INT64_MIN)
        return cel_fault(CEL_ERR_OVERFLOW);
    return cel_int(v < 0 ? -v : v);
}

static struct cel_value abs_uint(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return args[0];
}

static struct cel_value sign_int(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    int64_t v = args[0].i64;
    UNUSED_ARGS;
    return cel_int((v > 0) - (v < 0));
}

static struct cel_value sign_uint(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_uint(args[0].u64 > 0);
}

static struct cel_value sqrt_int(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_double(sqrt((double)args[0].i64));
}

static struct cel_value sqrt_uint(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_double(sqrt((double)args[0].u64));
}

/* ---- bits: of an int its two's complement -------------------------------------------------- */

static struct cel_value with_bits(struct cel_value v, uint64_t bits)
{
    v.u64 = bits;
    return v;
}

static struct cel_value bit_and(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return with_bits(args[0], args[0].u64 & args[1].u64);
}

static struct cel_value bit_or(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return with_bits(args[0], args[0].u64 | args[1].u64);
}

static struct cel_value bit_xor(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return with_bits(args[0], args[0].u64 ^ args[1].u64);
}

static struct cel_value bit_not(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return with_bits(args[0], ~args[0].u64);
}

/* By 64 and more, nothing is left. */
static struct cel_value shifted(const struct cel_value *args, bool left)
{
    uint64_t bits = args[0].u64;
    int64_t by = args[1].i64;
    if (by < 0)
        return invalid("(bits are shifted by 0 or more)");
    if (by >= 64)
        return with_bits(args[0], 0);
    return with_bits(args[0], left ? bits << by : bits >> by);
}

static struct cel_value shift_left(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return shifted(args, true);
}

/* Zeros come in on the left, of an int too. */
static struct cel_value shift_right(struct cel_context *cx, const struct cel_value *args,
                                    int n_args)
{
    UNUSED_ARGS;
    return shifted(args, false);
}

/* ---- the table ----------------------------------------------------------------------------- */

static const struct cel_type ints = LIST_OF(INT), uints = LIST_OF(UINT), doubles = LIST_OF(DOUBLE);

#define PAIRS(name, function, type, other, third)                                     \
    FUNCTION(name, function, type, type), FUNCTION(name, function, type, type, type), \
        FUNCTION(name, function, DYN, type, other), FUNCTION(name, function, DYN, type, third)
#define EXTREME(name, function)                                                         \
    PAIRS(name, function, INT, UINT, DOUBLE), PAIRS(name, function, UINT, INT, DOUBLE), \
        PAIRS(name, function, DOUBLE, INT, UINT), FUNCTION(name, function, INT, &ints), \
        FUNCTION(name, function, UINT, &uints), FUNCTION(name, function, DOUBLE, &doubles)
#define BITS(name, function) \
    FUNCTION(name, function, INT, INT, INT), FUNCTION(name, function, UINT, UINT, UINT)
#define SHIFT(name, function) \
    FUNCTION(name, function, INT, INT, INT), FUNCTION(name, function, UINT, UINT, INT)

static const struct cel_func functions[] = {
    EXTREME("math.greatest", greatest),
    EXTREME("math.least", least),
    FUNCTION("math.ceil", ceil_of, DOUBLE, DOUBLE),
    FUNCTION("math.floor", floor_of, DOUBLE, DOUBLE),
    FUNCTION("math.round", round_of, DOUBLE, DOUBLE),
    FUNCTION("math.trunc", trunc_of, DOUBLE, DOUBLE),
    FUNCTION("math.isNaN", is_nan, BOOL, DOUBLE),
    FUNCTION("math.isInf", is_inf, BOOL, DOUBLE),
    FUNCTION("math.isFinite", is_finite, BOOL, DOUBLE),
    FUNCTION("math.abs", abs_int, INT, INT),
    FUNCTION("math.abs", abs_uint, UINT, UINT),
    FUNCTION("math.abs", abs_double, DOUBLE, DOUBLE),
    FUNCTION("math.sign", sign_int, INT, INT),
    FUNCTION("math.sign", sign_uint, UINT, UINT),
    FUNCTION("math.sign", sign_double, DOUBLE, DOUBLE),
    FUNCTION("math.sqrt", sqrt_int, DOUBLE, INT),
    FUNCTION("math.sqrt", sqrt_uint, DOUBLE, UINT),
    FUNCTION("math.sqrt", sqrt_double, DOUBLE, DOUBLE),
    BITS("math.bitAnd", bit_and),
    BITS("math.bitOr", bit_or),
    BITS("math.bitXor", bit_xor),
    FUNCTION("math.bitNot", bit_not, INT, INT),
    FUNCTION("math.bitNot", bit_not, UINT, UINT),
    SHIFT("math.bitShiftLeft", shift_left),
    SHIFT("math.bitShiftRight", shift_right),
};

LIBRARY(cel_lib_math, functions);
