#include "service/engine/recover.h"

#include "service/base/check.h"
#include "service/engine/redo.h"

struct recovery {
    struct redo redo;
    struct recovered count;
    enum status status;
    bool is_back; /* redo_frame has answered: always at once, the state is in memory */
};

static void redone(struct redo *r, enum status st)
{
    struct recovery *rec = r->user;
    rec->status = st;
    rec->is_back = true;
}

static void count(struct recovered *n, uint8_t kind)
{
    bool is_decision = kind == FRAME_DECISION || kind == FRAME_FLAGGED;
    n->events += kind == FRAME_EVENT;
    n->decisions += is_decision;
    n->others += kind != FRAME_EVENT && !is_decision;
}

static void count_lost(struct recovered *n, uint64_t seq)
{
    if (n->lost++ == 0)
        n->first_lost_seq = seq;
}

static bool each(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct recovery *rec = user;
    rec->is_back = false;
    redo_frame(&rec->redo, seq, kind, bytes);
    CHECK(rec->is_back);
    count(&rec->count, kind);
    if (rec->redo.is_lost)
        count_lost(&rec->count, seq);
    return rec->status == ST_OK;
}

enum status recover(struct engine *e, uint64_t from_seq, struct recovered *ret_recovered)
{
    struct recovery rec = {.status = ST_OK};
    if (from_seq > journal_last_seq(e->journal)) {
        *ret_recovered = rec.count;
        return ST_OK;
    }
    redo_init(&rec.redo, e, redone, &rec);
    enum status st = journal_read(e->journal, from_seq, each, &rec);
    redo_fini(&rec.redo);
    if (st == ST_OK)
        st = rec.status;
    if (st == ST_OK)
        *ret_recovered = rec.count;
    return st;
}
