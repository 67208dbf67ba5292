#include "service/trial/event_source.h"

#include "service/base/check.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BATCHES = 4,
    BATCH_LINES = 256,     /* with what is read from them they fit the second cache */
    READ_BYTES = 32 << 10, /* of the file at a time */
    BATCH_BYTES = 256 << 10,
    ARENA_BYTES = 2 * BATCH_BYTES + BATCH_LINES * SCHEMA_FIELDS_MAX * (int)sizeof(struct txn_value),
};

_Static_assert((int)BATCH_BYTES > 2 * (int)READER_BODY_MAX, "the longest line fits");

struct batch {
    char bytes[BATCH_BYTES];
    struct arena *arena;
    struct sourced_event events[BATCH_LINES];
    int n;
    size_t n_bytes; /* of the file that it stands for */
    bool is_last;
    bool is_full; /* under the lock: the taker's; else the reader's */
};

struct event_source {
    struct event_source_options o;
    struct batch *batches[BATCHES];
    /* the reader's */
    char carry[BATCH_BYTES]; /* the part of a line that the batch before ended in */
    size_t carry_bytes;
    uint64_t line;
    bool is_skipping; /* the rest of a line that is too long */
    bool at_end;
    enum status status;
    /* the taker's */
    int taken; /* batches; without a thread it is always the first that is read again */
    int at;    /* within the batch */
    uint64_t bytes;
    bool is_over;
    /* between both */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_closing;
};

/* ---- reading: one batch ---- */

/* Enough to read on with: a whole line at least. */
static bool has_enough(const struct batch *b, size_t n)
{
    return n >= READ_BYTES && memchr(b->bytes, '\n', n) != NULL;
}

/* What was carried over and some more; answers the bytes that are there. */
static size_t read_bytes(struct event_source *s, struct batch *b)
{
    size_t n = s->carry_bytes;
    memcpy(b->bytes, s->carry, n);
    while (n < BATCH_BYTES && !s->at_end && !has_enough(b, n)) {
        size_t want = n < READ_BYTES ? READ_BYTES - n : BATCH_BYTES - n;
        ssize_t got = read(s->o.fd, b->bytes + n, want);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            s->status = ST_IO;
        if (got <= 0)
            s->at_end = true;
        else
            n += (size_t)got;
    }
    return n;
}

static void put_too_long(struct event_source *s, struct batch *b)
{
    struct sourced_event *e = &b->events[b->n++];
    e->line = s->line;
    e->status = ST_TOO_LARGE;
    e->error = (struct reader_error){.fault = READER_TOO_LARGE};
    snprintf(e->error.detail, sizeof e->error.detail, "the line has more than %d bytes",
             READER_BODY_MAX);
}

static void put_line(struct event_source *s, struct batch *b, struct span line)
{
    s->line++;
    if (line.len > READER_BODY_MAX) {
        put_too_long(s, b);
        return;
    }
    if (span_is_blank(line))
        return;
    struct sourced_event *e = &b->events[b->n++];
    struct txn_value *values =
        arena_try(b->arena, (size_t)s->o.schema->count * sizeof(struct txn_value));
    CHECK(values != NULL);
    e->line = s->line;
    e->status =
        reader_read(s->o.schema, s->o.hash_key, line, b->arena, values, &e->event, &e->error);
}

/* A line that fills the whole batch without an end: told once, its rest skipped. */
static size_t skip_long_line(struct event_source *s, struct batch *b, size_t at, size_t n)
{
    if (!s->is_skipping) {
        s->line++;
        put_too_long(s, b);
    }
    s->is_skipping = true;
    return at < n ? n : at;
}

static size_t skip_rest(struct event_source *s, const char *bytes, size_t n)
{
    const char *end = memchr(bytes, '\n', n);
    if (end == NULL)
        return n;
    s->is_skipping = false;
    return (size_t)(end - bytes) + 1;
}

/* Parse whole lines; what is left goes to the next batch. */
static void fill(struct event_source *s, struct batch *b)
{
    size_t n = read_bytes(s, b);
    size_t at = 0;
    b->n = 0;
    arena_reset(b->arena);
    if (s->is_skipping)
        at = skip_rest(s, b->bytes, n);
    while (at < n && b->n < BATCH_LINES) {
        const char *end = memchr(b->bytes + at, '\n', n - at);
        if (end == NULL && !s->at_end)
            break;
        size_t len = end ? (size_t)(end - (b->bytes + at)) : n - at;
        put_line(s, b, span_of(b->bytes + at, len));
        at += len + (end != NULL);
    }
    if (at == 0 && n == BATCH_BYTES)
        at = skip_long_line(s, b, at, n);
    s->carry_bytes = n - at;
    memcpy(s->carry, b->bytes + at, s->carry_bytes);
    b->n_bytes = at;
    b->is_last = s->at_end && s->carry_bytes == 0;
}

/* ---- handing over ---- */

static void *read_ahead(void *user)
{
    struct event_source *s = user;
    bool over = false;
    for (int i = 0; !over; i = (i + 1) % BATCHES) {
        struct batch *b = s->batches[i];
        pthread_mutex_lock(&s->lock);
        while (b->is_full && !s->is_closing)
            pthread_cond_wait(&s->changed, &s->lock);
        over = s->is_closing;
        pthread_mutex_unlock(&s->lock);
        if (over)
            break;
        fill(s, b);
        over = b->is_last; /* once handed over, the batch is the taker's */
        pthread_mutex_lock(&s->lock);
        b->is_full = true;
        pthread_cond_signal(&s->changed);
        pthread_mutex_unlock(&s->lock);
    }
    return NULL;
}

static struct batch *current(struct event_source *s)
{
    return s->batches[s->taken % BATCHES];
}

static void wait_for_batch(struct event_source *s)
{
    struct batch *b = current(s);
    s->at = 0;
    if (!s->o.threaded) {
        if (!b->is_full)
            fill(s, b);
        b->is_full = true;
        return;
    }
    pthread_mutex_lock(&s->lock);
    while (!b->is_full)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static void give_back(struct event_source *s)
{
    struct batch *b = current(s);
    s->is_over = b->is_last;
    s->bytes += b->n_bytes;
    s->taken += s->o.threaded;
    pthread_mutex_lock(&s->lock);
    b->is_full = false;
    pthread_cond_signal(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

const struct sourced_event *event_source_next(struct event_source *s)
{
    while (!s->is_over) {
        if (!current(s)->is_full || s->at == 0)
            wait_for_batch(s);
        if (s->at < current(s)->n)
            return &current(s)->events[s->at++];
        s->at = 0;
        give_back(s);
    }
    return NULL;
}

/* ---- life ---- */

struct event_source *event_source_new(const struct event_source_options *o)
{
    struct event_source *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    s->o = *o;
    for (int i = 0; i < BATCHES; i++) {
        s->batches[i] = calloc(1, sizeof *s->batches[i]);
        CHECK(s->batches[i] != NULL);
        s->batches[i]->arena = arena_new(ARENA_BYTES);
    }
    CHECK(pthread_mutex_init(&s->lock, NULL) == 0 && pthread_cond_init(&s->changed, NULL) == 0);
    if (o->threaded)
        CHECK(pthread_create(&s->thread, NULL, read_ahead, s) == 0);
    return s;
}

static void stop_reading(struct event_source *s)
{
    pthread_mutex_lock(&s->lock);
    s->is_closing = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
}

void event_source_free(struct event_source *s)
{
    if (s == NULL)
        return;
    if (s->o.threaded)
        stop_reading(s);
    for (int i = 0; i < BATCHES; i++) {
        arena_free(s->batches[i]->arena);
        free(s->batches[i]);
    }
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

enum status event_source_status(const struct event_source *s)
{
    return s->status;
}

uint64_t event_source_bytes(const struct event_source *s)
{
    return s->bytes;
}
