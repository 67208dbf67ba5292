/*
 * model_set_json.h -- the models of a ruleset, for programs.
 *
 *     [{"name":"next","hash":"9f2c41d07be83a56","format":"xgboost","objective":"binary:logistic",
 *       "role":"challenger","challenges":"fraud","threshold":0.9,"inputs":24,"trees":200,
 *       "steps":1200}]
 *
 * `objective` is there where the file says one, `challenges` of a challenger, `threshold` of who
 * has one, `trees` of who has trees. `steps` is model_steps().
 *
 * Threads: any; it only reads.
 */
#ifndef SLUICE_ENGINE_MODEL_SET_JSON_H
#define SLUICE_ENGINE_MODEL_SET_JSON_H

#include "service/base/text.h"
#include "service/engine/model_set.h"

/* The array. */
void model_set_write_json(const struct model_set *set, struct text *out);

#endif
