#include "rules/cel_range.h"

#include <math.h>

static struct cel_value inexact(void)
{
    return cel_fault(CEL_ERR_INEXACT);
}

static bool is_int(const struct cel_value *v)
{
    return v->kind == CEL_INT || (v->kind == CEL_RANGE && v->is_int);
}

static bool is_double(const struct cel_value *v)
{
    return v->kind == CEL_DOUBLE || (v->kind == CEL_RANGE && !v->is_int);
}

/* The ends, as numbers of their own; a number is its own ends. */
static struct cel_value low(const struct cel_value *v)
{
    return v->kind != CEL_RANGE ? *v : v->is_int ? cel_int(v->lo_i64) : cel_double(v->lo);
}

static struct cel_value high(const struct cel_value *v)
{
    return v->kind != CEL_RANGE ? *v : v->is_int ? cel_int(v->hi_i64) : cel_double(v->hi);
}

/* With the operands monotone between their ends, the result's ends are among the four corners. */
static struct cel_value corners_int(enum cel_arithmetic op, const struct cel_value *a,
                                    const struct cel_value *b)
{
    struct cel_value lo = {0}, hi = {0};
    for (int i = 0; i < 4; i++) {
        struct cel_value x = i & 1 ? high(a) : low(a), y = i & 2 ? high(b) : low(b);
        struct cel_value v = cel_arithmetic(NULL, op, &x, &y);
        if (cel_is_error(v))
            return v;
        if (i == 0 || v.i64 < lo.i64)
            lo = v;
        if (i == 0 || v.i64 > hi.i64)
            hi = v;
    }
    return cel_range_int(lo.i64, hi.i64);
}

static struct cel_value corners_double(enum cel_arithmetic op, const struct cel_value *a,
                                       const struct cel_value *b)
{
    double lo = INFINITY, hi = -INFINITY;
    for (int i = 0; i < 4; i++) {
        struct cel_value x = i & 1 ? high(a) : low(a), y = i & 2 ? high(b) : low(b);
        double v = cel_arithmetic(NULL, op, &x, &y).f64;
        if (isnan(v))
            return inexact();
        lo = fmin(lo, v);
        hi = fmax(hi, v);
    }
    return cel_range_double(nextafter(lo, -INFINITY), nextafter(hi, INFINITY));
}

static bool straddles_zero(const struct cel_value *v)
{
    struct cel_value lo = low(v), hi = high(v);
    return is_int(v) ? lo.i64 <= 0 && hi.i64 >= 0 : lo.f64 <= 0 && hi.f64 >= 0;
}

struct cel_value cel_range_arithmetic(enum cel_arithmetic op, const struct cel_value *a,
                                      const struct cel_value *b)
{
    bool ints = is_int(a) && is_int(b), doubles = is_double(a) && is_double(b);
    if (!ints && !doubles)
        return cel_fault(CEL_ERR_NO_OVERLOAD);
    if (op == CEL_MODULO || (op == CEL_DIVIDE && straddles_zero(b)))
        return inexact();
    return ints ? corners_int(op, a, b) : corners_double(op, a, b);
}

/* Is `a` below every number of b, whichever it is? 1 yes, 0 no, -1 it depends, 2 no order. */
static int below(const struct cel_value *a, const struct cel_value *b, bool or_equal)
{
    int high_low, low_high;
    if (!cel_order(high(a), low(b), &high_low) || !cel_order(low(a), high(b), &low_high) ||
        high_low == 2 || low_high == 2)
        return 2;
    if (high_low < or_equal)
        return 1;
    return low_high >= or_equal ? 0 : -1;
}

struct cel_value cel_range_compare(enum cel_comparison op, const struct cel_value *a,
                                   const struct cel_value *b)
{
    bool swapped = op == CEL_GREATER || op == CEL_GREATER_EQUAL;
    bool or_equal = op == CEL_LESS_EQUAL || op == CEL_GREATER_EQUAL;
    int answer = swapped ? below(b, a, or_equal) : below(a, b, or_equal);
    if (answer == 2)
        return cel_fault(CEL_ERR_NO_OVERLOAD);
    return answer < 0 ? inexact() : cel_bool(answer);
}

struct cel_value cel_range_equals(const struct cel_value *a, const struct cel_value *b)
{
    int less = below(a, b, false), greater = below(b, a, false);
    if (less == 2 || less == 1 || greater == 1)
        return cel_bool(false);
    return inexact();
}

struct cel_value cel_range_negate(const struct cel_value *a)
{
    if (!a->is_int)
        return cel_range_double(-a->hi, -a->lo);
    if (a->lo_i64 == INT64_MIN)
        return cel_fault(CEL_ERR_OVERFLOW);
    return cel_range_int(-a->hi_i64, -a->lo_i64);
}
