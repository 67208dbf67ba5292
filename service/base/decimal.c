#include "service/base/decimal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Is it `v` that `digits` * 10^scale reads back as? */
static bool reads_back(uint64_t digits, int scale, double v)
{
    char text[48];
    snprintf(text, sizeof text, "%" PRIu64 "e%d", digits, scale);
    return strtod(text, NULL) == v;
}

/*
 * The nearest number of `precision` digits is not always one that reads back; one beside it may.
 * Not of DBL_DIG digits or fewer, of which each reads back as itself, but for subnormals.
 */
static bool find(double v, int precision, uint64_t *ret_digits, int *ret_scale)
{
    char text[48], *point;
    snprintf(text, sizeof text, "%.*e", precision - 1, v);
    uint64_t digits = strtoull(text, &point, 10);
    if (*point == '.') {
        for (point++; *point != 'e'; point++)
            digits = digits * 10 + (uint64_t)(*point - '0');
    }
    *ret_scale = (int)strtol(point + 1, NULL, 10) - (precision - 1);
    *ret_digits = digits;
    if (strtod(text, NULL) == v)
        return true;
    if (precision == DBL_DIG && v >= DBL_MIN)
        return false;
    *ret_digits = digits + 1;
    if (reads_back(*ret_digits, *ret_scale, v))
        return true;
    *ret_digits = digits - 1;
    return reads_back(*ret_digits, *ret_scale, v);
}

struct decimal decimal_of(double v)
{
    struct decimal d = {.digits = "0", .n = 1, .is_negative = signbit(v)};
    uint64_t digits = 0;
    int scale = 0;
    if (v == 0)
        return d;
    v = fabs(v);
    /* Any decimal of 15 digits reads back; subnormals have fewer. */
    int precision = v < DBL_MIN ? 1 : DBL_DIG;
    while (!find(v, precision, &digits, &scale) && precision < DECIMAL_DIGITS_MAX)
        precision++;
    for (; digits % 10 == 0; scale++)
        digits /= 10;
    d.n = snprintf(d.digits, sizeof d.digits, "%" PRIu64, digits);
    d.exponent = scale + d.n - 1;
    return d;
}

static void put_zeros(struct text *out, int n)
{
    for (; n > 0; n--)
        text_char(out, '0');
}

void decimal_write_plain(const struct decimal *d, struct text *out)
{
    int whole = d->exponent < 0 ? 0 : d->exponent < d->n ? d->exponent + 1 : d->n;
    text_str(out, d->is_negative ? "-" : "");
    text_put(out, span_of(d->digits, (size_t)whole));
    text_str(out, whole == 0 ? "0" : "");
    put_zeros(out, d->exponent + 1 - d->n);
    if (whole == d->n)
        return;
    text_char(out, '.');
    put_zeros(out, -d->exponent - 1);
    text_put(out, span_of(d->digits + whole, (size_t)(d->n - whole)));
}

void decimal_write_scientific(const struct decimal *d, struct text *out)
{
    text_str(out, d->is_negative ? "-" : "");
    text_char(out, d->digits[0]);
    text_str(out, d->n > 1 ? "." : "");
    text_put(out, span_of(d->digits + 1, (size_t)(d->n - 1)));
    text_printf(out, "e%+03d", d->exponent);
}
