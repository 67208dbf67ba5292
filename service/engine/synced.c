#include "service/engine/synced.h"

#include "service/base/check.h"

#include <stdlib.h>

struct synced {
    struct journal *journal;
    struct synced_wait *first, **end; /* in order of arrival */
    uv_async_t async;
};

/* From the journal's thread. */
static void on_safe(void *user)
{
    struct synced *s = user;
    uv_async_send(&s->async);
}

/* Sequences of several event loops interleave, but each loop's own ascend. */
static void go_on(struct synced *s)
{
    uint64_t safe = journal_safe_seq(s->journal);
    enum status health = journal_health(s->journal);
    while (s->first != NULL && (s->first->seq <= safe || health != ST_OK)) {
        struct synced_wait *w = s->first;
        s->first = w->next;
        if (s->first == NULL)
            s->end = &s->first;
        w->then(w, w->seq <= safe ? ST_OK : health);
    }
}

static void on_async(uv_async_t *async)
{
    go_on(async->data);
}

struct synced *synced_new(struct journal *j, uv_loop_t *loop)
{
    struct synced *s = calloc(1, sizeof *s);
    CHECK(s != NULL && uv_async_init(loop, &s->async, on_async) == 0);
    uv_unref((uv_handle_t *)&s->async);
    s->async.data = s;
    s->journal = j;
    s->end = &s->first;
    journal_on_safe(j, on_safe, s);
    return s;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void synced_free(struct synced *s)
{
    if (s == NULL)
        return;
    CHECK(s->first == NULL);
    journal_on_safe(s->journal, NULL, s);
    uv_close((uv_handle_t *)&s->async, on_closed);
}

void synced_start(struct synced *s, struct synced_wait *w)
{
    w->next = NULL;
    *s->end = w;
    s->end = &w->next;
    go_on(s);
}
