#include "rules/cel_value.h"

#include <arpa/inet.h>
#include <math.h>

enum { HASHED_A_STEP = 16 }; /* bytes */

struct cel_index {
    const char *values;
    size_t stride;
    uint32_t mask;   /* slots - 1; slots are a power of two */
    uint32_t *slots; /* 0: free, else the value's number + 1 */
};

struct cel_value cel_timestamp_ms(int64_t unix_ms)
{
    int64_t s = unix_ms / 1000, ms = unix_ms % 1000;
    if (ms < 0) {
        s--;
        ms += 1000;
    }
    return cel_timestamp(s, (int32_t)ms * 1000000);
}

struct cel_value cel_range_int(int64_t lo, int64_t hi)
{
    if (lo == hi)
        return cel_int(lo);
    return (struct cel_value){.kind = CEL_RANGE, .is_int = true, .lo_i64 = lo, .hi_i64 = hi};
}

struct cel_value cel_range_double(double lo, double hi)
{
    if (lo == hi)
        return cel_double(lo);
    return (struct cel_value){.kind = CEL_RANGE, .lo = lo, .hi = hi};
}

struct span cel_kind_name(enum cel_kind kind)
{
    static const char *const names[] = {
        [CEL_MISSING] = "missing",
        [CEL_NULL] = "null_type",
        [CEL_BOOL] = "bool",
        [CEL_INT] = "int",
        [CEL_UINT] = "uint",
        [CEL_DOUBLE] = "double",
        [CEL_STRING] = "string",
        [CEL_BYTES] = "bytes",
        [CEL_TIMESTAMP] = "google.protobuf.Timestamp",
        [CEL_DURATION] = "google.protobuf.Duration",
        [CEL_LIST] = "list",
        [CEL_MAP] = "map",
        [CEL_TYPE] = "type",
        [CEL_OPTIONAL] = "optional_type",
        [CEL_IP] = "net.IP",
        [CEL_CIDR] = "net.CIDR",
        [CEL_RANGE] = "range",
        [CEL_HANDLE] = "handle",
        [CEL_ERROR] = "error",
    };
    return span_str(names[kind]);
}

/* ---- as text ------------------------------------------------------------------------------ */

void cel_error_write(struct cel_value v, struct text *out)
{
    static const char *const texts[] = {
#define X(name, text) [name] = text,
        CEL_ERROR_TABLE(X)
#undef X
    };
    text_str(out, texts[v.code]);
    if (v.text.len > 0) {
        text_char(out, ' ');
        text_put(out, v.text);
    }
}

static void write_list(const struct cel_list *list, struct text *out)
{
    text_char(out, '[');
    for (size_t i = 0; i < list->count && !out->overflow; i++) {
        text_str(out, i ? ", " : "");
        cel_value_write(list->items[i], out);
    }
    text_char(out, ']');
}

static void write_map(const struct cel_map *map, struct text *out)
{
    text_char(out, '{');
    for (size_t i = 0; i < map->count && !out->overflow; i++) {
        text_str(out, i ? ", " : "");
        cel_value_write(map->entries[i].key, out);
        text_str(out, ": ");
        cel_value_write(map->entries[i].value, out);
    }
    text_char(out, '}');
}

static void write_range(struct cel_value v, struct text *out)
{
    if (v.is_int) {
        text_i64(out, v.lo_i64);
        text_str(out, "..");
        text_i64(out, v.hi_i64);
    } else {
        text_double(out, v.lo);
        text_str(out, "..");
        text_double(out, v.hi);
    }
}

static void write_timestamp(struct cel_value v, struct text *out)
{
    text_time_ms(out, v.i64 * 1000 + v.nanos / 1000000);
}

/* Seconds, as duration() reads them: "1.5s". */
static void write_duration(struct cel_value v, struct text *out)
{
    text_fixed(out, v.i64, 1000000000);
    text_char(out, 's');
}

static void write_optional(struct cel_value v, struct text *out)
{
    text_str(out, v.some ? "optional.of(" : "optional.none()");
    if (v.some != NULL) {
        cel_value_write(*v.some, out);
        text_char(out, ')');
    }
}

/* ::102:304, which inet_ntop writes as an IPv4 address in it, ::1.2.3.4; nobody reads it so. */
static bool looks_compatible(struct cel_value v)
{
    static const uint8_t zero[12];
    return v.code == 6 && memcmp(v.ip, zero, sizeof zero) == 0 && (v.ip[12] | v.ip[13]) != 0;
}

/* RFC 5952: the one spelling of an address; a network with "/" and its prefix's length. */
static void write_network(struct cel_value v, struct text *out)
{
    char buf[INET6_ADDRSTRLEN];
    if (looks_compatible(v))
        text_printf(out, "::%x:%x", v.ip[12] << 8 | v.ip[13], v.ip[14] << 8 | v.ip[15]);
    else
        text_str(out, inet_ntop(v.code == 4 ? AF_INET : AF_INET6, v.ip, buf, sizeof buf));
    if (v.kind == CEL_CIDR)
        text_printf(out, "/%d", (int)v.nanos);
}

void cel_value_write(struct cel_value v, struct text *out)
{
    switch ((enum cel_kind)v.kind) {
    case CEL_MISSING:
    case CEL_ERROR:
    case CEL_HANDLE:
        text_char(out, '?');
        break;
    case CEL_NULL:
        text_str(out, "null");
        break;
    case CEL_BOOL:
        text_str(out, v.flag ? "true" : "false");
        break;
    case CEL_INT:
        text_i64(out, v.i64);
        break;
    case CEL_UINT:
        text_printf(out, "%llu", (unsigned long long)v.u64);
        break;
    case CEL_DOUBLE:
        text_double(out, v.f64);
        break;
    case CEL_STRING:
    case CEL_TYPE:
        text_put(out, v.text);
        break;
    case CEL_BYTES:
        text_hex_bytes(out, v.text.base, v.text.len);
        break;
    case CEL_TIMESTAMP:
        write_timestamp(v, out);
        break;
    case CEL_DURATION:
        write_duration(v, out);
        break;
    case CEL_LIST:
        write_list(v.list, out);
        break;
    case CEL_MAP:
        write_map(v.map, out);
        break;
    case CEL_OPTIONAL:
        write_optional(v, out);
        break;
    case CEL_IP:
    case CEL_CIDR:
        write_network(v, out);
        break;
    case CEL_RANGE:
        write_range(v, out);
        break;
    }
}

/* ---- order and equality ------------------------------------------------------------------- */

static bool is_number(struct cel_value v)
{
    return v.kind == CEL_INT || v.kind == CEL_UINT || v.kind == CEL_DOUBLE;
}

static double double_of(struct cel_value v)
{
    return v.kind == CEL_INT ? (double)v.i64 : v.kind == CEL_UINT ? (double)v.u64 : v.f64;
}

/* With a double, as doubles: 2^63 is then the greatest int, as the conformance tests have it. */
static int order_doubles(double x, double y)
{
    if (isnan(x) || isnan(y))
        return 2;
    return (x > y) - (x < y);
}

static int order_numbers(struct cel_value a, struct cel_value b)
{
    if (a.kind == CEL_DOUBLE || b.kind == CEL_DOUBLE)
        return order_doubles(double_of(a), double_of(b));
    bool a_negative = a.kind == CEL_INT && a.i64 < 0, b_negative = b.kind == CEL_INT && b.i64 < 0;
    if (a_negative != b_negative)
        return a_negative ? -1 : 1;
    return (a.u64 > b.u64) - (a.u64 < b.u64); /* two's complement: in order below zero too */
}

static int order_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int sign(int v)
{
    return (v > 0) - (v < 0);
}

bool cel_order(struct cel_value a, struct cel_value b, int *ret_order)
{
    if (is_number(a) && is_number(b)) {
        *ret_order = order_numbers(a, b);
        return true;
    }
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case CEL_BOOL:
        *ret_order = (int)a.flag - (int)b.flag;
        return true;
    case CEL_STRING: /* UTF-8: byte order is code point order */
    case CEL_BYTES:
        *ret_order = sign(span_cmp(a.text, b.text));
        return true;
    case CEL_DURATION:
        *ret_order = order_i64(a.i64, b.i64);
        return true;
    case CEL_TIMESTAMP:
        *ret_order = a.i64 != b.i64 ? order_i64(a.i64, b.i64) : order_i64(a.nanos, b.nanos);
        return true;
    default:
        return false;
    }
}

static bool spend(int64_t *steps, size_t n)
{
    if (steps == NULL)
        return true;
    *steps -= (int64_t)n;
    return *steps > 0;
}

static bool lists_equal(const struct cel_list *a, const struct cel_list *b, int64_t *steps)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!spend(steps, 1) || !cel_equal(a->items[i], b->items[i], steps))
            return false;
    }
    return true;
}

static bool maps_equal(const struct cel_map *a, const struct cel_map *b, int64_t *steps)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        const struct cel_value *other = cel_map_get(b, a->entries[i].key, steps);
        if (other == NULL || !cel_equal(a->entries[i].value, *other, steps))
            return false;
    }
    return true;
}

bool cel_equal(struct cel_value a, struct cel_value b, int64_t *steps)
{
    int order;
    if (cel_order(a, b, &order)) {
        spend(steps, a.kind == CEL_STRING || a.kind == CEL_BYTES ? a.text.len / 64 : 0);
        return order == 0;
    }
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case CEL_NULL:
        return true;
    case CEL_TYPE:
        return span_eq(a.text, b.text);
    case CEL_LIST:
        return lists_equal(a.list, b.list, steps);
    case CEL_MAP:
        return maps_equal(a.map, b.map, steps);
    case CEL_OPTIONAL:
        return a.some == NULL || b.some == NULL ? a.some == b.some
                                                : cel_equal(*a.some, *b.some, steps);
    case CEL_IP:
    case CEL_CIDR:
        return a.code == b.code && a.nanos == b.nanos && memcmp(a.ip, b.ip, sizeof a.ip) == 0;
    default:
        return false;
    }
}

/* ---- the index ---------------------------------------------------------------------------- */

/* FNV-1a. The content of an index is its author's, and its size fixed: no flooding to fear. */
static uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return h ^ (h >> 32);
}

/* Numbers that are equal, whatever their types, are the same double. */
static uint64_t hash_number(struct cel_value v)
{
    double d = double_of(v) + 0.0; /* not -0 */
    return hash_bytes(CEL_DOUBLE, &d, sizeof d);
}

static bool hash_value(struct cel_value v, uint64_t *ret_hash)
{
    if (is_number(v))
        *ret_hash = hash_number(v);
    else if (v.kind == CEL_STRING || v.kind == CEL_BYTES)
        *ret_hash = hash_bytes(v.kind, v.text.base, v.text.len);
    else if (v.kind == CEL_BOOL)
        *ret_hash = hash_bytes(v.kind, &v.flag, sizeof v.flag);
    else
        return false;
    return true;
}

static const struct cel_value *indexed(const struct cel_index *ix, size_t i)
{
    return (const struct cel_value *)(const void *)(ix->values + i * ix->stride);
}

/* Where `v` stands in the slots, or the free slot where it would. */
static uint32_t index_slot(const struct cel_index *ix, struct cel_value v, uint64_t hash)
{
    uint32_t at = (uint32_t)hash & ix->mask;
    while (ix->slots[at] != 0 && !cel_equal(*indexed(ix, ix->slots[at] - 1), v, NULL))
        at = (at + 1) & ix->mask;
    return at;
}

struct cel_index *cel_index_new(struct arena *arena, const void *values, size_t room, size_t stride)
{
    uint32_t n_slots = 4;
    while (n_slots < 2 * room)
        n_slots *= 2;
    void *mem = NULL, *slots = NULL;
    if (arena_alloc(arena, sizeof(struct cel_index), &mem) != ST_OK ||
        arena_alloc(arena, n_slots * sizeof(uint32_t), &slots) != ST_OK)
        return NULL;
    struct cel_index *ix = mem;
    *ix = (struct cel_index){values, stride, n_slots - 1, slots};
    return ix;
}

bool cel_index_add(struct cel_index *ix, size_t i, bool *ret_repeated)
{
    uint64_t hash;
    if (!hash_value(*indexed(ix, i), &hash))
        return false;
    uint32_t at = index_slot(ix, *indexed(ix, i), hash);
    *ret_repeated = ix->slots[at] != 0;
    if (ix->slots[at] == 0)
        ix->slots[at] = (uint32_t)i + 1;
    return true;
}

const struct cel_index *cel_index_build(struct arena *arena, const void *values, size_t count,
                                        size_t stride, bool *ret_repeated)
{
    struct cel_index *ix = cel_index_new(arena, values, count, stride);
    bool any = false, repeated = false;
    for (size_t i = 0; i < count && ix != NULL; i++) {
        if (!cel_index_add(ix, i, &repeated))
            return NULL;
        any |= repeated;
    }
    *ret_repeated = any;
    return ix;
}

static const struct cel_value *index_find(const struct cel_index *ix, struct cel_value v,
                                          int64_t *steps)
{
    uint64_t hash;
    if (v.kind == CEL_STRING || v.kind == CEL_BYTES)
        spend(steps, v.text.len / HASHED_A_STEP);
    if (!hash_value(v, &hash))
        return NULL; /* what has no hash is not in there */
    uint32_t at = index_slot(ix, v, hash);
    return ix->slots[at] ? indexed(ix, ix->slots[at] - 1) : NULL;
}

const struct cel_value *cel_map_get_text(const struct cel_map *map, struct span key, int64_t *steps)
{
    if (map->index != NULL)
        return cel_map_get(map, cel_string(key), steps);
    if (!spend(steps, map->count))
        return NULL;
    const struct cel_entry *end = map->entries + map->count;
    for (const struct cel_entry *e = map->entries; e < end; e++) {
        if (e->key.kind == CEL_STRING && span_eq(e->key.text, key))
            return &e->value;
    }
    return NULL;
}

const struct cel_value *cel_map_get(const struct cel_map *map, struct cel_value key, int64_t *steps)
{
    if (map->index != NULL) {
        const struct cel_value *at = index_find(map->index, key, steps);
        return at ? &((const struct cel_entry *)(const void *)at)->value : NULL;
    }
    if (key.kind == CEL_STRING) /* it equals a text alone */
        return cel_map_get_text(map, key.text, steps);
    for (size_t i = 0; i < map->count && spend(steps, 1); i++) {
        if (cel_equal(map->entries[i].key, key, steps))
            return &map->entries[i].value;
    }
    return NULL;
}

/* Ints among ints, the most usual list of all, need no cel_equal. */
static bool ints_have(const struct cel_list *list, int64_t v, bool *ret_all_ints)
{
    bool has = false, all = true;
    for (size_t i = 0; i < list->count && !has && all; i++) {
        all = list->items[i].kind == CEL_INT;
        has = all && list->items[i].i64 == v;
    }
    *ret_all_ints = all;
    return has;
}

bool cel_list_has(const struct cel_list *list, struct cel_value v, int64_t *steps)
{
    bool all_ints = false;
    if (list->set != NULL) {
        spend(steps, v.kind == CEL_STRING ? v.text.len / HASHED_A_STEP : 0);
        return list->set->has(list->set, v);
    }
    if (list->index != NULL)
        return index_find(list->index, v, steps) != NULL;
    if (v.kind == CEL_INT && spend(steps, list->count) && ints_have(list, v.i64, &all_ints))
        return true;
    if (all_ints)
        return false;
    for (size_t i = 0; i < list->count && spend(steps, 1); i++) {
        if (cel_equal(list->items[i], v, steps))
            return true;
    }
    return false;
}

/* ---- values that outlive their run ---------------------------------------------------------- */

static struct cel_value no_room(void)
{
    return cel_error(CEL_ERR_LIMIT, span_str("room"));
}

static struct cel_value keep_text(struct cel_value v, struct arena *arena)
{
    char *mem = arena_try(arena, v.text.len);
    if (mem == NULL)
        return no_room();
    memcpy(mem, v.text.base, v.text.len);
    v.text.base = mem;
    return v;
}

/* Values in a row: a list's items, or a map's keys and values. */
static struct cel_value *keep_all(const struct cel_value *from, size_t n,
                                  const struct arena *scratch, struct arena *arena)
{
    if (n > arena->cap_bytes / sizeof *from)
        return NULL;
    struct cel_value *made = arena_try(arena, n * sizeof *made);
    for (size_t i = 0; i < n && made != NULL; i++) {
        made[i] = cel_keep(from[i], scratch, arena);
        if (cel_is_error(made[i])) /* no item of a list is one */
            made = NULL;
    }
    return made;
}

static struct cel_value keep_list(const struct cel_list *from, const struct arena *scratch,
                                  struct arena *arena)
{
    struct cel_list *made = arena_try(arena, sizeof *made);
    struct cel_value *items = keep_all(from->items, from->count, scratch, arena);
    if (made == NULL || items == NULL)
        return no_room();
    *made = (struct cel_list){.count = from->count, .items = items};
    return cel_list_of(made);
}

static struct cel_value keep_map(const struct cel_map *from, const struct arena *scratch,
                                 struct arena *arena)
{
    struct cel_map *made = arena_try(arena, sizeof *made);
    const struct cel_value *entries = (const void *)from->entries;
    struct cel_value *both = keep_all(entries, 2 * from->count, scratch, arena);
    if (made == NULL || both == NULL)
        return no_room();
    *made = (struct cel_map){.count = from->count, .entries = (struct cel_entry *)(void *)both};
    return cel_map_of(made);
}

static struct cel_value keep_optional(struct cel_value v, const struct arena *scratch,
                                      struct arena *arena)
{
    struct cel_value *some = keep_all(v.some, 1, scratch, arena);
    return some ? cel_optional_of(some) : no_room();
}

struct cel_value cel_keep(struct cel_value v, const struct arena *scratch, struct arena *arena)
{
    if (v.kind == CEL_OPTIONAL && v.some != NULL && arena_has(scratch, v.some))
        return keep_optional(v, scratch, arena);
    if ((v.kind == CEL_STRING || v.kind == CEL_BYTES || v.kind == CEL_ERROR) &&
        arena_has(scratch, v.text.base))
        return keep_text(v, arena);
    if (v.kind == CEL_LIST && arena_has(scratch, v.list))
        return keep_list(v.list, scratch, arena);
    if (v.kind == CEL_MAP && arena_has(scratch, v.map))
        return keep_map(v.map, scratch, arena);
    return v;
}
