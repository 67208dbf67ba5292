#include "rules/list_view.h"

#include "rules/list_ranges.h"
#include "service/base/check.h"
#include "service/base/decode.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>

struct list_view {
    struct cel_set ops; /* first: cel_value.c knows no more of it */
    struct cel_list list;
    _Atomic uint32_t refs;
    enum list_type type;
    struct list_set *set;
    struct list_ranges *ranges; /* NULL: of no networks */
};

const char *list_type_name(enum list_type type)
{
    static const char *const names[] = {
#define X(name, type) [type] = name,
        LIST_TYPE_TABLE(X)
#undef X
    };
    return names[type];
}

/* ---- keys ----------------------------------------------------------------------------------- */

static bool int_key(struct span text, char *buf, struct span *ret_key)
{
    uint64_t magnitude;
    bool negative = text.len > 0 && text.base[0] == '-';
    size_t sign = negative || (text.len > 0 && text.base[0] == '+');
    if (!decode_u64(span_of(text.base + sign, text.len - sign), 10, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    uint64_t value = negative ? 0 - magnitude : magnitude;
    memcpy(buf, &value, sizeof value);
    *ret_key = span_of(buf, sizeof value);
    return true;
}

static struct cel_value network_value(const struct cel_address *a, int bits)
{
    struct cel_value v = {.kind = CEL_CIDR, .code = a->bytes[0], .nanos = bits};
    memcpy(v.ip, a->bytes + 1, sizeof v.ip);
    if (bits == (v.code == 4 ? 32 : 128))
        v.kind = CEL_IP;
    return v;
}

static bool network_key(struct span text, char *buf, struct span *ret_key)
{
    struct list_network network;
    struct text out;
    if (!list_network_parse(text, &network))
        return false;
    text_init(&out, buf, LIST_KEY_BYTES);
    cel_value_write(network_value(&network.address, network.bits), &out);
    *ret_key = text_span(&out);
    return true;
}

bool list_key(enum list_type type, struct span text, char buf[LIST_KEY_BYTES], struct span *ret_key)
{
    if (text.len > LIST_KEY_MAX)
        return false;
    if (type == LIST_INT)
        return int_key(text, buf, ret_key);
    if (type == LIST_NETWORK)
        return network_key(text, buf, ret_key);
    *ret_key = text;
    return true;
}

bool list_key_wider(struct span key, char buf[LIST_KEY_BYTES], struct span *ret_key)
{
    struct list_network network;
    char wider[LIST_KEY_BYTES];
    struct text out;
    if (!list_network_parse(key, &network) || network.bits == 0)
        return false;
    text_init(&out, wider, sizeof wider);
    cel_value_write(network_value(&network.address, network.address.bytes[0] == 4 ? 32 : 128),
                    &out);
    text_printf(&out, "/%d", network.bits - 1);
    return network_key(text_span(&out), buf, ret_key);
}

static int64_t int_of(struct span key)
{
    int64_t value;
    memcpy(&value, key.base, sizeof value);
    return value;
}

void list_key_write(enum list_type type, struct span key, struct text *out)
{
    if (type == LIST_INT)
        text_i64(out, int_of(key));
    else
        text_put(out, key);
}

static struct cel_value item_of(enum list_type type, struct span key)
{
    return type == LIST_INT ? cel_int(int_of(key)) : cel_string(key);
}

/* ---- what the machine asks ------------------------------------------------------------------ */

/* The view that `ops` stands at the begin of. */
static const struct list_view *view_of(const struct cel_set *ops)
{
    return (const struct list_view *)(const void *)ops;
}

static bool has_address(const struct cel_set *ops, const struct cel_address *address)
{
    return list_ranges_have(view_of(ops)->ranges, address);
}

static bool has_text(const struct cel_set *ops, struct cel_value v)
{
    return v.kind == CEL_STRING && list_set_has(view_of(ops)->set, v.text);
}

/* 100.0 and 100u are the int 100, as everywhere in the language. */
static bool has_int(const struct cel_set *ops, struct cel_value v)
{
    int64_t value = v.i64;
    if (v.kind == CEL_DOUBLE) {
        if (!(v.f64 >= -0x1p63 && v.f64 < 0x1p63) || (double)(int64_t)v.f64 != v.f64)
            return false;
        value = (int64_t)v.f64;
    } else if (v.kind != CEL_INT && !(v.kind == CEL_UINT && v.u64 <= INT64_MAX)) {
        return false;
    }
    return list_set_has(view_of(ops)->set, span_of(&value, sizeof value));
}

static bool has_network(const struct cel_set *ops, struct cel_value v)
{
    struct cel_address address;
    return v.kind == CEL_STRING && cel_address_parse(v.text, &address) &&
           has_address(ops, &address);
}

/* ---- ranges --------------------------------------------------------------------------------- */

static void *room_for(size_t n, size_t size)
{
    void *room = malloc((n + 1) * size);
    CHECK(room != NULL);
    return room;
}

struct networks {
    struct list_network *at;
    size_t n;
};

/* In a list of strings what was added may be no network: it is in none. */
static void add_network(void *user, struct span key)
{
    struct networks *networks = user;
    networks->n += list_network_parse(key, &networks->at[networks->n]);
}

static struct list_ranges *ranges_of_set(const struct list_set *set)
{
    struct networks networks = {room_for(list_set_count(set), sizeof *networks.at), 0};
    list_set_each(set, add_network, &networks);
    struct list_ranges *r = list_ranges_new(networks.at, networks.n);
    free(networks.at);
    return r;
}

/* Those of `old` with what the edits have changed, which is now as `set` says. */
static struct list_ranges *ranges_with(const struct list_view *old, const struct list_set *set,
                                       const struct list_edit *edits, size_t n)
{
    struct list_range_edit *changes = room_for(n, sizeof *changes);
    size_t n_changes = 0;
    for (size_t i = 0; i < n; i++) {
        struct list_range_edit *change = &changes[n_changes];
        change->in = list_set_has(set, edits[i].key);
        if (change->in != list_set_has(old->set, edits[i].key))
            n_changes += list_network_parse(edits[i].key, &change->network);
    }
    struct list_ranges *r = list_ranges_edit(old->ranges, changes, n_changes);
    free(changes);
    return r;
}

/* ---- views ---------------------------------------------------------------------------------- */

static struct list_view *view_new(enum list_type type, struct list_set *set_take)
{
    struct list_view *v = calloc(1, sizeof *v);
    CHECK(v != NULL);
    v->refs = 1;
    v->type = type;
    v->set = set_take;
    v->ops.has = type == LIST_INT ? has_int : type == LIST_NETWORK ? has_network : has_text;
    v->ops.has_within = type == LIST_NETWORK;
    v->list.set = &v->ops;
    v->list.count = list_set_count(set_take);
    return v;
}

static void set_ranges(struct list_view *v, struct list_ranges *ranges_take)
{
    v->ranges = ranges_take;
    v->ops.has_address = has_address;
}

static void add_item(void *user, struct span key)
{
    struct list_view *v = user;
    v->list.items[v->list.count++] = item_of(v->type, key);
}

static int by_value(const void *a, const void *b)
{
    int order = 0;
    CHECK(cel_order(*(const struct cel_value *)a, *(const struct cel_value *)b, &order));
    return order;
}

static bool can_be_walked(const struct list_view *v)
{
    return v->list.count <= LIST_WALKED_MAX;
}

static void *items_room(const struct list_view *v)
{
    return room_for(v->list.count, sizeof *v->list.items);
}

static void set_items(struct list_view *v)
{
    v->list.items = items_room(v);
    v->list.count = 0;
    list_set_each(v->set, add_item, v);
    qsort(v->list.items, v->list.count, sizeof *v->list.items, by_value);
}

static bool is_among(const struct list_view *v, size_t n, const char *base)
{
    for (size_t i = 0; i < n; i++) {
        if (v->list.items[i].text.base == base)
            return true;
    }
    return false;
}

static bool int_is_among(const struct list_view *v, size_t n, int64_t value)
{
    for (size_t i = 0; i < n; i++) {
        if (v->list.items[i].i64 == value)
            return true;
    }
    return false;
}

/* The set's own copies of the keys, in the order given. */
static void set_items_in_order(struct list_view *v, const struct span *keys, size_t n)
{
    size_t kept = 0;
    v->list.items = items_room(v);
    for (size_t i = 0; i < n && kept < v->list.count; i++) {
        struct span key = list_set_find(v->set, keys[i]);
        bool repeated =
            v->type == LIST_INT ? int_is_among(v, kept, int_of(key)) : is_among(v, kept, key.base);
        if (!repeated)
            v->list.items[kept++] = item_of(v->type, key);
    }
}

static bool are_networks(const struct span *keys, size_t n)
{
    struct list_network network;
    for (size_t i = 0; i < n; i++) {
        if (!list_network_parse(keys[i], &network))
            return false;
    }
    return n > 0;
}

struct list_view *list_view_new(enum list_type type, const struct span *keys, size_t n)
{
    struct list_view *v = view_new(type, list_set_new(keys, n));
    if (type == LIST_NETWORK || (type == LIST_STRING && are_networks(keys, n)))
        set_ranges(v, ranges_of_set(v->set));
    if (can_be_walked(v))
        set_items_in_order(v, keys, n);
    return v;
}

static bool takes_away(const struct list_edit *edits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!edits[i].in)
            return true;
    }
    return false;
}

/* A text may be another spelling of a network that is still in: then all are looked at. */
static void edit_ranges(struct list_view *v, const struct list_view *old,
                        const struct list_edit *edits, size_t n)
{
    if (v->type == LIST_NETWORK || !takes_away(edits, n))
        set_ranges(v, ranges_with(old, v->set, edits, n));
    else
        set_ranges(v, ranges_of_set(v->set));
}

struct list_view *list_view_edit(const struct list_view *old, const struct list_edit *edits,
                                 size_t n)
{
    struct list_view *v = view_new(old->type, list_set_edit(old->set, edits, n));
    v->list.slot = old->list.slot;
    if (old->ops.has_address != NULL)
        edit_ranges(v, old, edits, n);
    if (can_be_walked(v))
        set_items(v);
    return v;
}

struct list_view *list_view_ref(struct list_view *v)
{
    atomic_fetch_add(&v->refs, 1);
    return v;
}

void list_view_unref(struct list_view *v)
{
    if (v == NULL || atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    list_set_unref(v->set);
    list_ranges_free(v->ranges);
    free(v->list.items);
    free(v);
}

struct cel_list *list_view_list(struct list_view *v)
{
    return &v->list;
}

enum list_type list_view_type(const struct list_view *v)
{
    return v->type;
}

bool list_view_has(const struct list_view *v, struct span key)
{
    return list_set_has(v->set, key);
}

size_t list_view_count(const struct list_view *v)
{
    return list_set_count(v->set);
}

size_t list_view_bytes(const struct list_view *v)
{
    size_t items = v->list.items != NULL ? v->list.count * sizeof *v->list.items : 0;
    size_t ranges = v->ranges != NULL ? list_ranges_bytes(v->ranges) : 0;
    return sizeof *v + list_set_bytes(v->set) + ranges + items;
}
