#include "service/txn/number.h"

#include "service/base/check.h"

#include <math.h>
#include <stdlib.h>

/* Further than any literal of NUMBER_BYTES_MAX can bring back into range. */
enum { EXPONENT_MAX = 100000 };

static bool is_digit(const char *p, const char *end)
{
    return p < end && *p >= '0' && *p <= '9';
}

struct digits {
    uint64_t mantissa;
    int n;       /* digits in the mantissa, zeros in front not counted */
    int dropped; /* that came after */
    bool wide;   /* one of the dropped is not zero */
};

static const char *scan_digits(const char *p, const char *end, struct digits *d)
{
    for (; is_digit(p, end); p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (d->n < NUMBER_MANTISSA_MAX) {
            d->mantissa = d->mantissa * 10 + digit;
            d->n += d->mantissa > 0;
        } else {
            d->dropped++;
            d->wide |= digit > 0;
        }
    }
    return p;
}

/* exp = ( "e" / "E" ) [ "+" / "-" ] 1*DIGIT; the caller looks whether there was a digit. */
static const char *scan_exponent(const char *p, const char *end, int *exponent)
{
    bool negative = p + 1 < end && p[1] == '-';
    int e = 0;
    p += 1 + (negative || (p + 1 < end && p[1] == '+'));
    for (; is_digit(p, end); p++)
        if (e < EXPONENT_MAX)
            e = e * 10 + (*p - '0');
    *exponent += negative ? -e : e;
    return p;
}

static void normalize(struct number *n)
{
    if (n->mantissa == 0) {
        n->negative = false;
        n->exp10 = 0;
    }
    if (n->wide)
        return;
    while (n->mantissa > 0 && n->mantissa % 10 == 0) {
        n->mantissa /= 10;
        n->exp10++;
    }
}

bool number_scan(const char **at, const char *end, struct number *ret_number)
{
    const char *start = *at, *p = start;
    struct digits d = {0};
    int exponent = 0;
    bool negative = p < end && *p == '-', integer = true;
    *at = p += negative;
    if (!is_digit(p, end))
        return false;
    *at = p = *p == '0' ? p + 1 : scan_digits(p, end, &d);
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        *at = p = scan_digits(fraction, end, &d);
        if (p == fraction)
            return false;
        exponent -= (int)(p - fraction);
        integer = false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        *at = p = scan_exponent(p, end, &exponent);
        if (!is_digit(p - 1, end))
            return false;
        integer = false;
    }
    struct number n = {span_of(start, (size_t)(p - start)),
                       negative,
                       integer,
                       d.wide,
                       d.mantissa,
                       exponent + d.dropped};
    normalize(&n);
    *ret_number = n;
    return true;
}

bool number_parse(struct span text, struct number *ret_number)
{
    const char *at = text.base, *end = text.base + text.len;
    struct number n;
    if (text.len == 0 || text.len > NUMBER_BYTES_MAX || !number_scan(&at, end, &n) || at != end)
        return false;
    *ret_number = n;
    return true;
}

static const int64_t powers_of_ten[] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

enum number_fit number_scaled(const struct number *n, int digits, int64_t *ret_value)
{
    const uint64_t limit = (uint64_t)INT64_MAX + n->negative;
    int e = n->exp10 + digits;
    uint64_t v = n->mantissa;
    if (v > 0 && (e < 0 || (n->wide && e == 0)))
        return NUMBER_HAS_FRACTION;
    if (v > 0 && (n->wide || e > 18))
        return NUMBER_OUT_OF_RANGE;
    if (v > 0 && (__builtin_mul_overflow(v, (uint64_t)powers_of_ten[e], &v) || v > limit))
        return NUMBER_OUT_OF_RANGE;
    *ret_value = (int64_t)(n->negative ? 0 - v : v);
    return NUMBER_FITS;
}

/* Both operands are exact, so the one rounding is the right one (Clinger 1990). */
static bool fast_double(const struct number *n, double *ret_value)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (n->wide || n->mantissa > (UINT64_C(1) << 53) || n->exp10 < -22 || n->exp10 > 22)
        return false;
    double v = (double)n->mantissa;
    v = n->exp10 < 0 ? v / tens[-n->exp10] : v * tens[n->exp10];
    *ret_value = n->negative ? -v : v;
    return true;
}

double number_double(const struct number *n)
{
    char literal[NUMBER_BYTES_MAX + 1];
    double v;
    if (fast_double(n, &v))
        return v;
    CHECK(n->literal.len <= NUMBER_BYTES_MAX);
    memcpy(literal, n->literal.base, n->literal.len);
    literal[n->literal.len] = '\0';
    return strtod(literal, NULL);
}

bool number_in_range(const struct number *n)
{
    int64_t unused;
    if (n->integer)
        return number_scaled(n, 0, &unused) == NUMBER_FITS;
    /* Below 10^19 * 10^289 all are finite. */
    return n->exp10 < 289 || isfinite(number_double(n));
}

size_t number_digits(const struct number *n, char ret_digits[NUMBER_BYTES_MAX])
{
    CHECK(n->literal.len <= NUMBER_BYTES_MAX);
    size_t len = 0;
    for (size_t i = 0; i < n->literal.len; i++) {
        char c = n->literal.base[i];
        if (c == 'e' || c == 'E')
            break;
        if (c == '-' || c == '.' || (c == '0' && len == 0))
            continue;
        ret_digits[len++] = c;
    }
    while (len > 0 && ret_digits[len - 1] == '0')
        len--;
    return len;
}
