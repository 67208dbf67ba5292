#include "service/trial/backtest_jobs.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/trial/backtest_report.h"
#include "service/trial/history.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    HEAD_BYTES = 256, /* of a job's JSON, beside its result or what is wrong */
    DIAGS_BYTES = DIAG_MAX * 4 * DIAG_MESSAGE_MAX,
    WHY_BYTES = HISTORY_WHY_BYTES,
};

/* X(name, text) */
#define JOB_STATES(X)         \
    X(JOB_NONE, "none")       \
    X(JOB_RUNNING, "running") \
    X(JOB_DONE, "done")       \
    X(JOB_FAILED, "failed")   \
    X(JOB_CANCELLED, "cancelled")

enum job_state {
#define X(name, text) name,
    JOB_STATES(X)
#undef X
};

static const char *const state_texts[] = {
#define X(name, text) text,
    JOB_STATES(X)
#undef X
};

struct job {
    struct backtest_jobs *jobs;
    char id[BACKTEST_JOB_ID_BYTES];
    uint64_t number; /* the order they were started in */
    enum job_state state;
    struct snapshot *candidate; /* until its thread has it; NULL: by path */
    char path[BACKTEST_JOB_PATH_MAX];
    void (*drop)(const char *path);
    int64_t from_ms, to_ms;
    double progress; /* 0 to 1 */
    bool is_cancelled;
    char why[WHY_BYTES];
    char *text; /* on the heap: the result, or the diagnostics; NULL: none */
    size_t text_len;
};

struct backtest_jobs {
    struct backtest_jobs_options o;
    pthread_mutex_t lock;
    struct job jobs[BACKTEST_JOBS_KEPT];
    uint64_t next_number;
    pthread_t thread; /* of the last that was started */
    bool has_thread;
};

/* ---- what it comes to ---- */

static enum status fail(struct job *j, enum status st, const char *why)
{
    (void)snprintf(j->why, sizeof j->why, "%s", why[0] ? why : status_text(st));
    return st;
}

static void keep_text(struct job *j, const struct text *t)
{
    j->text = malloc(t->len + 1);
    CHECK(j->text != NULL);
    memcpy(j->text, t->base, t->len);
    j->text_len = t->len;
}

static enum status keep_report(struct job *j, const struct backtest_report *report)
{
    struct text out;
    char *bytes = malloc(BACKTEST_REPORT_BYTES);
    if (bytes == NULL)
        return fail(j, ST_NO_SPACE, "");
    text_init(&out, bytes, BACKTEST_REPORT_BYTES);
    backtest_json(report, &out);
    out.len--; /* it ends in a newline */
    keep_text(j, &out);
    free(bytes);
    return ST_OK;
}

/* ---- its thread ---- */

static bool goes_on(void *user)
{
    struct job *j = user;
    pthread_mutex_lock(&j->jobs->lock);
    bool is_cancelled = j->is_cancelled;
    pthread_mutex_unlock(&j->jobs->lock);
    return !is_cancelled;
}

static bool on_progress(void *user, const struct backtest_progress *p)
{
    struct job *j = user;
    pthread_mutex_lock(&j->jobs->lock);
    if (p->bytes_all > 0)
        j->progress = (double)p->bytes / (double)p->bytes_all;
    pthread_mutex_unlock(&j->jobs->lock);
    return goes_on(j);
}

enum status backtest_jobs_load(const struct backtest_jobs *j, const char *path,
                               struct diag_list *diags, struct snapshot **ret_snap)
{
    struct snapshot_options options = {
        .exact_events = j->o.exact_events, .now_ms = clock_wall_ms(), .is_confined = true};
    return snapshot_load(path, &options, diags, ret_snap);
}

static enum status load_candidate(struct job *j, struct snapshot **ret_snap)
{
    struct diag_list *diags = calloc(1, sizeof *diags);
    CHECK(diags != NULL);
    enum status st = backtest_jobs_load(j->jobs, j->path, diags, ret_snap);
    if (st != ST_OK) {
        struct text out;
        char *bytes = malloc(DIAGS_BYTES);
        CHECK(bytes != NULL);
        text_init(&out, bytes, DIAGS_BYTES);
        diag_print_all(diags, &out);
        keep_text(j, &out);
        free(bytes);
        (void)fail(j, st, "the candidate cannot be loaded");
    }
    free(diags);
    return st;
}

static enum status open_history(struct job *j, int *ret_fd)
{
    const struct backtest_jobs_options *o = &j->jobs->o;
    char why[HISTORY_WHY_BYTES] = "";
    struct history *h;
    enum status st = history_new(o->spool_dir, o->spool_bytes, &h, why);
    if (st != ST_OK)
        return fail(j, st, why);
    history_ask(h, goes_on, j);
    st = history_add_journal(h, o->journal_dir, 0, why);
    if (st == ST_OK)
        st = history_take(h, ret_fd);
    history_free(h);
    if (st == ST_TOO_LARGE)
        return fail(j, st, "the journal has more events than backtest.spool_bytes allows");
    return st == ST_OK ? ST_OK : fail(j, st, why);
}

static enum status run_over(struct job *j, int fd, struct snapshot *candidate,
                            struct snapshot *baseline)
{
    struct backtest_options options = {.candidate = candidate,
                                       .baseline = baseline,
                                       .engine = j->jobs->o.engine,
                                       .events_fd = fd,
                                       .from_ms = j->from_ms,
                                       .to_ms = j->to_ms,
                                       .nice = BACKTEST_NICE,
                                       .progress = on_progress,
                                       .user = j};
    struct backtest_result r;
    enum status st = backtest_run(&options, &r);
    if (st == ST_TOO_LARGE)
        return fail(j, st, "more than is measured at once: ask for less by from and to");
    if (st != ST_OK)
        return fail(j, st, "");
    const struct backtest_report report = {&r, candidate, baseline, "journal"};
    st = keep_report(j, &report);
    backtest_fini(&r);
    return st;
}

static enum status run(struct job *j)
{
    struct snapshot *candidate = j->candidate;
    int fd;
    enum status st = candidate != NULL ? ST_OK : load_candidate(j, &candidate);
    if (st != ST_OK)
        return st;
    st = open_history(j, &fd);
    if (st == ST_OK) {
        struct snapshot *baseline = snapshot_current(j->jobs->o.snapshots);
        struct snapshot *seen = snapshot_slot_preview(j->jobs->o.snapshots, candidate);
        st = run_over(j, fd, seen, baseline);
        snapshot_unref(baseline);
        snapshot_unref(seen);
        close(fd);
    }
    snapshot_unref(candidate);
    return st;
}

static void *job_main(void *user)
{
    struct job *j = user;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), BACKTEST_NICE);
    enum status st = run(j);
    if (j->drop != NULL)
        j->drop(j->path);
    pthread_mutex_lock(&j->jobs->lock);
    j->state = st == ST_OK ? JOB_DONE : JOB_FAILED;
    if (st != ST_OK && j->is_cancelled)
        j->state = JOB_CANCELLED;
    if (st == ST_OK)
        j->progress = 1;
    pthread_mutex_unlock(&j->jobs->lock);
    return NULL;
}

/* ---- starting; with the lock held ---- */

static bool is_running(const struct backtest_jobs *j)
{
    for (int i = 0; i < BACKTEST_JOBS_KEPT; i++)
        if (j->jobs[i].state == JOB_RUNNING)
            return true;
    return false;
}

/* A free place, or the oldest's. */
static struct job *make_place(struct backtest_jobs *j)
{
    struct job *place = &j->jobs[0];
    for (int i = 1; i < BACKTEST_JOBS_KEPT; i++)
        if (j->jobs[i].number < place->number)
            place = &j->jobs[i];
    free(place->text);
    *place = (struct job){.jobs = j};
    return place;
}

static void name_it(struct job *place)
{
    struct text id;
    text_init(&id, place->id, sizeof place->id);
    text_hex(&id, hash_random_u64(), 16);
    place->id[16] = '\0';
}

static void start(struct backtest_jobs *j, const struct backtest_job *job, char *ret_id)
{
    struct job *place = make_place(j);
    place->number = ++j->next_number;
    place->state = JOB_RUNNING;
    place->drop = job->drop;
    place->from_ms = job->from_ms;
    place->to_ms = job->to_ms;
    place->candidate = job->candidate;
    if (job->path != NULL)
        (void)snprintf(place->path, sizeof place->path, "%s", job->path);
    name_it(place);
    memcpy(ret_id, place->id, BACKTEST_JOB_ID_BYTES);
    if (j->has_thread) /* it has ended, or is about to */
        pthread_join(j->thread, NULL);
    CHECK(pthread_create(&j->thread, NULL, job_main, place) == 0);
    j->has_thread = true;
}

enum status backtest_jobs_start(struct backtest_jobs *j, const struct backtest_job *job,
                                char ret_id[BACKTEST_JOB_ID_BYTES])
{
    CHECK((job->path == NULL) == (job->candidate != NULL));
    if (job->path != NULL && strlen(job->path) >= BACKTEST_JOB_PATH_MAX)
        return ST_TOO_LARGE;
    if (j->o.journal_dir[0] == '\0')
        return ST_NOT_FOUND;
    pthread_mutex_lock(&j->lock);
    bool is_busy = is_running(j);
    if (!is_busy)
        start(j, job, ret_id);
    pthread_mutex_unlock(&j->lock);
    return is_busy ? ST_CONFLICT : ST_OK;
}

/* ---- looking ---- */

static struct job *find(struct backtest_jobs *j, const char *id)
{
    for (int i = 0; i < BACKTEST_JOBS_KEPT; i++)
        if (j->jobs[i].state != JOB_NONE && strcmp(j->jobs[i].id, id) == 0)
            return &j->jobs[i];
    return NULL;
}

/* Its own texts are its thread's until it has ended. */
static size_t bytes_of(const struct job *j)
{
    if (j->state == JOB_RUNNING)
        return HEAD_BYTES;
    size_t escaped = j->state == JOB_DONE ? 1 : 6; /* a result is JSON already */
    return HEAD_BYTES + sizeof j->why * 6 + j->text_len * escaped;
}

size_t backtest_jobs_bytes(struct backtest_jobs *j, const char *id)
{
    pthread_mutex_lock(&j->lock);
    const struct job *job = find(j, id);
    size_t n = job == NULL ? 0 : bytes_of(job);
    pthread_mutex_unlock(&j->lock);
    return n;
}

static void put(const struct job *j, struct text *out)
{
    text_printf(out, "{\"id\":\"%s\",\"state\":\"%s\",\"progress\":%.3g", j->id,
                state_texts[j->state], j->progress);
    if (j->state == JOB_DONE) {
        text_str(out, ",\"result\":");
        text_put(out, span_of(j->text, j->text_len));
    }
    if (j->state == JOB_FAILED) {
        text_str(out, ",\"why\":");
        text_json_string(out, span_str(j->why));
        text_str(out, ",\"diagnostics\":");
        text_json_string(out, span_of(j->text, j->text_len));
    }
    text_char(out, '}');
}

enum status backtest_jobs_write(struct backtest_jobs *j, const char *id, struct text *out)
{
    pthread_mutex_lock(&j->lock);
    const struct job *job = find(j, id);
    enum status st = job == NULL ? ST_NOT_FOUND : ST_OK;
    if (st == ST_OK && bytes_of(job) > out->cap - out->len)
        st = ST_NO_SPACE;
    if (st == ST_OK)
        put(job, out);
    pthread_mutex_unlock(&j->lock);
    return st;
}

enum status backtest_jobs_cancel(struct backtest_jobs *j, const char *id)
{
    pthread_mutex_lock(&j->lock);
    struct job *job = find(j, id);
    if (job != NULL && job->state == JOB_RUNNING) {
        job->is_cancelled = true;
    } else if (job != NULL) {
        free(job->text);
        *job = (struct job){.jobs = j};
    }
    pthread_mutex_unlock(&j->lock);
    return job == NULL ? ST_NOT_FOUND : ST_OK;
}

/* ---- life ---- */

struct backtest_jobs *backtest_jobs_new(const struct backtest_jobs_options *o)
{
    struct backtest_jobs *j = calloc(1, sizeof *j);
    CHECK(j != NULL && pthread_mutex_init(&j->lock, NULL) == 0);
    j->o = *o;
    return j;
}

void backtest_jobs_free(struct backtest_jobs *j)
{
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    for (int i = 0; i < BACKTEST_JOBS_KEPT; i++)
        j->jobs[i].is_cancelled = true;
    pthread_mutex_unlock(&j->lock);
    if (j->has_thread)
        pthread_join(j->thread, NULL);
    for (int i = 0; i < BACKTEST_JOBS_KEPT; i++)
        free(j->jobs[i].text);
    pthread_mutex_destroy(&j->lock);
    free(j);
}
