#include "rules/list_ranges.h"

#include "service/base/check.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    FOURS = 1 << 16,       /* of the first two bytes of an IPv4 address */
    STARTS_FROM = 1 << 14, /* networks: fewer stay in the cache as they are */
};

/* Sorted, each once, linked. */
struct table {
    _Atomic uint32_t refs;
    uint32_t count;
    uint32_t *starts; /* [FOURS + 1] how many stand before an IPv4 address so begun; or NULL */
    struct list_network at[];
};

struct list_ranges {
    struct table *all, *added;
    uint32_t n_gone;
    uint32_t gone[]; /* places in `all`, ascending */
};

/* ---- networks ------------------------------------------------------------------------------- */

/* The bits behind the prefix are zero. */
static void mask(struct cel_address *a, int bits)
{
    size_t whole = (size_t)bits / 8;
    if (whole < sizeof a->bytes - 1)
        a->bytes[1 + whole] &= (uint8_t)(0xff00 >> bits % 8);
    for (size_t i = whole + 1; i < sizeof a->bytes - 1; i++)
        a->bytes[1 + i] = 0;
}

bool list_network_parse(struct span text, struct list_network *ret_network)
{
    struct list_network n = {.above = 0};
    int bits;
    if (!cel_prefix_parse(text, &n.address, &bits))
        return false;
    mask(&n.address, bits);
    n.bits = (uint8_t)bits;
    *ret_network = n;
    return true;
}

static bool holds(const struct list_network *n, const struct cel_address *a)
{
    size_t whole = n->bits / 8;
    int rest = n->bits % 8;
    if (memcmp(n->address.bytes, a->bytes, 1 + whole) != 0)
        return false;
    return rest == 0 || (n->address.bytes[1 + whole] ^ a->bytes[1 + whole]) >> (8 - rest) == 0;
}

static int compare(const struct cel_address *a, const struct cel_address *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* The wider first, of those that begin at one address. */
static int by_place(const void *a, const void *b)
{
    const struct list_network *x = a, *y = b;
    int order = compare(&x->address, &y->address);
    return order != 0 ? order : x->bits - y->bits;
}

/* ---- tables --------------------------------------------------------------------------------- */

static struct table *table_new(size_t room)
{
    struct table *t = malloc(sizeof *t + room * sizeof *t->at);
    CHECK(t != NULL);
    t->refs = 1;
    t->count = 0;
    t->starts = NULL;
    return t;
}

static struct table *table_ref(struct table *t)
{
    atomic_fetch_add(&t->refs, 1);
    return t;
}

static void table_unref(struct table *t)
{
    if (atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    free(t->starts);
    free(t);
}

/* Behind the last one, which is linked; the same again is left out. */
static void table_add(struct table *t, const struct list_network *n)
{
    uint32_t above = t->count;
    if (above > 0 && by_place(&t->at[above - 1], n) == 0)
        return;
    while (above > 0 && !holds(&t->at[above - 1], &n->address))
        above = t->at[above - 1].above;
    t->at[t->count] = *n;
    t->at[t->count++].above = above;
}

static bool is_four(const struct cel_address *a)
{
    return a->bytes[0] == 4;
}

static size_t first_two(const struct cel_address *a)
{
    return (size_t)a->bytes[1] << 8 | a->bytes[2];
}

/* All are in. */
static void table_index(struct table *t)
{
    if (t->count < STARTS_FROM)
        return;
    t->starts = calloc(FOURS + 1, sizeof *t->starts);
    CHECK(t->starts != NULL);
    for (uint32_t i = 0; i < t->count && is_four(&t->at[i].address); i++)
        t->starts[first_two(&t->at[i].address) + 1]++;
    for (size_t i = 1; i <= FOURS; i++)
        t->starts[i] += t->starts[i - 1];
}

/* How many begin at the address or before it. */
static uint32_t table_until(const struct table *t, const struct cel_address *address)
{
    uint32_t low = 0, high = t->count;
    if (t->starts != NULL && is_four(address)) {
        low = t->starts[first_two(address)];
        high = t->starts[first_two(address) + 1];
    }
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (compare(&t->at[mid].address, address) <= 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Its place and 1; 0: it is not there. */
static uint32_t table_find(const struct table *t, const struct list_network *n)
{
    uint32_t at = table_until(t, &n->address);
    while (at > 0 && by_place(&t->at[at - 1], n) > 0) /* narrower, from the same address */
        at--;
    return at > 0 && by_place(&t->at[at - 1], n) == 0 ? at : 0;
}

/* ---- asking --------------------------------------------------------------------------------- */

static bool is_gone(const struct list_ranges *r, uint32_t place)
{
    uint32_t low = 0, high = r->n_gone;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (r->gone[mid] < place)
            low = mid + 1;
        else
            high = mid;
    }
    return low < r->n_gone && r->gone[low] == place;
}

bool list_ranges_have(const struct list_ranges *r, const struct cel_address *address)
{
    uint32_t at = table_until(r->all, address);
    for (; at > 0; at = r->all->at[at - 1].above) {
        if (holds(&r->all->at[at - 1], address) && !is_gone(r, at - 1))
            return true;
    }
    at = table_until(r->added, address);
    while (at > 0 && !holds(&r->added->at[at - 1], address))
        at = r->added->at[at - 1].above;
    return at > 0;
}

size_t list_ranges_bytes(const struct list_ranges *r)
{
    size_t starts = r->all->starts != NULL ? (FOURS + 1) * sizeof *r->all->starts : 0;
    return sizeof *r + r->n_gone * sizeof *r->gone + 2 * sizeof *r->all + starts +
           (r->all->count + r->added->count) * sizeof *r->all->at;
}

/* ---- versions ------------------------------------------------------------------------------- */

static struct list_ranges *version(struct table *all_take, struct table *added_take,
                                   const uint32_t *gone, size_t n_gone)
{
    struct list_ranges *r = malloc(sizeof *r + n_gone * sizeof *r->gone);
    CHECK(r != NULL);
    r->all = all_take;
    r->added = added_take;
    r->n_gone = (uint32_t)n_gone;
    if (n_gone > 0)
        memcpy(r->gone, gone, n_gone * sizeof *gone);
    return r;
}

struct list_ranges *list_ranges_new(struct list_network *networks, size_t n)
{
    struct table *all = table_new(n);
    CHECK(n < UINT32_MAX);
    if (n > 0)
        qsort(networks, n, sizeof *networks, by_place);
    for (size_t i = 0; i < n; i++)
        table_add(all, &networks[i]);
    table_index(all);
    return version(all, table_new(0), NULL, 0);
}

void list_ranges_free(struct list_ranges *r)
{
    if (r == NULL)
        return;
    table_unref(r->all);
    table_unref(r->added);
    free(r);
}

/* What an edit makes of a version: `added` and `gone` anew, both in order. */
struct edited {
    const struct list_ranges *old;
    uint32_t from_added, from_gone; /* of the old ones, not yet taken over */
    struct table *added;
    uint32_t *gone;
    size_t n_gone;
};

static void keep_gone_before(struct edited *e, uint32_t place)
{
    while (e->from_gone < e->old->n_gone && e->old->gone[e->from_gone] < place)
        e->gone[e->n_gone++] = e->old->gone[e->from_gone++];
}

static void keep_added_before(struct edited *e, const struct list_network *n)
{
    const struct table *added = e->old->added;
    while (e->from_added < added->count && by_place(&added->at[e->from_added], n) < 0)
        table_add(e->added, &added->at[e->from_added++]);
}

/* One that `all` has is gone or not; another one is added or not. */
static void edit(struct edited *e, const struct list_range_edit *change)
{
    const struct list_network *n = &change->network;
    uint32_t place = table_find(e->old->all, n);
    if (place > 0) {
        keep_gone_before(e, --place);
        e->from_gone += e->from_gone < e->old->n_gone && e->old->gone[e->from_gone] == place;
        if (!change->in)
            e->gone[e->n_gone++] = place;
        return;
    }
    const struct table *added = e->old->added;
    keep_added_before(e, n);
    e->from_added += e->from_added < added->count && by_place(&added->at[e->from_added], n) == 0;
    if (change->in)
        table_add(e->added, n);
}

static void edit_all(struct edited *e, const struct list_range_edit *edits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || by_place(&edits[i - 1].network, &edits[i].network) != 0)
            edit(e, &edits[i]);
    }
    keep_gone_before(e, UINT32_MAX);
    for (; e->from_added < e->old->added->count; e->from_added++)
        table_add(e->added, &e->old->added->at[e->from_added]);
}

/* What stands in `all` and is not gone, and what was added. */
static struct table *merge(const struct edited *e)
{
    const struct table *all = e->old->all, *added = e->added;
    struct table *t = table_new((size_t)all->count + added->count);
    uint32_t a = 0;
    size_t gone = 0;
    for (uint32_t i = 0; i < all->count; i++) {
        if (gone < e->n_gone && e->gone[gone] == i) {
            gone++;
            continue;
        }
        while (a < added->count && by_place(&added->at[a], &all->at[i]) < 0)
            table_add(t, &added->at[a++]);
        table_add(t, &all->at[i]);
    }
    while (a < added->count)
        table_add(t, &added->at[a++]);
    table_index(t);
    return t;
}

struct list_ranges *list_ranges_edit(const struct list_ranges *old, struct list_range_edit *edits,
                                     size_t n)
{
    struct edited e = {.old = old, .added = table_new(old->added->count + n)};
    struct list_ranges *r;
    e.gone = malloc((old->n_gone + n + 1) * sizeof *e.gone);
    CHECK(e.gone != NULL);
    if (n > 0)
        qsort(edits, n, sizeof *edits, by_place); /* the network stands first */
    edit_all(&e, edits, n);
    if (e.n_gone + e.added->count <= LIST_RANGES_APART_MAX) {
        r = version(table_ref(old->all), e.added, e.gone, e.n_gone);
    } else {
        r = version(merge(&e), table_new(0), NULL, 0);
        table_unref(e.added);
    }
    free(e.gone);
    return r;
}
