/*
 * decision.h -- the decision as JSON: compact, keys in a fixed order (design: section 8).
 *
 * {"transaction_id","decision","score","reasons":[{"rule","title","score","severity","reason"}],
 *  "shadow":[...] (only when one fired),"features":{...},"rules":[...] (explain),"ruleset","degraded":[]}
 */
#ifndef SLUICE_ENGINE_DECISION_H
#define SLUICE_ENGINE_DECISION_H

#include "rules/rules.h"
#include "service/base/text.h"
#include "service/engine/snapshot.h"

struct decision {
    bool flag;
    double score;
    const struct hits *hits;
    bool without_state; /* degraded: ["state"] */
};

/* `values` in the order of features; NULL unless explain. */
void decision_write(const struct decision *d, const struct snapshot *snap, struct span transaction_id,
                    const struct window_value *values, bool explain, struct text *out);

/* One feature: {"value":11,"exact":false,"lo":9,"hi":12}; missing: {"value":null,"exact":true}. */
void decision_write_feature(const struct window_value *v, struct text *out);

#endif
