#include "rules/cel_ops.h"

#include "rules/cel_range.h"
#include "rules/cel_time.h"

#include <math.h>

#define BOTH(a, b, wanted) ((a)->kind == (wanted) && (b)->kind == (wanted))

static struct cel_value no_overload(void)
{
    return cel_fault(CEL_ERR_NO_OVERLOAD);
}

/* ---- arithmetic ----------------------------------------------------------------------------- */

static struct cel_value int_arithmetic(enum cel_arithmetic op, int64_t a, int64_t b)
{
    int64_t v = 0;
    bool overflow = false;
    switch (op) {
    case CEL_ADD:
        overflow = __builtin_add_overflow(a, b, &v);
        break;
    case CEL_SUBTRACT:
        overflow = __builtin_sub_overflow(a, b, &v);
        break;
    case CEL_MULTIPLY:
        overflow = __builtin_mul_overflow(a, b, &v);
        break;
    case CEL_DIVIDE:
    case CEL_MODULO:
        if (b == 0)
            return cel_fault(CEL_ERR_DIVIDE);
        overflow = a == INT64_MIN && b == -1;
        if (!overflow)
            v = op == CEL_DIVIDE ? a / b : a % b;
        break;
    }
    return overflow ? cel_fault(CEL_ERR_OVERFLOW) : cel_int(v);
}

static struct cel_value uint_arithmetic(enum cel_arithmetic op, uint64_t a, uint64_t b)
{
    uint64_t v = 0;
    bool overflow = false;
    switch (op) {
    case CEL_ADD:
        overflow = __builtin_add_overflow(a, b, &v);
        break;
    case CEL_SUBTRACT:
        overflow = __builtin_sub_overflow(a, b, &v);
        break;
    case CEL_MULTIPLY:
        overflow = __builtin_mul_overflow(a, b, &v);
        break;
    case CEL_DIVIDE:
    case CEL_MODULO:
        if (b == 0)
            return cel_fault(CEL_ERR_DIVIDE);
        v = op == CEL_DIVIDE ? a / b : a % b;
        break;
    }
    return overflow ? cel_fault(CEL_ERR_OVERFLOW) : cel_uint(v);
}

__attribute__((no_sanitize("float-divide-by-zero"))) static struct cel_value
double_arithmetic(enum cel_arithmetic op, double a, double b)
{
    switch (op) {
    case CEL_ADD:
        return cel_double(a + b);
    case CEL_SUBTRACT:
        return cel_double(a - b);
    case CEL_MULTIPLY:
        return cel_double(a * b);
    case CEL_DIVIDE:
        return cel_double(a / b); /* IEEE 754: by zero an infinity, or NaN */
    default:
        return no_overload();
    }
}

static struct cel_value joined_text(struct cel_context *cx, const struct cel_value *a,
                                    const struct cel_value *b)
{
    size_t len = a->text.len + b->text.len;
    char *mem = cel_spend(cx, len / 64) ? cel_room(cx, len) : NULL;
    if (mem == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    if (a->text.len > 0)
        memcpy(mem, a->text.base, a->text.len);
    if (b->text.len > 0)
        memcpy(mem + a->text.len, b->text.base, b->text.len);
    struct cel_value v = *a;
    v.text = span_of(mem, len);
    return v;
}

static struct cel_value joined_lists(struct cel_context *cx, const struct cel_value *a,
                                     const struct cel_value *b)
{
    size_t n = a->list->count, m = b->list->count;
    struct cel_value v = cel_spend(cx, n + m) ? cel_list_new(cx, n + m) : no_overload();
    if (cel_is_error(v) || cx->steps <= 0)
        return cel_fault(CEL_ERR_LIMIT);
    for (size_t i = 0; i < n; i++)
        v = cel_list_append(cx, v, &a->list->items[i]);
    for (size_t i = 0; i < m; i++)
        v = cel_list_append(cx, v, &b->list->items[i]);
    return v;
}

static struct cel_value negated_duration(const struct cel_value *d)
{
    return d->i64 == INT64_MIN ? cel_fault(CEL_ERR_RANGE) : cel_duration(-d->i64);
}

static struct cel_value add_other(struct cel_context *cx, const struct cel_value *a,
                                  const struct cel_value *b)
{
    if (BOTH(a, b, CEL_STRING) || BOTH(a, b, CEL_BYTES))
        return joined_text(cx, a, b);
    if (BOTH(a, b, CEL_LIST))
        return joined_lists(cx, a, b);
    if (BOTH(a, b, CEL_DURATION))
        return cel_time_durations(a->i64, b->i64, false);
    if (a->kind == CEL_TIMESTAMP && b->kind == CEL_DURATION)
        return cel_time_shift(*a, *b);
    if (a->kind == CEL_DURATION && b->kind == CEL_TIMESTAMP)
        return cel_time_shift(*b, *a);
    return no_overload();
}

static struct cel_value subtract_other(const struct cel_value *a, const struct cel_value *b)
{
    if (BOTH(a, b, CEL_DURATION))
        return cel_time_durations(a->i64, b->i64, true);
    if (BOTH(a, b, CEL_TIMESTAMP))
        return cel_time_between(*b, *a);
    if (a->kind == CEL_TIMESTAMP && b->kind == CEL_DURATION) {
        struct cel_value back = negated_duration(b);
        return cel_is_error(back) ? back : cel_time_shift(*a, back);
    }
    return no_overload();
}

struct cel_value cel_arithmetic(struct cel_context *cx, enum cel_arithmetic op,
                                const struct cel_value *a, const struct cel_value *b)
{
    if (BOTH(a, b, CEL_INT))
        return int_arithmetic(op, a->i64, b->i64);
    if (BOTH(a, b, CEL_DOUBLE))
        return double_arithmetic(op, a->f64, b->f64);
    if (BOTH(a, b, CEL_UINT))
        return uint_arithmetic(op, a->u64, b->u64);
    if (a->kind == CEL_ERROR)
        return *a;
    if (b->kind == CEL_ERROR)
        return *b;
    if (a->kind == CEL_RANGE || b->kind == CEL_RANGE)
        return cel_range_arithmetic(op, a, b);
    if (op == CEL_ADD)
        return add_other(cx, a, b);
    return op == CEL_SUBTRACT ? subtract_other(a, b) : no_overload();
}

struct cel_value cel_negate(const struct cel_value *a)
{
    switch (a->kind) {
    case CEL_ERROR:
        return *a;
    case CEL_INT:
        return a->i64 == INT64_MIN ? cel_fault(CEL_ERR_OVERFLOW) : cel_int(-a->i64);
    case CEL_DOUBLE:
        return cel_double(-a->f64);
    case CEL_DURATION:
        return negated_duration(a);
    case CEL_RANGE:
        return cel_range_negate(a);
    default:
        return no_overload();
    }
}

/* ---- comparisons by name --------------------------------------------------------------------- */

static const struct {
    enum cel_comparison op;
    const char *function, *sign;
} comparisons[] = {
#define X(name, bits, function, sign) {name, function, sign},
    CEL_COMPARISON_TABLE(X)
#undef X
};

enum { COMPARISONS = sizeof comparisons / sizeof *comparisons };

bool cel_comparison_of(struct span function, enum cel_comparison *ret_op)
{
    for (int i = 0; i < COMPARISONS; i++) {
        if (span_is(function, comparisons[i].function)) {
            *ret_op = comparisons[i].op;
            return true;
        }
    }
    return false;
}

const char *cel_comparison_sign(enum cel_comparison op)
{
    int i = 0;
    while (comparisons[i].op != op)
        i++;
    return comparisons[i].sign;
}

enum cel_comparison cel_comparison_mirrored(enum cel_comparison op)
{
    unsigned less = op & CEL_LESS ? CEL_GREATER : 0, greater = op & CEL_GREATER ? CEL_LESS : 0;
    return (enum cel_comparison)(less | greater |
                                 ((unsigned)op & ~(unsigned)(CEL_LESS | CEL_GREATER)));
}

/* ---- comparison and logic ------------------------------------------------------------------- */

static bool holds_range(const struct cel_value *v)
{
    return v->kind == CEL_OPTIONAL && v->some != NULL && v->some->kind == CEL_RANGE;
}

static struct cel_value equals(struct cel_context *cx, const struct cel_value *a,
                               const struct cel_value *b)
{
    if (a->kind == CEL_RANGE || b->kind == CEL_RANGE)
        return cel_range_equals(a, b);
    if (holds_range(a) || holds_range(b))
        return cel_fault(CEL_ERR_INEXACT);
    return cel_bool(cel_equal(*a, *b, &cx->steps));
}

static struct cel_value orders(enum cel_comparison op, const struct cel_value *a,
                               const struct cel_value *b)
{
    int order;
    if (a->kind == CEL_RANGE || b->kind == CEL_RANGE)
        return cel_range_compare(op, a, b);
    return cel_order(*a, *b, &order) ? cel_bool(cel_holds(op, order)) : no_overload();
}

struct cel_value cel_compare(struct cel_context *cx, enum cel_comparison op,
                             const struct cel_value *a, const struct cel_value *b)
{
    if (a->kind == CEL_ERROR)
        return *a;
    if (b->kind == CEL_ERROR)
        return *b;
    if (op == CEL_EQUAL)
        return equals(cx, a, b);
    if (op != CEL_NOT_EQUAL)
        return orders(op, a, b);
    struct cel_value same = equals(cx, a, b);
    return cel_not(&same);
}

struct cel_value cel_not(const struct cel_value *a)
{
    if (a->kind == CEL_BOOL)
        return cel_bool(!a->flag);
    return a->kind == CEL_ERROR ? *a : no_overload();
}

/* `decisive` is the answer when either side is it; else the first error, else the other one. */
static struct cel_value absorb(const struct cel_value *a, const struct cel_value *b, bool decisive)
{
    if ((a->kind == CEL_BOOL && a->flag == decisive) ||
        (b->kind == CEL_BOOL && b->flag == decisive))
        return cel_bool(decisive);
    if (a->kind == CEL_ERROR)
        return *a;
    if (b->kind == CEL_ERROR)
        return *b;
    return BOTH(a, b, CEL_BOOL) ? cel_bool(!decisive) : no_overload();
}

struct cel_value cel_and(const struct cel_value *a, const struct cel_value *b)
{
    return absorb(a, b, false);
}

struct cel_value cel_or(const struct cel_value *a, const struct cel_value *b)
{
    return absorb(a, b, true);
}

/* ---- lists and maps ------------------------------------------------------------------------- */

struct cel_value cel_in(struct cel_context *cx, const struct cel_value *item,
                        const struct cel_value *in)
{
    if (item->kind == CEL_ERROR)
        return *item;
    if (in->kind == CEL_ERROR)
        return *in;
    if (item->kind == CEL_RANGE)
        return cel_fault(CEL_ERR_INEXACT);
    if (in->kind == CEL_LIST)
        return cel_bool(cel_list_has(in->list, *item, &cx->steps));
    if (in->kind == CEL_MAP)
        return cel_bool(cel_map_get(in->map, *item, &cx->steps) != NULL);
    return no_overload();
}

static struct cel_value list_at(const struct cel_list *list, const struct cel_value *at)
{
    struct cel_value end = cel_uint(list->count);
    struct cel_value zero = cel_int(0);
    int order;
    if (at->kind != CEL_INT && at->kind != CEL_UINT && at->kind != CEL_DOUBLE)
        return cel_fault(CEL_ERR_ARGUMENT);
    if (at->kind == CEL_DOUBLE && !(trunc(at->f64) == at->f64))
        return cel_fault(CEL_ERR_ARGUMENT);
    if (!cel_order(*at, zero, &order) || order < 0 || !cel_order(*at, end, &order) || order >= 0)
        return cel_fault(CEL_ERR_INDEX);
    return list->items[at->kind == CEL_DOUBLE ? (size_t)at->f64 : (size_t)at->u64];
}

struct cel_value cel_some(struct cel_context *cx, struct cel_value v)
{
    struct cel_value *some = cel_room(cx, sizeof *some);
    if (some == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    *some = v;
    return cel_optional_of(some);
}

struct cel_value cel_optional_at(struct cel_context *cx, const struct cel_value *in,
                                 const struct cel_value *key)
{
    if (in->kind == CEL_ERROR)
        return *in;
    if (key->kind == CEL_ERROR)
        return *key;
    if (in->kind == CEL_OPTIONAL) {
        if (in->some == NULL)
            return *in;
        in = in->some;
    }
    struct cel_value v = cel_at(cx, in, key);
    if (cel_is_error(v))
        return v.code == CEL_ERR_NO_KEY || v.code == CEL_ERR_INDEX ? cel_optional_of(NULL) : v;
    return cel_some(cx, v);
}

static struct cel_value no_such_key(const struct cel_value *key)
{
    return cel_error(CEL_ERR_NO_KEY, key->kind == CEL_STRING ? key->text : span_of(NULL, 0));
}

struct cel_value cel_at(struct cel_context *cx, const struct cel_value *in,
                        const struct cel_value *key)
{
    if (in->kind == CEL_ERROR)
        return *in;
    if (key->kind == CEL_ERROR)
        return *key;
    if (key->kind == CEL_RANGE)
        return cel_fault(CEL_ERR_INEXACT);
    if (in->kind == CEL_LIST)
        return list_at(in->list, key);
    if (in->kind == CEL_OPTIONAL)
        return cel_optional_at(cx, in, key);
    if (in->kind != CEL_MAP)
        return no_overload();
    const struct cel_value *v = cel_map_get(in->map, *key, &cx->steps);
    return v ? *v : no_such_key(key);
}

struct cel_value cel_has(struct cel_context *cx, const struct cel_value *in,
                         const struct cel_value *key)
{
    if (in->kind == CEL_ERROR)
        return *in;
    if (in->kind == CEL_OPTIONAL)
        return in->some ? cel_has(cx, in->some, key) : cel_bool(false);
    if (in->kind != CEL_MAP)
        return no_overload();
    return cel_bool(cel_map_get(in->map, *key, &cx->steps) != NULL);
}

/* A list, or a map, with the room behind it: cel_list_append finds it from the list. */
struct list_builder {
    struct cel_list list;
    size_t room;
};

struct map_builder {
    struct cel_map map;
    struct cel_index *index; /* map.index, to be added to; NULL: there are few */
    size_t room;
};

struct cel_value cel_list_new(struct cel_context *cx, size_t room)
{
    struct list_builder *b = cel_room(cx, sizeof *b);
    struct cel_value *items = cel_room(cx, room * sizeof *items);
    if (b == NULL || items == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    *b = (struct list_builder){.list = {.items = items}, .room = room};
    return cel_list_of(&b->list);
}

static bool list_grow(struct cel_context *cx, struct list_builder *b)
{
    size_t room = b->room ? 2 * b->room : 8, count = b->list.count;
    struct cel_value *items = cel_spend(cx, count) ? cel_room(cx, room * sizeof *items) : NULL;
    if (items == NULL)
        return false;
    if (count > 0)
        memcpy(items, b->list.items, count * sizeof *items);
    b->list.items = items;
    b->room = room;
    return true;
}

struct cel_value cel_list_append(struct cel_context *cx, struct cel_value list,
                                 const struct cel_value *item)
{
    if (list.kind == CEL_ERROR)
        return list;
    if (item->kind == CEL_ERROR)
        return *item;
    if (item->kind == CEL_RANGE)
        return cel_fault(CEL_ERR_INEXACT);
    struct list_builder *b = (struct list_builder *)(uintptr_t)list.list; /* from cel_list_new */
    if (b->list.count == b->room && !list_grow(cx, b))
        return cel_fault(CEL_ERR_LIMIT);
    b->list.items[b->list.count++] = *item;
    return list;
}

enum { INDEXED_FROM = 8 }; /* entries: fewer are looked through faster than an index is */

/* An index of the entries that are there, for as many as there is room; false: over the limit. */
static bool map_index(struct cel_context *cx, struct map_builder *b)
{
    bool repeated;
    if (b->room <= INDEXED_FROM)
        return true;
    b->index = cel_spend(cx, b->room / INDEXED_FROM)
                   ? cel_index_new(cx->arena, &b->map.entries->key, b->room, sizeof *b->map.entries)
                   : NULL;
    b->map.index = b->index;
    for (size_t i = 0; i < b->map.count && b->index != NULL; i++)
        cel_index_add(b->index, i, &repeated);
    if (b->index == NULL)
        cx->steps = 0;
    return b->index != NULL;
}

struct cel_value cel_map_new(struct cel_context *cx, size_t room)
{
    struct map_builder *b = cel_room(cx, sizeof *b);
    struct cel_entry *entries = cel_room(cx, room * sizeof *entries);
    if (b == NULL || entries == NULL)
        return cel_fault(CEL_ERR_LIMIT);
    *b = (struct map_builder){.map = {.entries = entries}, .room = room};
    return map_index(cx, b) ? cel_map_of(&b->map) : cel_fault(CEL_ERR_LIMIT);
}

static bool map_grow(struct cel_context *cx, struct map_builder *b)
{
    size_t room = b->room ? 2 * b->room : INDEXED_FROM, count = b->map.count;
    struct cel_entry *entries = cel_spend(cx, count) ? cel_room(cx, room * sizeof *entries) : NULL;
    if (entries == NULL)
        return false;
    if (count > 0)
        memcpy(entries, b->map.entries, count * sizeof *entries);
    b->map.entries = entries;
    b->room = room;
    return map_index(cx, b);
}

static struct cel_value put_entry(struct cel_context *cx, struct map_builder *b,
                                  const struct cel_entry *entry)
{
    bool repeated;
    if (cel_map_get(&b->map, entry->key, &cx->steps) != NULL)
        return cel_fault(CEL_ERR_REPEATED_KEY);
    if (cx->steps <= 0 || (b->map.count == b->room && !map_grow(cx, b)))
        return cel_fault(CEL_ERR_LIMIT);
    b->map.entries[b->map.count] = *entry;
    if (b->index != NULL)
        cel_index_add(b->index, b->map.count, &repeated);
    b->map.count++;
    return cel_map_of(&b->map);
}

struct cel_value cel_map_put(struct cel_context *cx, struct cel_value map,
                             const struct cel_value *key, const struct cel_value *value)
{
    if (map.kind == CEL_ERROR)
        return map;
    if (key->kind == CEL_ERROR || value->kind == CEL_ERROR)
        return key->kind == CEL_ERROR ? *key : *value;
    if (key->kind == CEL_RANGE || value->kind == CEL_RANGE)
        return cel_fault(CEL_ERR_INEXACT);
    if (key->kind != CEL_BOOL && key->kind != CEL_INT && key->kind != CEL_UINT &&
        key->kind != CEL_STRING)
        return cel_fault(CEL_ERR_ARGUMENT);
    struct map_builder *b = (struct map_builder *)(uintptr_t)map.map; /* from cel_map_new */
    return put_entry(cx, b, &(struct cel_entry){*key, *value});
}

struct cel_value cel_list_append_some(struct cel_context *cx, struct cel_value list,
                                      const struct cel_value *item)
{
    if (list.kind == CEL_ERROR || item->kind == CEL_ERROR)
        return list.kind == CEL_ERROR ? list : *item;
    if (item->kind != CEL_OPTIONAL)
        return no_overload();
    return item->some ? cel_list_append(cx, list, item->some) : list;
}

struct cel_value cel_map_put_some(struct cel_context *cx, struct cel_value map,
                                  const struct cel_value *key, const struct cel_value *value)
{
    if (map.kind == CEL_ERROR || key->kind == CEL_ERROR || value->kind == CEL_ERROR)
        return cel_map_put(cx, map, key, value);
    if (value->kind != CEL_OPTIONAL)
        return no_overload();
    return value->some ? cel_map_put(cx, map, key, value->some) : map;
}

struct cel_value cel_map_merge(struct cel_context *cx, struct cel_value map,
                               const struct cel_value *other)
{
    if (map.kind == CEL_ERROR || other->kind == CEL_ERROR)
        return map.kind == CEL_ERROR ? map : *other;
    if (other->kind != CEL_MAP)
        return no_overload();
    for (size_t i = 0; i < other->map->count; i++)
        map = cel_map_put(cx, map, &other->map->entries[i].key, &other->map->entries[i].value);
    return map;
}
