/*
 * forest_build.h -- a forest while it is read from a file.
 *
 *     init ──> tree, tree, ... ──> done ──> fini
 *
 * A loader tells of each node what its file says (struct forest_branch); here the nodes are laid
 * out, depth first, children side by side, and here it is seen to that they are a tree: each has
 * one parent, and the limits of forest.h hold. What no split leads to is left out.
 *
 * Depth first, since a row that goes left then comes to what is next in memory: a row takes 2.3 us
 * through 200 trees of depth 12, and breadth first 2.6; 31 us through 400 of 255 leaves, and 35.
 *
 * Owns:    scratch, until fini. The forest lives in the arena of the file.
 * Threads: one.
 */
#ifndef SLUICE_MODELS_FOREST_BUILD_H
#define SLUICE_MODELS_FOREST_BUILD_H

#include "models/model_formats.h"

/* A node, as its file has it. */
struct forest_branch {
    bool is_leaf;
    double value;         /* of a leaf; of a split by threshold: the left is below */
    double cover;         /* where the forest has covers */
    uint32_t left, right; /* their ids in the file */
    uint16_t input;
    enum forest_missing missing;
    const uint64_t *set; /* of a split by category: left when its bit is set; borrowed until the
                          * next branch; else NULL */
    uint32_t set_words;
};

/* A tree, as its file has it; its root is node 0. */
struct forest_source {
    void *of;
    /* Node `id`, below n_nodes. false: it is wrong, with a diagnostic. */
    bool (*branch)(void *of, uint32_t id, struct forest_branch *ret_branch);
    uint32_t n_nodes;
    uint16_t output;
};

struct forest_build {
    const struct model_file *file;
    struct forest *forest;
    struct arena *scratch; /* of one tree */
    uint64_t *sets;        /* on the heap, as long as they grow */
    uint32_t n_inputs, nodes_max, trees_max, sets_cap;
    uint16_t *lane_of; /* [n_inputs * FOREST_MISSING_KINDS]; 0: there is none yet */
};

/* At most so many nodes and trees will come. Errors: ST_TOO_LARGE, ST_NO_SPACE, with a diagnostic;
 * fini is due all the same. */
MUST_USE enum status forest_build_init(struct forest_build *b, const struct model_file *file,
                                       uint32_t n_inputs, uint32_t n_trees, uint32_t n_nodes,
                                       bool has_covers);

/* The next tree. Errors: ST_INVALID, ST_TOO_LARGE, with a diagnostic. */
MUST_USE enum status forest_build_tree(struct forest_build *b, const struct forest_source *source);

/* What was built; n_outputs and narrows are the caller's to set. Errors: ST_NO_SPACE. */
MUST_USE enum status forest_build_done(struct forest_build *b, struct forest **ret_forest);

void forest_build_fini(struct forest_build *b);

/* "fraud.json: tree 17, node 5: ..." of the tree that is read now. */
__attribute__((format(printf, 3, 4))) void
forest_build_error(const struct forest_build *b, uint32_t node, const char *format, ...);

#endif
