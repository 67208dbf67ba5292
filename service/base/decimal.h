/*
 * decimal.h -- a double as the fewest decimal digits that read back as it.
 *
 *     0.1      1         * 10^-1        1200.5   12005   * 10^3, the first digit's place
 *
 * Of several shortest ones the nearest. Source: Steele and White, "How to Print Floating-Point
 * Numbers Accurately" (1990), what "shortest" means; the C library does the arithmetic.
 */
#ifndef SLUICE_BASE_DECIMAL_H
#define SLUICE_BASE_DECIMAL_H

#include "service/base/text.h"

enum {
    DECIMAL_DIGITS_MAX = 17, /* of a double, always enough */
    DECIMAL_PLAIN_MAX = 350, /* bytes of the longest plain text, "-0.", 323 zeros and 17 digits */
};

struct decimal {
    char digits[DECIMAL_DIGITS_MAX + 1]; /* NUL-terminated, without zeros at the end; zero: "0" */
    int n;
    int exponent; /* the first digit counts 10^exponent */
    bool is_negative;
};

/* `v` is finite. Some microseconds. */
struct decimal decimal_of(double v);

/* "1200.5", "-0.00001": without an exponent, however large or small. */
void decimal_write_plain(const struct decimal *d, struct text *out);
/* "1.2005e+03": two digits of exponent at least, a sign always. */
void decimal_write_scientific(const struct decimal *d, struct text *out);

#endif
