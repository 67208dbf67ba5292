/*
 * forest_pack.h -- a forest's nodes at half the size, for the walk through all trees of one row.
 *
 *     steps     | tree 0 ......... | tree 1 ......... | ... | nowhere |
 *     a split   | threshold u32 | lane u16 | right u16 |        8 bytes; child by offset from here
 *     its step  at += right - (keys[lane] < threshold)          left is the one before right
 *     a leaf    | value         | 0        | 0         |        keys[0] is the greatest: it stays
 *
 * Step i is node i. A row's lanes become keys, whole numbers, so that a comparison leaves a carry
 * for the next index. Nothing is rounded: the leaves are the nodes' own, and so is the sum, to the
 * bit.
 *
 *     key of a lane      where inputs are float32     the number's bits, in the order of numbers
 *                        else                         how many of the lane's thresholds it is not
 *                                                     below: cuts[], sorted, by bisection
 *                        of categories                the code
 *     value of a leaf    where leaves are float32     its bits
 *                        else                         its index in values[]
 *
 *     a split by categories  | at u32 | lane u16, with the highest bit | right u16 |
 *     its step               left: bit `key` of the set, sets[at] on
 *     sets                   | of all codes that the lane's splits know | none, missing |  u32 each
 *
 * All sets of a lane are of one length, and have a word more: for a code that none of them knows,
 * and for a value that is missing and goes left.
 *
 * 200 trees of depth 6 in float32 take 0.8 us, where nodes of 16 bytes take 1.8 (AMD EPYC at 3.1
 * GHz, their loops unrolled: 1.3). AVX2's gathers (1.2), perfect trees without offsets (1.0) and
 * thresholds by rank (1.0) were no better than this. With four categorical inputs of 24 it takes
 * 4.4 us, and trees that are walked alone 13.6.
 *
 * Owns:    nothing; all of it lives in the arena given to forest_pack(). Read-only afterwards.
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_FOREST_PACK_H
#define SLUICE_MODELS_FOREST_PACK_H

#include "models/forest.h"

enum {
    /* Trees that are walked at once: twice what registers hold was still faster than once. */
    FOREST_PACK_TREES = 16,
    FOREST_PACK_SET_WORDS_MAX = 4 << 20, /* of u32: 16 MiB; sets grow to the longest of a lane */
    FOREST_PACK_BY_SET = 1 << 15,        /* of a step's lane: FOREST_LANES_MAX is below */
};

struct forest_step {
    uint32_t threshold; /* a key; of a leaf: its value; by categories: where its set begins */
    uint16_t lane;      /* 0: a leaf */
    uint16_t right;
};

struct forest_pack_lane {
    uint32_t cuts_at, n_cuts; /* its thresholds in cuts[], where that is */
    uint32_t n_codes;         /* of categories: all that sets have are below; else 0 */
};

struct forest_pack {
    struct forest_step *steps;
    struct forest_pack_lane *lanes; /* [n_lanes] */
    double *cuts;                   /* NULL: float32 */
    double *values;                 /* of leaves; NULL: float32 */
    uint32_t *sets;                 /* one word at least */
    uint16_t *set_lanes;            /* [n_set_lanes] those of categories */
    uint32_t *roots;                /* [n_trees], and up to a whole group such that lead nowhere */
    uint16_t *outputs;              /* [n_trees] */
    uint16_t *depths;               /* [groups] of its deepest tree */
    bool *have_sets;                /* [groups] has one of its trees a split by categories? */
    uint32_t n_trees, n_lanes, n_outputs, n_set_lanes;
};

/*
 * The packed form of a forest that was checked. NULL: it has none, and is walked by its nodes. It
 * has none where numbers are no float32 and no split is by categories: bisection takes what the
 * walk saves. It needs every child within 65,535 nodes of its parent, no lane that is compared with
 * thresholds and looked for in sets, sets within the limit, and room in the arena.
 * O(nodes * log nodes).
 */
const struct forest_pack *forest_pack(const struct forest *f, struct arena *arena);

/* As forest_sum_rows(). */
void forest_pack_sum(const struct forest_pack *p, const double *lanes, size_t n_rows, double *sums);

#endif
