#include "service/trial/drift.h"

static const double deviations = 3.5; /* one in 2,000 predictions is further off, by chance */

/* ---- arithmetic ---- */

void drift_wilson(uint64_t x, uint64_t n, double *ret_low, double *ret_high)
{
    double z2 = deviations * deviations, count = (double)n;
    double rate = (double)x / count;
    double middle = (rate + z2 / (2 * count)) / (1 + z2 / count);
    double half =
        deviations / (1 + z2 / count) * sqrt(rate * (1 - rate) / count + z2 / (4 * count * count));
    *ret_low = middle - half > 0 ? middle - half : 0;
    *ret_high = middle + half < 1 ? middle + half : 1;
}

static double log_beta(double a, double b)
{
    return lgamma(a) + lgamma(b) - lgamma(a + b);
}

/* ln of p^x (1-p)^(n-x); 0 ln 0 is 0. */
static double log_likelihood(double x, double n, double p)
{
    double hits = x > 0 ? x * log(p) : 0;
    double misses = n > x ? (n - x) * log1p(-p) : 0;
    return hits + misses;
}

/* The likelihood has one peak, at x/n: the largest allowed one is there, or at the nearer edge. */
static double clamp(double p, double low, double high)
{
    if (p < low)
        return low;
    return p > high ? high : p;
}

double drift_log_evidence(uint64_t x, uint64_t n, double low, double high)
{
    double hits = (double)x, count = (double)n;
    double best = clamp(hits / count, low, high);
    double mixture = log_beta(hits + 0.5, count - hits + 0.5) - log_beta(0.5, 0.5);
    return mixture - log_likelihood(hits, count, best);
}

/* ---- looking ---- */

/* One rate that is watched. */
struct watched {
    const struct rule *rule; /* NULL: the flag rate */
    uint64_t predicted, live;
};

static bool has_left(const struct drift *d, const struct gate_rates *live, const struct watched *w,
                     int n_watched)
{
    double low, high;
    drift_wilson(w->predicted, d->predicted.transactions, &low, &high);
    low /= 1 + d->change;
    high = fmin(1, high * (1 + d->change));
    return drift_log_evidence(w->live, live->transactions, low, high) >
           log(n_watched / DRIFT_ALPHA);
}

static void put_share(struct text *out, uint64_t part, uint64_t whole)
{
    text_printf(out, "%.3g %%", 100 * (double)part / (double)whole);
}

static void tell(const struct drift *d, const struct gate_rates *live, const struct watched *w,
                 struct drift_finding *f)
{
    struct text out;
    text_init(&out, f->words, sizeof f->words - 1);
    if (w->rule == NULL)
        text_str(&out, "flags ");
    else
        text_printf(&out, "rule %.*s fires on ", SPAN_ARG(w->rule->id));
    put_share(&out, w->live, live->transactions);
    text_printf(&out, " of %llu live transactions, the gate predicted ",
                (unsigned long long)live->transactions);
    put_share(&out, w->predicted, d->predicted.transactions);
    text_printf(&out, "; the bound is %.3g %% more or less", d->change * 100);
    out.base[out.len] = '\0';
}

static int count_watched(const struct drift *d)
{
    int n = 1;
    for (int i = 0; i < d->rules->count; i++)
        n += d->rules->rules[i]->mode == RULE_LIVE;
    return n;
}

static bool look_at(const struct drift *d, const struct gate_rates *live, const struct watched *w,
                    int n_watched, struct drift_finding *f)
{
    f->is_beyond = has_left(d, live, w, n_watched);
    if (f->is_beyond)
        tell(d, live, w, f);
    return f->is_beyond;
}

struct drift_finding drift_look(const struct drift *d, const struct gate_rates *live)
{
    struct drift_finding f = {.is_beyond = false};
    struct watched flags = {NULL, d->predicted.flagged, live->flagged};
    if (live->transactions < DRIFT_EVENTS_MIN)
        return f;
    int n = count_watched(d);
    if (look_at(d, live, &flags, n, &f))
        return f;
    for (int i = 0; i < d->rules->count; i++) {
        struct watched w = {d->rules->rules[i], d->predicted.fired[i], live->fired[i]};
        if (w.rule->mode == RULE_LIVE && look_at(d, live, &w, n, &f))
            return f;
    }
    return f;
}
