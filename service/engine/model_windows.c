#include "service/engine/model_windows.h"

#include "service/base/check.h"

#include <pthread.h>
#include <stdlib.h>

/* By what it is found again: which model, its score among its outputs, and its baseline. */
struct window_key {
    char name[MODEL_NAME_MAX + 1];
    char hash[17];
    char baseline_hash[HASH_ID_DIGITS + 1];
    int output;
    int64_t window_ms;
};

struct model_window {
    struct window_key key;
    struct baseline baseline;
    struct psi_window psi;
    struct arena *arena; /* of what the two point to */
};

struct model_windows {
    pthread_mutex_t lock;                /* over `of`, which the loop alone changes */
    uint64_t ruleset;                    /* snapshot.id; 0: none yet */
    struct model_window *of[MODELS_MAX]; /* as its models; NULL: one without a baseline */
};

struct model_windows *model_windows_new(void)
{
    struct model_windows *w = calloc(1, sizeof *w);
    CHECK(w != NULL && pthread_mutex_init(&w->lock, NULL) == 0);
    return w;
}

/* ---- one window ---- */

static struct window_key key_of(const struct bound_model *m)
{
    struct window_key key;
    memset(&key, 0, sizeof key); /* with its gaps: it is compared as bytes */
    memcpy(key.name, m->name.base, m->name.len);
    memcpy(key.hash, m->model.hash, sizeof key.hash);
    memcpy(key.baseline_hash, m->baseline_hash, sizeof key.baseline_hash);
    key.output = m->output;
    key.window_ms = m->drift.window_ms;
    return key;
}

static struct model_window *window_new(const struct window_key *key, const struct baseline *b)
{
    struct model_window *window = calloc(1, sizeof *window);
    size_t distributions = (size_t)b->n * sizeof *b->of;
    size_t counts = PSI_BUCKETS * (size_t)b->n_counts * sizeof *window->psi.counts;
    CHECK(window != NULL);
    window->key = *key;
    window->arena = arena_new(distributions + counts + 64); /* 64: for their alignment */
    window->baseline = *b;
    window->baseline.of = arena_must(window->arena, distributions);
    memcpy(window->baseline.of, b->of, distributions);
    CHECK(psi_window_init(&window->psi, &window->baseline, key->window_ms, window->arena) == ST_OK);
    return window;
}

static void window_free(struct model_window *window)
{
    if (window == NULL)
        return;
    arena_free(window->arena);
    free(window);
}

void model_windows_free(struct model_windows *w)
{
    if (w == NULL)
        return;
    for (int i = 0; i < MODELS_MAX; i++)
        window_free(w->of[i]);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

/* Where it stands; NULL: nowhere. */
static struct model_window **find(struct model_windows *w, const struct window_key *key)
{
    for (int i = 0; i < MODELS_MAX; i++)
        if (w->of[i] != NULL && memcmp(&w->of[i]->key, key, sizeof *key) == 0)
            return &w->of[i];
    return NULL;
}

/* ---- of the loop ---- */

/* The window that stands, taken out of its place, or a new one. */
static struct model_window *take_or_make(struct model_windows *w, const struct bound_model *m)
{
    struct window_key key = key_of(m);
    struct model_window **place = find(w, &key);
    if (place == NULL)
        return window_new(&key, m->baseline);
    struct model_window *window = *place;
    *place = NULL;
    return window;
}

void model_windows_follow(struct model_windows *w, const struct snapshot *snap)
{
    struct model_window *of[MODELS_MAX] = {NULL};
    if (w->ruleset == snap->id)
        return;
    pthread_mutex_lock(&w->lock);
    for (int i = 0; i < snap->models.count; i++)
        if (snap->models.items[i].baseline != NULL)
            of[i] = take_or_make(w, &snap->models.items[i]);
    for (int i = 0; i < MODELS_MAX; i++)
        window_free(w->of[i]);
    memcpy(w->of, of, sizeof of);
    w->ruleset = snap->id;
    pthread_mutex_unlock(&w->lock);
}

void model_windows_add(struct model_windows *w, const struct snapshot *snap, int64_t now_ms,
                       const struct model_result *results)
{
    if (w->ruleset != snap->id)
        return;
    for (int i = 0; i < snap->models.count; i++)
        if (w->of[i] != NULL)
            psi_window_add(&w->of[i]->psi, now_ms, results[i].inputs, results[i].output);
}

/* ---- of any thread ---- */

void model_windows_sum(struct model_windows *w, const struct bound_model *m, int64_t now_ms,
                       uint64_t *counts)
{
    struct window_key key = key_of(m);
    pthread_mutex_lock(&w->lock);
    struct model_window **place = find(w, &key);
    if (place != NULL)
        psi_window_sum(&(*place)->psi, now_ms, counts);
    pthread_mutex_unlock(&w->lock);
}
