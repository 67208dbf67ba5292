#include "models/forest_pack.h"

#include "models/forest_key.h"

#include <stdlib.h>

enum {
    SIDE_BY_SIDE = FOREST_PACK_TREES,
    WORD_BITS = 32,
    WORDS_OF_ONE = 64 / WORD_BITS, /* of a word of forest.sets */
    MISSING_GOES_LEFT = 2,         /* the last word of a set: bit 0 is of a code that is unknown */
};

/* What is being made of what. */
struct packing {
    const struct forest *f;
    struct arena *arena;
    struct forest_pack made;
    uint32_t n_set_words, n_leaves; /* so far */
    bool has_room;
};

static bool is_split(const struct forest_node *n)
{
    return n->lane != 0;
}

static bool is_by_set(const struct forest_node *n)
{
    return is_split(n) && n->kind == FOREST_BY_CATEGORY;
}

/* NULL: there is no room for it, and then for nothing. */
static void *room(struct packing *p, size_t n, size_t size_bytes)
{
    void *mem = NULL;
    if (!p->has_room || arena_alloc(p->arena, n * size_bytes, &mem) != ST_OK) {
        p->has_room = false;
        return NULL;
    }
    return mem;
}

/* ---- lanes ---- */

static uint32_t words_of(const struct forest_pack_lane *lane)
{
    return lane->n_codes / WORD_BITS + 1;
}

/* One word for an empty set, too: n_codes tells lanes of categories. */
static uint32_t codes_of(const struct forest_node *n)
{
    return (n->set.words > 0 ? n->set.words : 1) * WORDS_OF_ONE * WORD_BITS;
}

/* What its splits need of each lane. False: one is of both kinds, or the sets become too large. */
static bool measure_lanes(struct packing *p)
{
    struct forest_pack_lane *lanes = p->made.lanes;
    uint64_t n_words = 0;
    for (uint32_t i = 0; i < p->f->n_nodes; i++) {
        const struct forest_node *n = &p->f->nodes[i];
        struct forest_pack_lane *lane = &lanes[n->lane];
        uint32_t n_codes = is_by_set(n) ? codes_of(n) : 0;
        lane->n_codes = n_codes > lane->n_codes ? n_codes : lane->n_codes;
        lane->n_cuts += is_split(n) && !is_by_set(n);
        p->n_leaves += !is_split(n);
    }
    for (uint32_t i = 0; i < p->f->n_nodes; i++)
        if (is_by_set(&p->f->nodes[i]))
            n_words += words_of(&lanes[p->f->nodes[i].lane]);
    for (uint32_t i = 1; i < p->f->n_lanes; i++)
        if (lanes[i].n_codes > 0 && lanes[i].n_cuts > 0)
            return false;
    p->n_set_words = (uint32_t)n_words;
    return n_words <= FOREST_PACK_SET_WORDS_MAX;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static uint32_t without_doubles(double *cuts, uint32_t n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || cuts[kept - 1] != cuts[i])
            cuts[kept++] = cuts[i];
    return kept;
}

/* The thresholds of each lane, sorted, each once. */
static void put_cuts(struct packing *p)
{
    struct forest_pack_lane *lanes = p->made.lanes;
    uint32_t n = 0;
    for (uint32_t i = 1; i < p->f->n_lanes; i++) {
        lanes[i].cuts_at = n;
        n += lanes[i].n_cuts;
        lanes[i].n_cuts = 0;
    }
    p->made.cuts = room(p, n + 1, sizeof *p->made.cuts);
    for (uint32_t i = 0; i < p->f->n_nodes && p->has_room; i++) {
        const struct forest_node *node = &p->f->nodes[i];
        struct forest_pack_lane *lane = &lanes[node->lane];
        if (is_split(node) && !is_by_set(node))
            p->made.cuts[lane->cuts_at + lane->n_cuts++] = node->threshold;
    }
    for (uint32_t i = 1; i < p->f->n_lanes && p->has_room; i++) {
        double *cuts = &p->made.cuts[lanes[i].cuts_at];
        qsort(cuts, lanes[i].n_cuts, sizeof *cuts, ascending);
        lanes[i].n_cuts = without_doubles(cuts, lanes[i].n_cuts);
    }
}

/* ---- steps ---- */

/* The least float32 that is not below: for every float32 x, x < t just if x < this. */
static float float_from(double t)
{
    float near = (float)t;
    return (double)near < t ? nextafterf(near, INFINITY) : near;
}

/* x < threshold just if the key of x is below this. */
static uint32_t key_of_threshold(const struct packing *p, const struct forest_node *n)
{
    const struct forest_pack_lane *lane = &p->made.lanes[n->lane];
    if (p->f->narrows)
        return forest_key_of_float(float_from(n->threshold));
    return forest_key_of_rank(&p->made.cuts[lane->cuts_at], lane->n_cuts, n->threshold);
}

/* Where it begins; its last word says what becomes of what has no code. */
static uint32_t put_set(struct packing *p, const struct forest_node *n)
{
    uint32_t at = p->n_set_words, n_words = words_of(&p->made.lanes[n->lane]);
    for (uint32_t i = 0; i < n->set.words * WORDS_OF_ONE; i++) {
        uint64_t word = p->f->sets[n->set.at + i / WORDS_OF_ONE];
        p->made.sets[at + i] = (uint32_t)(word >> i % WORDS_OF_ONE * WORD_BITS);
    }
    p->made.sets[at + n_words - 1] = MISSING_GOES_LEFT;
    p->n_set_words += n_words;
    return at;
}

static uint32_t put_value(struct packing *p, const struct forest_node *leaf)
{
    if (p->f->narrows)
        return forest_bits((float)leaf->value);
    p->made.values[p->n_leaves] = leaf->value;
    return p->n_leaves++;
}

static bool put_step(struct packing *p, uint32_t at)
{
    const struct forest_node *n = &p->f->nodes[at];
    struct forest_step *step = &p->made.steps[at];
    uint32_t right = n->left + 1 - at;
    if (!is_split(n)) {
        step->threshold = put_value(p, n);
        return true;
    }
    *step = (struct forest_step){.lane = n->lane, .right = (uint16_t)right};
    step->threshold = is_by_set(n) ? put_set(p, n) : key_of_threshold(p, n);
    if (is_by_set(n))
        step->lane |= FOREST_PACK_BY_SET;
    return right <= UINT16_MAX;
}

static bool put_steps(struct packing *p)
{
    p->n_set_words = p->n_leaves = 0;
    for (uint32_t i = 0; i < p->f->n_nodes; i++)
        if (!put_step(p, i))
            return false;
    return true;
}

/* ---- trees ---- */

static void put_trees(struct packing *p, uint32_t n_groups)
{
    for (uint32_t i = 0; i < n_groups * SIDE_BY_SIDE; i++)
        p->made.roots[i] = i < p->f->n_trees ? p->f->trees[i].root : p->f->n_nodes;
    for (uint32_t i = 0; i < p->f->n_trees; i++) {
        const struct forest_tree *t = &p->f->trees[i];
        uint16_t *depth = &p->made.depths[i / SIDE_BY_SIDE];
        *depth = t->depth > *depth ? t->depth : *depth;
        p->made.have_sets[i / SIDE_BY_SIDE] |= t->has_categories;
        p->made.outputs[i] = t->output;
    }
}

/* ---- the whole ---- */

static bool make(struct packing *p)
{
    uint32_t n_groups = (p->f->n_trees + SIDE_BY_SIDE - 1) / SIDE_BY_SIDE;
    p->made.lanes = room(p, p->f->n_lanes, sizeof *p->made.lanes);
    if (!p->has_room || !measure_lanes(p) || (!p->f->narrows && p->n_set_words == 0))
        return false;
    if (!p->f->narrows) {
        put_cuts(p);
        p->made.values = room(p, p->n_leaves + 1, sizeof *p->made.values);
    }
    p->made.sets = room(p, p->n_set_words + 1, sizeof *p->made.sets);
    p->made.set_lanes = room(p, p->f->n_lanes, sizeof *p->made.set_lanes);
    p->made.steps = room(p, p->f->n_nodes + 1, sizeof *p->made.steps);
    p->made.roots = room(p, n_groups, SIDE_BY_SIDE * sizeof *p->made.roots);
    p->made.outputs = room(p, p->f->n_trees, sizeof *p->made.outputs);
    p->made.depths = room(p, n_groups, sizeof *p->made.depths);
    p->made.have_sets = room(p, n_groups, sizeof *p->made.have_sets);
    if (!p->has_room || !put_steps(p))
        return false;
    for (uint32_t i = 1; i < p->f->n_lanes; i++)
        if (p->made.lanes[i].n_codes > 0)
            p->made.set_lanes[p->made.n_set_lanes++] = (uint16_t)i;
    put_trees(p, n_groups);
    return true;
}

const struct forest_pack *forest_pack(const struct forest *f, struct arena *arena)
{
    size_t used_bytes = arena->used_bytes;
    struct packing p = {
        .f = f,
        .arena = arena,
        .made = {.n_trees = f->n_trees, .n_lanes = f->n_lanes, .n_outputs = f->n_outputs},
        .has_room = true};
    struct forest_pack *pack = room(&p, 1, sizeof *pack);
    if (pack == NULL || !make(&p)) {
        arena->used_bytes = used_bytes;
        return NULL;
    }
    *pack = p.made;
    return pack;
}
