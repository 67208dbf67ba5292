/*
 * blocks.h -- memory for many byte strings that grow: size classes, a free list each.
 *
 *     classes: 64 80 96 112 | 128 160 192 224 | 256 ... , four to a doubling
 *
 * Up to BLOCK_SMALL_MAX a block is its class's last freed one, or cut from a freed one of twice
 * its size: growing logs leave those behind, and claims take them. Only then it is cut from a
 * chunk. Nothing grows together again. Larger blocks are the heap's. Chunks come from regions of
 * 2 MB, which the kernel may back with huge pages: a table is walked at random, and the translation
 * of addresses is most of a miss.
 *
 * Owns:    a block_source owns all small blocks of the pools that draw on it.
 * Threads: a pool belongs to who locks it; a source locks itself.
 */
#ifndef SLUICE_STATE_BLOCKS_H
#define SLUICE_STATE_BLOCKS_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BLOCK_MIN = 64,
    BLOCK_SMALL_CLASSES = 29, /* up to BLOCK_SMALL_MAX */
    BLOCK_SMALL_MAX = 8 << 10,
    BLOCK_CLASSES = 72,
    BLOCK_MAX = 14 << 20, /* of the last class */
    BLOCK_CHUNK_BYTES = 64 << 10,
    BLOCK_REGION_BYTES = 2 << 20, /* a huge page */
};

struct block_region;

struct block_source {
    pthread_mutex_t lock;
    struct block_region *regions;
    char *next, *end; /* of the newest region, what was not given out */
};

struct block_pool {
    struct block_source *source;
    char *next, *end; /* of the newest chunk */
    void *free[BLOCK_SMALL_CLASSES];
    uint32_t free_classes; /* bit i: free[i] is not empty */
};

void block_source_init(struct block_source *source);
/* All small blocks die; large ones must have been freed. */
void block_source_fini(struct block_source *source);

/* The smallest class of at least `bytes`, at most BLOCK_MAX. */
static inline unsigned block_class(size_t bytes)
{
    if (bytes <= BLOCK_MIN)
        return 0;
    unsigned doubling = 63 - (unsigned)__builtin_clzll(bytes - 1); /* 2^doubling < bytes */
    size_t base = (size_t)1 << doubling, quarter = base / 4;
    return (doubling - 6) * 4 + (unsigned)((bytes - base + quarter - 1) / quarter);
}

static inline size_t block_bytes(unsigned class)
{
    return ((size_t)BLOCK_MIN << (class / 4)) / 4 * (4 + class % 4);
}

/* NULL: no memory. Not zeroed. */
char *block_alloc(struct block_pool *pool, unsigned class);
void block_free(struct block_pool *pool, char *block, unsigned class);

#endif
