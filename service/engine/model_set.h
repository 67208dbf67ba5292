/*
 * model_set.h -- the models of a ruleset.
 *
 *     models:
 *       fraud: {file: fraud.json, threshold: 0.9}   # beside the ruleset file; models/model.h
 *       next:  {file: next.txt, role: challenger, challenges: fraud, threshold: 0.9}
 *       kind:  {file: kind.json, class: 2}          # which of several outputs is the score
 *
 * and `inputs:`, `categories:` (model_bind.h), `calibration:` (models/calibration.h), `baseline:`
 * (models/baseline.h), `drift:` (models/drift.h), `reasons:`, `reasons_max:`, `reasons_least:`
 * (model_reasons.h).
 *
 * A champion's score is for rules of every mode, as models.NAME. A challenger scores in shadow: for
 * shadow rules, the record, and to be compared with the champion it challenges, which may be left
 * unsaid where there is only one.
 *
 * Owns:    all lives in the arena of the load. Read-only afterwards.
 */
#ifndef SLUICE_ENGINE_MODEL_SET_H
#define SLUICE_ENGINE_MODEL_SET_H

#include "service/base/shape.h"
#include "service/engine/model_bind.h"

enum {
    MODELS_MAX = 16,
    MODEL_NAME_MAX = 64, /* bytes */
};

/* What may stand under `models:`. */
extern const struct shape models_shape;

struct model_set {
    struct bound_model *items; /* in the order of the file */
    int count;
    int n_inputs; /* of all */
};

/*
 * Load the mapping under `models:`; `node` may be NULL: none. O(bytes of the files).
 * Errors: ST_INVALID, ST_IO (a file cannot be read), ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status model_set_load(const struct yaml_file *file, const struct yaml_node *node,
                                    const struct model_names *names, struct arena *arena,
                                    struct diag_list *diags, struct model_set *ret_set);

/* What their results take of an event's arena: struct model_result [count], and all inputs. */
size_t model_set_results_bytes(const struct model_set *set);

/* Its index; -1: there is none of that name. O(models). */
int model_set_find(const struct model_set *set, struct span name);

#endif
