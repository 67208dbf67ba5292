/*
 * model_bind.h -- the inputs of a model and the names of a ruleset, brought together at load.
 *
 *     fraud:
 *       inputs: {merchant_type: category}      # the model's name for an input, and ours
 *       categories: {category: [food, fuel]}   # by our name: codes 0, 1; else as the file has them
 *
 * An input that `inputs:` does not name is bound to its own name. Each must be a field, a derived
 * field or a feature of a type that has a number (bound_model.h); what is none is an error that
 * tells the nearest.
 */
#ifndef SLUICE_ENGINE_MODEL_BIND_H
#define SLUICE_ENGINE_MODEL_BIND_H

#include "service/base/yaml.h"
#include "service/engine/bound_model.h"

/* What inputs may be bound to. */
struct model_names {
    const struct cel_env *env;    /* fields, derived fields, features */
    int row_features, n_features; /* slots of the last */
};

/*
 * Sets m->sources of the loaded m->model. `node` is the model's mapping in the ruleset.
 * O(inputs * names).
 * Errors: ST_INVALID, ST_NO_SPACE, each with a diagnostic.
 */
MUST_USE enum status model_bind(const struct yaml_file *file, const struct yaml_node *node,
                                const struct model_names *names, struct arena *arena,
                                struct diag_list *diags, struct bound_model *m);

/*
 * Is each key of the mapping `map` (NULL: it has none) an input of the model? Else false, with a
 * diagnostic that tells the nearest; or `what`, if it is no mapping.
 */
bool model_bind_names_inputs(const struct yaml_file *file, const struct yaml_node *map,
                             const char *what, const struct model *m, struct diag_list *diags);

#endif
