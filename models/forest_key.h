/*
 * forest_key.h -- what a number is to a packed forest (forest_pack.h).
 */
#ifndef SLUICE_MODELS_FOREST_KEY_H
#define SLUICE_MODELS_FOREST_KEY_H

#include "models/forest.h"

#include <math.h>
#include <string.h>

static inline uint32_t forest_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The bits of a float32 order as whole numbers do, but for the sign. */
static inline uint32_t forest_key_of_float(float x)
{
    uint32_t bits = forest_bits(x + 0.0f); /* -0 becomes 0 */
    return bits >> 31 ? ~bits : bits | 1u << 31;
}

/* How many of cuts[n], which ascend, are not above x. No branch on what it finds: that would be
 * foreseen half the time. */
static inline uint32_t forest_key_of_rank(const double *cuts, uint32_t n, double x)
{
    size_t from = 0, left = n;
    while (left > 1) {
        size_t half = left / 2;
        from += half & -(size_t)(cuts[from + half - 1] <= x);
        left -= half;
    }
    return (uint32_t)(from + (left == 1 && cuts[from] <= x));
}

/* A category's place in the sets of its lane: behind all codes are that of none, and of a missing
 * value that goes left. */
static inline uint32_t forest_key_of_code(uint32_t n_codes, double x)
{
    if (x >= 0 && x < (double)n_codes)
        return (uint32_t)x;
    return x < 0 && isinf(x) ? n_codes + 1 : n_codes;
}

#endif
