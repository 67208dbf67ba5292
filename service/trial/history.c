#include "service/trial/history.h"

#include "service/base/files.h"
#include "service/base/unnamed.h"
#include "service/engine/frames.h"
#include "service/state/journal_peek.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 256 << 10 }; /* of a longer event than JOURNAL_FRAME_MAX there is none */

struct history {
    int fd;
    uint64_t bytes, bytes_max, events;
    bool (*goes_on)(void *user); /* NULL: to the end */
    void *user;
    size_t used;
    char block[BLOCK_BYTES];
};

enum status history_new(const char *dir, uint64_t bytes_max, struct history **ret_history,
                        char *ret_why)
{
    struct history *h = calloc(1, sizeof *h);
    if (h == NULL) {
        (void)snprintf(ret_why, HISTORY_WHY_BYTES, "no memory");
        return ST_IO;
    }
    h->bytes_max = bytes_max;
    h->fd = unnamed_open(dir);
    if (h->fd < 0) {
        (void)snprintf(ret_why, HISTORY_WHY_BYTES, "%.200s: %s", dir, strerror(errno));
        free(h);
        return ST_IO;
    }
    *ret_history = h;
    return ST_OK;
}

void history_free(struct history *h)
{
    if (h != NULL && h->fd >= 0)
        close(h->fd);
    free(h);
}

void history_ask(struct history *h, bool (*goes_on)(void *user), void *user)
{
    h->goes_on = goes_on;
    h->user = user;
}

static enum status flush(struct history *h)
{
    if (h->goes_on != NULL && !h->goes_on(h->user))
        return ST_CONFLICT;
    enum status st = files_write_all(h->fd, span_of(h->block, h->used));
    if (st == ST_OK)
        h->used = 0;
    return st;
}

/* Room for `n` more. */
static enum status make_room(struct history *h, size_t n)
{
    if (n > h->bytes_max - h->bytes || n > BLOCK_BYTES)
        return ST_TOO_LARGE;
    h->bytes += n;
    return n > BLOCK_BYTES - h->used ? flush(h) : ST_OK;
}

enum status history_add(struct history *h, struct span event)
{
    enum status st = make_room(h, event.len + 1);
    if (st != ST_OK)
        return st;
    char *to = h->block + h->used;
    for (size_t i = 0; i < event.len; i++)
        to[i] = event.base[i] == '\n' || event.base[i] == '\r' ? ' ' : event.base[i];
    to[event.len] = '\n';
    h->used += event.len + 1;
    h->events++;
    return ST_OK;
}

enum status history_add_file(struct history *h, int fd)
{
    for (;;) {
        enum status st = flush(h);
        if (st != ST_OK)
            return st;
        ssize_t n = read(fd, h->block, BLOCK_BYTES);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? ST_OK : ST_IO;
        st = make_room(h, (size_t)n);
        if (st != ST_OK)
            return st;
        h->used = (size_t)n;
    }
}

/* ---- the journal ---- */

struct adding {
    struct history *history;
    enum status status;
};

static bool add_frame(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct adding *a = user;
    struct frame_event event;
    (void)seq;
    if (kind != FRAME_EVENT)
        return true;
    a->status = frame_get_event(bytes, &event);
    if (a->status == ST_OK)
        a->status = history_add(a->history, event.body);
    return a->status == ST_OK;
}

enum status history_add_journal(struct history *h, const char *dir, uint64_t frames, char *ret_why)
{
    struct adding a = {.history = h, .status = ST_OK};
    char why[JOURNAL_WHY_BYTES] = "";
    enum status st = journal_peek(dir, frames, add_frame, &a, why);
    if (st == ST_OK)
        st = a.status;
    if (st != ST_OK)
        (void)snprintf(ret_why, HISTORY_WHY_BYTES, "%s", why[0] ? why : status_text(st));
    return st;
}

uint64_t history_events(const struct history *h)
{
    return h->events;
}

enum status history_take(struct history *h, int *ret_fd)
{
    enum status st = flush(h);
    if (st != ST_OK)
        return st;
    if (lseek(h->fd, 0, SEEK_SET) != 0)
        return ST_IO;
    *ret_fd = h->fd;
    h->fd = -1;
    return ST_OK;
}
