/*
 * generate_world.h -- a simulated world of card payments, one day at a time.
 *
 * The model is the one the Fraud Detection Handbook describes in prose (Le Borgne, Siblini,
 * Lebichot, Bontempi: "Reproducible Machine Learning for Credit Card Fraud Detection -
 * Practical Handbook", 2022, chapter "Transaction data simulator"):
 *
 *   - accounts and terminals stand uniformly in a square of 100 x 100; an account pays at the
 *     terminals within a radius of 5 (when there is none, at the nearest);
 *   - an account's mean amount is uniform in 5..100, its deviation half of that; its payments a
 *     day are Poisson, with a mean uniform in 0..4; the time of day is normal around noon with a
 *     deviation of 20,000 s, and what falls out of the day does not take place;
 *   - fraud 1: every amount over 220; fraud 2: 2 terminals a day are compromised, and all they
 *     take for 28 days is fraud; fraud 3: 3 accounts a day leak, and for 14 days a third of
 *     their payments is fraud, with the amount times 5.
 *
 * 2 terminals of 10,000 and 3 accounts of 5,000 a day: other sizes get their share of that.
 *
 * All arithmetic is on integers, so that one seed gives the same bytes on every machine
 * (generate_random.h); e^-x is a Taylor series in fixed point.
 *
 * Owns:    world_new's heap: O(accounts + terminals), and one day of payments.
 * Threads: one world belongs to one thread.
 */
#ifndef SLUICE_CLI_GENERATE_WORLD_H
#define SLUICE_CLI_GENERATE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WORLD_ACCOUNTS_MAX = 10000000,  /* 48 bytes each: half a gigabyte */
    WORLD_TERMINALS_MAX = 10000000, /* 20 bytes each */
    WORLD_TICKS = 10000,            /* of a unit of length, so that squares stay exact */
    WORLD_SIDE_TICKS = 100 * WORLD_TICKS,
};

struct world_options {
    uint64_t seed;
    uint32_t accounts;  /* 1..WORLD_ACCOUNTS_MAX */
    uint32_t terminals; /* 1..WORLD_TERMINALS_MAX */
};

enum world_fraud { WORLD_HONEST, WORLD_LARGE, WORLD_TERMINAL, WORLD_LEAKED };

struct payment {
    uint32_t account;
    uint32_t terminal;
    uint32_t second; /* of the day, 0..86399 */
    int32_t cents;   /* at least 1 */
    int32_t x, y;    /* of the terminal, ticks */
    uint8_t fraud;   /* enum world_fraud */
    uint8_t country; /* of the terminal: 0..99, see world_country() */
    uint8_t trade;   /* of the terminal: 0..99, see world_category() */
};

struct world;

/* Never NULL: CHECKs on no memory. */
struct world *world_new(const struct world_options *options);
void world_free(struct world *w); /* NULL is fine */

/*
 * The payments of the next day, in order of time; those of one second in order of account. The
 * array is borrowed until the next call. May be empty. O(accounts + payments).
 */
size_t world_next_day(struct world *w, const struct payment **ret_payments);

/* Where an account lives, ticks. */
void world_home(const struct world *w, uint32_t account, int32_t *ret_x, int32_t *ret_y);

/* ISO 3166 code of a terminal's country; merchant category code of its trade, ISO 18245:
 * groceries, restaurants, fuel, clothes, travel ... Both are static. */
const char *world_country(uint8_t of_100);
const char *world_category(uint8_t of_100);

#endif
