/*
 * gauss.h -- Gauss-Legendre quadrature: the integral of a polynomial as a short weighted sum.
 *
 *     integral of p over 0..1  =  sum of weights[i] * p(points[i])     exact to degree 2n - 1
 *
 * Threads: pure.
 */
#ifndef SLUICE_MODELS_GAUSS_H
#define SLUICE_MODELS_GAUSS_H

enum { GAUSS_POINTS_MAX = 128 };

/* Fills points[n], all within 0 and 1, and weights[n], all positive. n is 1 to GAUSS_POINTS_MAX.
 * O(n^2). */
void gauss_points(int n, double *points, double *weights);

#endif
