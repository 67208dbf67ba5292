#include "models/forest_key.h"
#include "models/forest_pack.h"

enum {
    SIDE_BY_SIDE = FOREST_PACK_TREES,
    KEYS_AT_ONCE =
        2 * FOREST_LANES_MAX, /* of rows that pass by the same trees; 32 KiB on a stack */
};

/* ---- keys ---- */

static void put_floats(const double *lanes, uint32_t n, uint32_t *keys)
{
    for (uint32_t i = 1; i < n; i++)
        keys[i] = forest_key_of_float((float)lanes[i]);
}

static void put_ranks(const struct forest_pack *p, const double *lanes, uint32_t *keys)
{
    for (uint32_t i = 1; i < p->n_lanes; i++) {
        const struct forest_pack_lane *l = &p->lanes[i];
        keys[i] = forest_key_of_rank(&p->cuts[l->cuts_at], l->n_cuts, lanes[i]);
    }
}

static void put_keys(const struct forest_pack *p, const double *lanes, uint32_t *keys)
{
    keys[0] = UINT32_MAX; /* below no threshold, and no value of a leaf */
    if (p->cuts != NULL)
        put_ranks(p, lanes, keys);
    else
        put_floats(lanes, p->n_lanes, keys);
    for (uint32_t i = 0; i < p->n_set_lanes; i++) {
        uint16_t lane = p->set_lanes[i];
        keys[lane] = forest_key_of_code(p->lanes[lane].n_codes, lanes[lane]);
    }
}

/* ---- the walk ---- */

/* 1 or 0, without a branch: it would be foreseen half the time. */
static inline uint32_t goes_left(const struct forest_pack *p, struct forest_step s,
                                 const uint32_t *keys, bool have_sets)
{
    if (!have_sets)
        return keys[s.lane] < s.threshold;
    uint32_t mask = -(uint32_t)(s.lane / FOREST_PACK_BY_SET); /* of all bits, or none */
    uint32_t key = keys[s.lane % FOREST_PACK_BY_SET];
    uint32_t word = p->sets[(s.threshold + key / 32) & mask]; /* there is always a first */
    uint32_t is_below = key < s.threshold, is_in = word >> key % 32 & 1;
    return is_below ^ ((is_below ^ is_in) & mask);
}

/* To the leaf of each of them. */
static inline void walk(const struct forest_pack *p, const uint32_t *keys, uint32_t group,
                        bool have_sets, size_t *at)
{
    const struct forest_step *steps = p->steps;
    const uint32_t *roots = &p->roots[group * SIDE_BY_SIDE];
    int depth = p->depths[group];
    for (int k = 0; k < SIDE_BY_SIDE; k++)
        at[k] = roots[k];
    for (int d = 0; d < depth; d++) {
#pragma GCC unroll 16
        for (int k = 0; k < SIDE_BY_SIDE; k++) {
            struct forest_step s = steps[at[k]];
            at[k] = at[k] + s.right - goes_left(p, s, keys, have_sets);
        }
    }
}

/* ---- the leaves ---- */

static float narrow_value(struct forest_step step)
{
    float x;
    memcpy(&x, &step.threshold, sizeof x);
    return x;
}

/* In a register: a sum that went through memory would take longer than the walk. */
static double added(const struct forest_pack *p, const size_t *at, uint32_t n, double from)
{
    float narrow = (float)from;
    double wide = from;
    if (p->values != NULL) {
        for (uint32_t k = 0; k < n; k++)
            wide += p->values[p->steps[at[k]].threshold];
        return wide;
    }
    for (uint32_t k = 0; k < n; k++)
        narrow += narrow_value(p->steps[at[k]]);
    return (double)narrow;
}

static void sum_group(const struct forest_pack *p, uint32_t group, const uint32_t *keys,
                      double *sums)
{
    size_t at[SIDE_BY_SIDE];
    uint32_t first = group * SIDE_BY_SIDE, left = p->n_trees - first;
    uint32_t n = left < SIDE_BY_SIDE ? left : SIDE_BY_SIDE;
    if (p->have_sets[group])
        walk(p, keys, group, true, at);
    else
        walk(p, keys, group, false, at);
    if (p->n_outputs == 1) {
        *sums = added(p, at, n, *sums);
        return;
    }
    for (uint32_t k = 0; k < n; k++) {
        double *sum = &sums[p->outputs[first + k]];
        *sum = added(p, &at[k], 1, *sum);
    }
}

static void sum_rows(const struct forest_pack *p, const double *lanes, size_t n_rows, double *sums)
{
    uint32_t keys[KEYS_AT_ONCE];
    for (size_t row = 0; row < n_rows; row++)
        put_keys(p, lanes + row * p->n_lanes, keys + row * p->n_lanes);
    for (uint32_t group = 0; group * SIDE_BY_SIDE < p->n_trees; group++)
        for (size_t row = 0; row < n_rows; row++)
            sum_group(p, group, keys + row * p->n_lanes, sums + row * p->n_outputs);
}

void forest_pack_sum(const struct forest_pack *p, const double *lanes, size_t n_rows, double *sums)
{
    size_t most = KEYS_AT_ONCE / p->n_lanes;
    for (size_t from = 0; from < n_rows; from += most) {
        size_t n = n_rows - from < most ? n_rows - from : most;
        sum_rows(p, lanes + from * p->n_lanes, n, sums + from * p->n_outputs);
    }
}
