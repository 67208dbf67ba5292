#include "service/engine/fill_peers.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/engine/covered.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GO_ON_MS = 2000,
    CHUNK_WAIT_S = 1, /* then it is looked whether to go on */
    ASKS_MS = 30000,  /* an ask that nobody takes expires */
};

struct peer {
    char instance[WRITER_NAME_BYTES];
    int64_t from_ms;
    uint64_t feed;     /* 0: none has come yet */
    uint64_t answered; /* the last ask whose end was reached */
    redisReply *reply; /* holds the chunk; NULL: none */
    struct fill_chunk chunk;
    struct fill_frame head; /* with has_head: the next one */
    bool has_head;
};

struct fill_peers {
    struct fill_peers_options o;
    struct redis_sync *redis;
    struct writers_of of;
    char prefix[128];
    char session[SESSION_BYTES];
    struct peer *peers;
    int n;
    int64_t from_ms;
    uint64_t asked;
    int64_t went_on_us;
    struct writers writers; /* room to list them */
};

/* ---- who writes ---- */

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void add_peer(struct fill_peers *p, const struct writer *w)
{
    struct peer *peer = &p->peers[p->n++];
    *peer = (struct peer){.from_ms = w->from_ms};
    snprintf(peer->instance, sizeof peer->instance, "%s", w->instance);
    p->from_ms = later(p->from_ms, w->from_ms);
}

static enum status judge_writer(struct fill_peers *p, const struct writer *w, const char **ret_why)
{
    int64_t silent_ms = p->writers.now_ms - w->seen_ms;
    if (strcmp(w->instance, p->o.instance) == 0)
        return ST_OK;
    if (silent_ms >= FILL_PEERS_GONE_MS) {
        p->from_ms = later(p->from_ms, w->seen_ms + COVERED_SKEW_MS);
        return ST_OK;
    }
    if (w->from_ms == WRITER_NO_JOURNAL) {
        p->from_ms = INT64_MAX; /* what it writes now nobody can give */
        return ST_OK;
    }
    if (silent_ms >= WRITER_LIVE_MS)
        *ret_why = "an instance that has written to this Redis is silent; it is waited for";
    else if (w->ruleset != p->o.ruleset)
        *ret_why = "not all instances decide by this ruleset";
    else
        add_peer(p, w);
    return *ret_why == NULL ? ST_OK : ST_UNAVAILABLE;
}

static enum status judge_writers(struct fill_peers *p, const char **ret_why)
{
    enum status st = writers_list(&p->of, &p->writers);
    *ret_why = NULL;
    p->from_ms = p->writers.since_ms > 0 ? p->writers.since_ms + COVERED_SKEW_MS : COVERAGE_ALWAYS;
    for (int i = 0; st == ST_OK && i < p->writers.n; i++)
        st = judge_writer(p, &p->writers.all[i], ret_why);
    if (st != ST_OK && *ret_why == NULL)
        *ret_why = "Redis is away";
    return st;
}

static bool is_known(const struct fill_peers *p, const char *instance)
{
    for (int i = 0; i < p->n; i++)
        if (strcmp(p->peers[i].instance, instance) == 0)
            return true;
    return strcmp(instance, p->o.instance) == 0;
}

/* One that was gone when we began, and is back, is new. */
enum status fill_peers_are_all(struct fill_peers *p)
{
    enum status st = writers_list(&p->of, &p->writers);
    if (st != ST_OK)
        return ST_UNAVAILABLE;
    for (int i = 0; i < p->writers.n; i++) {
        const struct writer *w = &p->writers.all[i];
        bool is_gone = p->writers.now_ms - w->seen_ms >= FILL_PEERS_GONE_MS;
        if (is_gone ? is_known(p, w->instance)
                    : !is_known(p, w->instance) || w->ruleset != p->o.ruleset)
            return ST_CONFLICT;
    }
    return fill_peers_go_on(p);
}

/* ---- the session ---- */

static void free_peers(struct fill_peers *p)
{
    for (int i = 0; i < p->n; i++)
        if (p->peers[i].reply != NULL)
            freeReplyObject(p->peers[i].reply);
    redis_sync_free(p->redis);
    free(p->peers);
    free(p);
}

static enum status begin_session(struct fill_peers *p, const char **ret_why)
{
    snprintf(p->session, sizeof p->session, "%s:%016" PRIx64, p->o.instance, hash_random_u64());
    enum status st = writers_begin(&p->of, p->session);
    if (st == ST_CONFLICT)
        *ret_why = "another instance fills in";
    else if (st != ST_OK)
        *ret_why = "Redis is away";
    return st == ST_CONFLICT || st == ST_OK ? st : ST_UNAVAILABLE;
}

enum status fill_peers_open(const struct fill_peers_options *o, struct fill_peers **ret_peers,
                            const char **ret_why)
{
    struct fill_peers *p = calloc(1, sizeof *p);
    CHECK(p != NULL);
    p->o = *o;
    snprintf(p->prefix, sizeof p->prefix, "%s", o->prefix);
    p->redis = redis_sync_new(&o->address, REDIS_SYNC_TIMEOUT_MS);
    p->of = (struct writers_of){p->redis, p->prefix};
    p->peers = calloc(WRITERS_MAX, sizeof *p->peers);
    CHECK(p->peers != NULL);
    enum status st = judge_writers(p, ret_why);
    if (st == ST_OK)
        st = begin_session(p, ret_why);
    if (st == ST_OK) {
        p->went_on_us = clock_mono_us();
        *ret_peers = p;
        return ST_OK;
    }
    free_peers(p);
    return st == ST_CONFLICT ? ST_CONFLICT : ST_UNAVAILABLE;
}

/* What is left there expires. */
void fill_peers_close(struct fill_peers *p)
{
    if (p == NULL)
        return;
    writers_end(&p->of, p->session);
    free_peers(p);
}

int64_t fill_peers_from_ms(const struct fill_peers *p)
{
    return p->from_ms;
}

int fill_peers_count(const struct fill_peers *p)
{
    return p->n;
}

enum status fill_peers_go_on(struct fill_peers *p)
{
    if (clock_mono_us() - p->went_on_us < GO_ON_MS * INT64_C(1000))
        return ST_OK;
    p->went_on_us = clock_mono_us();
    return writers_go_on(&p->of, p->session) == ST_OK ? ST_OK : ST_UNAVAILABLE;
}

/* ---- their frames ---- */

enum status fill_peers_ask(struct fill_peers *p)
{
    p->asked++;
    for (int i = 0; i < p->n; i++) {
        const char *instance = p->peers[i].instance;
        if (redis_sync_do(p->redis, "RPUSH %sfill:%s:%s:ask %d", p->prefix, p->session, instance,
                          (int)p->asked) != ST_OK ||
            redis_sync_do(p->redis, "PEXPIRE %sfill:%s:%s:ask %d", p->prefix, p->session, instance,
                          (int)ASKS_MS) != ST_OK)
            return ST_UNAVAILABLE;
    }
    return ST_OK;
}

/* All chunks of a peer are of one feed, under our ruleset, of a journal that is as long as said. */
static enum status judge_chunk(struct fill_peers *p, struct peer *peer)
{
    const struct fill_chunk *c = &peer->chunk;
    if (peer->feed == 0)
        peer->feed = c->feed;
    if (c->feed != peer->feed)
        return ST_UNAVAILABLE;
    if (c->ruleset != p->o.ruleset)
        return ST_CONFLICT;
    return c->from_ms > peer->from_ms ? ST_NOT_FOUND : ST_OK;
}

static enum status take_chunk(struct fill_peers *p, struct peer *peer, redisReply *reply)
{
    const redisReply *bytes = reply->elements == 2 ? reply->element[1] : NULL;
    if (peer->reply != NULL)
        freeReplyObject(peer->reply);
    peer->reply = reply;
    if (bytes == NULL || bytes->type != REDIS_REPLY_STRING)
        return ST_CORRUPT;
    enum status st = fill_chunk_parse(span_of(bytes->str, bytes->len), &peer->chunk);
    return st == ST_OK ? judge_chunk(p, peer) : st;
}

static enum status wait_for_chunk(struct fill_peers *p, struct peer *peer)
{
    int64_t until_us = clock_mono_us() + FILL_PEERS_SILENT_MS * INT64_C(1000);
    while (clock_mono_us() < until_us) {
        redisReply *r;
        if (atomic_load(p->o.stop))
            return ST_CONFLICT;
        if (fill_peers_go_on(p) != ST_OK ||
            redis_sync_command(p->redis, &r, "BLPOP %sfill:%s:%s %d", p->prefix, p->session,
                               peer->instance, (int)CHUNK_WAIT_S) != ST_OK)
            return ST_UNAVAILABLE;
        if (r->type == REDIS_REPLY_ARRAY)
            return take_chunk(p, peer, r);
        freeReplyObject(r);
    }
    return ST_UNAVAILABLE;
}

/* The next frame of `peer`, or it has answered. */
static enum status load_head(struct fill_peers *p, struct peer *peer)
{
    enum status st = ST_OK;
    while (st == ST_OK && !peer->has_head && peer->answered < p->asked) {
        enum status next =
            peer->reply == NULL ? ST_NOT_FOUND : fill_chunk_next(&peer->chunk, &peer->head);
        peer->has_head = next == ST_OK;
        if (next == ST_CORRUPT)
            st = next;
        else if (next == ST_NOT_FOUND && peer->reply != NULL && peer->chunk.answers == p->asked)
            peer->answered = p->asked;
        else if (next == ST_NOT_FOUND)
            st = wait_for_chunk(p, peer);
    }
    return st;
}

/* Whose next event came first; NULL: all have answered. */
static enum status earliest(struct fill_peers *p, struct peer **ret_peer)
{
    struct peer *first = NULL;
    for (int i = 0; i < p->n; i++) {
        struct peer *peer = &p->peers[i];
        enum status st = load_head(p, peer);
        if (st != ST_OK)
            return st;
        if (peer->has_head && (first == NULL || peer->head.at_ms < first->head.at_ms))
            first = peer;
    }
    *ret_peer = first;
    return ST_OK;
}

enum status fill_peers_take(struct fill_peers *p, int64_t until_ms,
                            enum status (*each)(void *user, const struct fill_frame *f), void *user)
{
    struct peer *peer;
    enum status st = earliest(p, &peer);
    while (st == ST_OK && peer != NULL && peer->head.at_ms <= until_ms) {
        peer->has_head = false;
        st = each(user, &peer->head);
        if (st == ST_OK)
            st = earliest(p, &peer);
    }
    return st;
}
