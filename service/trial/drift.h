/*
 * drift.h -- does a ruleset do to live traffic what the gate predicted?
 *
 * It is looked at again and again while the counts grow, so a test for one look would in time
 * reject anything. This one may be looked at after every transaction: with x of n live ones, and
 * every rate p that the prediction allows,
 *
 *     E = Beta-mixture likelihood of (x, n) / largest likelihood any allowed p gives
 *       = B(x + 1/2, n - x + 1/2) / B(1/2, 1/2) / sup p^x (1 - p)^(n - x)
 *
 * is below 1/alpha for ever with probability 1 - alpha, whichever allowed p is the true one (Ville
 * 1939; Robbins 1970, "Statistical methods related to the law of the iterated logarithm"; that the
 * supremum over a composite hypothesis keeps it: Wasserman, Ramdas and Balakrishnan 2020,
 * "Universal inference"). It holds for independent transactions; that neighbours are alike is what
 * the bound is wide for.
 *
 * Allowed is the predicted rate, as uncertain as the number of transactions behind it leaves it
 * (Wilson 1927, at three and a half standard errors), times or divided by 1 + change. Alpha is
 * 1/10,000, divided among the rates that are watched.
 *
 * Threads: pure; one at a time.
 */
#ifndef SLUICE_TRIAL_DRIFT_H
#define SLUICE_TRIAL_DRIFT_H

#include "service/trial/gate.h"

#define DRIFT_ALPHA 1e-4
enum { DRIFT_EVENTS_MIN = 50 }; /* live transactions before anything is said */

struct drift {
    struct gate_rates predicted;
    double change;             /* 0.5: by half */
    const struct rules *rules; /* of the ruleset, for the words; borrowed */
};

/* The first rate that has left its bounds. */
struct drift_finding {
    bool is_beyond;
    char words[GATE_WORDS_MAX];
};

/*
 * `live`: what the ruleset did since it is active. Of rules the live ones are watched: what a
 * shadow rule does harms nobody. O(rules).
 */
struct drift_finding drift_look(const struct drift *d, const struct gate_rates *live);

/* ---- its arithmetic ---- */

/* The range of rates that `x` of `n` leaves possible. */
void drift_wilson(uint64_t x, uint64_t n, double *ret_low, double *ret_high);

/* ln E of x in n live ones, where the rates low to high are allowed. */
double drift_log_evidence(uint64_t x, uint64_t n, double low, double high);

#endif
