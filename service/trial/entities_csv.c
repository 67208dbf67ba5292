#include "service/trial/entities_csv.h"

#include "service/base/check.h"
#include "service/base/csv.h"
#include "service/engine/call.h"
#include "service/engine/intent.h"
#include "service/state/fold.h"
#include "service/trial/training_csv.h"
#include "service/txn/reader.h"

#include <stdlib.h>

enum {
    LOG_SCRATCH_BYTES = 16 << 20, /* a fold of the longest log */
    NAMES_BLOCK_BYTES = 1 << 20,
    SLOTS_FIRST = 1 << 12,
};

/* ---- entities ---- */

struct entity_name {
    int key;
    struct span value;
};

/* Open addressing over names that live in blocks; never more than half full. */
struct entities_csv {
    struct entity_name *slots; /* value.base NULL: free */
    size_t n_slots, n;
    struct arena **blocks;
    size_t n_blocks;
};

struct entities_csv *entities_csv_new(void)
{
    struct entities_csv *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->n_slots = SLOTS_FIRST;
    s->slots = calloc(s->n_slots, sizeof *s->slots);
    CHECK(s->slots != NULL);
    return s;
}

void entities_csv_free(struct entities_csv *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->n_blocks; i++)
        arena_free(s->blocks[i]);
    free(s->blocks);
    free(s->slots);
    free(s);
}

static struct entity_name *find(const struct entities_csv *s, int key, struct span value)
{
    static const struct hash_key no_secret; /* a file that was chosen to be slow is slow */
    size_t at = (size_t)(hash_u64(&no_secret, value) + (uint64_t)key) & (s->n_slots - 1);
    while (s->slots[at].value.base != NULL &&
           (s->slots[at].key != key || !span_eq(s->slots[at].value, value)))
        at = (at + 1) & (s->n_slots - 1);
    return &s->slots[at];
}

static void grow(struct entities_csv *s)
{
    struct entities_csv bigger = *s;
    bigger.n_slots = 2 * s->n_slots;
    bigger.slots = calloc(bigger.n_slots, sizeof *bigger.slots);
    CHECK(bigger.slots != NULL);
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].value.base != NULL)
            *find(&bigger, s->slots[i].key, s->slots[i].value) = s->slots[i];
    }
    free(s->slots);
    *s = bigger;
}

static struct span keep_name(struct entities_csv *s, struct span value)
{
    struct arena *last = s->n_blocks > 0 ? s->blocks[s->n_blocks - 1] : NULL;
    if (last == NULL || last->cap_bytes - last->used_bytes < value.len + 32) {
        s->blocks = realloc(s->blocks, (s->n_blocks + 1) * sizeof *s->blocks);
        CHECK(s->blocks != NULL);
        last = s->blocks[s->n_blocks++] = arena_new(NAMES_BLOCK_BYTES);
    }
    return arena_copy(last, value);
}

void entities_csv_add(struct entities_csv *s, int key, struct span value)
{
    struct entity_name *slot = find(s, key, value);
    if (slot->value.base != NULL)
        return;
    *slot = (struct entity_name){key, keep_name(s, value)};
    if (2 * ++s->n > s->n_slots)
        grow(s);
}

/* ---- the end ---- */

struct look {
    struct call call;
    struct engine *engine;
    const struct snapshot *snap;
    const struct entity_name *name;
    struct state_entity entity;
    struct arena *scratch;
    struct window_value values[PLAN_FEATURES_MAX];
    int64_t t_ms;
    enum status status;
    bool done;
};

static void take_log(struct call *c)
{
    struct look *l = c->user;
    struct fold_seen seen;
    struct fold_query q = {.log = l->entity.log, .t_ms = l->t_ms};
    arena_reset(l->scratch);
    l->status = fold_read(l->snap->features.keys[l->name->key].plan, l->engine->layouts, &q,
                          l->scratch, l->values, &seen);
}

static void look_done(struct call *c)
{
    struct look *l = c->user;
    if (c->status != ST_OK)
        l->status = c->status;
    l->done = true;
}

static enum status read_entity(struct look *l, const struct entity_name *name,
                               struct arena *key_arena)
{
    l->name = name;
    l->entity = (struct state_entity){.key = {NULL, 0}};
    arena_reset(key_arena);
    enum status st =
        intent_key(l->snap->features.keys[name->key].field, name->value, key_arena, &l->entity.key);
    if (st != ST_OK)
        return st;
    l->done = false;
    l->call = (struct call){.take = take_log, .then = look_done, .user = l};
    l->call.op = (struct state_op){
        .verb = STATE_READ, .now_ms = l->t_ms, .entities = &l->entity, .n_entities = 1};
    call_start(l->engine->state, &l->call);
    while (!l->done && l->engine->loop != NULL)
        uv_run(l->engine->loop, UV_RUN_ONCE);
    CHECK(l->done);
    return l->status;
}

static int compare_names(const void *a, const void *b)
{
    const struct entity_name *x = a, *y = b;
    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return span_cmp(x->value, y->value);
}

static void put_header(FILE *out, const struct feature_set *set)
{
    fputs("field,value", out);
    for (int i = 0; i < set->n_features; i++) {
        fputc(',', out);
        csv_write(out, set->features[i].name);
    }
    fputc('\n', out);
}

static void put_entity(FILE *out, const struct look *l)
{
    const struct feature_set *set = &l->snap->features;
    csv_write(out, set->keys[l->name->key].field);
    fputc(',', out);
    csv_write(out, l->name->value);
    for (int i = 0; i < set->n_features; i++) {
        const struct feature *f = &set->features[i];
        fputc(',', out);
        if (f->key == l->name->key)
            training_csv_value(out, &l->values[f->in_plan]);
    }
    fputc('\n', out);
}

/* Closes the slots up, so that they are an array. */
static void sort(struct entities_csv *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_slots; i++) {
        if (s->slots[i].value.base != NULL)
            s->slots[n++] = s->slots[i];
    }
    qsort(s->slots, n, sizeof *s->slots, compare_names);
}

enum status entities_csv_write(FILE *out, struct engine *e, const struct snapshot *snap,
                               struct entities_csv *s, int64_t t_ms)
{
    struct look *l = calloc(1, sizeof *l);
    CHECK(l != NULL);
    struct arena *key_arena = arena_new(STATE_KEY_BYTES_MAX + READER_BODY_MAX);
    *l = (struct look){
        .engine = e, .snap = snap, .t_ms = t_ms, .scratch = arena_new(LOG_SCRATCH_BYTES)};
    enum status st = ST_OK;
    sort(s);
    put_header(out, &snap->features);
    for (size_t i = 0; st == ST_OK && i < s->n; i++) {
        st = read_entity(l, &s->slots[i], key_arena);
        if (st == ST_OK)
            put_entity(out, l);
    }
    arena_free(l->scratch);
    arena_free(key_arena);
    free(l);
    return st == ST_OK && ferror(out) ? ST_IO : st;
}
