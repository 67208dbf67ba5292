#include "models/tree_shap.h"

#include "models/gauss.h"
#include "service/base/check.h"

#include <string.h>

enum { WIDE = 4 }; /* points in one go: the compiler makes vectors of a fixed number */

#define LEAST_SHARE 1e-290 /* a smaller one moves nothing, and has no inverse */

/* One step of the way down, from a split to a child; the first is from nowhere to the root. */
struct edge {
    uint32_t node;  /* where it leads */
    uint32_t taken; /* the child that the row goes to */
    int n_seen;     /* of its children */
    int input;      /* what the split was by */
    int before;     /* the last edge above that was by the same input; 0: there is none */
    double share;   /* of all training rows, that came here */
    /* Of all edges by this input down to here: o and z, and by points, */
    double let_row, let_share;
    double *factor;  /* o x + z (1 - x), */
    double *inverse; /* and its inverse; */
    double *product; /* of the factors of all inputs down to here; */
    double *leaves;  /* the sum of leaf * product over all leaves below */
};

struct descent {
    const struct forest *f;
    const double *lanes;
    double *sums;
    int n_inputs;
    int n_points; /* a multiple of WIDE */
    double *points, *weights;
    struct edge *edges; /* [deepest + 1] */
    int *last;          /* [n_inputs]: the edge down to here that was by it; 0: there is none */
    int depth;
};

/* ---- down ---- */

/* Within 0 and 1, whatever the file says. */
static double cover_share(const struct forest *f, uint32_t split, uint32_t child)
{
    double share = f->covers[child] / f->covers[split];
    if (!(share > 0)) /* 0 / 0 too */
        return 0;
    return share < 1 ? share : 1;
}

static void multiply(struct descent *d, const struct edge *up, struct edge *e)
{
    const double *undo = d->edges[e->before].inverse; /* of the first edge: 1 */
    double o = e->let_row, z = e->let_share;
    for (int i = 0; i < d->n_points; i += WIDE)
        for (int k = i; k < i + WIDE; k++) {
            double factor = o * d->points[k] + z * (1 - d->points[k]);
            e->factor[k] = factor;
            e->inverse[k] = 1 / factor;
            e->product[k] = up->product[k] * undo[k] * factor;
        }
}

static void arrive(struct descent *d, struct edge *e)
{
    const struct forest_node *n = &d->f->nodes[e->node];
    e->n_seen = 0;
    if (n->lane != 0) {
        e->taken = forest_step(d->f, e->node, d->lanes);
        memset(e->leaves, 0, (size_t)d->n_points * sizeof *e->leaves);
        return;
    }
    d->sums[d->n_inputs] += n->value * e->share;
    for (int i = 0; i < d->n_points; i += WIDE)
        for (int k = i; k < i + WIDE; k++)
            e->leaves[k] = n->value * e->product[k];
}

/* Where neither the row nor any training row goes, every product is 0: passed over. */
static void go_down(struct descent *d)
{
    struct edge *up = &d->edges[d->depth], *e = up + 1;
    const struct forest_node *split = &d->f->nodes[up->node];
    double cover;
    e->node = split->left + (uint32_t)up->n_seen++;
    e->input = d->f->lanes[split->lane].input;
    e->before = d->last[e->input];
    cover = cover_share(d->f, up->node, e->node);
    e->let_row = e->node == up->taken ? d->edges[e->before].let_row : 0;
    e->let_share = d->edges[e->before].let_share * cover;
    if (e->let_row == 0 && e->let_share < LEAST_SHARE)
        return;
    e->share = up->share * cover;
    multiply(d, up, e);
    d->last[e->input] = ++d->depth;
    arrive(d, e);
}

/* ---- up ---- */

/* phi of one edge's input over the leaves below `e`, with the factor that `of` had. */
static double integral(const struct descent *d, const struct edge *of, const struct edge *e)
{
    double sums[WIDE] = {0}, sum = 0;
    for (int i = 0; i < d->n_points; i += WIDE)
        for (int k = 0; k < WIDE; k++)
            sums[k] += d->weights[i + k] * e->leaves[i + k] * of->inverse[i + k];
    for (int k = 0; k < WIDE; k++)
        sum += sums[k];
    return (of->let_row - of->let_share) * sum;
}

/* The edge above by the same input will take these leaves for its own: they are taken off first. */
static void go_up(struct descent *d)
{
    struct edge *e = &d->edges[d->depth--], *up = e - 1;
    double phi = integral(d, e, e);
    if (e->before != 0)
        phi -= integral(d, &d->edges[e->before], e);
    d->sums[e->input] += phi;
    d->last[e->input] = e->before;
    for (int i = 0; i < d->n_points; i += WIDE)
        for (int k = i; k < i + WIDE; k++)
            up->leaves[k] += e->leaves[k];
}

static void explain_tree(struct descent *d, uint32_t root)
{
    d->depth = 0;
    d->edges[0].node = root;
    arrive(d, &d->edges[0]);
    while (true) {
        const struct edge *e = &d->edges[d->depth];
        if (d->f->nodes[e->node].lane != 0 && e->n_seen < 2)
            go_down(d);
        else if (d->depth > 0)
            go_up(d);
        else
            return;
    }
}

/* ---- the room for it ---- */

static int deepest_of(const struct forest *f)
{
    int deepest = 0;
    for (uint32_t i = 0; i < f->n_trees; i++)
        deepest = f->trees[i].depth > deepest ? f->trees[i].depth : deepest;
    CHECK(deepest <= FOREST_DEPTH_MAX);
    return deepest;
}

static int points_for(int deepest, int n_inputs)
{
    int on_a_way = deepest < n_inputs ? deepest : n_inputs;
    int n = (on_a_way + 1) / 2;
    return n <= WIDE ? WIDE : (n + WIDE - 1) / WIDE * WIDE;
}

/* By each edge and point four numbers, and the points and weights before them. */
static void share_out(struct descent *d, double *numbers, int n_edges)
{
    size_t n = (size_t)d->n_points;
    d->points = numbers;
    d->weights = numbers + n;
    numbers += 2 * n;
    for (int i = 0; i < n_edges; i++, numbers += 4 * n) {
        d->edges[i].factor = numbers;
        d->edges[i].inverse = numbers + n;
        d->edges[i].product = numbers + 2 * n;
        d->edges[i].leaves = numbers + 3 * n;
    }
}

static void begin_at_roots(struct descent *d)
{
    struct edge *first = &d->edges[0];
    first->share = first->let_row = first->let_share = 1;
    for (int k = 0; k < d->n_points; k++)
        first->factor[k] = first->inverse[k] = first->product[k] = 1;
    gauss_points(d->n_points, d->points, d->weights);
}

static enum status descent_init(struct descent *d, int deepest, struct arena *scratch)
{
    size_t n_edges = (size_t)deepest + 1;
    void *edges, *last, *numbers;
    enum status st = arena_alloc(scratch, n_edges * sizeof *d->edges, &edges);
    if (st == ST_OK)
        st = arena_alloc(scratch, (size_t)d->n_inputs * sizeof *d->last, &last);
    if (st == ST_OK)
        st = arena_alloc(scratch, (4 * n_edges + 2) * (size_t)d->n_points * sizeof(double),
                         &numbers);
    if (st != ST_OK)
        return st;
    d->edges = edges;
    d->last = last;
    share_out(d, numbers, deepest + 1);
    begin_at_roots(d);
    return ST_OK;
}

enum status tree_shap(const struct forest *f, const double *lanes, int n_inputs, uint32_t output,
                      struct arena *scratch, double *sums)
{
    size_t mark = scratch->used_bytes;
    int deepest = deepest_of(f);
    struct descent d = {.f = f,
                        .lanes = lanes,
                        .sums = sums,
                        .n_inputs = n_inputs,
                        .n_points = points_for(deepest, n_inputs)};
    if (f->covers == NULL)
        return ST_UNSUPPORTED;
    enum status st = descent_init(&d, deepest, scratch);
    for (uint32_t i = 0; st == ST_OK && i < f->n_trees; i++)
        if (f->trees[i].output == output)
            explain_tree(&d, f->trees[i].root);
    scratch->used_bytes = mark;
    return st;
}
