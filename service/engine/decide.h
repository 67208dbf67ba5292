/*
 * decide.h -- the pure half of a decision: what was observed and a ruleset in, the decision out.
 *
 * No clock, no state, no chance: the same records and the same ruleset give the same decision,
 * here and in replay.
 */
#ifndef SLUICE_ENGINE_DECIDE_H
#define SLUICE_ENGINE_DECIDE_H

#include "service/engine/decision.h"
#include "service/engine/row.h"

/* What the logs of a transaction's entities said. */
struct observed {
    struct window_value *values; /* [n_features], in their order */
    bool without_state;          /* they could not be read; all are missing */
    bool is_incomplete;          /* the state has lost events, which are being brought again */
};

/* Errors: ST_NO_SPACE: what fired does not fit in the row's arena. */
MUST_USE enum status decide(const struct snapshot *snap, const struct observed *seen,
                            struct row *row, enum decision_detail detail,
                            struct decision *ret_decision);

#endif
