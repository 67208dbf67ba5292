#include "models/linear.h"

#include <math.h>

static double points_of_bin(const struct linear_input *in, double x)
{
    int i = 0;
    while (i < in->n_points - 1 && !(x < in->below[i]))
        i++;
    return in->points[i];
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
        return points_of_bin(in, x);
    case LINEAR_CATEGORIES:
        return points_of_code(in, x);
    default:
        return in->weight * ((x - in->mean) / in->scale);
    }
}

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
