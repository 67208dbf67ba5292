#include "service/engine/delivery.h"

#include "service/base/check.h"

#include <stdatomic.h>
#include <stdlib.h>

struct delivery {
    struct watermark *reached;
    uint64_t opened_seq;
    _Atomic uint64_t wanted;
    atomic_bool is_stuck;
};

struct delivery *delivery_new(struct watermark *w, uint64_t opened_seq)
{
    struct delivery *d = calloc(1, sizeof *d);
    CHECK(d != NULL);
    d->reached = w;
    d->opened_seq = opened_seq;
    return d;
}

void delivery_free(struct delivery *d)
{
    free(d);
}

static void want(struct delivery *d, uint64_t seq)
{
    uint64_t wanted = atomic_load(&d->wanted);
    while (wanted < seq && !atomic_compare_exchange_weak(&d->wanted, &wanted, seq))
        ;
}

void delivery_done(struct delivery *d, uint64_t seq)
{
    if (watermark_end(d->reached, seq) != ST_OK) /* too far ahead of one that is missing */
        want(d, seq);
}

bool delivery_has(struct delivery *d, uint64_t seq)
{
    return watermark_has(d->reached, seq);
}

void delivery_lost(struct delivery *d, uint64_t seq)
{
    want(d, seq);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* No beacon of this process, or of one before it whose frames are here, can be further. */
static uint64_t furthest(const struct delivery *d)
{
    uint64_t reached = watermark_get(d->reached);
    return reached > d->opened_seq ? reached : d->opened_seq;
}

void delivery_connected(struct delivery *d, uint64_t beacon)
{
    watermark_reset(d->reached, least(beacon, furthest(d)));
}

bool delivery_wanted(struct delivery *d, uint64_t *ret_from, uint64_t *ret_to)
{
    uint64_t reached = watermark_get(d->reached);
    uint64_t wanted = atomic_load(&d->wanted);
    if (wanted <= reached)
        return false;
    *ret_from = reached + 1;
    *ret_to = wanted;
    return true;
}

uint64_t delivery_reached(const struct delivery *d)
{
    return watermark_get(d->reached);
}

void delivery_set_stuck(struct delivery *d, bool is_stuck)
{
    atomic_store(&d->is_stuck, is_stuck);
}

bool delivery_is_coming(const struct delivery *d)
{
    return !delivery_is_whole(d) && !atomic_load(&d->is_stuck);
}

bool delivery_is_whole(const struct delivery *d)
{
    return atomic_load(&d->wanted) <= watermark_get(d->reached);
}
