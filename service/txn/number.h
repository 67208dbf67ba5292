/*
 * number.h -- a JSON number, exact: mantissa * 10^exp10.
 *
 *     -81.510e1   ->   negative, mantissa 8151, exp10 -1
 *
 * Owns:    nothing; `literal` points into the message.
 * Threads: pure.
 */
#ifndef SLUICE_TXN_NUMBER_H
#define SLUICE_TXN_NUMBER_H

#include "service/base/span.h"

#include <stdint.h>

enum {
    NUMBER_BYTES_MAX = 1024,  /* of one literal; the longest double that is exact has 1077 */
    NUMBER_MANTISSA_MAX = 19, /* digits that always fit in 64 bits */
};

struct number {
    struct span literal;
    bool negative;     /* never for zero */
    bool integer;      /* written without fraction and exponent */
    bool wide;         /* has more digits than the mantissa, which then holds the first 19 */
    uint64_t mantissa; /* unless wide without zeros at its end; 0 is zero */
    int exp10;
};

/*
 * Read the number at *at, and move *at behind it. number = [ "-" ] int [ frac ] [ exp ] as in
 * RFC 8259, section 6. false: *at stands on the byte that is wrong. O(length).
 */
bool number_scan(const char **at, const char *end, struct number *ret_number);

/* The whole of `text` is one number of at most NUMBER_BYTES_MAX bytes. */
bool number_parse(struct span text, struct number *ret_number);

/*
 * Is it one that others can hold too: an integer within 64 bits, else a finite double?
 * `n->literal` is at most NUMBER_BYTES_MAX long; here and below.
 */
bool number_in_range(const struct number *n);

enum number_fit { NUMBER_FITS, NUMBER_HAS_FRACTION, NUMBER_OUT_OF_RANGE };

/* The number times 10^digits, exactly, as 64 bits; *ret_value is untouched if it does not fit. */
enum number_fit number_scaled(const struct number *n, int digits, int64_t *ret_value);

/* The nearest double; infinite when out of range. */
double number_double(const struct number *n);

/* The digits of a wide number without zeros at either end. Returns how many. */
size_t number_digits(const struct number *n, char ret_digits[NUMBER_BYTES_MAX]);

#endif
