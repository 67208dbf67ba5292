/*
 * model_world.h -- what is promised of each model of trees that was loaded, whatever its file held.
 */
#ifndef SLUICE_TESTS_MODEL_WORLD_H
#define SLUICE_TESTS_MODEL_WORLD_H

#include "models/model.h"

/* Loads bytes[] named `name`; false: refused, and then, CHECKed, with an error that says why. */
bool model_world_load(const char *name, struct span bytes, struct arena *arena,
                      struct model *ret_model);

/*
 * Each index lies in its array, each node but the roots has one parent, in front of it, and no name
 * is there twice. Any row is answered, the same when trees are walked one by one, and explained.
 * CHECKs.
 */
void model_world_check(const struct model *m);

#endif
