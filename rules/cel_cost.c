#include "rules/cel_cost.h"

#include <limits.h>

int cel_cost_add(int cost, int times, int steps)
{
    int64_t sum = (int64_t)times * steps + cost;
    return sum > INT_MAX ? INT_MAX : (int)sum;
}

static int64_t elements(const struct cel_node *n);

static int64_t elements_of_call(const struct cel_node *n)
{
    int64_t a, b;
    if (span_is(n->name, "_?_:_")) {
        a = elements(n->args[1]);
        b = elements(n->args[2]);
        return a > b ? a : b;
    }
    return span_is(n->name, "_+_") ? elements(n->args[0]) + elements(n->args[1]) : COST_ELEMENTS;
}

/* At most; that of a constant exactly. */
static int64_t elements(const struct cel_node *n)
{
    switch (n->kind) {
    case CEL_NODE_CONST:
        return n->value.kind == CEL_LIST  ? (int64_t)n->value.list->count
               : n->value.kind == CEL_MAP ? (int64_t)n->value.map->count
                                          : 0;
    case CEL_NODE_LIST:
        return n->n_args;
    case CEL_NODE_MAP:
        return n->n_args / 2;
    case CEL_NODE_LOOP: /* map, filter: no more than they go through */
        return elements(n->loop->range);
    case CEL_NODE_CALL:
        return elements_of_call(n);
    default:
        return COST_ELEMENTS;
    }
}

int cel_cost_times(int times, const struct cel_node *range)
{
    int64_t n = elements(range);
    if (n < 1)
        n = 1;
    return n > INT_MAX / times ? INT_MAX : (int)(times * n);
}
