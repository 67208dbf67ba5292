#include "models/categories.h"

#include <stdlib.h>

int model_category_order(const void *a, const void *b)
{
    return span_cmp(((const struct model_category *)a)->name,
                    ((const struct model_category *)b)->name);
}

const struct model_category *model_category_find(const struct model_category *categories, int n,
                                                 struct span name)
{
    const struct model_category wanted = {.name = name};
    return bsearch(&wanted, categories, (size_t)n, sizeof wanted, model_category_order);
}
