#include "models/gauss.h"

#include "service/base/check.h"

#include <math.h>

enum { STEPS = 6 }; /* of Newton's: from the first guess each one doubles the digits, so 4 do */

/* Legendre's polynomial of degree n at x by its three-term recurrence, and its derivative. */
static double legendre(int n, double x, double *ret_slope)
{
    double before = 1, p = x;
    for (int k = 2; k <= n; k++) {
        double next = ((2 * k - 1) * x * p - (k - 1) * before) / k;
        before = p;
        p = next;
    }
    *ret_slope = n * (x * p - before) / (x * x - 1);
    return p;
}

/* The points are the zeros of that polynomial, moved from -1..1 to 0..1. */
void gauss_points(int n, double *points, double *weights)
{
    CHECK(n >= 1 && n <= GAUSS_POINTS_MAX);
    for (int i = 0; i < n; i++) {
        double slope = 0, x = cos(M_PI * (i + 0.75) / (n + 0.5));
        for (int k = 0; k < STEPS; k++) {
            double p = legendre(n, x, &slope);
            x -= p / slope;
        }
        legendre(n, x, &slope);
        points[i] = (1 - x) / 2;
        weights[i] = 1 / ((1 - x * x) * slope * slope);
    }
}
