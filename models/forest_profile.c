#include "models/forest_profile.h"

#include <math.h>

struct sweep {
    const struct forest *f;
    struct forest_profile *p; /* while they are collected, sums are what each edge adds */
    int input;
    double lanes[FOREST_LANES_MAX];
    bool zero_is_missing; /* to some split */
    double sum;           /* left of all edges */
    double size;          /* of all that is added and taken away, at most */
    double last, largest; /* of one tree */
    bool is_first, is_lost;
    int64_t nodes; /* left */
};

/* ---- edges ---- */

/* Edge `at` of a heap, whose greatest is the first, to its place among those below it. */
static void sift(struct forest_edge *edges, int at, int n)
{
    struct forest_edge moved = edges[at];
    for (int below; (below = 2 * at + 1) < n; at = below) {
        below += below + 1 < n && edges[below].from < edges[below + 1].from;
        if (moved.from >= edges[below].from)
            break;
        edges[at] = edges[below];
    }
    edges[at] = moved;
}

/* qsort() may ask for memory, and without it takes another order of what is equal, which would sum
 * to another last bit. */
static void sort(struct forest_edge *edges, int n)
{
    for (int i = n / 2 - 1; i >= 0; i--)
        sift(edges, i, n);
    for (int i = n - 1; i > 0; i--) {
        struct forest_edge greatest = edges[0];
        edges[0] = edges[i];
        edges[i] = greatest;
        sift(edges, 0, i);
    }
}

/* In order, those at one place as one. */
static void merge(struct forest_profile *p)
{
    int kept = 0;
    sort(p->edges, p->count);
    for (int i = 0; i < p->count; i++) {
        if (kept > 0 && p->edges[kept - 1].from == p->edges[i].from)
            p->edges[kept - 1].sum += p->edges[i].sum;
        else
            p->edges[kept++] = p->edges[i];
    }
    p->count = kept;
}

static void add_edge(struct sweep *s, double from, double by)
{
    struct forest_profile *p = s->p;
    if (p->count == p->room) {
        merge(p);
        s->is_lost |= p->count > p->room / 2; /* or each next one might sort them all again */
    }
    if (s->is_lost)
        return;
    p->edges[p->count++] = (struct forest_edge){from, by};
    s->size += fabs(by);
}

/* From here on the tree comes to this leaf. */
static void add_leaf(struct sweep *s, double from, double value)
{
    s->largest = fmax(s->largest, fabs(value));
    if (s->is_first)
        s->sum += value;
    else if (value != s->last)
        add_edge(s, from, value - s->last);
    s->is_first = false;
    s->last = value;
}

/* ---- one tree ---- */

/* Where the input is from `lo`, and below `hi`; as deep as the tree: FOREST_DEPTH_MAX. */
static void walk(struct sweep *s, uint32_t at, double lo, double hi)
{
    const struct forest *f = s->f;
    for (const struct forest_node *n = &f->nodes[at]; n->lane != 0; n = &f->nodes[at]) {
        bool is_its = f->lanes[n->lane].input == s->input;
        s->is_lost |= s->nodes-- <= 0 || (is_its && n->kind == FOREST_BY_CATEGORY);
        if (s->is_lost)
            return;
        if (!is_its)
            at = forest_step(f, at, s->lanes);
        else if (lo < n->threshold && hi > n->threshold) {
            walk(s, n->left, lo, n->threshold);
            lo = n->threshold;
            at = n->left + 1;
        } else
            at = n->left + (lo >= n->threshold);
    }
    add_leaf(s, lo, f->nodes[at].value);
}

/* What is zero may be missing, and then comes where no number beside it comes. */
static void walk_past_zero(struct sweep *s, uint32_t tree)
{
    uint32_t root = s->f->trees[tree].root;
    walk(s, root, -INFINITY, -FOREST_ZERO_MAX);
    add_leaf(s, -FOREST_ZERO_MAX, s->f->nodes[forest_leaf(s->f, tree, s->lanes)].value);
    walk(s, root, nextafter(FOREST_ZERO_MAX, INFINITY), INFINITY);
}

static void sweep_tree(struct sweep *s, uint32_t tree)
{
    s->is_first = true;
    s->largest = 0;
    if (s->zero_is_missing)
        walk_past_zero(s, tree);
    else
        walk(s, s->f->trees[tree].root, -INFINITY, INFINITY);
    s->size += s->largest;
}

/* ---- the whole ---- */

/* Lanes of the input are as for zero, which is where walk_past_zero() reads them. */
static void spread(struct sweep *s, const double *inputs)
{
    const struct forest *f = s->f;
    s->zero_is_missing = false;
    s->lanes[0] = NAN;
    for (uint32_t i = 1; i < f->n_lanes; i++) {
        bool is_its = f->lanes[i].input == s->input;
        s->lanes[i] = forest_seen(f, i, is_its ? 0 : inputs[f->lanes[i].input]);
        s->zero_is_missing |= is_its && forest_zero_is_missing(f->lanes[i].missing);
    }
}

/* n additions of numbers whose sizes sum to `size` are off by less than n * size half-units in the
 * last place (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, 4.2); twice that, for
 * what is of second order, and for the sums that are kept here. */
static double error_of(const struct sweep *s)
{
    double n_forest = (double)s->f->n_trees + 1, n_here = n_forest + s->p->count;
    return 2 * s->size * (n_forest * (s->f->narrows ? 0x1p-24 : 0x1p-53) + n_here * 0x1p-53);
}

bool forest_profile_make(const struct forest *f, const double *inputs, int input, double sum,
                         struct forest_profile *p, int64_t *nodes)
{
    struct sweep s;
    s.f = f;
    s.p = p;
    s.input = input;
    s.sum = sum;
    s.size = fabs(sum);
    s.nodes = *nodes;
    s.is_lost = false;
    spread(&s, inputs);
    p->edges[0] = (struct forest_edge){-INFINITY, 0};
    p->count = 1;
    for (uint32_t i = 0; i < f->n_trees && !s.is_lost; i++)
        sweep_tree(&s, i);
    *nodes = s.nodes > 0 ? s.nodes : 0;
    if (s.is_lost)
        return false;
    p->error = error_of(&s);
    merge(p);
    for (int i = 0; i < p->count; i++)
        p->edges[i].sum = s.sum += p->edges[i].sum;
    return true;
}

int forest_profile_at(const struct forest_profile *p, double x)
{
    int lo = 0, hi = p->count - 1;
    while (lo < hi) {
        int mid = (lo + hi + 1) / 2;
        if (p->edges[mid].from <= x)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}
