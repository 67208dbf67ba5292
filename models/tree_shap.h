/*
 * tree_shap.h -- how much each input moved the sum of the trees: exact Shapley values.
 *
 * What a tree is worth when only some inputs are known: a split by a known one goes the row's way,
 * any other goes both ways, each by its share of the training rows (path-dependent TreeSHAP:
 * Lundberg, Erion, Lee, arXiv:1802.03888). On the way to a leaf let z_j be the share of rows that
 * the splits by input j let through, and o_j be 1 when they let this row through, else 0. Then
 *
 *     phi_i = leaf * (o_i - z_i) * integral over x in 0..1 of prod_(j != i) (o_j x + z_j (1 - x))
 *
 * because the integral of x^s (1-x)^(d-1-s) is s! (d-1-s)! / d!, Shapley's weight of a set of s.
 * The product is a polynomial of degree d - 1, so d/2 points of Gauss-Legendre give it exactly
 * (gauss.h). At one point it is one number that is multiplied on the way down, and the sums of
 * leaves come up, as in Linear TreeSHAP (Yu et al., arXiv:2209.08192) without its polynomials.
 * Nothing is unwound, so no digits are lost in deep trees.
 *
 * Threads: pure; the scratch is the caller's.
 */
#ifndef SLUICE_MODELS_TREE_SHAP_H
#define SLUICE_MODELS_TREE_SHAP_H

#include "models/forest.h"

/* The nodes of the trees of `output`, each as often as it has points: some 4 ns each. O(trees). */
double tree_shap_cost(const struct forest *f, int n_inputs, uint32_t output);

/*
 * Adds to sums[n_inputs + 1] how much each input moved the sum of the trees of `output`, and, in
 * the last, what that sum is when no input is known; together they are what forest_sum gives.
 * `lanes` is the row as forest_spread left it. A node that no training row came to counts for
 * nothing, unless the row itself goes there. The scratch is given back: under 2 KiB at depth 6,
 * 6 KiB at depth 16, 1.1 MiB at the deepest there may be, and 4 bytes an input.
 * O(tree_shap_cost), points being half of the depth, or of n_inputs if that is less: 200 trees of
 * depth 6 take 0.3 ms.
 * Errors: ST_UNSUPPORTED: the forest has no covers. ST_NO_SPACE.
 */
MUST_USE enum status tree_shap(const struct forest *f, const double *lanes, int n_inputs,
                               uint32_t output, struct arena *scratch, double *sums);

#endif
