#include "tests/unit/models/random_forest.h"

#include <math.h>

enum { DEPTH = 5 };

static uint64_t seed = 5;

int random_forest_below(int n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int)((seed >> 33) % (uint64_t)n);
}

double random_forest_number(void)
{
    double v = random_forest_below(40) / 2.0;
    return v == 0 || random_forest_below(4) > 0 ? v
                                                : nextafter(v, random_forest_below(2) ? -1 : 100);
}

static void split(struct random_forest *r, struct forest_node *n)
{
    int input = random_forest_below(RANDOM_FOREST_INPUTS);
    bool is_category = input == RANDOM_FOREST_CATEGORY;
    int missing = random_forest_below(is_category ? 2 : FOREST_MISSING_KINDS);
    n->lane = (uint16_t)(1 + input * FOREST_MISSING_KINDS + missing);
    n->kind = is_category ? FOREST_BY_CATEGORY : FOREST_BY_THRESHOLD;
    if (is_category) {
        n->set.at = (uint32_t)(n - r->nodes);
        n->set.words = 1;
        r->sets[n->set.at] = (uint64_t)random_forest_below(256);
    } else {
        n->threshold = random_forest_below(40) / 2.0 - 1;
    }
}

static void grow(struct random_forest *r, uint32_t at, int depth)
{
    struct forest_node *n = &r->nodes[at];
    if (depth == DEPTH || random_forest_below(6) == 0) {
        *n = (struct forest_node){.value = (random_forest_below(100) - 50) / 64.0, .left = at - 1};
        return;
    }
    n->left = r->forest.n_nodes;
    r->forest.n_nodes += 2;
    split(r, n);
    uint32_t left = n->left;
    grow(r, left, depth + 1);
    grow(r, left + 1, depth + 1);
}

void random_forest_grow(struct random_forest *r, bool narrows)
{
    *r = (struct random_forest){.forest = {.nodes = r->nodes,
                                           .trees = r->trees,
                                           .lanes = r->lanes,
                                           .sets = r->sets,
                                           .n_trees = RANDOM_FOREST_TREES,
                                           .n_lanes = RANDOM_FOREST_LANES,
                                           .n_outputs = 1,
                                           .n_set_words = RANDOM_FOREST_NODES,
                                           .narrows = narrows}};
    for (int i = 1; i < RANDOM_FOREST_LANES; i++)
        r->lanes[i] = (struct forest_lane){(uint16_t)((i - 1) / FOREST_MISSING_KINDS),
                                           (uint16_t)((i - 1) % FOREST_MISSING_KINDS)};
    for (int i = 0; i < RANDOM_FOREST_TREES; i++) {
        uint32_t root = r->forest.n_nodes++;
        r->trees[i] = (struct forest_tree){.root = root, .depth = DEPTH, .has_categories = true};
        grow(r, root, 0);
    }
}

void random_forest_row(double *inputs)
{
    for (int i = 0; i < RANDOM_FOREST_INPUTS; i++)
        inputs[i] = i == RANDOM_FOREST_CATEGORY ? random_forest_below(8) : random_forest_number();
    if (random_forest_below(3) == 0)
        inputs[random_forest_below(RANDOM_FOREST_INPUTS)] = NAN;
}

double random_forest_sum(const struct random_forest *r, const double *inputs)
{
    double lanes[RANDOM_FOREST_LANES], sum = 0.5;
    forest_spread(&r->forest, inputs, lanes);
    forest_sum(&r->forest, lanes, &sum);
    return sum;
}
