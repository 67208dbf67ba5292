/*
 * random_forest.h -- some forest or other, of which a row is asked: inputs 0 to 2 are numbers about
 * 0 to 20, zero among them, and 3 is a category of 0 to 7. Splits see missing values in each way
 * there is.
 */
#ifndef SLUICE_TESTS_RANDOM_FOREST_H
#define SLUICE_TESTS_RANDOM_FOREST_H

#include "models/forest.h"

enum {
    RANDOM_FOREST_INPUTS = 4,
    RANDOM_FOREST_CATEGORY = 3,
    RANDOM_FOREST_TREES = 9,
    RANDOM_FOREST_NODES = RANDOM_FOREST_TREES * 63,
    RANDOM_FOREST_LANES = 1 + RANDOM_FOREST_INPUTS * FOREST_MISSING_KINDS,
};

struct random_forest {
    struct forest forest;
    struct forest_node nodes[RANDOM_FOREST_NODES];
    struct forest_tree trees[RANDOM_FOREST_TREES];
    struct forest_lane lanes[RANDOM_FOREST_LANES];
    uint64_t sets[RANDOM_FOREST_NODES];
};

/* 0 to n-1, the same ones in each run. */
int random_forest_below(int n);

void random_forest_grow(struct random_forest *r, bool narrows);
/* A number: of halves, for thresholds are, or beside one. */
double random_forest_number(void);
/* inputs[RANDOM_FOREST_INPUTS], of which some are missing. */
void random_forest_row(double *inputs);
/* What forest_sum() says of it. */
double random_forest_sum(const struct random_forest *r, const double *inputs);

#endif
