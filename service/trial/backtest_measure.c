#include "service/trial/backtest_measure.h"

#include "service/trial/long_sort.h"

#include <stdlib.h>

#define DAY_MS 86400000.0

static void add_money(int64_t *sum, int64_t e4)
{
    if (__builtin_add_overflow(*sum, e4, sum))
        *sum = e4 < 0 ? INT64_MIN : INT64_MAX;
}

static bool is_fraud(const struct ruling *e)
{
    return e->truth == TRUTH_FRAUD;
}

/* ---- counts ---- */

static void count(struct measure_counts *c, const struct ruling *e)
{
    bool fraud = is_fraud(e);
    c->transactions++;
    c->flagged += e->flagged;
    c->labelled += e->truth != TRUTH_UNKNOWN;
    c->frauds += fraud;
    c->caught += fraud && e->flagged;
    if (fraud)
        add_money(&c->fraud_e4, e->amount_e4);
    if (e->flagged)
        add_money(fraud ? &c->stopped_e4 : &c->disturbed_e4, e->amount_e4);
}

static void count_rules(struct measure_rule *rules, const struct ruling *e, const uint16_t *fired)
{
    bool fraud = is_fraud(e), alone = e->n_fired == 1;
    for (int i = 0; i < e->n_fired; i++) {
        struct measure_rule *r = &rules[fired[i]];
        r->fired++;
        r->frauds += fraud;
        r->alone += alone;
        r->alone_frauds += alone && fraud;
        add_money(fraud ? &r->caught_e4 : &r->disturbed_e4, e->amount_e4);
    }
}

/* ---- the curve ---- */

struct scored {
    double score;
    int64_t amount_e4;
    bool is_fraud;
};

static int by_score_down(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->score < y->score) - (x->score > y->score);
}

static double lowest_score(const struct rulings *r)
{
    double lowest = INFINITY;
    for (size_t i = 0; i < r->n_entries; i++)
        if (r->entries[i].score < lowest)
            lowest = r->entries[i].score;
    return lowest;
}

/* All above the lowest score, highest first: most of a history has the lowest, which is one step
 * that needs no sorting. */
static size_t collect(const struct rulings *r, double lowest, struct scored *out)
{
    size_t n = 0;
    for (size_t i = 0; i < r->n_entries; i++) {
        const struct ruling *e = &r->entries[i];
        if (e->score > lowest)
            out[n++] = (struct scored){e->score, e->amount_e4, is_fraud(e)};
    }
    return n;
}

/* The walk from the highest score down, a step a score. */
struct walk {
    struct measure *m;
    struct measure_point at, before;
    double precision_sum, roc_sum;
};

/* A chart needs no two points nearer than this share of what is flagged. */
static bool is_worth_a_point(const struct measure *m, const struct measure_point *at)
{
    if (m->n_points == 0)
        return true;
    double last = (double)m->points[m->n_points - 1].flagged;
    return (double)at->flagged >= last * 1.1 + 1 || m->n_points < MEASURE_POINTS_MAX / 4;
}

static void end_step(struct walk *w)
{
    uint64_t caught = w->at.caught - w->before.caught;
    uint64_t wrong = w->at.flagged - w->before.flagged - caught;
    w->precision_sum += (double)caught * (double)w->at.caught / (double)w->at.flagged;
    w->roc_sum += (double)wrong * ((double)w->before.caught + (double)caught / 2);
    if (w->m->n_points < MEASURE_POINTS_MAX - 1 && is_worth_a_point(w->m, &w->at))
        w->m->points[w->m->n_points++] = w->at;
    w->before = w->at;
}

static void walk_down(struct walk *w, const struct scored *scored, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        w->at.score = scored[i].score;
        w->at.flagged++;
        if (scored[i].is_fraud) {
            w->at.caught++;
            add_money(&w->at.stopped_e4, scored[i].amount_e4);
        }
        if (i + 1 == n || scored[i + 1].score < scored[i].score)
            end_step(w);
    }
}

/* Everything, at the lowest score: always a point. */
static void last_step(struct walk *w, double lowest)
{
    const struct measure_counts *c = &w->m->counts;
    struct measure_point all = {lowest, c->transactions, c->frauds, c->fraud_e4};
    w->at = all;
    int n = w->m->n_points;
    end_step(w);
    if (w->m->n_points == n)
        w->m->points[w->m->n_points++] = all;
}

/* The curve of m->counts: those above the lowest score, `scored`, are sorted here. */
static enum status draw(struct scored *scored, size_t n, double lowest, const struct patience *p,
                        struct measure *m)
{
    struct walk w = {.m = m};
    enum status st = long_sort(scored, n, sizeof *scored, by_score_down, p);
    if (st != ST_OK)
        return st;
    walk_down(&w, scored, n);
    last_step(&w, lowest);
    double frauds = (double)m->counts.frauds;
    double others = (double)m->counts.transactions - frauds;
    if (frauds > 0)
        m->average_precision = w.precision_sum / frauds;
    if (frauds > 0 && others > 0)
        m->auc_roc = w.roc_sum / (frauds * others);
    return ST_OK;
}

static enum status measure_curve(const struct rulings *r, const struct patience *p,
                                 struct measure *m)
{
    double lowest = lowest_score(r);
    m->auc_roc = m->average_precision = (double)NAN;
    if (r->n_entries == 0)
        return ST_OK;
    struct scored *scored = malloc(r->n_entries * sizeof *scored);
    if (scored == NULL)
        return ST_NO_SPACE;
    enum status st = draw(scored, collect(r, lowest, scored), lowest, p, m);
    free(scored);
    return st;
}

/* ---- models ---- */

/* What a model scored, and the least of it. */
static size_t collect_model(const struct rulings *r, int model, double threshold,
                            struct scored *out, double *ret_lowest, struct measure_model *m)
{
    size_t n = 0;
    *ret_lowest = INFINITY;
    for (size_t i = 0; i < r->n_entries; i++) {
        const struct ruling *e = &r->entries[i];
        double score = r->scores[i * (size_t)r->n_models + (size_t)model];
        if (isnan(score))
            continue;
        out[n++] = (struct scored){score, e->amount_e4, is_fraud(e)};
        m->frauds += is_fraud(e);
        m->above += score >= threshold;
        m->caught += score >= threshold && is_fraud(e);
        *ret_lowest = score < *ret_lowest ? score : *ret_lowest;
    }
    m->scored = n;
    m->missing = r->n_entries - n;
    return n;
}

/* The nearest rank, of scores from the highest down. */
static double percentile(const struct scored *down, size_t n, double share)
{
    if (n == 0)
        return (double)NAN;
    size_t rank = (size_t)ceil(share * (double)n);
    return down[n - (rank > 0 ? rank : 1)].score;
}

/* As the curve of the rules' scores is, over what the model scored. `scored` has room for all. */
static enum status measure_model(const struct rulings *r, int model, double threshold,
                                 struct scored *scored, const struct patience *p,
                                 struct measure_model *m)
{
    double lowest;
    size_t n = collect_model(r, model, threshold, scored, &lowest, m);
    struct measure curve = {.auc_roc = (double)NAN, .average_precision = (double)NAN};
    curve.counts.transactions = n;
    curve.counts.frauds = m->frauds;
    enum status st = long_sort(scored, n, sizeof *scored, by_score_down, p);
    if (st != ST_OK)
        return st;
    m->median = percentile(scored, n, 0.5);
    m->p95 = percentile(scored, n, 0.95);
    m->p99 = percentile(scored, n, 0.99);
    while (n > 0 && scored[n - 1].score <= lowest)
        n--; /* those with the lowest are the last step */
    st = m->scored > 0 ? draw(scored, n, lowest, p, &curve) : ST_OK;
    m->auc_roc = curve.auc_roc;
    m->average_precision = curve.average_precision;
    return st;
}

static enum status measure_models(const struct rulings *r, const double *thresholds,
                                  const struct patience *p, struct measure *m)
{
    struct scored *scored = malloc((r->n_entries + 1) * sizeof *scored);
    enum status st = ST_OK;
    m->models = calloc((size_t)r->n_models + 1, sizeof *m->models);
    m->n_models = r->n_models;
    if (scored == NULL || m->models == NULL)
        st = ST_NO_SPACE;
    for (int i = 0; i < r->n_models && st == ST_OK; i++)
        st = measure_model(r, i, thresholds[i], scored, p, &m->models[i]);
    free(scored);
    return st;
}

/* ---- the whole ---- */

static double days_of(const struct rulings *r)
{
    double days = r->n_entries == 0 ? 0 : (double)(r->last_ms - r->first_ms) / DAY_MS;
    return days < 1 ? 1 : days;
}

static enum status count_all(const struct rulings *r, const struct patience *p, struct measure *m)
{
    const uint16_t *fired = r->fired;
    for (size_t i = 0; i < r->n_entries; i++) {
        if (patience_ends(p, i))
            return ST_CONFLICT;
        count(&m->counts, &r->entries[i]);
        count_rules(m->rules, &r->entries[i], fired);
        fired += r->entries[i].n_fired;
    }
    return ST_OK;
}

enum status measure_rulings(const struct rulings *r, int n_rules, const double *thresholds,
                            const struct patience *p, struct measure *ret_measure)
{
    struct measure m = {.n_rules = n_rules, .days = days_of(r)};
    m.rules = calloc((size_t)n_rules + 1, sizeof *m.rules);
    if (m.rules == NULL)
        return ST_NO_SPACE;
    enum status st = count_all(r, p, &m);
    if (st == ST_OK)
        st = measure_curve(r, p, &m);
    if (st == ST_OK && r->n_models > 0)
        st = measure_models(r, thresholds, p, &m);
    if (st == ST_OK)
        *ret_measure = m;
    else
        measure_fini(&m);
    return st;
}

void measure_fini(struct measure *m)
{
    free(m->rules);
    free(m->models);
    *m = (struct measure){0};
}

/* ---- two of them ---- */

static void share(struct measure_shares *s, const struct ruling *e)
{
    s->transactions++;
    s->frauds += is_fraud(e);
    if (is_fraud(e))
        add_money(&s->fraud_e4, e->amount_e4);
}

struct measure_overlap measure_overlap_of(const struct rulings *a, const struct rulings *b)
{
    struct measure_overlap o = {0};
    size_t i = 0, j = 0;
    while (i < a->n_entries && j < b->n_entries) {
        const struct ruling *x = &a->entries[i], *y = &b->entries[j];
        if (x->event == y->event && x->flagged && y->flagged)
            share(&o.both, x);
        else if (x->event == y->event && x->flagged)
            share(&o.only_a, x);
        else if (x->event == y->event && y->flagged)
            share(&o.only_b, y);
        i += x->event <= y->event;
        j += y->event <= x->event;
    }
    return o;
}
