/*
 * forest_profile.h -- what a forest's sum is as one input moves, and all else stays as it is.
 *
 *     sum
 *      |         .--------        edges[2].sum
 *      |   .-----|                edges[1].sum
 *      |---'                      edges[0].sum, from -infinity
 *      +---|-----|--------> x     the input as splits take it: float32 where the forest narrows
 *        edges[1].from
 *
 * One walk through each tree finds it, which goes both ways where a split asks for the input, and
 * else the row's. It costs little more than one row does, and tells all there is to know of the
 * input.
 *
 * Where zero may be missing, what is within 1e-35 of zero is taken for zero.
 *
 * Sums are kept in double and not added in the forest's order: what forest_sum() says is within
 * `error` of them.
 *
 * Owns:    nothing; the edges are the caller's.
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_FOREST_PROFILE_H
#define SLUICE_MODELS_FOREST_PROFILE_H

#include "models/forest.h"

struct forest_edge {
    double from; /* ascending; the first is -INFINITY */
    double sum;
};

struct forest_profile {
    struct forest_edge *edges; /* [count], of [room] */
    int count, room;
    double error;
};

/*
 * Fills p->edges[p->room]; room for twice the thresholds of the input is enough. `sum` is what the
 * sum begins with; inputs[input] is not looked at. Takes from *nodes what it looks at. false: there
 * is no room, or too few nodes were left, or the input is split by category. The forest has one
 * output. O(trees * depth) where the
 * input is rare, else up to O(nodes); and edges are sorted.
 */
bool forest_profile_make(const struct forest *f, const double *inputs, int input, double sum,
                         struct forest_profile *p, int64_t *nodes);

/* The last edge that is not past x (forest_taken): its index. O(log edges). */
int forest_profile_at(const struct forest_profile *p, double x);

#endif
