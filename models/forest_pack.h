/*
 * forest_pack.h -- a forest's nodes at half the size, for the walk through all trees of one row.
 *
 *     steps     | tree 0 ......... | tree 1 ......... | ... | nowhere |
 *     a split   | threshold u32 | lane u16 | right u16 |        8 bytes; child by offset from here
 *     its step  at += right - (keys[lane] < threshold)          left is the one before right
 *     a leaf    | value f32     | 0        | 0         |        keys[0] is the greatest: it stays
 *
 * Step i is node i. A row's lanes become keys: whole numbers in the order of float32, so that a
 * comparison leaves a carry for the next index, and -0 is 0. Nothing is rounded but a threshold
 * between two float32, up, as no value lies there: the leaves are the nodes' own, and so is the
 * sum, to the bit.
 *
 * 200 trees of depth 6 take 0.8 us, where nodes of 16 bytes take 1.8 (AMD EPYC at 3.1 GHz, their
 * loops unrolled: 1.3). AVX2's gathers (1.2), perfect trees without offsets (1.0) and thresholds
 * by rank (1.0) were no better than this.
 *
 * Owns:    nothing; all of it lives in the arena given to forest_pack(). Read-only afterwards.
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_FOREST_PACK_H
#define SLUICE_MODELS_FOREST_PACK_H

#include "models/forest.h"

/* Trees that are walked at once: twice what registers hold was still faster than once. */
enum { FOREST_PACK_TREES = 16 };

struct forest_step {
    uint32_t threshold; /* a key; of a leaf: the bits of its value */
    uint16_t lane;      /* 0: a leaf */
    uint16_t right;
};

struct forest_pack {
    struct forest_step *steps;
    uint32_t *roots;   /* [n_trees], and up to a whole group such that lead nowhere */
    uint16_t *outputs; /* [n_trees] */
    uint16_t *depths;  /* [groups] of its deepest tree */
    uint32_t n_trees, n_lanes, n_outputs;
};

/*
 * The packed form of a forest that was checked. NULL: it has none, and is walked by its nodes. It
 * needs float32 (`narrows`), no categories, and every child within 65,535 nodes of its parent; and
 * room in the arena. O(nodes).
 */
const struct forest_pack *forest_pack(const struct forest *f, struct arena *arena);

/* As forest_sum_rows(). */
void forest_pack_sum(const struct forest_pack *p, const double *lanes, size_t n_rows, double *sums);

#endif
