#include "rules/cel_convert.h"

#include "rules/cel_time.h"
#include "rules/cel_utf8.h"
#include "service/base/decimal.h"
#include "service/base/decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

static struct cel_value bad(void)
{
    return cel_fault(CEL_ERR_ARGUMENT);
}

static struct cel_value out_of_range(void)
{
    return cel_fault(CEL_ERR_RANGE);
}

struct cel_value cel_to_dyn(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return args[0];
}

struct cel_value cel_type_of(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_type_named(cel_kind_name((enum cel_kind)args[0].kind));
}

struct cel_value cel_size(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)n_args;
    switch (args[0].kind) {
    case CEL_STRING:
        cel_spend(cx, args[0].text.len / 64);
        return cel_int((int64_t)cel_utf8_count(args[0].text));
    case CEL_BYTES:
        return cel_int((int64_t)args[0].text.len);
    case CEL_LIST:
        return cel_int((int64_t)args[0].list->count);
    default:
        return cel_int((int64_t)args[0].map->count);
    }
}

static bool is_any(struct span s, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (span_is(s, words[i]))
            return true;
    }
    return false;
}

struct cel_value cel_to_bool(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    static const char *const yes[] = {"1", "t", "true", "TRUE", "True", "T"};
    static const char *const no[] = {"0", "f", "false", "FALSE", "False", "F"};
    UNUSED_ARGS;
    if (args[0].kind == CEL_BOOL)
        return args[0];
    if (is_any(args[0].text, yes, sizeof yes / sizeof *yes))
        return cel_bool(true);
    return is_any(args[0].text, no, sizeof no / sizeof *no) ? cel_bool(false) : bad();
}

static struct cel_value int_of_text(struct span s)
{
    uint64_t v;
    bool negative = s.len > 0 && s.base[0] == '-';
    if (s.len > 0 && (negative || s.base[0] == '+'))
        s = span_of(s.base + 1, s.len - 1);
    if (!decode_u64(s, 10, &v) || v > (uint64_t)INT64_MAX + negative)
        return bad();
    return cel_int(negative ? (int64_t)(0 - v) : (int64_t)v);
}

/* Towards zero; what lies at or past the ends of int64 has lost its last digits already. */
static struct cel_value int_of_double(double v)
{
    return v > -0x1p63 && v < 0x1p63 ? cel_int((int64_t)v) : out_of_range();
}

static struct cel_value int_of_range(struct cel_value r)
{
    if (r.is_int)
        return r;
    struct cel_value lo = int_of_double(r.lo), hi = int_of_double(r.hi);
    return cel_is_error(lo) ? lo : cel_is_error(hi) ? hi : cel_range_int(lo.i64, hi.i64);
}

struct cel_value cel_to_int(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    switch (args[0].kind) {
    case CEL_INT:
        return args[0];
    case CEL_UINT:
        return args[0].u64 <= INT64_MAX ? cel_int((int64_t)args[0].u64) : out_of_range();
    case CEL_DOUBLE:
        return int_of_double(args[0].f64);
    case CEL_RANGE:
        return int_of_range(args[0]);
    case CEL_TIMESTAMP:
        return cel_int(args[0].i64);
    default:
        return int_of_text(args[0].text);
    }
}

struct cel_value cel_to_uint(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    uint64_t v;
    double d = args[0].f64;
    UNUSED_ARGS;
    switch (args[0].kind) {
    case CEL_UINT:
        return args[0];
    case CEL_INT:
        return args[0].i64 >= 0 ? cel_uint((uint64_t)args[0].i64) : out_of_range();
    case CEL_DOUBLE:
        return d >= 0 && d < 0x1p64 ? cel_uint((uint64_t)d) : out_of_range();
    default:
        return decode_u64(args[0].text, 10, &v) ? cel_uint(v) : bad();
    }
}

/* "nan", "inf", "infinity" in any case, the last two with a sign or without. */
static bool is_special(struct span s, double *ret_value)
{
    bool sign = s.len > 0 && (s.base[0] == '+' || s.base[0] == '-');
    struct span word = span_of(s.base + sign, s.len - sign);
    if (!sign && word.len == 3 && strncasecmp(word.base, "nan", 3) == 0) {
        *ret_value = NAN;
        return true;
    }
    bool inf = (word.len == 3 && strncasecmp(word.base, "inf", 3) == 0) ||
               (word.len == 8 && strncasecmp(word.base, "infinity", 8) == 0);
    *ret_value = sign && s.base[0] == '-' ? -INFINITY : INFINITY;
    return inf;
}

/* What strtod() takes besides is none: blanks, "nan(...)", hexadecimal without an exponent. */
static bool is_number_text(struct span s)
{
    bool hex = memmem(s.base, s.len, "0x", 2) != NULL || memmem(s.base, s.len, "0X", 2) != NULL;
    const char *allowed = hex ? "0123456789abcdefABCDEF.+-xXpP" : "0123456789.+-eE";
    for (size_t i = 0; i < s.len; i++) {
        if (s.base[i] == '\0' || strchr(allowed, s.base[i]) == NULL)
            return false;
    }
    return !hex || memchr(s.base, 'p', s.len) != NULL || memchr(s.base, 'P', s.len) != NULL;
}

/* As Go's strconv.ParseFloat, without its underscores. */
static struct cel_value double_of_text(struct span s)
{
    char buf[512], *end;
    double v;
    if (is_special(s, &v))
        return cel_double(v);
    if (s.len == 0 || s.len >= sizeof buf || !is_number_text(s))
        return bad();
    memcpy(buf, s.base, s.len);
    buf[s.len] = '\0';
    v = strtod(buf, &end);
    if (*end != '\0')
        return bad();
    return isfinite(v) ? cel_double(v) : out_of_range();
}

struct cel_value cel_to_double(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value v = args[0];
    UNUSED_ARGS;
    switch (v.kind) {
    case CEL_DOUBLE:
        return v;
    case CEL_INT:
        return cel_double((double)v.i64);
    case CEL_UINT:
        return cel_double((double)v.u64);
    case CEL_RANGE: /* rounding keeps the order, so the nearest doubles are ends */
        return v.is_int ? cel_range_double((double)v.lo_i64, (double)v.hi_i64) : v;
    default:
        return double_of_text(v.text);
    }
}

/* As Go writes it ('g'), and so cel-go: from a million on, and below 1e-4, with an exponent. */
static void write_double(double v, struct text *out)
{
    if (isnan(v)) {
        text_str(out, "NaN");
        return;
    }
    if (isinf(v)) {
        text_str(out, v > 0 ? "+Inf" : "-Inf");
        return;
    }
    struct decimal d = decimal_of(v);
    if (d.exponent < -4 || d.exponent >= 6)
        decimal_write_scientific(&d, out);
    else
        decimal_write_plain(&d, out);
}

static void write_scalar(struct cel_value v, struct text *out)
{
    if (v.kind == CEL_DOUBLE)
        write_double(v.f64, out);
    else if (v.kind == CEL_TIMESTAMP)
        cel_time_write(v, out);
    else if (v.kind == CEL_DURATION)
        cel_duration_write(v, out);
    else
        cel_value_write(v, out);
}

enum { SCALAR_TEXT_MAX = 64 }; /* a timestamp with nanoseconds has 30 */

struct cel_value cel_to_string(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value v = args[0];
    UNUSED_ARGS;
    if (v.kind == CEL_STRING)
        return v;
    if (v.kind == CEL_BYTES) {
        cel_spend(cx, v.text.len / 16);
        return cel_utf8_is_valid(v.text) ? cel_string(v.text) : bad();
    }
    char *mem = cel_room(cx, SCALAR_TEXT_MAX);
    if (mem == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    struct text out;
    text_init(&out, mem, SCALAR_TEXT_MAX);
    write_scalar(v, &out);
    return cel_string(text_span(&out));
}

struct cel_value cel_to_bytes(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return cel_bytes(args[0].text);
}

struct cel_value cel_to_timestamp(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    if (args[0].kind == CEL_TIMESTAMP)
        return args[0];
    if (args[0].kind == CEL_INT)
        return cel_time_of(args[0].i64, 0);
    return cel_time_parse(args[0].text);
}

struct cel_value cel_to_duration(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    UNUSED_ARGS;
    return args[0].kind == CEL_DURATION ? args[0] : cel_duration_parse(args[0].text);
}
