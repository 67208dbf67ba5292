#include "service/engine/layouts.h"

#include "service/base/check.h"

#include <pthread.h>
#include <stdlib.h>

/* LAYOUT_BOOK_MAX layouts with their texts; pages that are never touched cost nothing. */
enum { LAYOUTS_ARENA_BYTES = LAYOUT_BOOK_MAX * (2 * LAYOUT_TEXT_MAX + sizeof(struct layout)) };

struct layouts {
    pthread_mutex_t lock;
    struct layout_book book;
    struct arena *arena;
};

struct layouts *layouts_new(void)
{
    struct layouts *l = calloc(1, sizeof *l);
    CHECK(l != NULL);
    CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    l->arena = arena_new(LAYOUTS_ARENA_BYTES);
    return l;
}

void layouts_free(struct layouts *l)
{
    if (l == NULL)
        return;
    arena_free(l->arena);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

const struct layout_book *layouts_book(const struct layouts *l)
{
    return &l->book;
}

static bool is_known(const struct layouts *l, struct span text)
{
    for (int i = 0; i < l->book.count; i++)
        if (span_eq(l->book.entries[i]->text, text))
            return true;
    return false;
}

static enum status learn(struct layouts *l, struct span text)
{
    const struct layout *layout;
    if (is_known(l, text))
        return ST_OK;
    enum status st = layout_parse(text, l->arena, &layout);
    return st == ST_OK ? layout_book_add(&l->book, layout) : st;
}

enum status layouts_learn(struct layouts *l, struct span text)
{
    pthread_mutex_lock(&l->lock);
    enum status st = learn(l, text);
    pthread_mutex_unlock(&l->lock);
    return st;
}
