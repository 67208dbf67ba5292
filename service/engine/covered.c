#include "service/engine/covered.h"

#include "service/base/check.h"
#include "service/state/evidence.h"

#include <pthread.h>
#include <stdatomic.h>

struct covered {
    pthread_mutex_t lock;
    const struct feature_set *set;
    struct coverage coverage; /* its keys are the set's, in order; texts in the snapshot's arena */
    struct coverage stands;   /* room to parse into */
    atomic_bool is_told;      /* the state has had it once */
    _Atomic int64_t from_ms[FEATURES_MAX];
};

/* What the features get of it. */
static void spread(struct covered *c)
{
    for (int i = 0; i < c->set->n_features; i++) {
        const struct feature *f = &c->set->features[i];
        int64_t from_ms =
            coverage_from(&c->coverage.keys[f->key], c->set->keys[f->key].plan, f->in_plan);
        atomic_store_explicit(&c->from_ms[i], from_ms, memory_order_relaxed);
    }
}

enum status covered_new(const struct feature_set *set, struct arena *arena,
                        struct covered **ret_covered)
{
    void *mem;
    enum status st = arena_alloc(arena, sizeof(struct covered), &mem);
    if (st != ST_OK)
        return st;
    struct covered *c = mem;
    c->set = set;
    for (int i = 0; i < set->n_keys && st == ST_OK; i++)
        st = coverage_add_plan(&c->coverage, set->keys[i].plan, arena);
    if (st != ST_OK)
        return st;
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
    spread(c);
    *ret_covered = c;
    return ST_OK;
}

/* One after the other: a snapshot may come in place of itself. */
void covered_follow(const struct snapshot *s, const struct snapshot *before, int64_t now_ms)
{
    struct covered *c = s->covered, *b = before->covered;
    struct coverage was;
    pthread_mutex_lock(&b->lock);
    was = b->coverage;
    pthread_mutex_unlock(&b->lock);
    pthread_mutex_lock(&c->lock);
    coverage_follow(&c->coverage, &was, now_ms + COVERED_SKEW_MS);
    c->is_told = false;
    spread(c);
    pthread_mutex_unlock(&c->lock);
}

/* ---- what stands in the state ---- */

/* Does all of ours stand there, as we have it? */
static bool has_ours(struct covered *c)
{
    for (int i = 0; i < c->coverage.n_keys; i++) {
        const struct coverage_key *k = &c->coverage.keys[i];
        const struct coverage_key *there = coverage_find(&c->stands, k->field);
        if (there == NULL || !coverage_key_has(there, k))
            return false;
    }
    return true;
}

/* Does something stand there that counts soon, and that we do not write? Others would take our
 * records for ones that have it. */
static bool is_overstated(struct covered *c, int64_t now_ms)
{
    int64_t soon_ms = now_ms + COVERED_SKEW_MS / 2;
    for (int i = 0; i < c->stands.n_keys; i++) {
        const struct coverage_key *k = &c->stands.keys[i];
        if (coverage_key_exceeds(k, coverage_find(&c->coverage, k->field), soon_ms))
            return true;
    }
    return false;
}

/* Once it was told, the state's word counts: others may have filled what we have not. A text that
 * cannot be read names nothing that is there. */
static bool take(struct covered *c, struct span stands, int64_t now_ms, struct text *out)
{
    bool is_known = stands.len > 0;
    if (is_known && coverage_parse(stands, &c->stands) != ST_OK)
        c->stands.n_keys = 0;
    if (is_known && c->is_told) {
        for (int i = 0; i < c->coverage.n_keys; i++)
            coverage_fill(&c->coverage.keys[i], COVERAGE_ALWAYS);
    }
    if (is_known)
        coverage_follow(&c->coverage, &c->stands, now_ms + COVERED_SKEW_MS);
    spread(c);
    coverage_write(&c->coverage, out);
    CHECK(!out->overflow);
    if (c->is_told && is_known && has_ours(c) && !is_overstated(c, now_ms))
        return false;
    return !span_eq(stands, text_span(out));
}

bool covered_take(const struct snapshot *s, struct span stands, int64_t now_ms, struct text *out)
{
    struct covered *c = s->covered;
    pthread_mutex_lock(&c->lock);
    bool differs = take(c, stands, now_ms, out);
    if (!differs)
        c->is_told = true;
    pthread_mutex_unlock(&c->lock);
    return differs;
}

void covered_told(const struct snapshot *s)
{
    pthread_mutex_lock(&s->covered->lock);
    s->covered->is_told = true;
    pthread_mutex_unlock(&s->covered->lock);
}

bool covered_is_told(const struct snapshot *s)
{
    return atomic_load_explicit(&s->covered->is_told, memory_order_acquire);
}

enum status covered_fill(const struct snapshot *s, const bool *keys, int64_t from_ms,
                         struct span stands, struct text *out)
{
    struct covered *c = s->covered;
    pthread_mutex_lock(&c->lock);
    struct coverage filled = c->coverage;
    coverage_write(&filled, out);
    enum status st = span_eq(stands, text_span(out)) ? ST_OK : ST_CONFLICT;
    for (int i = 0; i < filled.n_keys; i++)
        if (keys[i])
            coverage_fill(&filled.keys[i], from_ms);
    out->len = 0;
    coverage_write(&filled, out);
    pthread_mutex_unlock(&c->lock);
    return st;
}

int64_t covered_key_from_ms(const struct snapshot *s, int key)
{
    struct covered *c = s->covered;
    pthread_mutex_lock(&c->lock);
    int64_t from_ms = c->coverage.keys[key].steps[0].from_ms;
    pthread_mutex_unlock(&c->lock);
    return from_ms;
}

/* ---- features ---- */

int64_t covered_from_ms(const struct snapshot *s, int feature)
{
    return atomic_load_explicit(&s->covered->from_ms[feature], memory_order_relaxed);
}

static int64_t window_from_ms(const struct snapshot *s, int feature, int64_t t_ms)
{
    const struct feature *f = &s->features.features[feature];
    return t_ms - f->delay_ms - f->window_ms + 1;
}

bool covered_at(const struct snapshot *s, int feature, int64_t t_ms)
{
    int64_t from_ms = covered_from_ms(s, feature);
    return from_ms == COVERAGE_ALWAYS || window_from_ms(s, feature, t_ms) >= from_ms;
}

void covered_bound(const struct snapshot *s, int feature, int64_t t_ms, struct window_value *v)
{
    if (!covered_at(s, feature, t_ms))
        evidence_uncover(s->features.features[feature].aggregate, t_ms, covered_from_ms(s, feature),
                         v);
}
