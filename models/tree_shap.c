#include "models/tree_shap.h"

#include "models/gauss.h"
#include "service/base/check.h"

enum { WIDE = 2 }; /* points in one go: what every x86-64 and arm64 has vectors for */

#define LEAST_SHARE 1e-290 /* a smaller one moves nothing, and has no inverse */

/* A number for each of some points. */
typedef double pair __attribute__((vector_size(WIDE * sizeof(double))));

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
    pair *factor;  /* o x + z (1 - x); */
    pair *step;    /* the same, over that of the edge before: what the product grew by; */
    pair *product; /* of the factors of all inputs down to here, and the point's weight; */
    pair *below;   /* the sum over the leaves below: leaf * all steps from here to there */
};

struct descent {
    const struct forest *f;
    const double *lanes;
    double *sums;
    int n_inputs;
    int n_pairs; /* of points */
    pair *points;
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

static pair factor_at(const struct edge *e, pair x)
{
    return e->let_row * x + e->let_share * (1 - x);
}

/* The product of the factors of all other inputs on the way to `e`. */
static pair others_at(const struct edge *up, const struct edge *before, bool again, int i)
{
    return again ? up->product[i] / before->factor[i] : up->product[i];
}

/*
 * What an input has of the leaves below its edge `e`: `own`, the integral of the others' factors
 * over them. The edge before it will take these leaves for its own, with the factor that it had:
 * that is `again`, taken off first.
 */
static void credit(struct descent *d, const struct edge *e, pair own, pair again)
{
    const struct edge *before = &d->edges[e->before];
    d->sums[e->input] += (e->let_row - e->let_share) * (own[0] + own[1]) -
                         (before->let_row - before->let_share) * (again[0] + again[1]);
}

static void take_leaf(struct descent *d, const struct edge *up, const struct edge *e)
{
    const struct edge *before = &d->edges[e->before];
    double value = d->f->nodes[e->node].value;
    pair own = {0}, again = {0};
    for (int i = 0; i < d->n_pairs; i++) {
        pair others = others_at(up, before, e->before != 0, i) * value;
        pair step = factor_at(e, d->points[i]);
        if (e->before != 0)
            step /= before->factor[i];
        own += others;
        again += others * step;
        up->below[i] += step * value;
    }
    credit(d, e, own, again);
    d->sums[d->n_inputs] += value * e->share;
}

static void arrive(const struct descent *d, struct edge *e)
{
    e->n_seen = 0;
    e->taken = forest_step(d->f, e->node, d->lanes);
}

static void push(struct descent *d, const struct edge *up, struct edge *e)
{
    const struct edge *before = &d->edges[e->before];
    for (int i = 0; i < d->n_pairs; i++) {
        e->factor[i] = factor_at(e, d->points[i]);
        e->step[i] = e->before != 0 ? e->factor[i] / before->factor[i] : e->factor[i];
        e->product[i] = up->product[i] * e->step[i];
        e->below[i] = (pair){0};
    }
    arrive(d, e);
    d->last[e->input] = ++d->depth;
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
    e->share = up->share * cover;
    e->let_row = e->node == up->taken ? d->edges[e->before].let_row : 0;
    e->let_share = d->edges[e->before].let_share * cover;
    if (e->let_row == 0 && e->let_share < LEAST_SHARE)
        return;
    if (d->f->nodes[e->node].lane == 0)
        take_leaf(d, up, e);
    else
        push(d, up, e);
}

static void go_up(struct descent *d)
{
    const struct edge *e = &d->edges[d->depth--], *up = e - 1, *before = &d->edges[e->before];
    pair own = {0}, again = {0};
    for (int i = 0; i < d->n_pairs; i++) {
        pair others = others_at(up, before, e->before != 0, i) * e->below[i];
        own += others;
        again += others * e->step[i];
        up->below[i] += e->step[i] * e->below[i];
    }
    credit(d, e, own, again);
    d->last[e->input] = e->before;
}

static void explain_tree(struct descent *d, uint32_t root)
{
    struct edge *first = &d->edges[0];
    if (d->f->nodes[root].lane == 0) {
        d->sums[d->n_inputs] += d->f->nodes[root].value;
        return;
    }
    first->node = root;
    arrive(d, first);
    while (d->depth > 0 || first->n_seen < 2)
        if (d->edges[d->depth].n_seen < 2)
            go_down(d);
        else
            go_up(d);
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

static int pairs_for(int deepest, int n_inputs)
{
    int on_a_way = deepest < n_inputs ? deepest : n_inputs;
    int n_points = on_a_way > 0 ? (on_a_way + 1) / 2 : 1;
    return (n_points + WIDE - 1) / WIDE;
}

double tree_shap_cost(const struct forest *f, int n_inputs, uint32_t output)
{
    double nodes = 0;
    for (uint32_t i = 0; i < f->n_trees; i++)
        nodes += f->trees[i].output == output ? f->trees[i].n_nodes : 0;
    return nodes * pairs_for(deepest_of(f), n_inputs) * WIDE;
}

/* By each edge and point pair numbers, and the points before them. */
static void share_out(struct descent *d, pair *pairs, int n_edges)
{
    int n = d->n_pairs;
    d->points = pairs;
    pairs += n;
    for (int i = 0; i < n_edges; i++, pairs += 4 * n) {
        d->edges[i].factor = pairs;
        d->edges[i].step = pairs + n;
        d->edges[i].product = pairs + 2 * n;
        d->edges[i].below = pairs + 3 * n;
    }
}

static void begin_at_roots(struct descent *d)
{
    struct edge *first = &d->edges[0];
    first->share = first->let_row = first->let_share = 1;
    gauss_points(d->n_pairs * WIDE, (double *)d->points, (double *)first->product);
}

static enum status descent_init(struct descent *d, int deepest, struct arena *scratch)
{
    size_t n_edges = (size_t)deepest + 1;
    size_t n_pairs = (4 * n_edges + 1) * (size_t)d->n_pairs;
    void *edges, *last, *pairs;
    enum status st = arena_alloc(scratch, n_edges * sizeof *d->edges, &edges);
    if (st == ST_OK)
        st = arena_alloc(scratch, (size_t)d->n_inputs * sizeof *d->last, &last);
    if (st == ST_OK)
        st = arena_alloc(scratch, n_pairs * sizeof *d->points, &pairs);
    if (st != ST_OK)
        return st;
    d->edges = edges;
    d->last = last;
    share_out(d, pairs, deepest + 1);
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
                        .n_pairs = pairs_for(deepest, n_inputs)};
    if (f->covers == NULL)
        return ST_UNSUPPORTED;
    enum status st = descent_init(&d, deepest, scratch);
    for (uint32_t i = 0; st == ST_OK && i < f->n_trees; i++)
        if (f->trees[i].output == output)
            explain_tree(&d, f->trees[i].root);
    scratch->used_bytes = mark;
    return st;
}
