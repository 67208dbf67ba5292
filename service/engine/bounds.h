/*
 * bounds.h -- what the values of fields and features can be, for rules/cel_bounds.h.
 *
 * A field: what the schema lets in. A feature: what its aggregate can come to.
 */
#ifndef SLUICE_ENGINE_BOUNDS_H
#define SLUICE_ENGINE_BOUNDS_H

#include "rules/cel_bounds.h"
#include "service/engine/feature.h"

/* Lives in `arena`, or is static. Never NULL. */
const struct cel_bounds *bounds_of_field(const struct field *field, struct arena *arena);
const struct cel_bounds *bounds_of_feature(const struct feature *feature, struct arena *arena);

#endif
