/*
 * meaning.h -- what a name of a ruleset stands for, as a hash.
 *
 *     a field           its type
 *     a derived field   its expression, and the meanings of the derived fields that it reads
 *     a feature         key field, aggregate, column, filter, window and delay
 *
 * A model's baseline has the meanings of its inputs as they were when it was trained
 * (models/baseline.h): a name that stands for something else since is told.
 *
 * Threads: pure.
 */
#ifndef SLUICE_ENGINE_MEANING_H
#define SLUICE_ENGINE_MEANING_H

#include "service/engine/snapshot.h"

enum { MEANING_DIGITS = BASELINE_MEANING_DIGITS };

/* Of the name at `slot` of the row, which is a field's, a derived field's or a feature's. */
void meaning_of(const struct snapshot *s, int slot, char ret_hex[MEANING_DIGITS + 1]);

/* {"amount":"9f2c41d07be83a56",...} of all such names, in the order of the row. */
void meanings_write(const struct snapshot *s, struct text *out);

/* A warning for each model that was trained on what a name of its inputs does not stand for now. */
void meanings_compare(const struct snapshot *s, struct diag_list *diags);

#endif
