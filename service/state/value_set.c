#include "service/state/value_set.h"

enum status value_set_init(struct value_set *s, size_t n, struct arena *scratch)
{
    size_t slots = 16;
    while (slots < 2 * n)
        slots *= 2;
    s->slots = arena_try(scratch, slots * sizeof s->slots[0]);
    if (s->slots == NULL)
        return ST_NO_SPACE;
    memset(s->slots, 0, slots * sizeof s->slots[0]);
    s->mask = slots - 1;
    return ST_OK;
}

/* Hashes are keyed and even already; 0 is taken by empty slots. */
static struct value_seen *find(const struct value_set *s, uint64_t hash)
{
    uint64_t i = hash & s->mask;
    while (s->slots[i].hash != 0 && s->slots[i].hash != hash)
        i = (i + 1) & s->mask;
    return &s->slots[i];
}

struct value_seen *value_set_put(struct value_set *s, uint64_t hash)
{
    hash = hash != 0 ? hash : 1;
    struct value_seen *v = find(s, hash);
    if (v->hash == 0)
        *v = (struct value_seen){hash, INT64_MIN, INT64_MIN};
    return v;
}

const struct value_seen *value_set_get(const struct value_set *s, uint64_t hash)
{
    const struct value_seen *v = find(s, hash != 0 ? hash : 1);
    return v->hash != 0 ? v : NULL;
}
