#include "models/forest_range.h"

#include <math.h>

struct ranging {
    const struct forest *f;
    double lo[FOREST_LANES_MAX], hi[FOREST_LANES_MAX];
    double least, most; /* of one tree */
    int64_t nodes;      /* left */
};

/* ---- lanes ---- */

static void widen(double v, double *lo, double *hi)
{
    *lo = fmin(*lo, v);
    *hi = fmax(*hi, v);
}

static void spread_lane(struct ranging *r, uint32_t lane, double a, double b)
{
    double lo = forest_seen(r->f, lane, a), hi = forest_seen(r->f, lane, b);
    r->lo[lane] = fmin(lo, hi);
    r->hi[lane] = fmax(lo, hi);
    if (isnan(a) || a == b)
        return;
    if (a <= 0 && b >= 0) /* which may be missing, as no other number between them is */
        widen(forest_seen(r->f, lane, 0), &r->lo[lane], &r->hi[lane]);
    widen(forest_taken(r->f, a), &r->lo[lane], &r->hi[lane]);
    widen(forest_taken(r->f, b), &r->lo[lane], &r->hi[lane]);
    if (isinf(a) && isinf(b))
        widen(forest_seen(r->f, lane, NAN), &r->lo[lane], &r->hi[lane]);
}

/* ---- one tree ---- */

static void walk(struct ranging *r, uint32_t at);

/* Both ways, each with what is left of the range. */
static void walk_both(struct ranging *r, const struct forest_node *n)
{
    double lo = r->lo[n->lane], hi = r->hi[n->lane];
    bool is_cut = n->kind == FOREST_BY_THRESHOLD;
    r->hi[n->lane] = is_cut ? nextafter(n->threshold, -INFINITY) : hi;
    walk(r, n->left);
    r->hi[n->lane] = hi;
    r->lo[n->lane] = is_cut ? n->threshold : lo;
    walk(r, n->left + 1);
    r->lo[n->lane] = lo;
}

/* Does the range lie on both sides of the split? Of categories, any range that is more than one. */
static bool is_split(const struct ranging *r, const struct forest_node *n)
{
    double lo = r->lo[n->lane], hi = r->hi[n->lane];
    if (n->kind == FOREST_BY_CATEGORY)
        return lo < hi;
    return lo < n->threshold && hi >= n->threshold;
}

/* As deep as the tree: FOREST_DEPTH_MAX. */
static void walk(struct ranging *r, uint32_t at)
{
    const struct forest_node *nodes = r->f->nodes;
    for (; nodes[at].lane != 0 && r->nodes > 0; r->nodes--) {
        if (is_split(r, &nodes[at])) {
            r->nodes--;
            walk_both(r, &nodes[at]);
            return;
        }
        at = forest_step(r->f, at, r->lo);
    }
    if (nodes[at].lane == 0)
        widen(nodes[at].value, &r->least, &r->most);
}

/* ---- all of them ---- */

bool forest_range(const struct forest *f, const double *lo, const double *hi, double *least,
                  double *most, int64_t *nodes)
{
    struct ranging r; /* 64 KiB, and what is not touched costs nothing */
    r.f = f;
    r.nodes = *nodes;
    r.lo[0] = r.hi[0] = NAN;
    for (uint32_t i = 1; i < f->n_lanes; i++)
        spread_lane(&r, i, lo[f->lanes[i].input], hi[f->lanes[i].input]);
    for (uint32_t i = 0; i < f->n_trees && r.nodes > 0; i++) {
        r.least = INFINITY;
        r.most = -INFINITY;
        walk(&r, f->trees[i].root);
        forest_add(f, &least[f->trees[i].output], r.least);
        forest_add(f, &most[f->trees[i].output], r.most);
    }
    *nodes = r.nodes;
    return r.nodes > 0;
}
