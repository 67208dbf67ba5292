/* Operations and journal frames of one event; declared in steps.h. */
#include "service/engine/steps.h"

#include "service/engine/delivery.h"
#include "service/engine/frames.h"

void steps_call(struct score_steps *x, const struct state_op *op, void (*take)(struct call *),
                void (*then)(struct call *))
{
    x->call.op = *op;
    x->call.op.now_ms = x->score->intake.now_ms;
    x->call.op.txn_hash = x->event.txn_hash;
    x->call.op.journal_frame = x->frame;
    x->call.op.journal_kind = x->frame_kind;
    x->call.op.journal_seq = x->undelivered;
    if (x->engine->state_keeps_journal)
        x->call.op.recover_seq = x->score->intake.redo_seq;
    x->call.take = take;
    x->call.then = then;
    x->call.user = x;
    call_start(x->engine->state, &x->call);
}

struct score_steps *steps_returned(struct call *c)
{
    struct score_steps *x = c->user;
    if (x->frame.len > 0 && c->status == ST_OK && c->op.journal_seq != 0)
        x->frame_seq = c->op.journal_seq;
    x->frame = span_of(NULL, 0);
    if (x->undelivered == 0)
        return x;
    if (c->status == ST_UNAVAILABLE)
        delivery_lost(x->engine->delivery, x->undelivered);
    else
        delivery_done(x->engine->delivery, x->undelivered);
    x->undelivered = 0;
    return x;
}

enum status steps_journal(struct score_steps *x, uint8_t kind, struct span frame)
{
    struct engine *e = x->engine;
    if (e->journal == NULL || x->score->intake.redo_seq != 0)
        return ST_OK;
    if (e->state_keeps_journal) {
        x->frame = frame;
        x->frame_kind = kind;
        return ST_OK;
    }
    if (journal_append(e->journal, kind, frame, &x->frame_seq) != ST_OK)
        return ST_UNAVAILABLE;
    x->undelivered = e->delivery != NULL ? x->frame_seq : 0;
    return ST_OK;
}

enum status steps_journal_event(struct score_steps *x)
{
    struct frame_event f = {x->intent.nonce, x->score->intake.now_ms, x->event.body};
    struct text out;
    size_t bytes = FRAME_EVENT_HEAD_BYTES + f.body.len;
    if (x->engine->journal == NULL || x->score->intake.redo_seq != 0)
        return ST_OK;
    char *room = arena_try(x->arena, bytes);
    if (room == NULL)
        return ST_NO_SPACE;
    text_init(&out, room, bytes);
    frame_put_event(&f, &out);
    return steps_journal(x, FRAME_EVENT, text_span(&out));
}

void steps_journal_lost(struct score_steps *x)
{
    if (x->undelivered != 0)
        delivery_lost(x->engine->delivery, x->undelivered);
    x->undelivered = 0;
}

struct span score_account_id(const struct score *s)
{
    return s->steps->event.values[SCHEMA_ACCOUNT_ID].text;
}
