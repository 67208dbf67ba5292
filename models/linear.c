#include "models/linear.h"

#include <math.h>

static int bin_of(const struct linear_input *in, double x)
{
    int i = 0;
    while (i < in->n_points - 1 && !(x < in->below[i]))
        i++;
    return i;
}

static double points_of_code(const struct linear_input *in, double x)
{
    return x >= 0 && x < in->n_points ? in->points[(int)x] : in->other;
}

double linear_adds(const struct linear_input *in, double x)
{
    if (isnan(x))
        return in->missing;
    switch (in->kind) {
    case LINEAR_BINS:
        return in->points[bin_of(in, x)];
    case LINEAR_CATEGORIES:
        return points_of_code(in, x);
    default:
        return in->weight * ((x - in->mean) / in->scale);
    }
}

/* ---- ranges ---- */

struct adds {
    double least, most;
};

static void widen(struct adds *a, double by)
{
    a->least = fmin(a->least, by);
    a->most = fmax(a->most, by);
}

static struct adds adds_of_points(const struct linear_input *in, int first, int last)
{
    struct adds adds = {in->points[first], in->points[first]};
    for (int i = first + 1; i <= last; i++)
        widen(&adds, in->points[i]);
    return adds;
}

static struct adds adds_between(const struct linear_input *in, double lo, double hi)
{
    struct adds adds;
    switch (in->kind) {
    case LINEAR_BINS:
        return adds_of_points(in, bin_of(in, lo), bin_of(in, hi));
    case LINEAR_CATEGORIES:
        adds = adds_of_points(in, 0, in->n_points - 1);
        widen(&adds, in->other);
        return adds;
    default: /* no weight is none for infinity, too */
        adds.least = adds.most = in->weight == 0 ? 0 : linear_adds(in, lo);
        widen(&adds, in->weight == 0 ? 0 : linear_adds(in, hi));
        return adds;
    }
}

bool linear_range(const struct linear *l, const double *lo, const double *hi, double *ret_least,
                  double *ret_most)
{
    double least = 0, most = 0;
    bool may_be_none = false;
    for (int i = 0; i < l->n_inputs; i++) {
        const struct linear_input *in = &l->inputs[i];
        bool is_one = isnan(lo[i]) || lo[i] == hi[i], is_any = isinf(lo[i]) && isinf(hi[i]);
        double by = is_one ? linear_adds(in, lo[i]) : 0;
        struct adds adds = is_one ? (struct adds){by, by} : adds_between(in, lo[i], hi[i]);
        if (is_any && !is_one)
            widen(&adds, in->missing); /* NaN is passed over */
        may_be_none |= is_any && !is_one && isnan(in->missing);
        least += adds.least;
        most += adds.most;
    }
    *ret_least = least;
    *ret_most = most;
    return may_be_none && !isnan(least);
}

/* ---- sums ---- */

double linear_sum(const struct linear *l, const double *inputs)
{
    double sum = 0;
    for (int i = 0; i < l->n_inputs; i++)
        sum += linear_adds(&l->inputs[i], inputs[i]);
    return sum;
}

double linear_neutral(const struct linear *l)
{
    double sum = 0;
    for (int i = 0; i < l->n_inputs; i++)
        sum += l->inputs[i].neutral;
    return sum;
}

void linear_contributions(const struct linear *l, const double *inputs, double *contributions)
{
    for (int i = 0; i < l->n_inputs; i++)
        contributions[i] = linear_adds(&l->inputs[i], inputs[i]) - l->inputs[i].neutral;
}
