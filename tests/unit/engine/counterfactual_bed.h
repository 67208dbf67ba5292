/*
 * counterfactual_bed.h -- a ruleset and one row, whose cells the test sets, and what would turn it.
 *
 * Fields: amount, mcc, items, secret (private), and what the ruleset has besides. Features: n_1h,
 * n_1d, avg_1d. Derived: is_large (amount > 1000), half (amount / 2), label (items as text).
 */
#ifndef SLUICE_TESTS_ENGINE_COUNTERFACTUAL_BED_H
#define SLUICE_TESTS_ENGINE_COUNTERFACTUAL_BED_H

#include "service/engine/counterfactual.h"
#include "tests/unit/engine/world.h"

struct counterfactual_bed {
    struct world world;
    struct snapshot *snap;
    struct cel_value cells[512];
    struct arena *scratch, *arena;
    struct row row;
    struct hits hits;
    struct counterfactuals found;
    char text[2048];
};

/* `more` is put into the ruleset file; NULL: nothing. */
void counterfactual_bed_open(struct counterfactual_bed *b, const char *more, const char *rules);
/* The same with a file that the ruleset names. */
void counterfactual_bed_open_with(struct counterfactual_bed *b, const char *more, const char *rules,
                                  const char *name, const char *content);
void counterfactual_bed_close(struct counterfactual_bed *b);

int counterfactual_bed_slot(const struct counterfactual_bed *b, const char *name);
/* Derived fields and models' scores, from the other cells. */
void counterfactual_bed_derive(struct counterfactual_bed *b);
bool counterfactual_bed_flags(struct counterfactual_bed *b, bool explain);

/* b->found; all cells are seen to be put back. */
void counterfactual_bed_find(struct counterfactual_bed *b);
/* "n_1h<=4 amount>=1000.0001" */
const char *counterfactual_bed_told(struct counterfactual_bed *b);
/* What was found for a slot; NULL: nothing. */
const struct counterfactual *counterfactual_bed_of(const struct counterfactual_bed *b, int slot);

/* Would it be the other decision than `was` with this value? */
bool counterfactual_bed_turns(struct counterfactual_bed *b, int slot, struct cel_value v, bool was);
/* How far a value is from another, as they are compared. */
double counterfactual_bed_change(double is, double would);

#endif
