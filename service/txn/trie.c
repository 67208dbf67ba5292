#include "service/txn/trie.h"

#include "service/base/decode.h"

const struct trie_place *trie_find_index(const struct trie_node *node, int64_t index)
{
    if (node == NULL)
        return NULL;
    for (const struct trie_place *p = node->first; p; p = p->next)
        if (p->index == index)
            return p;
    return NULL;
}

struct trie_node *trie_node_new(struct arena *arena)
{
    struct trie_node *node = arena_try(arena, sizeof *node);
    if (node)
        *node = (struct trie_node){0};
    return node;
}

/* array-index = "0" / ( %x31-39 *DIGIT ), RFC 6901; of at most 6 digits here, else -1. */
static int index_of(struct span key)
{
    uint64_t v;
    bool fits = key.len <= 6 && (key.len == 1 || !span_starts(key, span_str("0")));
    return fits && decode_u64(key, 10, &v) ? (int)v : -1;
}

struct trie_place *trie_add(struct trie_node *node, struct span key, struct arena *arena)
{
    struct trie_place *place = arena_try(arena, sizeof *place);
    if (place == NULL)
        return NULL;
    *place =
        (struct trie_place){.slot = -1, .index = index_of(key), .key = key, .next = node->first};
    node->first = place;
    node->count++;
    return place;
}

static enum status seal_one(struct trie_node *node, struct arena *arena)
{
    size_t size = 2;
    void *table = NULL;
    while (size < 2 * (size_t)node->count)
        size *= 2;
    enum status st = arena_alloc(arena, size * sizeof *node->table, &table);
    if (st != ST_OK)
        return st;
    node->table = table;
    node->mask = size - 1;
    for (struct trie_place *p = node->first; p; p = p->next) {
        uint64_t i = trie_hash(p->key);
        while (node->table[i & node->mask])
            i++;
        node->table[i & node->mask] = p;
    }
    return ST_OK;
}

enum status trie_seal(struct trie_node *node, struct arena *arena)
{
    enum status st = seal_one(node, arena);
    for (struct trie_place *p = node->first; p && st == ST_OK; p = p->next)
        if (p->below)
            st = trie_seal(p->below, arena);
    return st;
}
