/*
 * verdicts.h -- what a label says of the rules that fired at its transaction, and of the models
 * that scored it: rows of the tally.
 *
 *     a:EUR:                 transactions in EUR that were allowed
 *     f:EUR:                 that were flagged
 *     l:EUR:account-burst    at which this rule fired, live
 *     s:EUR:account-burst    or as a shadow
 *     m:EUR:fraud@9f2c41d07be83a56   that this model of this file scored at its threshold or over
 *     n:EUR:fraud@9f2c41d07be83a56   or below
 *
 * A transaction stands in one of the first two, in one for each rule of its answer (at most
 * RULES_SHOWN_MAX live and shadow each, for an answer names no more), and in one for each model
 * that has a threshold. Its claim has the answer, the amount and the currency, so this needs it,
 * and not the ruleset of then. An answer of a Sluice that did not say on which side of its
 * threshold a model was has no rows of models.
 *
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_VERDICTS_H
#define SLUICE_ENGINE_VERDICTS_H

#include "service/engine/decision.h"
#include "service/state/claim.h"
#include "service/state/state.h"
#include "service/txn/txn.h"

/* X(name, letter) */
#define VERDICT_ROW_TABLE(X)    \
    X(VERDICT_ROW_ALLOWED, 'a') \
    X(VERDICT_ROW_FLAGGED, 'f') \
    X(VERDICT_ROW_LIVE, 'l')    \
    X(VERDICT_ROW_SHADOW, 's')  \
    X(VERDICT_ROW_ABOVE, 'm')   \
    X(VERDICT_ROW_BELOW, 'n')

enum verdict_row_kind {
#define X(name, letter) name = (letter),
    VERDICT_ROW_TABLE(X)
#undef X
};

/* What a row's name says. */
struct verdict_row {
    enum verdict_row_kind kind;
    struct span currency; /* "": the transaction named none */
    struct span rule;     /* of the kinds of rules; else "" */
    struct span model;    /* of the kinds of models: its name; else "" */
    struct span hash;     /* and of its file */
};

/* false: not a name of ours. */
bool verdict_row_read(struct span name, struct verdict_row *ret_row);

/* Is this an outcome of which one stands: fraud or legitimate? */
static inline bool verdict_is(enum outcome o)
{
    return o == OUTCOME_FRAUD || o == OUTCOME_LEGITIMATE;
}

/*
 * What a label of `outcome`, known at `known_at_ms`, says of the transaction with this claim. The
 * rows are in the arena; ttl_ms is the caller's. O(answer).
 * Errors: ST_NOT_FOUND: there is no answer yet; ST_CORRUPT: it cannot be read; ST_NO_SPACE.
 */
MUST_USE enum status verdict_of(const struct claim *claim, enum outcome outcome,
                                int64_t known_at_ms, struct arena *arena,
                                struct state_verdict *ret_verdict);

#endif
