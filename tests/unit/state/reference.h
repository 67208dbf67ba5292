/*
 * reference.h -- the windows' contract, the slow and obvious way.
 *
 * A list of facts in order of arrival; every aggregate is a loop over all of it. It knows
 * nothing of bytes, tiles or fold points: what it answers is the truth that the fold must equal
 * where it says exact, and hold within its bounds where not.
 */
#ifndef SLUICE_TESTS_REFERENCE_H
#define SLUICE_TESTS_REFERENCE_H

#include "service/state/plan.h"

enum { REFERENCE_FACTS_MAX = 4000, REFERENCE_COLUMNS_MAX = 4 };

struct reference_fact {
    enum record_kind kind;
    uint64_t txn;
    uint32_t nonce;
    int64_t ts_ms, known_at_ms;
    unsigned filters; /* bit j: filter j is true */
    bool present[REFERENCE_COLUMNS_MAX];
    int64_t column[REFERENCE_COLUMNS_MAX];
};

struct reference {
    struct reference_fact facts[REFERENCE_FACTS_MAX];
    int n;
};

struct reference_value {
    bool missing;
    long double value;
};

/*
 * What the transaction `own_txn` sees of it (0: a look at everything); `horizon_ms` decides what
 * is late. One view at a time; reference_value answers from the last one.
 */
void reference_view(const struct reference *ref, int64_t horizon_ms, uint64_t own_txn);

/* The feature at `t_ms` in the view, with the column's scale applied. */
struct reference_value reference_value(const struct plan_spec *spec, int feature, int64_t t_ms);

#endif
