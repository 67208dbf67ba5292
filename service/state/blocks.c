#include "service/state/blocks.h"

#include "service/base/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

_Static_assert(BLOCK_SMALL_CLASSES <= 32, "a bit for each");
_Static_assert(BLOCK_SMALL_MAX == BLOCK_MIN << ((BLOCK_SMALL_CLASSES - 1) / 4), "the last class");

/* ---- regions ---- */

struct block_region {
    char *memory; /* BLOCK_REGION_BYTES, aligned to them */
    struct block_region *next;
};

void block_source_init(struct block_source *source)
{
    *source = (struct block_source){0};
    CHECK(pthread_mutex_init(&source->lock, NULL) == 0);
}

void block_source_fini(struct block_source *source)
{
    while (source->regions != NULL) {
        struct block_region *region = source->regions;
        source->regions = region->next;
        munmap(region->memory, BLOCK_REGION_BYTES);
        free(region);
    }
    pthread_mutex_destroy(&source->lock);
}

/* Maps twice as much, and gives back what lies before and after an aligned region. */
static char *map_region(void)
{
    char *map = mmap(NULL, 2 * (size_t)BLOCK_REGION_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return NULL;
    size_t before = (size_t) - (uintptr_t)map % BLOCK_REGION_BYTES;
    if (before > 0)
        munmap(map, before);
    munmap(map + before + BLOCK_REGION_BYTES, BLOCK_REGION_BYTES - before);
    (void)madvise(map + before, BLOCK_REGION_BYTES, MADV_HUGEPAGE); /* slower without, no more */
    return map + before;
}

static bool add_region(struct block_source *source)
{
    struct block_region *region = malloc(sizeof *region);
    char *memory = region != NULL ? map_region() : NULL;
    if (memory == NULL) {
        free(region);
        return false;
    }
    *region = (struct block_region){.memory = memory, .next = source->regions};
    source->regions = region;
    source->next = memory;
    source->end = memory + BLOCK_REGION_BYTES;
    return true;
}

static char *take_chunk(struct block_source *source)
{
    char *chunk = NULL;
    pthread_mutex_lock(&source->lock);
    if (source->next != source->end || add_region(source)) {
        chunk = source->next;
        source->next += BLOCK_CHUNK_BYTES;
    }
    pthread_mutex_unlock(&source->lock);
    return chunk;
}

/* ---- blocks ---- */

static void push_free(struct block_pool *pool, char *block, unsigned class)
{
    memcpy(block, &pool->free[class], sizeof pool->free[class]);
    pool->free[class] = block;
    pool->free_classes |= UINT32_C(1) << class;
}

static char *pop_free(struct block_pool *pool, unsigned class)
{
    char *block = pool->free[class];
    memcpy(&pool->free[class], block, sizeof pool->free[class]);
    if (pool->free[class] == NULL)
        pool->free_classes &= ~(UINT32_C(1) << class);
    return block;
}

/* Free blocks of the largest classes that fit; less than BLOCK_MIN is lost. */
static void cut_up(struct block_pool *pool, char *from, const char *end)
{
    while ((size_t)(end - from) >= BLOCK_MIN) {
        size_t left = (size_t)(end - from);
        unsigned class = left < BLOCK_SMALL_MAX ? block_class(left) : BLOCK_SMALL_CLASSES - 1;
        class -= block_bytes(class) > left;
        push_free(pool, from, class);
        from += block_bytes(class);
    }
}

/* The front of a free block of twice the size or more; NULL: there is none. */
static char *cut_larger(struct block_pool *pool, unsigned class)
{
    enum { DOUBLING = 4 };
    uint32_t larger = (uint32_t)(pool->free_classes >> class >> DOUBLING);
    if (larger == 0)
        return NULL;
    unsigned from = class + DOUBLING + (unsigned)__builtin_ctz(larger);
    char *block = pop_free(pool, from);
    cut_up(pool, block + block_bytes(class), block + block_bytes(from));
    return block;
}

static bool next_chunk(struct block_pool *pool)
{
    char *chunk = take_chunk(pool->source);
    if (chunk == NULL)
        return false;
    if (pool->next != NULL)
        cut_up(pool, pool->next, pool->end);
    pool->next = chunk;
    pool->end = chunk + BLOCK_CHUNK_BYTES;
    return true;
}

char *block_alloc(struct block_pool *pool, unsigned class)
{
    size_t bytes = block_bytes(class);
    if (class >= BLOCK_SMALL_CLASSES)
        return malloc(bytes);
    if (pool->free[class] != NULL)
        return pop_free(pool, class);
    char *block = cut_larger(pool, class);
    if (block != NULL)
        return block;
    if ((size_t)(pool->end - pool->next) < bytes && !next_chunk(pool))
        return NULL;
    block = pool->next;
    pool->next += bytes;
    return block;
}

void block_free(struct block_pool *pool, char *block, unsigned class)
{
    if (class >= BLOCK_SMALL_CLASSES)
        free(block);
    else
        push_free(pool, block, class);
}
