#include "service/io/offsets.h"

#include "service/base/check.h"

#include <stdlib.h>

enum { CAP_MIN = 256 }; /* of a partition with little to do */

struct offsets_entry {
    int64_t offset;
    bool is_finished;
};

void offsets_init(struct offsets *o, size_t max)
{
    *o = (struct offsets){.max = max, .done = -1, .last = -1};
}

void offsets_fini(struct offsets *o)
{
    free(o->ring);
    o->ring = NULL;
}

static struct offsets_entry *entry_of(const struct offsets *o, uint64_t ticket)
{
    return &o->ring[ticket & (o->cap - 1)];
}

static void grow(struct offsets *o)
{
    struct offsets bigger = *o;
    bigger.cap = o->cap == 0 ? CAP_MIN : 2 * o->cap;
    bigger.ring = calloc(bigger.cap, sizeof *bigger.ring);
    CHECK(bigger.ring != NULL);
    for (uint64_t t = o->first; t < o->next; t++)
        *entry_of(&bigger, t) = *entry_of(o, t);
    free(o->ring);
    *o = bigger;
}

enum status offsets_take(struct offsets *o, int64_t offset, uint64_t *ret_ticket)
{
    if (offset <= o->last)
        return ST_INVALID;
    if (offsets_pending(o) == o->max)
        return ST_NO_SPACE;
    if (offsets_pending(o) == o->cap)
        grow(o);
    *entry_of(o, o->next) = (struct offsets_entry){.offset = offset};
    o->last = offset;
    *ret_ticket = o->next++;
    return ST_OK;
}

void offsets_finish(struct offsets *o, uint64_t ticket)
{
    CHECK(ticket >= o->first && ticket < o->next && !entry_of(o, ticket)->is_finished);
    entry_of(o, ticket)->is_finished = true;
    while (o->first < o->next && entry_of(o, o->first)->is_finished)
        o->done = entry_of(o, o->first++)->offset + 1;
}

int64_t offsets_at(const struct offsets *o, uint64_t ticket)
{
    CHECK(ticket >= o->first && ticket < o->next);
    return entry_of(o, ticket)->offset;
}

int64_t offsets_done(const struct offsets *o)
{
    return o->done;
}

size_t offsets_pending(const struct offsets *o)
{
    return (size_t)(o->next - o->first);
}
