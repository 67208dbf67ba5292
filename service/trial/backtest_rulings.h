/*
 * backtest_rulings.h -- what one ruleset decided over a history, transaction by transaction, until
 * its labels are known.
 *
 *     entry  | u64 txn hash | i64 amount | f64 score | u32 event | u16 fired | flag | truth |  32 B
 *     fired  | u16 rule | u16 rule | ...      of all entries one behind the other, in their order
 *     scores | f64 of each model | ...        likewise
 *
 * Labels come days after their transactions, so nothing can be counted on the way: 32 bytes a
 * transaction, 2 a rule that fired and 8 a model stay in memory; 1.75 million take 56 MB, and 14 MB
 * more for each model.
 *
 * Owns:    its arrays. Threads: one at a time.
 */
#ifndef SLUICE_TRIAL_BACKTEST_RULINGS_H
#define SLUICE_TRIAL_BACKTEST_RULINGS_H

#include "service/trial/truths.h"

#include <stdint.h>

enum {
    RULINGS_ENTRIES_MAX =
        64 << 20, /* 2 GB; a longer history is measured in parts, by --from, --to */
    RULINGS_FIRED_MAX = 256 << 20,  /* 512 MB: four rules fire on each of so many */
    RULINGS_SCORES_MAX = 256 << 20, /* 2 GB: of four models as many as entries */
};

struct ruling {
    uint64_t txn_hash;
    int64_t amount_e4;
    double score;
    uint32_t event; /* its number in the history: the same in every ruleset's rulings */
    uint16_t n_fired;
    bool flagged;
    uint8_t truth; /* enum truth, after rulings_settle */
};

struct rulings {
    struct ruling *entries; /* in the order of events */
    uint16_t *fired;        /* rule.index, live and shadow, in the entries' order */
    double *scores;         /* [n_entries][n_models]; NAN: it had none */
    struct truths truths;   /* of labels, as they come */
    size_t n_entries, n_fired;
    int n_models;
    int64_t first_ms, last_ms; /* event times; valid when there are entries */
    /* private */
    size_t cap_entries, cap_fired, cap_scores;
};

/* `r` is zeroed before its first use, but for n_models. */
void rulings_fini(struct rulings *r);

/*
 * Append one transaction at event time `ts_ms`; `fired` has e->n_fired indexes below UINT16_MAX.
 * e->event grows. Errors: ST_TOO_LARGE (a limit above), ST_NO_SPACE.
 */
MUST_USE enum status rulings_add(struct rulings *r, const struct ruling *e, int64_t ts_ms,
                                 const int *fired);

/* What the models said of the entry that was added last: scores[r->n_models]. Errors: as
 * rulings_add. */
MUST_USE enum status rulings_score(struct rulings *r, const double *scores);

/* Forget the entries before this event. Event times stay as they are. O(n). */
void rulings_keep_from(struct rulings *r, uint32_t event);

/*
 * Settle the truths, and give each entry its own. O(n log n) in the labels, O(n) in the entries.
 * Errors: ST_NO_SPACE, ST_CONFLICT (given up: they are good for nothing but rulings_fini).
 */
MUST_USE enum status rulings_settle(struct rulings *r, const struct patience *p);

#endif
