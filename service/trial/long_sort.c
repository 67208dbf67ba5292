#include "service/trial/long_sort.h"

#include <stdlib.h>
#include <string.h>

/* What every step needs. */
struct sort {
    size_t n, size;
    int (*compare)(const void *, const void *);
    const struct patience *patience;
};

static size_t min_of(size_t a, size_t b)
{
    return a < b ? a : b;
}

static enum status sort_pieces(const struct sort *s, char *items)
{
    for (size_t at = 0; at < s->n; at += PATIENCE_STEPS) {
        if (patience_ends(s->patience, at))
            return ST_CONFLICT;
        qsort(items + at * s->size, min_of(PATIENCE_STEPS, s->n - at), s->size, s->compare);
    }
    return ST_OK;
}

/* [from, middle) and [middle, end), each sorted, become one in `out`. */
static enum status merge(const struct sort *s, const char *items, char *out, size_t from,
                         size_t middle, size_t end)
{
    size_t a = from, b = middle;
    for (size_t at = from; at < end; at++) {
        if (patience_ends(s->patience, at))
            return ST_CONFLICT;
        bool left =
            b == end || (a < middle && s->compare(items + a * s->size, items + b * s->size) <= 0);
        memcpy(out + at * s->size, items + (left ? a++ : b++) * s->size, s->size);
    }
    return ST_OK;
}

static enum status merge_all(const struct sort *s, char *items, char *room)
{
    char *from = items, *to = room;
    for (size_t width = PATIENCE_STEPS; width < s->n; width *= 2) {
        for (size_t at = 0; at < s->n; at += 2 * width) {
            enum status st =
                merge(s, from, to, at, min_of(at + width, s->n), min_of(at + 2 * width, s->n));
            if (st != ST_OK)
                return st;
        }
        char *swap = from;
        from = to;
        to = swap;
    }
    if (from != items)
        memcpy(items, from, s->n * s->size);
    return ST_OK;
}

enum status long_sort(void *items, size_t n, size_t size,
                      int (*compare)(const void *, const void *), const struct patience *p)
{
    const struct sort s = {.n = n, .size = size, .compare = compare, .patience = p};
    enum status st = sort_pieces(&s, items);
    if (st != ST_OK || n <= PATIENCE_STEPS)
        return st;
    char *room = malloc(n * size);
    if (room == NULL)
        return ST_NO_SPACE;
    st = merge_all(&s, items, room);
    free(room);
    return st;
}
