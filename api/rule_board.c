#include "api/rule_board.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/tally_look.h"

enum { ASK_MS = 1000 }; /* for people and scrapers, who wait longer than a transaction may */

struct board {
    struct tally_look look;
    struct request *request;
    void (*show)(struct request *r, const struct rule_table *t);
};

static void make_and_show(struct board *b, const struct tally *tally)
{
    const struct engine *engines[HTTP_WORKERS_MAX];
    struct rule_table table;
    struct request *r = b->request;
    const struct http_server *s = r->worker->server;
    int n_engines = http_engines(s, engines);
    struct snapshot *snap = snapshot_current(r->worker->engine->snapshots);
    rule_table_init(&table, snap, engines, n_engines, tally);
    b->show(r, &table);
    rule_table_fini(&table);
    snapshot_unref(snap);
}

static void looked(struct tally_look *l)
{
    struct board *b = l->user;
    if (l->status == ST_OK)
        make_and_show(b, l->tally);
    else
        b->show(b->request, NULL);
}

static void released(struct tally_look *l)
{
    struct board *b = l->user;
    request_drop(b->request);
}

void rule_board_ask(struct request *r, void (*show)(struct request *r, const struct rule_table *t))
{
    void *room;
    CHECK(arena_alloc(&r->arena, sizeof(struct board), &room) == ST_OK);
    struct board *b = room;
    *b = (struct board){.look = {.engine = r->worker->engine,
                                 .deadline_us = clock_mono_us() + (int64_t)ASK_MS * 1000,
                                 .done = looked,
                                 .released = released,
                                 .user = b},
                        .request = r,
                        .show = show};
    request_hold(r);
    tally_look_start(&b->look);
}
