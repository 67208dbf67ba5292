/*
 * counterfactual.h -- the smallest change of one value that would have turned a decision.
 *
 *     allowed if account_tx_count_1h <= 4 (it is 6)
 *     flagged if amount >= 1000.01 (it is 950)
 *     flagged if account_avg_7d were 166.6666 (it is 208)
 *
 * One value of the row is changed, a field's or a feature's, and all else stays as it is; derived
 * fields follow. (A larger amount would be in the account's sums too; here it is not, which is told
 * where a rule or a model reads such a sum.) The rules that read it are run again, and only what
 * really turns the decision is told. The nearest such
 * value is looked for on both sides:
 *
 *     the thresholds that rules compare the name with, one by one, outward. Between two of them
 *     nothing changes, and at one only the rules that have it are run again;
 *
 *     if some rule computes with the name, what lies between is looked through by halves. The rule
 *     is run with a whole stretch as an inexact value, and where all else that it reads settles it,
 *     or the stretch does, nothing of that is looked at. The steps are those of a decimal, six
 *     digits of the value or 0.0001, whichever is finer.
 *
 * "<=" and ">=" say that it holds at the far end of that side too; else it is "=", one value that
 * turns it, "were" in words. Nearest is the least |new - old| / max(|new|, |old|); one of the other
 * sign comes after all of the same.
 *
 * A model's score follows its inputs, and a rule that reads it computes with them: a stretch is
 * split where trees have their thresholds (counterfactual_models.h).
 *
 * What is no quantity, a bool or the name of a model's category, has no near and far: the others
 * are tried, and the first that turns it is told. It is as far away as zero is from a number.
 *
 * Not changed: what is missing or inexact; ids that features are kept by, private fields; codes,
 * that is numbers that some rule compares by ==, or looks for in a list; texts that are no model's
 * category; what a derived text, list or map depends on.
 *
 * What a search may cost is limited, in steps of rules (COUNTERFACTUAL_STEPS_MAX) and in nodes of
 * models' trees (COUNTERFACTUAL_NODES_MAX). Each name has its share of that, and a share that is
 * used up ends the search of that name, which is told (is_cut). No clock is asked,
 * so that the same row finds the same.
 *
 * Owns:    nothing.
 * Threads: pure, but for the row that it changes and puts back.
 */
#ifndef SLUICE_ENGINE_COUNTERFACTUAL_H
#define SLUICE_ENGINE_COUNTERFACTUAL_H

#include "service/engine/counterfactual_plan.h"
#include "service/engine/row.h"

enum {
    COUNTERFACTUALS_MAX = 5,            /* told, the nearest first */
    COUNTERFACTUAL_STEPS_MAX = 200000,  /* of one search, as programs are estimated: some 300 us */
    COUNTERFACTUAL_RULE_STEPS = 20,     /* what a run counts at least: so 10,000 of small rules */
    COUNTERFACTUAL_NODES_MAX = 1 << 20, /* of one search, of models' trees: some 3 ms */
};

struct counterfactual {
    int slot;
    struct cel_value is, would; /* int or double; of a choice also bool or string */
    char sign;                  /* '<': it holds for less too; '>': for more; '=' */
    bool is_choice;             /* no quantity */
    bool moves_features;        /* features would move with it, and stayed as they are */
};

struct counterfactuals {
    struct counterfactual items[COUNTERFACTUALS_MAX];
    int count;
    bool is_cut; /* the limit ended the search: others may be there, and nearer */
};

/*
 * What would have turned `hits`, which were explained. `values`, in the order of features, are what
 * models take for inexact ones; they may be NULL. The row's cells are changed and put back; its
 * scratch is used.
 */
void counterfactual_find(const struct snapshot *snap, const struct window_value *values,
                         const struct row *row, const struct hits *hits,
                         struct counterfactuals *ret_found);

#endif
