/*
 * counterfactual.h -- the smallest change of one value that would have turned a decision.
 *
 *     allowed if account_tx_count_1h <= 4 (it is 6)
 *     flagged if amount >= 1000.01 (it is 950)
 *
 * One number of the row is changed, a field's or a feature's, and all else stays as it is; derived
 * fields follow. (A larger amount would be in the account's sums too; here it is not.) The rules
 * that read it are run again, and only what really turns the decision is told. The nearest such
 * value is looked for on both sides:
 *
 *     the thresholds that rules compare the name with, one by one, outward. Between two of them
 *     nothing changes;
 *
 *     if some rule computes with the name: also a half, a tenth, zero, twice, ten times, and the
 *     far end; where one of them turns the decision, halving finds where. The steps are those of a
 *     decimal, six digits of the value or 0.0001, whichever is finer.
 *
 * "<=" and ">=" say that it holds at the far end of that side too; else it is "=". Nearest is the
 * least |new - old| / max(|new|, |old|).
 *
 * Not changed: what is missing or inexact; ids that features are kept by, private fields; codes,
 * that is numbers that some rule compares by ==, or looks for in a list; what a derived text, list
 * or map depends on.
 *
 * What a search may cost is limited (COUNTERFACTUAL_STEPS_MAX), each name has its share of it, and
 * a share that is used up ends the search of that name: of a thousand rules over one feature a far
 * threshold may stay unseen. No clock is asked, so that the same row finds the same.
 *
 * Owns:    nothing; a plan lives in its snapshot's arena.
 * Threads: pure, but for the row that it changes and puts back; a plan is read-only.
 */
#ifndef SLUICE_ENGINE_COUNTERFACTUAL_H
#define SLUICE_ENGINE_COUNTERFACTUAL_H

#include "service/engine/row.h"
#include "service/engine/snapshot.h"

enum {
    COUNTERFACTUALS_MAX = 5,              /* told, the nearest first */
    COUNTERFACTUAL_TURNS_MAX = RULES_MAX, /* thresholds of one name; of more: as if computed */
    COUNTERFACTUAL_STEPS_MAX = 400000,    /* of one search, as programs are estimated: 1 ms */
    COUNTERFACTUAL_RULE_STEPS = 100,      /* what running a rule counts at least: so 4,000 runs */
};

/* Where the decision may turn: between `below` and `above`, which are next to each other. */
struct counterfactual_turn {
    double below, above;
};

/* A number that may be changed. */
struct counterfactual_name {
    int slot;
    bool is_int;
    bool is_computed;
    bool is_weighed; /* its rules have plain scores, `weight` together, whatever their signs */
    double weight;
    double lo, hi;      /* what it can be at least and at most; infinite: not known */
    const int *rules;   /* [n_rules]: the live ones that it changes, by index, ascending */
    const int *derived; /* [n_derived]: to be computed anew, in their order */
    const struct counterfactual_turn *turns; /* [n_turns], ascending */
    int n_rules, n_derived, n_turns;
};

struct counterfactual_plan {
    const struct counterfactual_name *names;
    int n_names;
};

/*
 * What can be changed in a loaded snapshot, in its arena; done once. O(names * rules).
 * Errors: ST_NO_SPACE.
 */
MUST_USE enum status counterfactual_prepare(const struct snapshot *snap, struct arena *arena,
                                            const struct counterfactual_plan **ret_plan);

struct counterfactual {
    int slot;
    struct cel_value is, would; /* int or double */
    char sign;                  /* '<': it holds for less too; '>': for more; '=' */
};

struct counterfactuals {
    struct counterfactual items[COUNTERFACTUALS_MAX];
    int count;
};

/*
 * What would have turned `hits`, which were explained. The row's cells are changed and put back;
 * its scratch is used.
 */
void counterfactual_find(const struct snapshot *snap, const struct row *row,
                         const struct hits *hits, struct counterfactuals *ret_found);

#endif
