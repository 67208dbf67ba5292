#include "rules/template_format.h"

#include "service/base/check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS_MAX = 352 }; /* of the largest double, with sign and decimals */

/* ---- what is asked for ---- */

bool template_format_read(struct span text, struct template_format *ret_format)
{
    if (span_is(text, "%")) {
        *ret_format = (struct template_format){TEMPLATE_PERCENT, 1, true};
        return true;
    }
    bool is_one = text.len == 3 && text.base[0] == '.' && text.base[1] >= '0' &&
                  text.base[1] <= '0' + TEMPLATE_DECIMALS_MAX &&
                  (text.base[2] == '%' || text.base[2] == 'f');
    if (is_one)
        *ret_format = (struct template_format){
            text.base[2] == '%' ? TEMPLATE_PERCENT : TEMPLATE_FIXED, text.base[1] - '0', false};
    return is_one;
}

/* ---- a number ---- */

/* "-0.0" is 0. */
static const char *without_sign_of_zero(const char *digits)
{
    return digits[0] == '-' && strpbrk(digits, "123456789") == NULL ? digits + 1 : digits;
}

static void write_double(const struct template_format *f, double v, struct text *out)
{
    char digits[DIGITS_MAX];
    double scaled = f->style == TEMPLATE_PERCENT ? 100 * v : v;
    if (!isfinite(scaled)) {
        text_double(out, scaled);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.*f", f->decimals, scaled);
    CHECK(n > 0 && n < DIGITS_MAX);
    if (f->trims && digits[n - 1] == '0')
        digits[n - 2] = '\0';
    text_str(out, without_sign_of_zero(digits));
    if (f->style == TEMPLATE_PERCENT)
        text_str(out, " %");
}

static void write_range(const struct template_format *f, struct cel_value v, struct text *out)
{
    write_double(f, v.is_int ? (double)v.lo_i64 : v.lo, out);
    text_str(out, "..");
    write_double(f, v.is_int ? (double)v.hi_i64 : v.hi, out);
}

static void write_value(const struct template_format *f, struct cel_value v, struct text *out)
{
    switch ((enum cel_kind)v.kind) {
    case CEL_INT:
        write_double(f, (double)v.i64, out);
        return;
    case CEL_UINT:
        write_double(f, (double)v.u64, out);
        return;
    case CEL_DOUBLE:
        write_double(f, v.f64, out);
        return;
    case CEL_RANGE:
        write_range(f, v, out);
        return;
    default:
        cel_value_write(v, out);
    }
}

void template_format_write(const struct template_format *f, struct cel_value v, struct text *out)
{
    if (f->style == TEMPLATE_AS_IT_IS)
        cel_value_write(v, out);
    else
        write_value(f, v, out);
}
