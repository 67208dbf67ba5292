/*
 * model_reasons.h -- what a ruleset says of a model's reasons, read at load.
 *
 *     fraud:
 *       reasons:                # by the model's name for an input, a text over the row
 *         terminal_risk_7d: "terminal {terminal_id} had {terminal_risk_7d:%} fraud"
 *       reasons_max: 4          # of one score; 0: none
 *       reasons_least: 0.05     # what has a smaller share of what raised the score is none
 *
 * An input without a text, or that is missing, gets one of its own (attribution.h).
 */
#ifndef SLUICE_ENGINE_MODEL_REASONS_H
#define SLUICE_ENGINE_MODEL_REASONS_H

#include "service/engine/model_bind.h"

/* Steps (model_explain_cost) in which all models of a ruleset are explained: some 20 ms, for so
 * long the worker that writes an alert does nothing else. */
#define MODEL_REASONS_COST_MAX 5e6

/*
 * Sets m->reasons of a bound model. Models that come to more than MODEL_REASONS_COST_MAX together
 * are not explained, the last ones of the file; *cost is their sum so far. O(texts).
 * Errors: ST_INVALID, also of `reasons:` for a model that cannot be explained, ST_NO_SPACE, each
 * with a diagnostic.
 */
MUST_USE enum status model_reasons_load(const struct yaml_file *file, const struct yaml_node *node,
                                        const struct model_names *names, double *cost,
                                        struct arena *arena, struct diag_list *diags,
                                        struct bound_model *m);

#endif
