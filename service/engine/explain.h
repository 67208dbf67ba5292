/*
 * explain.h -- the part of a decision's JSON that says why: what each rule came to, over which
 * values, and what would have turned the decision.
 *
 *     ,"rules":[{"rule":"account-burst","result":"fired","values":{"account_tx_count_5m":11}}],
 *     "counterfactual":[{"name":"account_tx_count_5m","value":11,"would_allow":"<= 10",
 *                        "text":"allowed if account_tx_count_5m <= 10 (it is 11)"}]
 *
 * Values are those that the rule's condition names, in the order of the first naming: fields,
 * derived fields, features and models, at most EXPLAIN_VALUES_MAX of a rule. What is missing is
 * null, what is inexact {"lo":9,"hi":12}, a timestamp its text; a text is cut after
 * EXPLAIN_TEXT_MAX bytes. Private fields are left out. `"counterfactual_incomplete":true` follows
 * where the search was ended by its limit. Of an allow it is `would_flag` and "flagged if".
 */
#ifndef SLUICE_ENGINE_EXPLAIN_H
#define SLUICE_ENGINE_EXPLAIN_H

#include "service/engine/decision.h"

enum {
    EXPLAIN_VALUES_MAX = 16, /* of one rule */
    EXPLAIN_TEXT_MAX = 64,   /* bytes */
};

/* `d` has its rules' results; what would have turned it is told when that was looked for. */
void explain_write(const struct decision *d, const struct snapshot *snap, bool with_values,
                   struct text *out);

#endif
