/*
 * sets.*: lists as sets. Members are equal as == has it: 1, 1u and 1.0 are one.
 *
 * Source: cel-go, ext/sets.go.
 */
#include "rules/cel_library.h"

enum quantity { ALL, ANY };

/*
 * Has `list` all, or any, of `items`? O(items * list), or O(items) when the list has an index. Out
 * of steps the answer means nothing, and the run ends.
 */
static struct cel_value has(struct cel_context *cx, const struct cel_list *list,
                            const struct cel_list *items, enum quantity quantity)
{
    if (items->items == NULL && items->count > 0)
        return cel_fault(CEL_ERR_LIMIT); /* too many to go through */
    for (size_t i = 0; i < items->count && cel_spend(cx, 1); i++) {
        if (cel_list_has(list, items->items[i], &cx->steps) == (quantity == ANY))
            return cel_bool(quantity == ANY);
    }
    return cel_bool(quantity == ALL);
}

static struct cel_value contains(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)n_args;
    return has(cx, args[0].list, args[1].list, ALL);
}

static struct cel_value equivalent(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value one = has(cx, args[0].list, args[1].list, ALL);
    (void)n_args;
    return cel_is_true(one) ? has(cx, args[1].list, args[0].list, ALL) : one;
}

/* Whichever has an index is asked: a list of the ruleset, or a constant one. */
static struct cel_value intersects(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *a = args[0].list, *b = args[1].list;
    (void)n_args;
    return a->index != NULL || a->set != NULL ? has(cx, a, b, ANY) : has(cx, b, a, ANY);
}

static const struct cel_func functions[] = {
    FUNCTION("sets.contains", contains, BOOL, LIST, LIST),
    FUNCTION("sets.equivalent", equivalent, BOOL, LIST, LIST),
    FUNCTION("sets.intersects", intersects, BOOL, LIST, LIST),
};

LIBRARY(cel_lib_sets, functions);
