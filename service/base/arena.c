#include "service/base/arena.h"

#include "service/base/check.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

enum { MAPPED_BYTES = 1 << 20 };

struct arena_end {
    struct arena_end *next; /* asked for before this one */
    void (*end)(void *of);
    void *of;
};

void arena_init(struct arena *a, void *block, size_t cap_bytes)
{
    *a = (struct arena){.base = block, .cap_bytes = cap_bytes};
}

/* Large ones are mapped: what malloc() does with them too, but AddressSanitizer's writes a mark for
 * each 8 bytes at malloc() and at free(), 0.1 s of a start for blocks that are hardly touched. */
static bool is_mapped(size_t cap_bytes)
{
    return cap_bytes >= MAPPED_BYTES;
}

static void *block_new(size_t cap_bytes)
{
    if (!is_mapped(cap_bytes))
        return malloc(cap_bytes);
    void *block = mmap(NULL, cap_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return block == MAP_FAILED ? NULL : block;
}

static void block_free(void *block, size_t cap_bytes)
{
    if (is_mapped(cap_bytes))
        munmap(block, cap_bytes);
    else
        free(block);
}

struct arena *arena_new(size_t cap_bytes)
{
    struct arena *a = malloc(sizeof *a);
    void *block = block_new(cap_bytes);
    CHECK(a != NULL && block != NULL);
    arena_init(a, block, cap_bytes);
    return a;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    arena_reset(a);
    block_free(a->base, a->cap_bytes);
    free(a);
}

void *arena_try(struct arena *a, size_t size_bytes)
{
    const size_t align = alignof(max_align_t);
    if (size_bytes > a->cap_bytes - a->used_bytes)
        return NULL;
    void *mem = a->base + a->used_bytes;
    size_t step = (size_bytes + align - 1) / align * align;
    size_t left = a->cap_bytes - a->used_bytes;
    a->used_bytes += step < left ? step : left;
    return mem;
}

enum status arena_alloc(struct arena *a, size_t size_bytes, void **ret_mem)
{
    void *mem = arena_try(a, size_bytes);
    if (mem == NULL)
        return ST_NO_SPACE;
    memset(mem, 0, size_bytes);
    *ret_mem = mem;
    return ST_OK;
}

void *arena_must(struct arena *a, size_t size_bytes)
{
    void *mem = NULL;
    enum status st = arena_alloc(a, size_bytes, &mem);
    CHECK(st == ST_OK);
    return mem;
}

struct span arena_copy(struct arena *a, struct span s)
{
    struct span copy = arena_try_copy(a, s);
    CHECK(copy.base != NULL);
    return copy;
}

struct span arena_try_copy(struct arena *a, struct span s)
{
    char *mem = arena_try(a, s.len + 1);
    if (mem == NULL)
        return span_of(NULL, 0);
    if (s.len > 0)
        memcpy(mem, s.base, s.len);
    mem[s.len] = '\0';
    return span_of(mem, s.len);
}

bool arena_has(const struct arena *a, const void *mem)
{
    return (uintptr_t)mem - (uintptr_t)a->base < a->cap_bytes;
}

void arena_on_end(struct arena *a, void (*end)(void *of), void *of)
{
    struct arena_end *e = arena_must(a, sizeof *e);
    *e = (struct arena_end){.next = a->ends, .end = end, .of = of};
    a->ends = e;
}

void arena_reset(struct arena *a)
{
    for (; a->ends != NULL; a->ends = a->ends->next)
        a->ends->end(a->ends->of);
    a->used_bytes = 0;
}
