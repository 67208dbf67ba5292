/*
 * decision.h -- the decision as JSON: compact, keys in a fixed order.
 *
 *     {"transaction_id":"t-11","decision":"flag","score":80,
 *      "reasons":[{"rule":"account-burst","title":"Burst of payments","score":80,
 *                  "severity":"high","reason":"11 payments in 5 minutes"}],
 *      "reasons_omitted":3,                                only past DECISION_REASONS_MAX
 *      "shadow":[...],"shadow_omitted":3,                  only when a shadow rule fired
 *      "models":[{"name":"fraud","hash":"9f2c41d07be83a56","role":"champion","score":0.93,
 *                 "above":true,"missing":2,"inexact":true, only when the ruleset has models
 *                 "reasons":[...]}],                       alert, explain: attribution.h
 *      "features":{"account_tx_count_5m":{"value":11,"exact":true}},              explain
 *      "rules":[{"rule":"account-burst","result":"fired",                         explain
 *                "values":{"account_tx_count_5m":11}}],
 *      "counterfactual":[{"name":"account_tx_count_5m","value":11,"would_allow":"<= 10",
 *                         "text":"allowed if account_tx_count_5m <= 10 (it is 11)"}],   explain
 *      "ruleset":"9f2c41d07be83a56","degraded":[]}
 *
 * A model's score is null when it has none; `above` stands where it has one and a threshold: is it
 * there or over it? Labels are counted by that (verdicts.h). `missing` is how many of its inputs
 * were, and `inexact` stands where one was inexact.
 *
 * A rule's result is fired, not_fired, missing with `"missing":"currency"`, or error with
 * `"error":"division by zero"`; a rule that is off is not there. One that is not_fired by a near
 * miss (rules/rules.h) has `"near_miss":true`. explain.h has values and counterfactuals.
 */
#ifndef SLUICE_ENGINE_DECISION_H
#define SLUICE_ENGINE_DECISION_H

#include "service/base/text.h"
#include "service/engine/attribution.h"
#include "service/engine/counterfactual.h"

enum {
    DECISION_REASONS_MAX = RULES_SHOWN_MAX, /* shown, live and shadow each */
    /* The longest answer; a claim with it stays within STATE_FOUND_MAX. */
    DECISION_BYTES_MAX = 48 << 10,
    /* The longest one that always fits: ids without titles and texts. */
    DECISION_BARE_BYTES = 2 * DECISION_REASONS_MAX * 128 + MODELS_MAX * 256 + 8192,
};

struct decision {
    bool flag;
    double score;
    struct hits hits;                  /* borrows from the row's arena */
    const struct cel_value *row;       /* [snap->row_count], likewise: what the rules read */
    const struct model_result *models; /* [snap->models.count], likewise */
    /* [snap->models.count]: why they said so; NULL: nobody looked */
    const struct attribution *attributions;
    struct counterfactuals counterfactuals;
    bool is_explained;  /* they were looked for */
    bool without_state; /* degraded: ["state"] */
    bool is_incomplete; /* degraded: ["state_incomplete"] */
};

/* How much of it is told. */
enum decision_detail {
    DECISION_BARE = -1, /* reasons without titles and texts: what is left when there is no room */
    DECISION_PLAIN,     /* unless somebody asks for more */
    DECISION_FEATURES,  /* and features, and reasons of champions: an alert's */
    DECISION_RULES,     /* and what each rule came to: a stream's */
    DECISION_EXPLAINED, /* and what the rules read, what would have turned it, and what moved the
                         * models: one's own */
};

/*
 * Write it, with at least DECISION_BARE_BYTES of room. What does not fit goes, one level of detail
 * after the other. `values` in the order of features.
 */
void decision_write(const struct decision *d, const struct snapshot *snap,
                    struct span transaction_id, const struct window_value *values,
                    enum decision_detail detail, struct text *out);

/* One feature: {"value":11,"exact":false,"lo":9,"hi":12}; a missing one:
 * {"value":null,"exact":true}, with "exact":false when it could not be read or may not be
 * missing. A bound that is not known is left out. */
void decision_write_feature(const struct window_value *v, struct text *out);

#endif
