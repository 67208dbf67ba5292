#include "service/trial/touches.h"

#include "service/engine/intent.h"

static uint64_t entity_hash(const struct snapshot *snap, const struct hash_key *key, int index,
                            const struct txn_value *v)
{
    const struct field *field = &snap->schema.fields[snap->features.keys[index].slot];
    struct span value = field->type == FIELD_INTEGER ? span_of(&v->i64, sizeof v->i64) : v->text;
    return hash_u64(key, value) + (uint64_t)index; /* equal values of two fields are two entities */
}

void touches_of(const struct snapshot *snap, const struct hash_key *key, const struct event *event,
                struct touches *ret_touches)
{
    struct touches t = {.everything = event->kind == EVENT_LABEL};
    t.hashes[t.n++] = event->txn_hash;
    for (int i = 0; i < snap->features.n_keys && !t.everything; i++)
        if (intent_has_entity(snap, i, event->values))
            t.hashes[t.n++] =
                entity_hash(snap, key, i, &event->values[snap->features.keys[i].slot]);
    *ret_touches = t;
}

bool touches_share(const struct touches *a, const struct touches *b)
{
    if (a->everything || b->everything)
        return true;
    for (int i = 0; i < a->n; i++)
        for (int j = 0; j < b->n; j++)
            if (a->hashes[i] == b->hashes[j])
                return true;
    return false;
}
