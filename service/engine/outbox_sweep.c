#include "service/engine/outbox_sweep.h"

#include "service/base/check.h"
#include "service/engine/call.h"
#include "service/engine/delivery.h"
#include "service/engine/frames.h"
#include "service/engine/outbox.h"
#include "service/engine/outbox_mark.h"

#include <stdlib.h>

enum {
    TICK_MS = 100,
    RETRY_EVERY_TICKS = 100, /* of a journal that cannot be read: up to a segment each time */
    LOOK_ON_TICKS = 2,       /* while there is more: turn and turn about with deleting */
    TAKE_EVERY_TICKS = 10,   /* a second: much less than REDIS_OWNER_ALIVE_MS */
    LOOKS_MAX = 4096,        /* frames read in one turn of the loop: some milliseconds */
};

struct outbox_sweep {
    struct engine *engine;
    uv_timer_t timer;
    struct journal_reader *reader; /* NULL: nothing was left lately */
    uint64_t to_seq, at_seq;       /* of the reading: its end, and the next frame */
    int looks;
    bool has_failed; /* to read the journal: told once, and not at once again: */
    int unread_ticks;
    struct call call;
    struct state_alert entries[STATE_PEEK_MAX];
    struct span found[STATE_PEEK_MAX];
    struct state_alert cursor;
    unsigned take_epoch;
    int ticks; /* until the next taking */
};

/* ---- the journal ---- */

static void put_flagged(struct outbox_sweep *s, uint64_t seq, struct span bytes)
{
    struct frame_decision f;
    struct alert a;
    if (frame_get_flagged(bytes, &f) == ST_OK && alert_decode(f.alert, &a) == ST_OK)
        outbox_put_swept(s->engine->outbox, f.alert, seq, (struct state_alert){0});
    else
        stats_add(&s->engine->stats->corrupt, 1);
}

static bool each(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct outbox_sweep *s = user;
    if (seq > s->to_seq || s->looks++ == LOOKS_MAX || outbox_room(s->engine->outbox) == 0)
        return false;
    if (kind == FRAME_FLAGGED)
        put_flagged(s, seq, bytes);
    s->at_seq = seq + 1;
    return true;
}

static void stop_reading(struct outbox_sweep *s)
{
    journal_reader_close(s->reader);
    s->reader = NULL;
}

/* Frames that the journal has released are nobody's any more: it keeps what we need. */
static void note_reading(struct outbox_sweep *s, enum status st)
{
    struct engine *e = s->engine;
    bool is_released = st == ST_NOT_FOUND && s->at_seq < journal_first_seq(e->journal);
    if (is_released)
        s->at_seq = journal_first_seq(e->journal);
    else if (st != ST_OK && !s->has_failed && e->undeliverable != NULL)
        e->undeliverable(e->user, st);
    s->has_failed = st != ST_OK && !is_released;
    s->unread_ticks = s->has_failed ? RETRY_EVERY_TICKS : 0;
}

static void read_left(struct outbox_sweep *s)
{
    struct outbox *o = s->engine->outbox;
    uint64_t from;
    if (s->unread_ticks > 0) {
        s->unread_ticks--;
        return;
    }
    if (!outbox_left(o, &from, &s->to_seq)) {
        stop_reading(s);
        return;
    }
    if (outbox_room(o) == 0)
        return;
    if (s->reader == NULL)
        s->reader = journal_reader_open(s->engine->journal);
    s->at_seq = from;
    s->looks = 0;
    note_reading(s, journal_reader_read(s->reader, from, each, s));
    outbox_swept(o, s->at_seq - 1);
}

/* A mark that cannot be written brings alerts again after a crash, under the same ids. */
static void move_mark(const struct outbox_sweep *s)
{
    const struct engine *e = s->engine;
    if (outbox_mark_move(e->outbox_mark, e->outbox, e->journal, e->delivery) != ST_OK)
        return;
}

/* ---- Redis ---- */

static void take_found(struct call *c)
{
    struct outbox_sweep *s = c->user;
    struct alert a;
    for (int i = 0; i < c->op.n_found; i++)
        if (alert_decode(c->op.found[i], &a) == ST_OK)
            outbox_put_swept(s->engine->outbox, c->op.found[i], 0, c->op.alerts[i]);
        else
            stats_add(&s->engine->stats->corrupt, 1);
}

/* A server that refuses to give may still let us delete: it is not asked at once again. */
static void taken(struct call *c)
{
    struct outbox_sweep *s = c->user;
    s->ticks = TAKE_EVERY_TICKS;
    if (c->status != ST_OK) {
        s->take_epoch++;
        return;
    }
    s->cursor = c->op.cursor;
    if (s->cursor.ms > 0 && outbox_room(s->engine->outbox) > 0)
        s->ticks = LOOK_ON_TICKS;
}

static void take_alerts(struct outbox_sweep *s)
{
    int room = outbox_room(s->engine->outbox);
    s->call = (struct call){.op = {.verb = STATE_TAKE_ALERTS,
                                   .cursor = s->cursor,
                                   .take_epoch = s->take_epoch,
                                   .alerts = s->entries,
                                   .n_alerts = room < STATE_PEEK_MAX ? room : STATE_PEEK_MAX,
                                   .found = s->found},
                            .take = take_found,
                            .then = taken,
                            .user = s};
    call_start(s->engine->state, &s->call);
}

/* Entries that could not be dropped stay, and come again when this process is gone. */
static void dropped(struct call *c)
{
    (void)c;
}

static void drop_done(struct outbox_sweep *s)
{
    int n = outbox_take_done(s->engine->outbox, s->entries, STATE_PEEK_MAX);
    if (n == 0)
        return;
    s->call = (struct call){.op = {.verb = STATE_DROP_ALERTS, .alerts = s->entries, .n_alerts = n},
                            .then = dropped,
                            .user = s};
    call_start(s->engine->state, &s->call);
}

/* One operation at a time. The taking that is due goes first: it says that we live. */
static void sweep_redis(struct outbox_sweep *s)
{
    if (s->ticks > 0)
        s->ticks--;
    if (call_is_under_way(&s->call) || !state_available(s->engine->state))
        return;
    if (s->ticks == 0)
        take_alerts(s);
    else
        drop_done(s);
}

/* ---- life ---- */

static void on_time(uv_timer_t *timer)
{
    struct outbox_sweep *s = timer->data;
    struct engine *e = s->engine;
    if (e->state_keeps_journal && e->journal != NULL)
        read_left(s);
    if (!e->state_keeps_journal)
        sweep_redis(s);
    if (e->outbox_mark != NULL)
        move_mark(s);
}

struct outbox_sweep *outbox_sweep_new(struct engine *e)
{
    struct outbox_sweep *s = calloc(1, sizeof *s);
    CHECK(s != NULL && uv_timer_init(e->loop, &s->timer) == 0);
    s->engine = e;
    s->timer.data = s;
    CHECK(uv_timer_start(&s->timer, on_time, 1, TICK_MS) == 0);
    uv_unref((uv_handle_t *)&s->timer);
    return s;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void outbox_sweep_free(struct outbox_sweep *s)
{
    if (s == NULL)
        return;
    CHECK(!call_is_under_way(&s->call));
    stop_reading(s);
    if (s->engine->outbox_mark != NULL)
        move_mark(s);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
