#include "service/engine/timers.h"

#include "service/base/check.h"
#include "service/base/clock.h"

#include <stdlib.h>

static void on_time(uv_timer_t *uv);

static bool is_empty(const struct timers *ts)
{
    return ts->head.next == &ts->head;
}

/* Wake up for the first entry, at a whole millisecond after its time. */
static void arm(struct timers *ts)
{
    int64_t left_us = ts->head.next->at_us - clock_mono_us();
    uint64_t ms = left_us > 0 ? (uint64_t)(left_us + 999) / 1000 : 0;
    uv_update_time(ts->uv->loop);
    CHECK(uv_timer_start(ts->uv, on_time, ms, 0) == 0);
    ts->armed_us = ts->head.next->at_us;
}

static void on_time(uv_timer_t *uv)
{
    struct timers *ts = uv->data;
    int64_t now_us = clock_mono_us();
    while (!is_empty(ts) && ts->head.next->at_us <= now_us) {
        struct timer *t = ts->head.next;
        timers_clear(t);
        t->fire(t);
    }
    if (!is_empty(ts))
        arm(ts);
}

void timers_init(struct timers *ts, uv_loop_t *loop)
{
    ts->head.prev = ts->head.next = &ts->head;
    ts->uv = NULL;
    if (loop == NULL)
        return;
    ts->uv = malloc(sizeof *ts->uv);
    CHECK(ts->uv != NULL && uv_timer_init(loop, ts->uv) == 0);
    ts->uv->data = ts;
}

static void on_closed(uv_handle_t *uv)
{
    free(uv);
}

void timers_fini(struct timers *ts)
{
    CHECK(is_empty(ts));
    if (ts->uv != NULL)
        uv_close((uv_handle_t *)ts->uv, on_closed);
    ts->uv = NULL;
}

void timers_set(struct timers *ts, struct timer *t, int64_t at_us)
{
    timers_clear(t);
    struct timer *before = ts->head.prev;
    while (before != &ts->head && before->at_us > at_us)
        before = before->prev;
    t->at_us = at_us;
    t->prev = before;
    t->next = before->next;
    t->prev->next = t->next->prev = t;
    /* Armed early it stays, though its entry may be gone: one wake-up for nothing costs less than
     * arming it again for each event. */
    if (ts->uv != NULL && (!uv_is_active((uv_handle_t *)ts->uv) || at_us < ts->armed_us))
        arm(ts);
}

void timers_clear(struct timer *t)
{
    if (t->next == NULL)
        return;
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->prev = t->next = NULL;
}
