/*
 * generate_random.h -- random numbers that are the same on every machine.
 *
 * xoshiro256** 1.0, seeded by splitmix64 (Blackman and Vigna 2018). All arithmetic is on
 * integers: no libm, no contraction of multiply and add.
 *
 * Owns:    nothing.
 * Threads: one generator belongs to one thread.
 */
#ifndef SLUICE_CLI_GENERATE_RANDOM_H
#define SLUICE_CLI_GENERATE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_init(struct random *r, uint64_t seed);

uint64_t random_bits(struct random *r);

/* 0..n-1, n >= 1. Its bias is n / 2^64: below 10^-12 for the sizes here. */
uint32_t random_below(struct random *r, uint32_t n);

/* low..high, both included; low <= high, less than 2^32 apart. */
int32_t random_range(struct random *r, int32_t low, int32_t high);

/* A normal deviate, 32 fraction bits, within -6..6: the sum of 12 uniform ones (Irwin-Hall). */
int64_t random_normal_q32(struct random *r);

/* A number that is always the same for a key, and looks random: a trait of what the key names. */
uint64_t random_trait(uint64_t key);

/* (a * b) >> shift, through 128 bits. */
uint64_t random_multiply_shift(uint64_t a, uint64_t b, int shift);

#endif
