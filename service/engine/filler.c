#include "service/engine/filler.h"

#include "service/base/check.h"
#include "service/base/clock.h"

#include <pthread.h>
#include <stdlib.h>

struct filler {
    struct filler_options o;
    struct snapshot *seen;     /* a reference: the last that was looked at */
    int64_t retry_ms;          /* not before; of `seen` */
    int64_t wait_ms;           /* the next time */
    struct filler_report last; /* of `seen` */
    bool has_last;
    /* the run */
    pthread_t thread;
    struct snapshot *snap; /* a reference; NULL: none is under way */
    int64_t now_ms;
    struct filler_report report;
    atomic_bool stop, has_ended;
};

struct filler *filler_new(const struct filler_options *o)
{
    struct filler *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->o = *o;
    return f;
}

static void *run(void *user)
{
    struct filler *f = user;
    struct fill_options o = {.snap = f->snap,
                             .snapshots = f->o.snapshots,
                             .journal = f->o.journal,
                             .engine = f->o.engine,
                             .table_bytes_max = f->o.table_bytes_max,
                             .rest = FILLER_REST,
                             .now_ms = f->now_ms};
    int64_t begun_us = clock_mono_us();
    f->report.status = f->o.open(f->o.user, &f->stop, &o, &f->report.why);
    if (f->report.status == ST_OK) {
        f->report.why = NULL;
        f->report.status = fill_run(&o, &f->stop, &f->report.filled);
        f->o.close(f->o.user, &o);
    }
    f->report.ms = (clock_mono_us() - begun_us) / 1000;
    atomic_store(&f->has_ended, true);
    return NULL;
}

static bool is_passing(enum status st)
{
    return st == ST_UNAVAILABLE || st == ST_CONFLICT;
}

/* What one run could not do the next one, so soon, can hardly do. While others are waited for it is
 * looked again and again: that costs nothing. */
static void wait_longer(struct filler *f, int64_t now_ms)
{
    const struct filler_report *r = &f->report;
    int64_t least_ms = is_passing(r->status) ? FILLER_SOON_MS : FILLER_RETRY_MS;
    if (f->wait_ms < least_ms || r->why != NULL)
        f->wait_ms = least_ms;
    f->retry_ms = now_ms + f->wait_ms;
    f->wait_ms = 2 * f->wait_ms < FILLER_RETRY_MAX_MS ? 2 * f->wait_ms : FILLER_RETRY_MAX_MS;
}

static void start(struct filler *f, int64_t now_ms)
{
    f->snap = snapshot_ref(f->seen);
    f->now_ms = now_ms;
    f->report = (struct filler_report){.status = ST_OK};
    f->stop = f->has_ended = false;
    if (pthread_create(&f->thread, NULL, run, f) == 0)
        return;
    snapshot_unref(f->snap); /* no room for a thread now */
    f->snap = NULL;
    wait_longer(f, now_ms);
}

static void end(struct filler *f)
{
    CHECK(pthread_join(f->thread, NULL) == 0);
    snapshot_unref(f->snap);
    f->snap = NULL;
}

static bool is_same_ruleset(const struct snapshot *a, const struct snapshot *b)
{
    return a != NULL && b != NULL && snapshot_loaded(a) == snapshot_loaded(b);
}

/* A change of lists is none of the ruleset: with one each second nothing would ever be filled. */
static void see(struct filler *f, int64_t now_ms)
{
    struct snapshot *current = snapshot_current(f->o.snapshots);
    bool is_same = is_same_ruleset(current, f->seen);
    snapshot_unref(f->seen);
    f->seen = current;
    if (is_same)
        return;
    f->retry_ms = now_ms + FILLER_SETTLE_MS;
    f->wait_ms = 0;
    f->has_last = false;
    f->stop = true; /* of a run under way: what it would fill is of no use */
}

static void tell(struct filler *f)
{
    const struct filler_report *r = &f->report;
    bool is_news = !f->has_last || r->filled.keys > 0 || r->status != f->last.status ||
                   r->why != f->last.why || r->filled.keys_too_old != f->last.filled.keys_too_old;
    f->last = *r;
    f->has_last = true;
    if (is_news)
        f->o.told(f->o.user, r);
}

void filler_look(struct filler *f, int64_t now_ms)
{
    see(f, now_ms);
    if (f->snap != NULL) {
        if (!f->has_ended)
            return;
        end(f);
        if (!f->stop) {
            wait_longer(f, now_ms);
            tell(f);
        }
    }
    if (now_ms >= f->retry_ms && fill_is_wanted(f->seen, now_ms))
        start(f, now_ms);
}

bool filler_is_running(const struct filler *f)
{
    return f->snap != NULL;
}

void filler_free(struct filler *f)
{
    if (f == NULL)
        return;
    f->stop = true;
    if (f->snap != NULL)
        end(f);
    snapshot_unref(f->seen);
    free(f);
}
