#include "service/io/fanout.h"

#include "service/base/check.h"

#include <pthread.h>
#include <stdlib.h>

struct entry {
    uint64_t id;
    uint64_t at; /* first byte, counted from the start of time; its place is at % bytes_max */
    size_t len;
};

struct fanout {
    pthread_mutex_t lock;
    TAILQ_HEAD(, fanout_listener) listeners;
    struct entry *entries; /* a ring of recent_max */
    int recent_max;
    int first, count;
    char *bytes; /* a ring; an alert lies in one piece */
    size_t bytes_max;
    uint64_t end; /* where the next alert begins */
    uint64_t last, floor;
};

struct fanout *fanout_new(const struct fanout_options *o)
{
    CHECK(o->recent_max > 0 && o->bytes_max >= FANOUT_BYTES_MIN);
    struct fanout *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->entries = calloc((size_t)o->recent_max, sizeof *f->entries);
    f->bytes = malloc(o->bytes_max); /* resident as far as it was written */
    CHECK(f->entries != NULL && f->bytes != NULL);
    f->recent_max = o->recent_max;
    f->bytes_max = o->bytes_max;
    f->last = f->floor = (uint64_t)o->now_ms * 1000;
    TAILQ_INIT(&f->listeners);
    CHECK(pthread_mutex_init(&f->lock, NULL) == 0);
    return f;
}

void fanout_free(struct fanout *f)
{
    if (f == NULL)
        return;
    CHECK(TAILQ_EMPTY(&f->listeners));
    pthread_mutex_destroy(&f->lock);
    free(f->entries);
    free(f->bytes);
    free(f);
}

/* ---- the ring; all under the lock ---- */

static struct entry *entry_at(const struct fanout *f, int i)
{
    return &f->entries[(f->first + i) % f->recent_max];
}

static void drop_oldest(struct fanout *f)
{
    f->floor = entry_at(f, 0)->id;
    f->first = (f->first + 1) % f->recent_max;
    f->count--;
}

/* `len` bytes in one piece, which cost the oldest alerts their place. */
static uint64_t make_room(struct fanout *f, size_t len)
{
    size_t to_edge = f->bytes_max - f->end % f->bytes_max;
    uint64_t at = len <= to_edge ? f->end : f->end + to_edge;
    f->end = at + len;
    while (f->count == f->recent_max ||
           (f->count > 0 && f->end - entry_at(f, 0)->at > f->bytes_max))
        drop_oldest(f);
    return at;
}

/* The number of the first alert behind the cursor; f->count: none. */
static int find_behind(const struct fanout *f, uint64_t cursor)
{
    int low = 0, high = f->count;
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (entry_at(f, middle)->id > cursor)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* ---- the outside ---- */

void fanout_put(struct fanout *f, const struct alert *alert, int64_t now_ms)
{
    struct fanout_listener *l;
    uint64_t now_us = (uint64_t)now_ms * 1000;
    CHECK(alert->json.len <= FANOUT_JSON_MAX);
    pthread_mutex_lock(&f->lock);
    uint64_t at = make_room(f, alert->json.len);
    f->last = now_us > f->last ? now_us : f->last + 1;
    *entry_at(f, f->count) = (struct entry){f->last, at, alert->json.len};
    f->count++;
    memcpy(f->bytes + at % f->bytes_max, alert->json.base, alert->json.len);
    TAILQ_FOREACH (l, &f->listeners, link)
        l->called(l);
    pthread_mutex_unlock(&f->lock);
}

static enum fanout_found next(const struct fanout *f, uint64_t cursor, char *json,
                              struct fanout_item *ret_item)
{
    if (cursor < f->floor)
        return FANOUT_LAGGED;
    int i = find_behind(f, cursor);
    if (i == f->count)
        return FANOUT_NOTHING;
    const struct entry *e = entry_at(f, i);
    memcpy(json, f->bytes + e->at % f->bytes_max, e->len);
    *ret_item = (struct fanout_item){e->id, span_of(json, e->len)};
    return FANOUT_FOUND;
}

enum fanout_found fanout_next(struct fanout *f, uint64_t cursor, char json[FANOUT_JSON_MAX],
                              struct fanout_item *ret_item)
{
    pthread_mutex_lock(&f->lock);
    enum fanout_found found = next(f, cursor, json, ret_item);
    pthread_mutex_unlock(&f->lock);
    return found;
}

uint64_t fanout_last(struct fanout *f)
{
    return fanout_back(f, 0);
}

uint64_t fanout_back(struct fanout *f, int n)
{
    pthread_mutex_lock(&f->lock);
    uint64_t cursor = f->last;
    if (n >= f->count)
        cursor = f->floor;
    else if (n > 0)
        cursor = entry_at(f, f->count - n - 1)->id;
    pthread_mutex_unlock(&f->lock);
    return cursor;
}

uint64_t fanout_floor(struct fanout *f)
{
    pthread_mutex_lock(&f->lock);
    uint64_t floor = f->floor;
    pthread_mutex_unlock(&f->lock);
    return floor;
}

void fanout_listen(struct fanout *f, struct fanout_listener *listener)
{
    pthread_mutex_lock(&f->lock);
    TAILQ_INSERT_TAIL(&f->listeners, listener, link);
    pthread_mutex_unlock(&f->lock);
}

void fanout_unlisten(struct fanout *f, struct fanout_listener *listener)
{
    pthread_mutex_lock(&f->lock);
    TAILQ_REMOVE(&f->listeners, listener, link);
    pthread_mutex_unlock(&f->lock);
}
