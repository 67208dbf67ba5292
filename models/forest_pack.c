#include "models/forest_pack.h"

#include <math.h>
#include <string.h>

enum {
    SIDE_BY_SIDE = FOREST_PACK_TREES,
    KEYS_AT_ONCE =
        2 * FOREST_LANES_MAX, /* of rows that pass by the same trees; 32 KiB on a stack */
};

/* ---- numbers ---- */

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static float value_of(struct forest_step step)
{
    float x;
    memcpy(&x, &step.threshold, sizeof x);
    return x;
}

/* The bits of a float32 order as whole numbers do, but for the sign. */
static uint32_t key_of(float x)
{
    uint32_t bits = bits_of(x + 0.0f); /* -0 becomes 0 */
    return bits >> 31 ? ~bits : bits | 1u << 31;
}

/* The least float32 that is not below: for every float32 x, x < t just if x < this. */
static float float_from(double t)
{
    float near = (float)t;
    return (double)near < t ? nextafterf(near, INFINITY) : near;
}

/* ---- packing ---- */

static bool put_step(const struct forest *f, uint32_t at, struct forest_step *step)
{
    const struct forest_node *n = &f->nodes[at];
    uint32_t right = n->left + 1 - at;
    if (n->lane == 0) {
        step->threshold = bits_of((float)n->value);
        return true;
    }
    *step = (struct forest_step){key_of(float_from(n->threshold)), n->lane, (uint16_t)right};
    return n->kind == FOREST_BY_THRESHOLD && right <= UINT16_MAX;
}

static bool put_steps(const struct forest *f, struct forest_step *steps)
{
    for (uint32_t i = 0; i < f->n_nodes; i++)
        if (!put_step(f, i, &steps[i]))
            return false;
    return true;
}

static void put_trees(const struct forest *f, uint32_t n_groups, struct forest_pack *p)
{
    for (uint32_t i = 0; i < n_groups * SIDE_BY_SIDE; i++)
        p->roots[i] = i < f->n_trees ? f->trees[i].root : f->n_nodes;
    for (uint32_t i = 0; i < f->n_trees; i++) {
        uint16_t *depth = &p->depths[i / SIDE_BY_SIDE];
        *depth = f->trees[i].depth > *depth ? f->trees[i].depth : *depth;
        p->outputs[i] = f->trees[i].output;
    }
}

static void *room(struct arena *arena, size_t n, size_t size_bytes)
{
    void *mem = NULL;
    return arena_alloc(arena, n * size_bytes, &mem) == ST_OK ? mem : NULL;
}

const struct forest_pack *forest_pack(const struct forest *f, struct arena *arena)
{
    size_t used_bytes = arena->used_bytes;
    uint32_t n_groups = (f->n_trees + SIDE_BY_SIDE - 1) / SIDE_BY_SIDE;
    struct forest_pack *p = room(arena, 1, sizeof *p);
    struct forest_pack made = {.steps = room(arena, f->n_nodes + 1, sizeof *made.steps),
                               .roots = room(arena, n_groups, SIDE_BY_SIDE * sizeof *made.roots),
                               .outputs = room(arena, f->n_trees, sizeof *made.outputs),
                               .depths = room(arena, n_groups, sizeof *made.depths),
                               .n_trees = f->n_trees,
                               .n_lanes = f->n_lanes,
                               .n_outputs = f->n_outputs};
    bool has_room = p != NULL && made.steps != NULL && made.roots != NULL && made.outputs != NULL &&
                    made.depths != NULL;
    if (!f->narrows || !has_room || !put_steps(f, made.steps)) {
        arena->used_bytes = used_bytes;
        return NULL;
    }
    put_trees(f, n_groups, &made);
    *p = made;
    return p;
}

/* ---- the walk ---- */

static void put_keys(const double *lanes, uint32_t n, uint32_t *keys)
{
    keys[0] = UINT32_MAX; /* below no threshold, and no value of a leaf */
    for (uint32_t i = 1; i < n; i++)
        keys[i] = key_of((float)lanes[i]);
}

/* To the leaf of each of them. */
static inline void walk(const struct forest_step *steps, const uint32_t *keys, int depth,
                        const uint32_t *roots, size_t *at)
{
    for (int k = 0; k < SIDE_BY_SIDE; k++)
        at[k] = roots[k];
    for (int d = 0; d < depth; d++) {
#pragma GCC unroll 16
        for (int k = 0; k < SIDE_BY_SIDE; k++) {
            struct forest_step s = steps[at[k]];
            at[k] = at[k] + s.right - (keys[s.lane] < s.threshold);
        }
    }
}

/* In a register: a sum that went through memory would take longer than the walk. */
static float added(const struct forest_step *steps, const size_t *at, uint32_t n, float sum)
{
    for (uint32_t k = 0; k < n; k++)
        sum += value_of(steps[at[k]]);
    return sum;
}

static void sum_group(const struct forest_pack *p, uint32_t first, const uint32_t *keys,
                      double *sums)
{
    size_t at[SIDE_BY_SIDE];
    uint32_t left = p->n_trees - first, n = left < SIDE_BY_SIDE ? left : SIDE_BY_SIDE;
    walk(p->steps, keys, p->depths[first / SIDE_BY_SIDE], &p->roots[first], at);
    if (p->n_outputs == 1) {
        *sums = (double)added(p->steps, at, n, (float)*sums);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        double *sum = &sums[p->outputs[first + k]];
        *sum = (double)((float)*sum + value_of(p->steps[at[k]]));
    }
}

static void sum_rows(const struct forest_pack *p, const double *lanes, size_t n_rows, double *sums)
{
    uint32_t keys[KEYS_AT_ONCE];
    for (size_t row = 0; row < n_rows; row++)
        put_keys(lanes + row * p->n_lanes, p->n_lanes, keys + row * p->n_lanes);
    for (uint32_t i = 0; i < p->n_trees; i += SIDE_BY_SIDE)
        for (size_t row = 0; row < n_rows; row++)
            sum_group(p, i, keys + row * p->n_lanes, sums + row * p->n_outputs);
}

void forest_pack_sum(const struct forest_pack *p, const double *lanes, size_t n_rows, double *sums)
{
    size_t most = KEYS_AT_ONCE / p->n_lanes;
    for (size_t from = 0; from < n_rows; from += most) {
        size_t n = n_rows - from < most ? n_rows - from : most;
        sum_rows(p, lanes + from * p->n_lanes, n, sums + from * p->n_outputs);
    }
}
