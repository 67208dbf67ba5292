/*
 * The functions on lists. Positions are counted from 0.
 *
 * Source: cel-go, ext/lists.go; first() and last() are its optional library's. list.sortBy(x, key)
 * comes here as @sortBy(list, keys), cel_macro.c.
 */
#include "rules/cel_library.h"

#include "rules/cel_ops.h"

static struct cel_value limit(void)
{
    return cel_fault(CEL_ERR_LIMIT);
}

static struct cel_value invalid(const char *why)
{
    return cel_error(CEL_ERR_ARGUMENT, span_str(why));
}

/* Room for `n` values, paid for; NULL: over the limit. */
static struct cel_value *room_for(struct cel_context *cx, size_t n)
{
    return cel_spend(cx, n) ? cel_room(cx, n * sizeof(struct cel_value)) : NULL;
}

static struct cel_value list_over(struct cel_context *cx, struct cel_value *items, size_t count)
{
    struct cel_list *list = items != NULL ? cel_room(cx, sizeof *list) : NULL;
    if (list == NULL)
        return limit();
    *list = (struct cel_list){.count = count, .items = items};
    return cel_list_of(list);
}

/* ---- parts ---------------------------------------------------------------------------------- */

/* list.slice(from, to): a view. */
static struct cel_value slice(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    int64_t from = args[1].i64, to = args[2].i64;
    (void)n_args;
    if (from < 0 || to < from || (uint64_t)to > list->count)
        return cel_fault(CEL_ERR_INDEX);
    if (from == to)
        return cel_list_new(cx, 0);
    return list_over(cx, list->items + from, (size_t)(to - from));
}

static struct cel_value first(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    UNUSED_ARGS;
    return cel_optional_of(list->count > 0 ? &list->items[0] : NULL);
}

static struct cel_value last(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    UNUSED_ARGS;
    return cel_optional_of(list->count > 0 ? &list->items[list->count - 1] : NULL);
}

/* ---- other lists ---------------------------------------------------------------------------- */

/* lists.range(n): 0 .. n - 1 */
static struct cel_value range(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    int64_t n = args[0].i64;
    (void)n_args;
    if (n < 0)
        return invalid("(a list has 0 items or more)");
    struct cel_value *items = room_for(cx, (size_t)n);
    for (int64_t i = 0; i < n && items != NULL; i++)
        items[i] = cel_int(i);
    return list_over(cx, items, (size_t)n);
}

static struct cel_value reverse(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    struct cel_value *items = room_for(cx, list->count);
    (void)n_args;
    for (size_t i = 0; i < list->count && items != NULL; i++)
        items[i] = list->items[list->count - 1 - i];
    return list_over(cx, items, list->count);
}

/* How many items there are one level down; *ret_deeper: is it another list? */
static size_t count_below(const struct cel_list *list, bool *ret_deeper)
{
    size_t n = 0;
    *ret_deeper = false;
    for (size_t i = 0; i < list->count; i++) {
        bool is_list = list->items[i].kind == CEL_LIST;
        n += is_list ? list->items[i].list->count : 1;
        *ret_deeper |= is_list;
    }
    return n;
}

static struct cel_value one_level(struct cel_context *cx, const struct cel_list *list, size_t count)
{
    struct cel_value *items = room_for(cx, count);
    size_t n = 0;
    for (size_t i = 0; i < list->count && items != NULL; i++) {
        const struct cel_value *v = &list->items[i];
        size_t many = v->kind == CEL_LIST ? v->list->count : 1;
        if (many > 0)
            memcpy(items + n, v->kind == CEL_LIST ? v->list->items : v, many * sizeof *items);
        n += many;
    }
    return list_over(cx, items, n);
}

/* list.flatten(), list.flatten(levels); level by level, so that none recurses. */
static struct cel_value flatten(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    struct cel_value v = args[0];
    int64_t levels = n_args > 1 ? args[1].i64 : 1;
    bool deeper = true;
    if (levels < 0)
        return invalid("(lists are flattened by 0 levels or more)");
    for (; levels > 0 && deeper && !cel_is_error(v); levels--) {
        if (!cel_spend(cx, v.list->count))
            return limit();
        size_t count = count_below(v.list, &deeper);
        if (deeper)
            v = one_level(cx, v.list, count);
    }
    return v;
}

/* ---- order ---------------------------------------------------------------------------------- */

/* Why `keys` are in no order: they are of one type that has one. true: they are in one. */
static struct cel_value ordered(const struct cel_value *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int order;
        if (keys[i].kind != keys[0].kind || !cel_order(keys[i], keys[0], &order))
            return cel_fault(CEL_ERR_NO_OVERLOAD);
        if (order == 2 && n > 1)
            return invalid("(NaN has no order)");
    }
    return cel_bool(true);
}

static bool comes_before(struct cel_context *cx, struct cel_value a, struct cel_value b)
{
    int order = 0;
    if (a.kind == CEL_STRING || a.kind == CEL_BYTES)
        cel_spend(cx, a.text.len / 64);
    return cel_order(a, b, &order) && order < 0;
}

/* from[low..mid) and from[mid..high), each in order, to to[low..high). */
static void merge(struct cel_context *cx, const struct cel_value *keys, const uint32_t *from,
                  uint32_t *to, size_t low, size_t mid, size_t high)
{
    size_t a = low, b = mid;
    for (size_t i = low; i < high; i++) {
        bool right = a == mid || (b < high && comes_before(cx, keys[from[b]], keys[from[a]]));
        to[i] = right ? from[b++] : from[a++];
    }
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/*
 * The positions of `keys` in their order; equal ones stay as they were. A merge sort from the
 * bottom: O(n log n) at worst, and it does not recurse. NULL: over the limit.
 */
static const uint32_t *order_of(struct cel_context *cx, const struct cel_value *keys, size_t n)
{
    uint32_t *at = cel_spend(cx, n) ? cel_room(cx, 2 * n * sizeof *at) : NULL;
    if (at == NULL)
        return NULL;
    uint32_t *spare = at + n;
    for (size_t i = 0; i < n; i++)
        at[i] = (uint32_t)i;
    for (size_t width = 1; width < n; width *= 2) {
        if (!cel_spend(cx, n))
            return NULL;
        for (size_t low = 0; low < n; low += 2 * width)
            merge(cx, keys, at, spare, low, least(low + width, n), least(low + 2 * width, n));
        uint32_t *sorted = spare;
        spare = at;
        at = sorted;
    }
    return at;
}

static struct cel_value sorted_by(struct cel_context *cx, const struct cel_list *list,
                                  const struct cel_list *keys)
{
    if (!cel_spend(cx, keys->count))
        return limit();
    struct cel_value order = ordered(keys->items, keys->count);
    if (cel_is_error(order) || keys->count != list->count)
        return cel_is_error(order) ? order : cel_fault(CEL_ERR_NO_OVERLOAD);
    const uint32_t *at = order_of(cx, keys->items, keys->count);
    struct cel_value *items = at != NULL ? room_for(cx, list->count) : NULL;
    for (size_t i = 0; i < list->count && items != NULL; i++)
        items[i] = list->items[at[i]];
    return list_over(cx, items, list->count);
}

static struct cel_value sort(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)n_args;
    return sorted_by(cx, args[0].list, args[0].list);
}

/* @sortBy(list, keys) */
static struct cel_value sort_by(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    (void)n_args;
    return sorted_by(cx, args[0].list, args[1].list);
}

/* Items of mixed types are each looked for among those before: O(n^2). */
static struct cel_value distinct_mixed(struct cel_context *cx, const struct cel_list *list)
{
    struct cel_value *items = room_for(cx, list->count);
    struct cel_list found = {.items = items};
    for (size_t i = 0; i < list->count && items != NULL && cx->steps > 0; i++) {
        if (!cel_list_has(&found, list->items[i], &cx->steps))
            items[found.count++] = list->items[i];
    }
    return list_over(cx, items, found.count);
}

/* Equal ones stand side by side in order, the first of them first. O(n log n). */
static struct cel_value distinct_ordered(struct cel_context *cx, const struct cel_list *list)
{
    const uint32_t *at = order_of(cx, list->items, list->count);
    bool *repeated = at != NULL && cel_spend(cx, list->count) ? cel_room(cx, list->count) : NULL;
    struct cel_value *items = repeated != NULL ? room_for(cx, list->count) : NULL;
    size_t n = 0;
    if (items == NULL)
        return limit();
    for (size_t i = 0; i < list->count; i++)
        repeated[at[i]] = i > 0 && cel_equal(list->items[at[i - 1]], list->items[at[i]], NULL);
    for (size_t i = 0; i < list->count; i++) {
        if (!repeated[i])
            items[n++] = list->items[i];
    }
    return list_over(cx, items, n);
}

static struct cel_value distinct(struct cel_context *cx, const struct cel_value *args, int n_args)
{
    const struct cel_list *list = args[0].list;
    (void)n_args;
    if (!cel_spend(cx, list->count))
        return limit();
    return cel_is_true(ordered(list->items, list->count)) ? distinct_ordered(cx, list)
                                                          : distinct_mixed(cx, list);
}

/* ---- the table ------------------------------------------------------------------------------ */

static const struct cel_type ints = LIST_OF(INT), uints = LIST_OF(UINT), doubles = LIST_OF(DOUBLE),
                             bools = LIST_OF(BOOL), durations = LIST_OF(DURATION),
                             times = LIST_OF(TIME), texts = LIST_OF(STRING), bytes = LIST_OF(BYTES),
                             lists = LIST_OF(LIST), anything = LIST_OF(DYN);

/* For each type whose values have an order. */
#define SORTED(type) \
    METHOD("sort", sort, type, type), FUNCTION("@sortBy", sort_by, LIST, LIST, type)

static const struct cel_func functions[] = {
    SORTED(&ints),
    SORTED(&uints),
    SORTED(&doubles),
    SORTED(&bools),
    SORTED(&durations),
    SORTED(&times),
    SORTED(&texts),
    SORTED(&bytes),
    METHOD("slice", slice, LIST, LIST, INT, INT),
    METHOD("first", first, OPTIONAL_A, LIST),
    METHOD("last", last, OPTIONAL_A, LIST),
    FUNCTION("lists.range", range, &ints, INT),
    METHOD("reverse", reverse, LIST, LIST),
    METHOD("flatten", flatten, LIST, &lists),
    METHOD("flatten", flatten, &anything, &anything, INT),
    METHOD("distinct", distinct, LIST, LIST),
};

LIBRARY(cel_lib_lists, functions);
