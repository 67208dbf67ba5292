/*
 * arena.h -- memory that is released all at once.
 *
 *     base            base+used_bytes           base+cap_bytes
 *      | live ......... | free ................. |
 *
 * Owns:    nothing; the caller owns the block and outlives the arena
 *          (arena_new/arena_free: an arena that owns its block).
 * Threads: one arena belongs to one thread; nothing here locks.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include "service/base/span.h"
#include "service/base/status.h"

struct arena_end;

struct arena {
    char *base;
    size_t used_bytes;
    size_t cap_bytes;
    struct arena_end *ends; /* private */
};

void arena_init(struct arena *a, void *block, size_t cap_bytes);

/*
 * An arena with a heap block of its own, for the life spans "process" and
 * "snapshot". Pages that are never touched cost no memory. CHECKs on no memory:
 * it is called at start and at load only. arena_free(NULL) is fine.
 */
struct arena *arena_new(size_t cap_bytes);
void arena_free(struct arena *a);

/*
 * Reserve `size_bytes` zeroed bytes, aligned for any type. O(size_bytes).
 * The memory is borrowed: it dies at the next arena_reset().
 * Errors: ST_NO_SPACE when the block is full; *ret_mem is then untouched.
 */
MUST_USE enum status arena_alloc(struct arena *a, size_t size_bytes, void **ret_mem);

/* As arena_alloc, not zeroed, NULL when full; for buffers that are written whole. */
void *arena_try(struct arena *a, size_t size_bytes);

/* As arena_alloc; CHECKs that it fits. For load time, where the arena is sized for it. */
void *arena_must(struct arena *a, size_t size_bytes);

/* A copy of `s` in the arena, with a NUL behind it that is not counted. CHECKs that it fits. */
struct span arena_copy(struct arena *a, struct span s);

/* As arena_copy; base NULL when full. For what a user's file decides the size of. */
struct span arena_try_copy(struct arena *a, struct span s);

/* Does `mem` point into its block? */
bool arena_has(const struct arena *a, const void *mem);

/*
 * For what lives outside and is owned by something inside, a library's object: `end(of)` is called
 * when the arena is reset or freed, the last asked for first, while all memory still stands. Who
 * winds used_bytes back must ask for none behind the mark. CHECKs that its few bytes fit.
 */
void arena_on_end(struct arena *a, void (*end)(void *of), void *of);

/* Forget everything. O(1), and what was asked for with arena_on_end(). */
void arena_reset(struct arena *a);

#endif
