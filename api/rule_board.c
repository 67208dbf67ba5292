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

void rule_board_put_share(struct text *out, const char *name, bool is_known, double share)
{
    text_str(out, name);
    if (is_known)
        text_double(out, share);
    else
        text_str(out, "null");
}

static void put_money(struct text *out, const struct rule_money *m)
{
    text_str(out, "{\"currency\":");
    text_json_string(out, m->currency);
    text_str(out, ",\"fraud\":");
    text_fixed(out, m->fraud_e4, 10000);
    text_str(out, ",\"legitimate\":");
    text_fixed(out, m->legitimate_e4, 10000);
    text_char(out, '}');
}

void rule_board_put_labels(struct text *out, const char *name, const struct rule_labels *l)
{
    text_printf(out, "%s{\"fraud\":%llu,\"legitimate\":%llu,\"amounts\":[", name,
                (unsigned long long)l->fraud, (unsigned long long)l->legitimate);
    for (int i = 0; i < l->n_money; i++) {
        text_str(out, i > 0 ? "," : "");
        put_money(out, &l->money[i]);
    }
    text_str(out, "]}");
}
