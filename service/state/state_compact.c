#include "service/state/state_compact.h"

#include "service/base/check.h"
#include "service/state/state_table.h"

static bool is_log(const struct slot *slot)
{
    return span_starts(span_of(slot->block, slot->key_len), span_str("e:"));
}

/* Without memory for a shorter block the long one stays. */
static void replace(struct shard *s, struct slot *slot, struct span log)
{
    CHECK(log.len <= slot->len);
    slot_set(slot, log);
    slot_shrink(s, slot);
}

/* false: the slot is gone, and another one may stand in its place. */
static bool look_at(struct shard *s, struct slot *slot, struct compact_walk *walk, int64_t now_ms,
                    compact_judge_fn *judge, void *user)
{
    struct span log = span_of(NULL, 0);
    enum compact_verdict verdict = COMPACT_KEEP;
    if (slot->expires_ms <= now_ms) {
        verdict = COMPACT_REMOVE;
    } else if (is_log(slot)) {
        walk->looked++;
        verdict = judge(user, span_of(slot->block, slot->key_len), slot_value(slot), &log);
    }
    walk->removed += verdict == COMPACT_REMOVE;
    walk->replaced += verdict == COMPACT_REPLACE;
    if (verdict == COMPACT_REMOVE)
        shard_remove(s, slot);
    else if (verdict == COMPACT_REPLACE)
        replace(s, slot, log);
    return verdict != COMPACT_REMOVE;
}

bool state_table_compact(struct state_table *t, struct compact_walk *walk, int64_t now_ms,
                         compact_judge_fn *judge, void *user)
{
    struct shard *s = &t->shards[walk->shard];
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < COMPACT_AT_ONCE && walk->slot < s->n_slots; i++) {
        struct slot *slot = &s->slots[walk->slot];
        if (slot->block == NULL || look_at(s, slot, walk, now_ms, judge, user))
            walk->slot++;
    }
    bool is_end = walk->slot >= s->n_slots;
    pthread_mutex_unlock(&s->lock);
    if (is_end) {
        walk->shard++;
        walk->slot = 0;
    }
    return walk->shard < TABLE_SHARDS;
}
