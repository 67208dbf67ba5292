#include "models/forest_build.h"

#include "service/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

_Static_assert(1 + MODEL_INPUTS_MAX * FOREST_MISSING_KINDS <= FOREST_LANES_MAX,
               "lanes are enough for whatever the splits do");

/* Of one tree: its nodes as they are laid out, each with its id in the file, and how deep it is. */
struct layout {
    uint32_t *id;
    uint16_t *depth;
    bool *is_there; /* by id */
    uint32_t n;
};

static struct diag_at at_file(const struct forest_build *b)
{
    return (struct diag_at){.file = b->file->name};
}

void forest_build_error(const struct forest_build *b, uint32_t node, const char *format, ...)
{
    char text[DIAG_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_error(b->file->diags, at_file(b), NULL, "tree %u, node %u: %s", b->forest->n_trees, node,
               text);
}

/* ---- begin and end ---- */

static enum status refuse_count(const struct forest_build *b, const char *what, uint32_t n, int max)
{
    diag_error(b->file->diags, at_file(b), NULL, "%u %s, and %d are the most", n, what, max);
    return ST_TOO_LARGE;
}

static enum status no_space(const struct forest_build *b)
{
    diag_error(b->file->diags, at_file(b), "give models more memory, or train fewer trees",
               "there is no memory left for its trees");
    return ST_NO_SPACE;
}

static bool take(struct arena *arena, size_t n, size_t bytes_each, void *ret_mem)
{
    void *mem;
    if (arena_alloc(arena, n * bytes_each, &mem) != ST_OK)
        return false;
    memcpy(ret_mem, &mem, sizeof mem);
    return true;
}

static bool take_forest(struct forest_build *b, bool has_covers)
{
    struct arena *arena = b->file->arena;
    size_t lanes = 1 + (size_t)b->n_inputs * FOREST_MISSING_KINDS;
    struct forest *f;
    if (!take(arena, 1, sizeof *f, &f) || !take(arena, b->nodes_max, sizeof *f->nodes, &f->nodes) ||
        !take(arena, b->trees_max, sizeof *f->trees, &f->trees) ||
        !take(arena, lanes, sizeof *f->lanes, &f->lanes) ||
        (has_covers && !take(arena, b->nodes_max, sizeof *f->covers, &f->covers)))
        return false;
    f->n_lanes = 1;
    b->forest = f;
    return true;
}

enum status forest_build_init(struct forest_build *b, const struct model_file *file,
                              uint32_t n_inputs, uint32_t n_trees, uint32_t n_nodes,
                              bool has_covers)
{
    CHECK(n_inputs <= MODEL_INPUTS_MAX);
    *b = (struct forest_build){
        .file = file, .n_inputs = n_inputs, .trees_max = n_trees, .nodes_max = n_nodes};
    if (n_trees > FOREST_TREES_MAX)
        return refuse_count(b, "trees", n_trees, FOREST_TREES_MAX);
    if (n_nodes > FOREST_NODES_MAX)
        return refuse_count(b, "nodes", n_nodes, FOREST_NODES_MAX);
    size_t per_node = sizeof(uint32_t) + sizeof(uint16_t) + sizeof(bool);
    size_t lane_bytes = n_inputs * FOREST_MISSING_KINDS * sizeof(uint16_t);
    b->scratch = arena_new(n_nodes * per_node + lane_bytes + 4096);
    b->lane_of = arena_must(b->scratch, lane_bytes);
    return take_forest(b, has_covers) ? ST_OK : no_space(b);
}

enum status forest_build_done(struct forest_build *b, struct forest **ret_forest)
{
    struct forest *f = b->forest;
    if (!take(b->file->arena, f->n_set_words, sizeof *f->sets, &f->sets))
        return no_space(b);
    if (f->n_set_words > 0)
        memcpy(f->sets, b->sets, f->n_set_words * sizeof *f->sets);
    *ret_forest = f;
    return ST_OK;
}

void forest_build_fini(struct forest_build *b)
{
    arena_free(b->scratch);
    free(b->sets);
}

/* ---- one node ---- */

static uint16_t lane_of(struct forest_build *b, const struct forest_branch *branch)
{
    CHECK(branch->input < b->n_inputs);
    uint16_t *lane = &b->lane_of[branch->input * FOREST_MISSING_KINDS + branch->missing];
    if (*lane == 0) {
        *lane = (uint16_t)b->forest->n_lanes++;
        b->forest->lanes[*lane] = (struct forest_lane){branch->input, (uint16_t)branch->missing};
    }
    return *lane;
}

static bool keep_set(struct forest_build *b, uint32_t id, const struct forest_branch *branch)
{
    struct forest *f = b->forest;
    if (branch->set_words > FOREST_SET_WORDS_MAX - f->n_set_words) {
        forest_build_error(b, id, "the sets of categories are more than %d bytes together",
                           FOREST_SET_WORDS_MAX * 8);
        return false;
    }
    while (b->sets_cap - f->n_set_words < branch->set_words) {
        b->sets_cap = b->sets_cap == 0 ? 1024 : 2 * b->sets_cap;
        b->sets = realloc(b->sets, b->sets_cap * sizeof *b->sets);
        CHECK(b->sets != NULL);
    }
    memcpy(b->sets + f->n_set_words, branch->set, branch->set_words * sizeof *b->sets);
    f->n_set_words += branch->set_words;
    return true;
}

/* `id` gets the next place; its parent's depth is one less. */
static bool place(struct forest_build *b, struct layout *l, const struct forest_source *source,
                  uint32_t parent, uint32_t id, int depth)
{
    if (id >= source->n_nodes) {
        forest_build_error(b, parent, "it leads to node %u, and there are %u", id, source->n_nodes);
        return false;
    }
    if (l->is_there[id]) {
        forest_build_error(b, parent, "it leads to node %u, which has a parent already", id);
        return false;
    }
    if (depth > FOREST_DEPTH_MAX) {
        forest_build_error(b, id, "more than %d splits deep", FOREST_DEPTH_MAX);
        return false;
    }
    l->is_there[id] = true;
    l->id[l->n] = id;
    l->depth[l->n++] = (uint16_t)depth;
    return true;
}

/* The i-th of the layout becomes a node of the forest, and its children get their places. */
static bool lay(struct forest_build *b, struct layout *l, const struct forest_source *source,
                uint32_t i)
{
    struct forest *f = b->forest;
    struct forest_tree *tree = &f->trees[f->n_trees];
    uint32_t at = tree->root + i, id = l->id[i];
    struct forest_branch branch = {0};
    if (!source->branch(source->of, id, &branch))
        return false;
    if (f->covers != NULL)
        f->covers[at] = branch.cover;
    if (branch.is_leaf) {
        f->nodes[at] = (struct forest_node){.value = branch.value, .left = at - 1};
        return true;
    }
    struct forest_node node = {
        .threshold = branch.value, .left = tree->root + l->n, .lane = lane_of(b, &branch)};
    if (branch.set != NULL) {
        node.kind = FOREST_BY_CATEGORY;
        node.set.at = f->n_set_words;
        node.set.words = branch.set_words;
        tree->has_categories = true;
        if (!keep_set(b, id, &branch))
            return false;
    }
    f->nodes[at] = node;
    if (tree->depth <= l->depth[i])
        tree->depth = (uint16_t)(l->depth[i] + 1);
    return place(b, l, source, id, branch.left, l->depth[i] + 1) &&
           place(b, l, source, id, branch.right, l->depth[i] + 1);
}

/* ---- one tree ---- */

/* Depth first, left before right. Of each level one sibling waits at most, and both of the last. */
static bool lay_all(struct forest_build *b, struct layout *l, const struct forest_source *source)
{
    uint32_t todo[FOREST_DEPTH_MAX + 1] = {0}, n = 1;
    if (!place(b, l, source, 0, 0, 0))
        return false;
    while (n > 0) {
        uint32_t children = l->n;
        if (!lay(b, l, source, todo[--n]))
            return false;
        if (l->n == children)
            continue;
        todo[n++] = children + 1;
        todo[n++] = children;
    }
    return true;
}

enum status forest_build_tree(struct forest_build *b, const struct forest_source *source)
{
    struct forest *f = b->forest;
    size_t mark = b->scratch->used_bytes;
    CHECK(f->n_trees < b->trees_max && source->n_nodes <= b->nodes_max - f->n_nodes);
    struct layout l = {.id = arena_must(b->scratch, source->n_nodes * sizeof *l.id),
                       .depth = arena_must(b->scratch, source->n_nodes * sizeof *l.depth),
                       .is_there = arena_must(b->scratch, source->n_nodes)};
    f->trees[f->n_trees] = (struct forest_tree){.root = f->n_nodes, .output = source->output};
    bool is_fine = lay_all(b, &l, source);
    b->scratch->used_bytes = mark;
    if (!is_fine)
        return ST_INVALID;
    f->trees[f->n_trees++].n_nodes = l.n;
    f->n_nodes += l.n;
    return ST_OK;
}
