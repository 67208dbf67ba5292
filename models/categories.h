/*
 * categories.h -- names of an input's categories, and the codes that a model knows them by.
 *
 *     { BE: 0 } { FR: 2 } { NL: 1 }      sorted by name, bytewise
 */
#ifndef SLUICE_MODELS_CATEGORIES_H
#define SLUICE_MODELS_CATEGORIES_H

#include "service/base/span.h"

struct model_category {
    struct span name;
    int code;
};

/* By name: for qsort(). */
int model_category_order(const void *a, const void *b);

/* Among categories[n] in that order; NULL: it is none of them. O(log n). */
const struct model_category *model_category_find(const struct model_category *categories, int n,
                                                 struct span name);

#endif
