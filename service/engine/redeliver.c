#include "service/engine/redeliver.h"

#include "service/base/check.h"
#include "service/engine/delivery.h"
#include "service/engine/engine_internal.h"
#include "service/engine/redo.h"

#include <stdlib.h>

enum {
    LOOK_EVERY_MS = 100,
    RETRY_EVERY_MS = 10000, /* of a journal that cannot be read: up to a segment each time */
    BATCH_FRAMES = 256,
    BATCH_LOOKS = 4096,    /* at frames, most of which may have arrived */
    BATCH_BYTES = 1 << 20, /* read in one turn of the loop: about a millisecond */
};

struct batch_frame {
    uint64_t seq;
    uint8_t kind;
    struct span bytes;
};

struct redelivery {
    struct engine *engine;
    uv_timer_t timer;
    struct redo redo;
    struct call telling; /* the beacon */
    uint64_t telling_seq, told_seq;
    struct journal_reader *reader; /* NULL: nothing was wanted lately */
    struct arena *arena;           /* the frames' bytes */
    struct batch_frame frames[BATCH_FRAMES];
    uint64_t to_seq;
    int n_frames, n_looks;
    int at;
    bool is_busy;
    bool has_failed; /* the last frame, or reading it: not at once again */
    bool is_unread;  /* reading: not before `retry_ms` of the loop */
    uint64_t retry_ms;
    bool is_stepping; /* in step(): a frame that returns at once is followed from there */
};

/* ---- a batch ---- */

static bool keep(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct redelivery *r = user;
    if (seq > r->to_seq || r->n_frames == BATCH_FRAMES || r->n_looks++ == BATCH_LOOKS)
        return false;
    if (delivery_has(r->engine->delivery, seq))
        return true;
    char *room = arena_try(r->arena, bytes.len);
    if (room == NULL)
        return false;
    memcpy(room, bytes.base, bytes.len);
    r->frames[r->n_frames++] = (struct batch_frame){seq, kind, span_of(room, bytes.len)};
    return true;
}

/* What the journal has released reaches nobody any more. */
static uint64_t give_up(struct redelivery *r, uint64_t from)
{
    uint64_t kept = journal_first_seq(r->engine->journal);
    for (uint64_t seq = from; seq < kept; seq++)
        delivery_done(r->engine->delivery, seq);
    return kept;
}

static void note_reading(struct redelivery *r, enum status st)
{
    struct engine *e = r->engine;
    bool was_unread = r->is_unread;
    r->is_unread = r->has_failed = st != ST_OK;
    r->retry_ms = uv_now(e->loop) + RETRY_EVERY_MS;
    delivery_set_stuck(e->delivery, r->is_unread);
    if (r->is_unread && !was_unread && e->undeliverable != NULL)
        e->undeliverable(e->user, st);
}

static bool may_read(const struct redelivery *r)
{
    return !r->is_unread || uv_now(r->engine->loop) >= r->retry_ms;
}

static void read_batch(struct redelivery *r, uint64_t from)
{
    arena_reset(r->arena);
    r->n_frames = r->n_looks = r->at = 0;
    if (r->reader == NULL)
        r->reader = journal_reader_open(r->engine->journal);
    enum status st = journal_reader_read(r->reader, from, keep, r);
    if (st == ST_NOT_FOUND && r->n_frames == 0)
        st = journal_reader_read(r->reader, give_up(r, from), keep, r);
    note_reading(r, st);
}

/* It may hold a segment that nobody needs. */
static void stop_reading(struct redelivery *r)
{
    journal_reader_close(r->reader);
    r->reader = NULL;
}

/* ---- one frame after the other ---- */

static void stop(struct redelivery *r)
{
    r->is_busy = false;
}

static void step(struct redelivery *r)
{
    r->is_stepping = true;
    while (r->is_busy && r->at < r->n_frames) {
        struct batch_frame *f = &r->frames[r->at];
        int at = r->at;
        redo_frame(&r->redo, f->seq, f->kind, f->bytes);
        if (r->at == at) /* under way */
            break;
    }
    r->is_stepping = false;
    if (r->at == r->n_frames)
        stop(r);
}

static void redone(struct redo *redo, enum status st)
{
    struct redelivery *r = redo->user;
    r->has_failed = st != ST_OK;
    if (r->has_failed) {
        stop(r); /* the timer tries again */
        return;
    }
    delivery_done(r->engine->delivery, r->frames[r->at++].seq);
    if (!r->is_stepping)
        step(r);
}

static void look(struct redelivery *r)
{
    uint64_t from;
    if (r->is_busy || !state_available(r->engine->state) || !may_read(r))
        return;
    if (!delivery_wanted(r->engine->delivery, &from, &r->to_seq)) {
        stop_reading(r);
        return;
    }
    r->is_busy = true;
    read_batch(r, from);
    step(r);
}

/* ---- the beacon ---- */

static void told(struct call *c)
{
    struct redelivery *r = c->user;
    if (c->status == ST_OK)
        r->told_seq = r->telling_seq;
}

/*
 * It rides with observations. An instance that has none for a while would bring its last frames
 * again when it starts; and an erasure among them would take what others have written since.
 */
static void tell_reached(struct redelivery *r)
{
    uint64_t reached = delivery_reached(r->engine->delivery);
    if (call_is_under_way(&r->telling) || reached == r->told_seq ||
        !state_available(r->engine->state))
        return;
    r->telling_seq = reached;
    r->telling = (struct call){.op = {.verb = STATE_BEACON}, .then = told, .user = r};
    call_start(r->engine->state, &r->telling);
}

static void on_time(uv_timer_t *timer)
{
    struct redelivery *r = timer->data;
    look(r);
    tell_reached(r);
    /* The journal keeps what Redis has not; the rest may go when there is too much of it. */
    journal_release(r->engine->journal, delivery_reached(r->engine->delivery) + 1);
    bool at_once =
        !r->is_busy && !r->has_failed && may_read(r) && !delivery_is_whole(r->engine->delivery);
    uv_timer_set_repeat(timer, at_once ? 1 : LOOK_EVERY_MS);
}

/* ---- life ---- */

struct redelivery *redelivery_new(struct engine *e)
{
    struct redelivery *r = calloc(1, sizeof *r);
    CHECK(r != NULL && uv_timer_init(e->loop, &r->timer) == 0);
    r->engine = e;
    r->arena = arena_new(BATCH_BYTES);
    redo_init(&r->redo, e, redone, r);
    r->timer.data = r;
    CHECK(uv_timer_start(&r->timer, on_time, LOOK_EVERY_MS, LOOK_EVERY_MS) == 0);
    uv_unref((uv_handle_t *)&r->timer);
    return r;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void redelivery_free(struct redelivery *r)
{
    if (r == NULL)
        return;
    CHECK(!r->is_busy && !call_is_under_way(&r->telling));
    stop_reading(r);
    redo_fini(&r->redo);
    arena_free(r->arena);
    uv_close((uv_handle_t *)&r->timer, on_closed);
}
