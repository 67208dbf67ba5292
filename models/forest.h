/*
 * forest.h -- trees as one flat array of nodes, and the walk through them.
 *
 *     nodes     | root of tree 0 ......... | root of tree 1 ......... | ...
 *     a split   | threshold f64 | left u32 | lane u16 | kind u16 |      16 bytes
 *     its step  at = left + !(lanes[lane] < threshold)                  children side by side
 *     a leaf    | value f64     | itself-1 | 0        | ...      |      lane 0 is NaN: it stays
 *
 * A row is spread to lanes first. A lane is an input's value as some splits see it: what a missing
 * value counts as is settled there, once for all of them, and a step needs no branch. A split
 * `x <= t` is `x < nextafter(t)`. A leaf leads to itself, so that trees are walked side by side to
 * the depth of the deepest: the loads of one do not wait for those of another.
 *
 * A split by categories (kind 1) has a bitset in place of the threshold; trees that have one are
 * walked alone, unless they have a packed form (forest_pack.h).
 *
 * Owns:    nothing; its arrays live in the arena of who built it. Read-only once built.
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_FOREST_H
#define SLUICE_MODELS_FOREST_H

#include "service/base/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    FOREST_TREES_MAX = 20000,
    FOREST_NODES_MAX = 2 << 20,     /* of all trees: 32 MiB */
    FOREST_DEPTH_MAX = 256,         /* of one tree, in splits */
    FOREST_LANES_MAX = 4096,        /* some of each input, and the first; 32 KiB on a stack */
    FOREST_OUTPUTS_MAX = 64,        /* classes */
    FOREST_CATEGORY_MAX = 1 << 16,  /* a category's code is below */
    FOREST_SET_WORDS_MAX = 4 << 20, /* of all sets of categories: 32 MiB */
};

/* LightGBM's kZeroThreshold, a float32 that is compared as a double. */
#define FOREST_ZERO_MAX ((double)1e-35f)

enum forest_split { FOREST_BY_THRESHOLD, FOREST_BY_CATEGORY };

struct forest_node {
    union {
        double threshold; /* left: the lane's value is below */
        double value;     /* of a leaf */
        struct {
            uint32_t at, words; /* in forest.sets; left: its bit is set */
        } set;
    };
    uint32_t left; /* its index in nodes; right is the next one */
    uint16_t lane; /* 0: a leaf */
    uint16_t kind; /* enum forest_split */
};

/* What a split does with an input that is missing (NaN), or is zero where zero counts as that. */
enum forest_missing {
    FOREST_MISSING_LEFT,      /* -inf; for categories: a value no set has, see `missing_is_in` */
    FOREST_MISSING_RIGHT,     /* +inf */
    FOREST_MISSING_IS_ZERO,   /* 0.0 */
    FOREST_ZERO_MISSING_LEFT, /* and |x| <= 1e-35f is missing (LightGBM's zero_as_missing) */
    FOREST_ZERO_MISSING_RIGHT,
    FOREST_MISSING_KINDS,
};

struct forest_lane {
    uint16_t input;
    uint16_t missing; /* enum forest_missing */
};

struct forest_tree {
    uint32_t root, n_nodes;
    uint16_t depth;  /* of its deepest leaf, in splits */
    uint16_t output; /* which sum it goes to */
    bool has_categories;
};

struct forest_pack;

struct forest {
    struct forest_node *nodes;
    double
        *covers; /* [n_nodes] weight of the training rows that came there; NULL: not in the file */
    struct forest_tree *trees;
    struct forest_lane *lanes; /* [n_lanes]; the first is of no input */
    uint64_t *sets;
    uint32_t n_nodes, n_trees, n_lanes, n_outputs, n_set_words;
    bool narrows; /* inputs are taken as float32, and leaves are summed as float32 (XGBoost) */
    const struct forest_pack *pack; /* forest_pack.h: what forest_sum walks; NULL: the nodes */
};

/* A number as the forest takes it, which is before its splits see it; NaN stays. Never falls as x
 * rises. */
double forest_taken(const struct forest *f, double x);

bool forest_zero_is_missing(enum forest_missing missing);

/* What the splits of a lane see of an input. */
double forest_seen(const struct forest *f, uint32_t lane, double x);

/* Spreads inputs (NaN: missing) to lanes[n_lanes]. */
void forest_spread(const struct forest *f, const double *inputs, double *lanes);

/* Adds a leaf's value. */
void forest_add(const struct forest *f, double *sum, double value);

/* Adds each tree's leaf to sums[n_outputs], in the order of trees. */
void forest_sum(const struct forest *f, const double *lanes, double *sums);

/* The same of many rows: lanes[n_rows][n_lanes], sums[n_rows][n_outputs]. All rows pass by a few
 * trees before the next few, which are then in the first-level cache. */
void forest_sum_rows(const struct forest *f, const double *lanes, size_t n_rows, double *sums);

/* The child that a split, nodes[at], leads to: its index in nodes. */
uint32_t forest_step(const struct forest *f, uint32_t at, const double *lanes);

/* The leaf that a tree comes to: its index in nodes. O(depth). */
uint32_t forest_leaf(const struct forest *f, uint32_t tree, const double *lanes);

#endif
