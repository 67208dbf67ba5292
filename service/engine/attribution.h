/*
 * attribution.h -- what moved the scores of models: contributions, and the greatest in words.
 *
 *     the row ──> inputs ──model_explain()──> contributions, base ........... their sum: the margin
 *                                  └─reasons_top()─> some inputs ──texts──> reasons
 *
 * In the JSON of a model, which decision.h shows:
 *
 *     "reasons":[{"input":"terminal_risk_7d","share":0.42,"contribution":1.31,
 *                 "reason":"terminal t-9 had 31 % fraud"}],
 *     "margin":2.58,"base":-3.2,"contributions":{"terminal_risk_7d":1.3102}        explained
 *
 * A reason is an input that raised the score; its share is of what all of them raised together.
 * Its text is the ruleset's (model_reasons.h), or its name and value: "terminal_risk_7d is 0.31",
 * numbers with four decimals, texts of ATTRIBUTION_TEXT_MAX bytes. What is missing says so,
 * whatever the ruleset has: "terminal_risk_7d is missing".
 *
 * An input that is a private field, or derived from one, is a reason only where the ruleset has a
 * text for it, and is not among the contributions: what such inputs contribute together is
 * `"private":0.4`.
 *
 * It takes long (tree_shap.h), so it is for alerts and who asks, and moves no decision.
 *
 * Owns:    nothing; all lives in the room that is given.
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_ATTRIBUTION_H
#define SLUICE_ENGINE_ATTRIBUTION_H

#include "models/explain.h"
#include "models/reasons.h"
#include "service/engine/row.h"

struct attribution_reason {
    int input;
    double share, contribution;
    struct span text;
};

/* Of one model. */
struct attribution {
    const double *contributions;              /* [n_inputs + 1], the base last; NULL: it has none */
    double margin;                            /* as the model has it */
    const struct attribution_reason *reasons; /* [n_reasons], the greatest first */
    int n_reasons;
};

enum {
    ATTRIBUTION_TEXT_MAX = 64, /* bytes of a value, as explain.h shows it */
    /* What all of a ruleset's models may need, and one that is explained. */
    ATTRIBUTION_MODEL_BYTES =
        sizeof(struct attribution) + (MODEL_INPUTS_MAX + 2) * sizeof(double) +
        REASONS_MAX * (sizeof(struct attribution_reason) + TEMPLATE_RENDERED_MAX + 64),
    ATTRIBUTION_ROOM_BYTES = EXPLAIN_SCRATCH_BYTES + MODELS_MAX * ATTRIBUTION_MODEL_BYTES,
};

/* Whose. */
enum attribution_of {
    ATTRIBUTION_OF_CHAMPIONS, /* an alert's: those that may be read by live rules */
    ATTRIBUTION_OF_ALL,
};

/*
 * attributions[snap->models.count] of a row that was decided, with what decide() was given. `room`
 * has ATTRIBUTION_ROOM_BYTES, and is reset; the row's scratch is used. A model that has no score
 * has no attribution. O(nodes of trees * points).
 */
const struct attribution *attribution_find(const struct snapshot *snap, const struct row *row,
                                           const struct window_value *values,
                                           const struct model_result *results,
                                           enum attribution_of of, struct arena *room);

/* The members above, each behind a comma; `whole`: also what is only explained. */
void attribution_write(const struct snapshot *snap, const struct bound_model *m,
                       const struct attribution *a, bool whole, struct text *out);

#endif
