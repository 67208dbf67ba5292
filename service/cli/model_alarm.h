/*
 * model_alarm.h -- says in the log when what a model is given is no longer like its training, and
 * when it is again.
 *
 *     index    ... 0.24  0.26  0.31  0.24  0.22 ...          of one input; psi: 0.25
 *                        warned            back: below nine tenths of the bound
 *
 * An input that is past a bound of the model's `drift:` is told once, when it passes; so is the
 * score. What comes back a little is not back, so that a number on the bound fills no log. A model
 * or baseline that is exchanged begins anew, silently.
 *
 * Owns:    what it has told. Threads: one.
 */
#ifndef SLUICE_CLI_MODEL_ALARM_H
#define SLUICE_CLI_MODEL_ALARM_H

#include "service/engine/model_table.h"

enum { MODEL_ALARM_NAMED = 5 }; /* inputs of one line; the rest are counted */

struct model_alarm;

/* CHECKs on no memory. */
struct model_alarm *model_alarm_new(void);
void model_alarm_free(struct model_alarm *a); /* NULL is fine */

/* At most two lines a model. O(inputs). */
void model_alarm_look(struct model_alarm *a, const struct model_table *t);

#endif
