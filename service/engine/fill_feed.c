#include "service/engine/fill_feed.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/engine/covered.h"
#include "service/engine/fill_chunk.h"
#include "service/engine/frames.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_MS = 200,  /* for a session that has begun */
    WAIT_US = 1000, /* for the journal's writer, for Redis, for room in the list */
    ASK_WAIT_S = 1, /* for the next ask; then it is looked whether the session stands */
    REST_MAX_US = 100000,
};

struct fill_feed {
    struct fill_feed_options o;
    struct redis_sync *redis;
    struct writers_of of;
    char prefix[128];
    /* what is said */
    uint64_t ruleset, ruleset_before; /* now, and a second ago */
    int64_t from_ms;
    uint64_t from_seq; /* the journal's first frame when from_ms was found; 0: it was not */
    int64_t said_us;
    bool is_known; /* the last was heard */
    /* the thread */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    atomic_bool stop;
};

/* ---- what is said ---- */

struct first_event {
    int64_t came_ms;
    bool is_found;
};

static bool first_event(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct first_event *first = user;
    struct frame_event event;
    (void)seq;
    if (kind != FRAME_EVENT || frame_get_event(bytes, &event) != ST_OK)
        return true;
    *first = (struct first_event){event.received_at_ms, true};
    return false;
}

/* Events of before it may be ahead of the clock. */
enum status fill_reach(struct journal *journal, int64_t since_ms, int64_t *ret_from_ms)
{
    struct first_event first = {.is_found = false};
    int64_t from_ms = since_ms > 0 ? since_ms + COVERED_SKEW_MS : COVERAGE_ALWAYS;
    uint64_t from_seq = journal_first_seq(journal);
    enum status st = from_seq > 1 ? journal_read(journal, from_seq, first_event, &first) : ST_OK;
    if (st != ST_OK)
        return st;
    if (from_seq > 1 && !first.is_found)
        from_ms = INT64_MAX;
    else if (from_seq > 1 && first.came_ms + COVERED_SKEW_MS > from_ms)
        from_ms = first.came_ms + COVERED_SKEW_MS;
    *ret_from_ms = from_ms;
    return ST_OK;
}

static void look_at_journal(struct fill_feed *f)
{
    uint64_t first_seq = f->o.journal != NULL ? journal_first_seq(f->o.journal) : 0;
    if (first_seq == f->from_seq)
        return;
    f->from_ms = WRITER_NO_JOURNAL;
    f->from_seq = fill_reach(f->o.journal, f->o.since_ms, &f->from_ms) == ST_OK ? first_seq : 0;
}

static uint64_t ruleset_of(const struct fill_feed *f)
{
    struct snapshot *s = snapshot_current(f->o.snapshots);
    uint64_t id = s->id;
    snapshot_unref(s);
    return id;
}

/* Events that still have the ruleset before it have ended a second later. */
static uint64_t settled_ruleset(const struct fill_feed *f)
{
    return f->ruleset == f->ruleset_before && f->ruleset == ruleset_of(f) ? f->ruleset : 0;
}

static void say(struct fill_feed *f)
{
    struct writer w;
    f->ruleset_before = f->ruleset;
    f->ruleset = ruleset_of(f);
    look_at_journal(f);
    f->said_us = clock_mono_us();
    w = (struct writer){.ruleset = settled_ruleset(f), .from_ms = f->from_ms};
    snprintf(w.instance, sizeof w.instance, "%s", f->o.instance);
    f->is_known = writers_say(&f->of, &w) == ST_OK; /* not now: then a second later */
}

/* false: it is to end. */
static bool say_if_due(struct fill_feed *f)
{
    if (clock_mono_us() - f->said_us >= WRITERS_SAY_MS * INT64_C(1000))
        say(f);
    return !atomic_load(&f->stop);
}

/* ---- one session ---- */

struct feeding {
    struct fill_feed *f;
    char session[SESSION_BYTES];
    struct journal_reader *reader;
    uint64_t feed;
    uint64_t asked, answered;
    uint64_t next_seq, to_seq, ready_seq;
    int64_t at_ms;
    int64_t looked_us; /* whether the session stands */
    char *bytes;
    struct text chunk;
};

/* false: it is over. */
static bool goes_on(struct feeding *x)
{
    char stands[SESSION_BYTES];
    if (!say_if_due(x->f))
        return false;
    if (clock_mono_us() - x->looked_us < WRITERS_SAY_MS * INT64_C(1000))
        return true;
    x->looked_us = clock_mono_us();
    return writers_session(&x->f->of, stands) == ST_OK && strcmp(stands, x->session) == 0;
}

static void begin_chunk(struct feeding *x)
{
    text_init(&x->chunk, x->bytes, FILL_CHUNK_BYTES_MAX);
    fill_chunk_put(&(struct fill_chunk){.feed = x->feed}, &x->chunk);
}

/* Its head, now that it is known. */
static void end_chunk(struct feeding *x, bool is_last)
{
    struct text head;
    text_init(&head, x->bytes, FILL_CHUNK_HEAD_BYTES);
    fill_chunk_put(&(struct fill_chunk){.feed = x->feed,
                                        .answers = is_last ? x->asked : 0,
                                        .ruleset = settled_ruleset(x->f),
                                        .from_ms = x->f->from_ms},
                   &head);
}

static bool has_room(struct feeding *x)
{
    redisReply *r;
    if (redis_sync_command(x->f->redis, &r, "LLEN %sfill:%s:%s", x->f->prefix, x->session,
                           x->f->o.instance) != ST_OK)
        return false;
    bool room = r->type == REDIS_REPLY_INTEGER && r->integer < FILL_FEED_WAITING_MAX;
    freeReplyObject(r);
    return room;
}

/* A full Redis refuses it; then it is tried again, as long as the session lasts. */
static bool push(struct feeding *x)
{
    struct fill_feed *f = x->f;
    struct span bytes = text_span(&x->chunk);
    while (goes_on(x)) {
        if (has_room(x) && redis_sync_do(f->redis, "RPUSH %sfill:%s:%s %b", f->prefix, x->session,
                                         f->o.instance, bytes.base, bytes.len) == ST_OK)
            return redis_sync_do(f->redis, "PEXPIRE %sfill:%s:%s %d", f->prefix, x->session,
                                 f->o.instance, (int)FILL_FEED_LIST_MS) == ST_OK;
        usleep(WAIT_US);
    }
    return false;
}

static bool each_frame(void *user, uint64_t seq, uint8_t kind, struct span bytes)
{
    struct feeding *x = user;
    struct frame_event event;
    if (seq > x->ready_seq || x->chunk.len >= FILL_CHUNK_HEAD_BYTES + FILL_CHUNK_FULL_BYTES)
        return false;
    if (kind == FRAME_EVENT && frame_get_event(bytes, &event) == ST_OK)
        x->at_ms = event.received_at_ms;
    fill_chunk_put_frame(&(struct fill_frame){x->at_ms, kind, bytes}, &x->chunk);
    x->next_seq = seq + 1;
    return true;
}

/* What is written here and has reached Redis. */
static uint64_t ready_seq(const struct feeding *x)
{
    uint64_t written = journal_written_seq(x->f->o.journal);
    uint64_t reached = delivery_reached(x->f->o.delivery);
    uint64_t ready = written < reached ? written : reached;
    return ready < x->to_seq ? ready : x->to_seq;
}

/* A chunk of what was asked for. false: it is over. */
static bool give_chunk(struct feeding *x)
{
    int64_t begun_us = clock_mono_us();
    x->ready_seq = ready_seq(x);
    if (x->ready_seq < x->next_seq && x->next_seq <= x->to_seq) {
        usleep(WAIT_US);
        return goes_on(x);
    }
    begin_chunk(x);
    if (x->next_seq <= x->ready_seq &&
        journal_reader_read(x->reader, x->next_seq, each_frame, x) != ST_OK)
        return false;
    bool is_last = x->next_seq > x->to_seq;
    end_chunk(x, is_last);
    if (!push(x))
        return false;
    if (is_last)
        x->answered = x->asked;
    int64_t us = clock_mono_us() - begun_us;
    if (!is_last)
        usleep((useconds_t)((us < REST_MAX_US ? us : REST_MAX_US) * FILL_FEED_REST));
    return true;
}

/* Waits a while for the next ask. false: Redis is away. */
static bool take_ask(struct feeding *x)
{
    redisReply *r;
    if (redis_sync_command(x->f->redis, &r, "BLPOP %sfill:%s:%s:ask %d", x->f->prefix, x->session,
                           x->f->o.instance, (int)ASK_WAIT_S) != ST_OK)
        return false;
    if (r->type == REDIS_REPLY_ARRAY && r->elements == 2) {
        x->asked = strtoull(r->element[1]->str, NULL, 10);
        x->to_seq = journal_last_seq(x->f->o.journal);
    }
    freeReplyObject(r);
    return true;
}

static void feed(struct fill_feed *f, const char *session)
{
    struct feeding x = {.f = f,
                        .feed = hash_random_u64(),
                        .reader = journal_reader_open(f->o.journal),
                        .next_seq = journal_first_seq(f->o.journal),
                        .looked_us = clock_mono_us(),
                        .bytes = malloc(FILL_CHUNK_BYTES_MAX)};
    CHECK(x.bytes != NULL);
    snprintf(x.session, sizeof x.session, "%s", session);
    bool is_on = true;
    while (is_on && goes_on(&x))
        is_on = x.answered == x.asked ? take_ask(&x) : give_chunk(&x);
    journal_reader_close(x.reader);
    free(x.bytes);
}

/* ---- the thread ---- */

static bool is_ours(const struct fill_feed *f, const char *session)
{
    size_t n = strlen(f->o.instance);
    return strncmp(session, f->o.instance, n) == 0 && session[n] == ':';
}

static void look_for_session(struct fill_feed *f)
{
    char session[SESSION_BYTES];
    if (f->o.journal == NULL || writers_session(&f->of, session) != ST_OK || session[0] == '\0' ||
        is_ours(f, session))
        return;
    feed(f, session);
}

static void pause_a_while(struct fill_feed *f)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&f->lock);
    if (!atomic_load(&f->stop))
        pthread_cond_timedwait(&f->woken, &f->lock, &until);
    pthread_mutex_unlock(&f->lock);
}

static void *run(void *user)
{
    struct fill_feed *f = user;
    while (say_if_due(f)) {
        look_for_session(f);
        pause_a_while(f);
    }
    return NULL;
}

struct fill_feed *fill_feed_new(const struct fill_feed_options *o)
{
    struct fill_feed *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->o = *o;
    snprintf(f->prefix, sizeof f->prefix, "%s", o->prefix);
    f->redis = redis_sync_new(&o->address, REDIS_SYNC_TIMEOUT_MS);
    f->of = (struct writers_of){f->redis, f->prefix};
    f->from_ms = WRITER_NO_JOURNAL;
    CHECK(pthread_mutex_init(&f->lock, NULL) == 0);
    CHECK(pthread_cond_init(&f->woken, NULL) == 0);
    say(f);
    CHECK(pthread_create(&f->thread, NULL, run, f) == 0);
    return f;
}

void fill_feed_free(struct fill_feed *f)
{
    if (f == NULL)
        return;
    pthread_mutex_lock(&f->lock);
    atomic_store(&f->stop, true);
    pthread_cond_signal(&f->woken);
    pthread_mutex_unlock(&f->lock);
    CHECK(pthread_join(f->thread, NULL) == 0);
    redis_sync_free(f->redis);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->woken);
    free(f);
}
