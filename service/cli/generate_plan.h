/*
 * generate_plan.h -- what an occasion of generate_bank.h has at hand to plan its bookings with.
 *
 * A moment (`at`) is seconds after the midnight with which the present day began. A builder makes
 * a booking that is usual for its account: its own telephone, its home's address, where it lives,
 * or where it is on holiday. An occasion changes what is not usual and hands it to plan().
 *
 * One expression draws one random number: C leaves open which of two would be the first.
 *
 * Only generate_bank.c, generate_life.c and generate_fraud.c include this.
 */
#ifndef SLUICE_CLI_GENERATE_PLAN_H
#define SLUICE_CLI_GENERATE_PLAN_H

#include "service/cli/generate_bank.h"
#include "service/cli/generate_random.h"

enum {
    DAY_S = 86400,
    HOUR_S = 3600,
    MINUTE_S = 60,
};

/* What changes about an account. Its other traits are random_trait() of its number. */
struct holder {
    struct place home;
    int32_t opened;            /* day */
    uint32_t phones;           /* how many it has had before this one */
    int64_t password_s;        /* when it was changed last, since the stream began */
    uint8_t city;              /* of its holiday, index of cities[] */
    int64_t leave_s, arrive_s; /* of a holiday, since the stream began */
    int64_t return_s, back_s;
};

struct city {
    struct place place;
    char country[3];
    uint8_t travel_h; /* from home, airports and all */
};

enum { CITIES = 12 };
extern const struct city plan_cities[CITIES]; /* the nearest first */

struct bookings {
    struct booking *items;
    size_t count, cap;
};

/* A day of one kind of occasions. */
typedef void occasions_day(struct bank *b, struct random *r);

struct bank {
    struct world *world;
    uint64_t seed;
    uint32_t n_world;       /* accounts of the world */
    struct holder *holders; /* those, then others */
    uint32_t n_holders, cap_holders, n_terminals, serial;
    uint32_t n_known;               /* the world's, and honest customers to come, each on its day */
    const struct payment *payments; /* of today */
    size_t n_payments;
    uint32_t n_begun[BANK_N_SCENARIOS]; /* shops of honest ones, cases of frauds */
    int32_t day;
    uint32_t frauds;
    struct random random[BANK_N_SCENARIOS];   /* of each scenario */
    struct bookings planned[BANK_AHEAD_DAYS]; /* [day % BANK_AHEAD_DAYS] */
    struct bookings today;
};

/* From 1, for each scenario by itself: so that leaving one out renames nothing of the others. */
uint32_t plan_count(struct bank *b, enum bank_scenario scenario);

/* How many begin today, of `hundredths` of an occasion a day for 5,000 accounts. */
uint32_t plan_starts(struct bank *b, struct random *r, uint32_t hundredths);

/* An account that was opened on that day; frauds alone open any. */
uint32_t plan_new_account(struct bank *b, int32_t opened);

/* Seconds of a day: evenly between two hours; from 7 to 22 h, most at half past two. */
int64_t plan_hours(struct random *r, int from, int to);
int64_t plan_waking(struct random *r);

int32_t plan_cents(struct random *r, int32_t low_units, int32_t high_units);
uint32_t plan_any_account(struct bank *b, struct random *r);

/* Of a trait, in 0..n-1. */
uint32_t plan_trait(const struct bank *b, char of, uint32_t number, uint32_t n);

struct name name_of(char kind, uint64_t number);

/* ---- builders: usual bookings; `at` decides whether the account is on holiday ---- */

/* Only account, amount and operation. */
struct booking plan_bare(struct bank *b, uint32_t account, enum bank_operation op, int32_t cents);
/* With its card, in a shop or at an automat near its home. */
struct booking plan_card_here(struct bank *b, uint32_t account, int64_t at, int32_t cents);
/* The same in a city: on holiday, or a copy of the card. */
struct booking plan_card_in(struct bank *b, uint32_t account, int64_t at, int city, int32_t cents);
/* With its card and its telephone, at an online shop. */
struct booking plan_card_online(struct bank *b, uint32_t account, int64_t at, int32_t cents);
/* From its telephone. */
struct booking plan_transfer(struct bank *b, uint32_t account, int64_t at, struct name payee,
                             int32_t cents);
struct booking plan_credit(struct bank *b, uint32_t account, struct name payer, int32_t cents);

/* An address of a network that rents them to anyone. */
uint32_t plan_proxy(struct random *r);

/* Is the account on holiday, or on its way? Where: *ret_city, -1 on the way. */
bool plan_is_away(const struct bank *b, uint32_t account, int64_t at, int *ret_city);

/* Keep a booking for that moment; at most BANK_AHEAD_DAYS ahead, and not in the past. */
void plan(struct bank *b, int64_t at, const struct booking *booking);

/* ---- the occasions ---- */

extern occasions_day *const life_days[BANK_N_SCENARIOS];  /* NULL: does not begin by itself */
extern occasions_day *const fraud_days[BANK_N_SCENARIOS]; /* the six, by scenario */

#endif
