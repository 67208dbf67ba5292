#include "service/base/watermark.h"

#include "service/base/check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct watermark {
    pthread_mutex_t lock;
    _Atomic uint64_t done; /* written under the lock, read without */
    /* A ring: bit (number mod WATERMARK_AHEAD_MAX) says that `number`, past `done`, has ended. */
    uint64_t ended[WATERMARK_AHEAD_MAX / 64];
};

static uint64_t *ended_word(struct watermark *w, uint64_t number)
{
    return &w->ended[number % WATERMARK_AHEAD_MAX / 64];
}

static uint64_t ended_bit(uint64_t number)
{
    return UINT64_C(1) << (number % 64);
}

struct watermark *watermark_new(uint64_t done)
{
    struct watermark *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    CHECK(pthread_mutex_init(&w->lock, NULL) == 0);
    atomic_init(&w->done, done);
    return w;
}

void watermark_free(struct watermark *w)
{
    if (w == NULL)
        return;
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void advance(struct watermark *w)
{
    uint64_t done = w->done;
    while (*ended_word(w, done + 1) & ended_bit(done + 1)) {
        done++;
        *ended_word(w, done) &= ~ended_bit(done);
    }
    w->done = done;
}

enum status watermark_end(struct watermark *w, uint64_t number)
{
    enum status st = ST_OK;
    pthread_mutex_lock(&w->lock);
    if (number > w->done && number - w->done > WATERMARK_AHEAD_MAX) {
        st = ST_NO_SPACE;
    } else if (number > w->done) {
        *ended_word(w, number) |= ended_bit(number);
        advance(w);
    }
    pthread_mutex_unlock(&w->lock);
    return st;
}

bool watermark_has(struct watermark *w, uint64_t number)
{
    pthread_mutex_lock(&w->lock);
    bool has = number <= w->done || (number - w->done <= WATERMARK_AHEAD_MAX &&
                                     (*ended_word(w, number) & ended_bit(number)) != 0);
    pthread_mutex_unlock(&w->lock);
    return has;
}

uint64_t watermark_get(const struct watermark *w)
{
    return w->done;
}

void watermark_reset(struct watermark *w, uint64_t done)
{
    pthread_mutex_lock(&w->lock);
    memset(w->ended, 0, sizeof w->ended);
    w->done = done;
    pthread_mutex_unlock(&w->lock);
}
