#include "service/engine/compactor.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/engine/layouts.h"
#include "service/state/fold.h"
#include "service/state/recast.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    STEPS_AT_ONCE = 32, /* of the walk; then it rests */
    REST_MAX_US = 100000,
    ARENA_BYTES = 4 * FOLD_LOG_BYTES_MAX, /* untouched pages cost nothing */
};

struct compactor {
    struct compactor_options o;
    struct snapshot *seen; /* a reference: the last that was looked at */
    int64_t next_ms;       /* when the next walk begins */
    /* the walk */
    pthread_t thread;
    struct snapshot *snap; /* a reference; NULL: none is under way */
    struct arena *arena;
    int64_t now_ms;
    struct compact_walk walk;
    atomic_bool stop, has_ended;
};

/* ---- one log ---- */

/* The key field of "e:<field>:<value>", or -1. */
static int key_of(const struct feature_set *set, struct span key)
{
    for (int i = 0; i < set->n_keys; i++) {
        struct span field = set->keys[i].field;
        if (key.len > field.len + 2 && key.base[field.len + 2] == ':' &&
            span_eq(span_of(key.base + 2, field.len), field))
            return i;
    }
    return -1;
}

static uint64_t new_generation(void)
{
    uint64_t random = hash_random_u64();
    return random != 0 ? random : 1;
}

/* One with records whose claims would have to be looked up folds when its turn of traffic comes. */
static enum status shorten(const struct plan *plan, const struct layout_book *book,
                           struct arena *arena, struct span log, struct span *ret_log)
{
    struct fold_attempt *doubts = arena_must(arena, FOLD_DOUBTS_MAX * sizeof *doubts);
    struct fold_written w;
    int n_doubts;
    enum status st = fold_doubts(plan, book, log, arena, doubts, &n_doubts);
    if (st == ST_OK && n_doubts > 0)
        st = ST_CONFLICT;
    if (st == ST_OK)
        st = fold_write(plan, book, log, NULL, 0, new_generation(), arena, &w);
    return st == ST_OK ? recast_log(plan, book, w.bytes, arena, ret_log) : st;
}

enum compact_verdict compactor_judge(const struct snapshot *s, const struct layout_book *book,
                                     struct arena *arena, struct span key, struct span log,
                                     struct span *ret_log)
{
    struct span shorter;
    int k = key_of(&s->features, key);
    if (k < 0)
        return COMPACT_REMOVE;
    arena_reset(arena);
    if (shorten(s->features.keys[k].plan, book, arena, log, &shorter) != ST_OK ||
        shorter.len >= log.len)
        return COMPACT_KEEP;
    *ret_log = shorter;
    return COMPACT_REPLACE;
}

/* ---- the walk ---- */

static enum compact_verdict judge(void *user, struct span key, struct span log,
                                  struct span *ret_log)
{
    struct compactor *c = user;
    const struct layout_book *book = layouts_book(snapshot_slot_layouts(c->o.snapshots));
    return compactor_judge(c->snap, book, c->arena, key, log, ret_log);
}

static void rest(int64_t begun_us)
{
    int64_t us = clock_mono_us() - begun_us;
    us = us < REST_MAX_US ? us : REST_MAX_US;
    usleep((useconds_t)(us * COMPACTOR_REST));
}

static void *run(void *user)
{
    struct compactor *c = user;
    bool is_on = true;
    while (is_on && !atomic_load(&c->stop)) {
        int64_t begun_us = clock_mono_us();
        for (int i = 0; i < STEPS_AT_ONCE && is_on; i++)
            is_on = state_table_compact(c->o.table, &c->walk, c->now_ms, judge, c);
        rest(begun_us);
    }
    atomic_store(&c->has_ended, true);
    return NULL;
}

static void start(struct compactor *c, int64_t now_ms)
{
    c->snap = snapshot_ref(c->seen);
    c->arena = arena_new(ARENA_BYTES);
    c->now_ms = now_ms;
    c->walk = (struct compact_walk){0};
    c->stop = c->has_ended = false;
    c->next_ms = now_ms + COMPACTOR_EVERY_MS;
    CHECK(pthread_create(&c->thread, NULL, run, c) == 0);
}

static void end(struct compactor *c)
{
    CHECK(pthread_join(c->thread, NULL) == 0);
    arena_free(c->arena);
    snapshot_unref(c->snap);
    c->snap = NULL;
}

/* A walk for a ruleset that decides no more would free what the next one needs. */
static void see(struct compactor *c, int64_t now_ms)
{
    struct snapshot *current = snapshot_current(c->o.snapshots);
    bool is_same = c->seen != NULL && snapshot_loaded(current) == snapshot_loaded(c->seen);
    snapshot_unref(c->seen);
    c->seen = current;
    if (is_same)
        return;
    c->next_ms = now_ms + c->o.after_ms;
    c->stop = true;
}

void compactor_look(struct compactor *c, int64_t now_ms)
{
    see(c, now_ms);
    if (c->snap != NULL) {
        if (!c->has_ended)
            return;
        end(c);
        if (!c->stop && c->o.told != NULL)
            c->o.told(c->o.user, &c->walk);
    }
    if (now_ms >= c->next_ms)
        start(c, now_ms);
}

bool compactor_is_running(const struct compactor *c)
{
    return c->snap != NULL;
}

struct compactor *compactor_new(const struct compactor_options *o)
{
    struct compactor *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->o = *o;
    return c;
}

void compactor_free(struct compactor *c)
{
    if (c == NULL)
        return;
    c->stop = true;
    if (c->snap != NULL)
        end(c);
    snapshot_unref(c->seen);
    free(c);
}
