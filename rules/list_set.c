#include "rules/list_set.h"

#include "service/base/check.h"
#include "service/base/hash.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    PAGE_KEYS_MAX = 32, /* on average; a longer one is searched more slowly than memory is read */
    BITS_MAX = 20,      /* of a page's number: LIST_SET_MAX keys in pages of two */
};

struct page {
    _Atomic uint32_t refs;
    uint32_t count;
    uint32_t bytes;  /* of the keys */
    uint16_t tags[]; /* [count], then lens[count], then the keys */
};

struct node {
    _Atomic uint32_t refs;
    struct page *pages[]; /* NULL: empty */
};

struct list_set {
    _Atomic uint32_t refs;
    int root_bits, node_bits;
    size_t count, bytes;
    struct node *nodes[]; /* NULL: empty */
};

/* Who changes lists is trusted, so that the hash need not be secret. */
static uint64_t hash_of(struct span key)
{
    static const struct hash_key open;
    return hash_quick_u64(&open, key);
}

static void *must(void *mem)
{
    CHECK(mem != NULL);
    return mem;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static size_t page_size(uint32_t count, uint32_t bytes)
{
    return sizeof(struct page) + count * 2 * sizeof(uint16_t) + bytes;
}

static uint16_t *lens_of(struct page *p)
{
    return p->tags + p->count;
}

static char *keys_of(struct page *p)
{
    return (char *)(p->tags + (size_t)2 * p->count);
}

static struct page *page_new(uint32_t count, uint32_t bytes)
{
    struct page *p = must(malloc(page_size(count, bytes)));
    p->refs = 1;
    p->count = count;
    p->bytes = bytes;
    return p;
}

static void page_unref(struct page *p)
{
    if (p != NULL && atomic_fetch_sub(&p->refs, 1) == 1)
        free(p);
}

/* Where the key stands, its bytes at *ret_key; -1: it does not. */
static int page_find(const struct page *p, uint64_t hash, struct span key, const char **ret_key)
{
    const uint16_t *lens = p->tags + p->count;
    const char *at = (const char *)(lens + p->count);
    uint32_t i = 0, passed = 0;
    for (; i < p->count; i++) {
        if (p->tags[i] != (uint16_t)hash)
            continue;
        for (; passed < i; passed++)
            at += lens[passed];
        if (lens[i] == key.len && memcmp(at, key.base, key.len) == 0) {
            *ret_key = at;
            return (int)i;
        }
    }
    return -1;
}

/* `old` (NULL: empty) and one key more. */
static struct page *page_with(struct page *old, uint64_t hash, struct span key)
{
    uint32_t n = old ? old->count : 0, bytes = old ? old->bytes : 0;
    struct page *p = page_new(n + 1, bytes + (uint32_t)key.len);
    if (old != NULL) {
        memcpy(p->tags, old->tags, n * sizeof *p->tags);
        memcpy(lens_of(p), lens_of(old), n * sizeof *p->tags);
        memcpy(keys_of(p), keys_of(old), bytes);
    }
    p->tags[n] = (uint16_t)hash;
    lens_of(p)[n] = (uint16_t)key.len;
    memcpy(keys_of(p) + bytes, key.base, key.len);
    return p;
}

/* `old` without its key number `out`, which stands at `key`; NULL: that was the last. */
static struct page *page_without(struct page *old, uint32_t out, const char *key)
{
    uint32_t n = old->count - 1, len = lens_of(old)[out];
    if (n == 0)
        return NULL;
    struct page *p = page_new(n, old->bytes - len);
    size_t before = (size_t)(key - keys_of(old));
    memcpy(p->tags, old->tags, out * sizeof *p->tags);
    memcpy(p->tags + out, old->tags + out + 1, (n - out) * sizeof *p->tags);
    memcpy(lens_of(p), lens_of(old), out * sizeof *p->tags);
    memcpy(lens_of(p) + out, lens_of(old) + out + 1, (n - out) * sizeof *p->tags);
    memcpy(keys_of(p), keys_of(old), before);
    memcpy(keys_of(p) + before, key + len, old->bytes - before - len);
    return p;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static size_t node_size(const struct list_set *set)
{
    return sizeof(struct node) + ((size_t)1 << set->node_bits) * sizeof(struct page *);
}

static void node_unref(const struct list_set *set, struct node *node)
{
    if (node == NULL || atomic_fetch_sub(&node->refs, 1) != 1)
        return;
    for (size_t i = 0; i < (size_t)1 << set->node_bits; i++)
        page_unref(node->pages[i]);
    free(node);
}

static struct node *node_copy(const struct list_set *set, const struct node *old)
{
    struct node *node = must(malloc(node_size(set)));
    memcpy(node, old, node_size(set));
    node->refs = 1;
    for (size_t i = 0; i < (size_t)1 << set->node_bits; i++) {
        if (node->pages[i] != NULL)
            atomic_fetch_add(&node->pages[i]->refs, 1);
    }
    return node;
}

/* ---- sets ----------------------------------------------------------------------------------- */

static size_t roots(const struct list_set *set)
{
    return (size_t)1 << set->root_bits;
}

static size_t set_size(int root_bits)
{
    return sizeof(struct list_set) + ((size_t)1 << root_bits) * sizeof(struct node *);
}

static size_t page_number(const struct list_set *set, uint64_t hash)
{
    int bits = set->root_bits + set->node_bits;
    return bits > 0 ? hash >> (64 - bits) : 0;
}

static struct list_set *set_empty(size_t keys)
{
    int bits = 0;
    while (bits < BITS_MAX && keys > (size_t)(PAGE_KEYS_MAX - PAGE_KEYS_MAX / 4) << bits)
        bits++;
    struct list_set *set = must(calloc(1, set_size(bits / 2)));
    set->refs = 1;
    set->root_bits = bits / 2;
    set->node_bits = bits - bits / 2;
    set->bytes = set_size(set->root_bits);
    return set;
}

/* The node above page `number`, which is nobody else's from now on. */
static struct node *own_node(struct list_set *set, size_t number)
{
    struct node **at = &set->nodes[number >> set->node_bits];
    if (*at == NULL) {
        *at = must(calloc(1, node_size(set)));
        (*at)->refs = 1;
        set->bytes += node_size(set);
    } else if (atomic_load(&(*at)->refs) > 1) {
        struct node *mine = node_copy(set, *at);
        node_unref(set, *at);
        *at = mine;
    }
    return *at;
}

static void edit(struct list_set *set, const struct list_edit *e)
{
    uint64_t hash = hash_of(e->key);
    size_t number = page_number(set, hash);
    const char *key = NULL;
    CHECK(e->key.len <= LIST_KEY_MAX);
    struct node *node = own_node(set, number);
    struct page **at = &node->pages[number & (((size_t)1 << set->node_bits) - 1)], *old = *at;
    int found = old != NULL ? page_find(old, hash, e->key, &key) : -1;
    if ((found >= 0) == e->in)
        return;
    *at = e->in ? page_with(old, hash, e->key) : page_without(old, (uint32_t)found, key);
    set->count += e->in ? 1 : (size_t)-1;
    set->bytes += *at != NULL ? page_size((*at)->count, (*at)->bytes) : 0;
    set->bytes -= old != NULL ? page_size(old->count, old->bytes) : 0;
    page_unref(old);
}

/* How keys fall into pages: those of page p are order[starts[p]] .. order[starts[p + 1] - 1]. */
struct deal {
    uint64_t *hashes;
    uint32_t *order, *starts;
};

static struct deal deal_keys(const struct list_set *set, const struct span *keys, size_t n)
{
    size_t pages = roots(set) << set->node_bits;
    struct deal d = {must(malloc((n + 1) * sizeof *d.hashes)),
                     must(malloc((n + 1) * sizeof *d.order)),
                     must(calloc(pages + 2, sizeof *d.starts))};
    for (size_t i = 0; i < n; i++) {
        CHECK(keys[i].len <= LIST_KEY_MAX);
        d.hashes[i] = hash_of(keys[i]);
        d.starts[page_number(set, d.hashes[i]) + 2]++;
    }
    for (size_t p = 2; p < pages + 2; p++)
        d.starts[p] += d.starts[p - 1];
    for (size_t i = 0; i < n; i++) /* starts[p + 1] moves from the begin of p's to their end */
        d.order[d.starts[page_number(set, d.hashes[i]) + 1]++] = (uint32_t)i;
    return d;
}

/* The keys `at` with each once; returns how many are left, and their bytes. */
static uint32_t without_repeats(const struct deal *d, const struct span *keys, uint32_t *at,
                                size_t n, uint32_t *ret_bytes)
{
    uint32_t kept = 0, bytes = 0;
    for (size_t i = 0; i < n; i++) {
        bool repeated = false;
        for (uint32_t j = 0; j < kept && !repeated; j++)
            repeated = d->hashes[at[j]] == d->hashes[at[i]] && span_eq(keys[at[j]], keys[at[i]]);
        if (repeated)
            continue;
        at[kept++] = at[i];
        bytes += (uint32_t)keys[at[i]].len;
    }
    *ret_bytes = bytes;
    return kept;
}

static struct page *deal_page(const struct deal *d, const struct span *keys, uint32_t *at, size_t n)
{
    uint32_t bytes, count = without_repeats(d, keys, at, n, &bytes);
    struct page *p = page_new(count, bytes);
    char *to = keys_of(p);
    for (uint32_t i = 0; i < count; i++) {
        struct span key = keys[at[i]];
        p->tags[i] = (uint16_t)d->hashes[at[i]];
        lens_of(p)[i] = (uint16_t)key.len;
        memcpy(to, key.base, key.len);
        to += key.len;
    }
    return p;
}

struct list_set *list_set_new(const struct span *keys, size_t n)
{
    CHECK(n <= LIST_SET_MAX);
    struct list_set *set = set_empty(n);
    struct deal d = deal_keys(set, keys, n);
    for (size_t p = 0; p < roots(set) << set->node_bits; p++) {
        size_t many = d.starts[p + 1] - d.starts[p];
        if (many == 0)
            continue;
        struct page *page = deal_page(&d, keys, d.order + d.starts[p], many);
        own_node(set, p)->pages[p & (((size_t)1 << set->node_bits) - 1)] = page;
        set->count += page->count;
        set->bytes += page_size(page->count, page->bytes);
    }
    free(d.hashes);
    free(d.order);
    free(d.starts);
    return set;
}

struct list_set *list_set_ref(struct list_set *set)
{
    atomic_fetch_add(&set->refs, 1);
    return set;
}

void list_set_unref(struct list_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->refs, 1) != 1)
        return;
    for (size_t i = 0; i < roots(set); i++)
        node_unref(set, set->nodes[i]);
    free(set);
}

static struct list_set *set_copy(const struct list_set *old)
{
    struct list_set *set = must(malloc(set_size(old->root_bits)));
    memcpy(set, old, set_size(old->root_bits));
    set->refs = 1;
    for (size_t i = 0; i < roots(set); i++) {
        if (set->nodes[i] != NULL)
            atomic_fetch_add(&set->nodes[i]->refs, 1);
    }
    return set;
}

struct keys {
    struct span *at;
    size_t n;
};

static void gather(void *user, struct span key)
{
    struct keys *keys = user;
    keys->at[keys->n++] = key;
}

/* The same keys in twice as many pages. */
static struct list_set *set_grown(struct list_set *set)
{
    struct keys keys = {must(malloc((set->count + 1) * sizeof *keys.at)), 0};
    list_set_each(set, gather, &keys);
    struct list_set *grown = list_set_new(keys.at, keys.n);
    free(keys.at);
    list_set_unref(set);
    return grown;
}

struct list_set *list_set_edit(const struct list_set *old, const struct list_edit *edits, size_t n)
{
    struct list_set *set = set_copy(old);
    for (size_t i = 0; i < n; i++) {
        int bits = set->root_bits + set->node_bits;
        edit(set, &edits[i]);
        CHECK(set->count <= LIST_SET_MAX);
        if (bits < BITS_MAX && set->count > (size_t)PAGE_KEYS_MAX << bits)
            set = set_grown(set);
    }
    return set;
}

struct span list_set_find(const struct list_set *set, struct span key)
{
    uint64_t hash = hash_of(key);
    size_t number = page_number(set, hash);
    const struct node *node = set->nodes[number >> set->node_bits];
    const char *at;
    const struct page *p =
        node != NULL ? node->pages[number & (((size_t)1 << set->node_bits) - 1)] : NULL;
    if (p == NULL || page_find(p, hash, key, &at) < 0)
        return span_of(NULL, 0);
    return span_of(at, key.len);
}

bool list_set_has(const struct list_set *set, struct span key)
{
    return list_set_find(set, key).base != NULL;
}

size_t list_set_count(const struct list_set *set)
{
    return set->count;
}

size_t list_set_bytes(const struct list_set *set)
{
    return set->bytes;
}

static void each_of_page(struct page *p, void (*visit)(void *user, struct span key), void *user)
{
    const char *at = keys_of(p);
    for (uint32_t i = 0; i < p->count; i++) {
        visit(user, span_of(at, lens_of(p)[i]));
        at += lens_of(p)[i];
    }
}

void list_set_each(const struct list_set *set, void (*visit)(void *user, struct span key),
                   void *user)
{
    for (size_t n = 0; n < roots(set); n++) {
        const struct node *node = set->nodes[n];
        for (size_t i = 0; node != NULL && i < (size_t)1 << set->node_bits; i++) {
            if (node->pages[i] != NULL)
                each_of_page(node->pages[i], visit, user);
        }
    }
}
