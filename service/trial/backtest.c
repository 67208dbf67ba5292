#include "service/trial/backtest.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/decide.h"
#include "service/engine/score.h"
#include "service/state/state_mem.h"
#include "service/trial/event_source.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROGRESS_LINES = 1024, /* some milliseconds; under load and below all else, some tenths */
    JUDGES_MAX = 2,
    DECISION_TEXT_BYTES = DECISION_BYTES_MAX,
    CURRENCY_BYTES = 16, /* a code has three letters */
};

/* A ruleset that decides, and what it came to. */
struct judge {
    struct snapshot *snap;
    double thresholds[MODELS_MAX];
    struct rulings rulings;
    bool is_candidate;
};

struct backtest;

/* One engine over the whole history; judges[0] is the ruleset it observes by. */
struct pass {
    struct backtest *all;
    struct judge *judges[JUDGES_MAX];
    int n_judges;
    struct snapshot_slot *slot;
    struct state_table *table;
    struct engine engine;
    struct event_source *source;
    struct score score;
    struct arena *second, *scratch; /* of judges[1]'s decision, and of one expression */
    char *text;                     /* a decision, to be written; NULL: not wanted */
    int fd;
    int64_t now_ms; /* the stream's time */
    uint64_t transactions, labels, refused;
    char currency[CURRENCY_BYTES]; /* of the first that is measured and has one */
    bool several_currencies;
    _Atomic uint64_t bytes;
    enum status status;
};

struct backtest {
    const struct backtest_options *o;
    struct judge candidate, baseline;
    struct pass passes[JUDGES_MAX];
    int n_passes;
    uint64_t bytes;
    pthread_mutex_t told; /* around the callbacks */
    _Atomic bool is_given_up;
};

/* ---- one event ---- */

static bool is_measured(const struct pass *p, const struct sourced_event *e)
{
    const struct backtest_options *o = p->all->o;
    return e->event.ts_ms >= o->from_ms && e->event.ts_ms < o->to_ms;
}

static enum status add(struct judge *judge, const struct sourced_event *e, const struct decision *d)
{
    struct ruling entry = {
        .txn_hash = e->event.txn_hash,
        .amount_e4 = e->event.values[SCHEMA_AMOUNT].i64,
        .score = d->score,
        .event = (uint32_t)e->line,
        .n_fired = (uint16_t)(d->hits.n_fired + d->hits.n_shadow),
        .flagged = d->flag,
    };
    double scores[MODELS_MAX];
    for (int i = 0; i < judge->rulings.n_models; i++)
        scores[i] = d->models[i].score;
    enum status st = rulings_add(&judge->rulings, &entry, e->event.ts_ms, d->hits.indexes);
    return st == ST_OK ? rulings_score(&judge->rulings, scores) : st;
}

static void write_decision(struct pass *p, const struct judge *judge, const struct event *event,
                           const struct decision *d, const struct window_value *values)
{
    struct text out;
    if (p->text == NULL || !judge->is_candidate)
        return;
    text_init(&out, p->text, DECISION_TEXT_BYTES);
    decision_write(d, judge->snap, event->transaction_id, values, DECISION_PLAIN, &out);
    fwrite(out.base, 1, out.len, p->all->o->decisions);
    fputc('\n', p->all->o->decisions);
}

/* The other ruleset over the same event and the same windows. */
static enum status judge_again(struct pass *p, const struct event *event,
                               struct window_value *values, struct decision *ret_decision)
{
    struct row row;
    struct observed seen = {.values = values};
    const struct snapshot *snap = p->judges[1]->snap;
    arena_reset(p->second);
    arena_reset(p->scratch);
    enum status st = row_init(&row, snap, event->values, p->scratch, p->second);
    return st == ST_OK ? decide(snap, &seen, &row, false, ret_decision) : st;
}

/* One that is too long to be a code is as good as another one. */
static void note_currency(struct pass *p, const struct event *e)
{
    int slot = p->judges[0]->snap->currency_slot;
    if (slot < 0 || !e->values[slot].present || p->several_currencies)
        return;
    struct span code = e->values[slot].text;
    if (p->currency[0] == '\0')
        (void)snprintf(p->currency, sizeof p->currency, "%.*s", SPAN_ARG(code));
    else
        p->several_currencies = !span_is(code, p->currency);
}

static enum status land_decision(struct pass *p, const struct sourced_event *e,
                                 const struct decision *first)
{
    struct window_value *values = (struct window_value *)score_features(&p->score);
    struct decision d = *first;
    enum status st = ST_OK;
    note_currency(p, &e->event);
    for (int i = 0; i < p->n_judges && st == ST_OK; i++) {
        if (i > 0)
            st = judge_again(p, &e->event, values, &d);
        if (st == ST_OK)
            st = add(p->judges[i], e, &d);
        if (st == ST_OK)
            write_decision(p, p->judges[i], &e->event, &d, values);
    }
    return st;
}

static enum status land_label(struct pass *p, const struct event *e)
{
    enum status st = ST_OK;
    p->labels++;
    for (int i = 0; i < p->n_judges && st == ST_OK; i++)
        st = truths_add(&p->judges[i]->rulings.truths, e->txn_hash, e->outcome, e->ts_ms);
    return st;
}

static void refuse(struct pass *p, uint64_t line, const struct reader_error *error)
{
    const struct backtest_options *o = p->all->o;
    p->refused++;
    if (o->refused == NULL || p->judges[0]->is_candidate)
        return;
    pthread_mutex_lock(&p->all->told);
    o->refused(o->user, line, error);
    pthread_mutex_unlock(&p->all->told);
}

static enum status land(struct pass *p, const struct sourced_event *e)
{
    const struct decision *d = score_decision(&p->score);
    switch (p->score.kind) {
    case SCORE_DECIDED:
        p->transactions += !p->score.replayed;
        return d != NULL && !p->score.replayed && is_measured(p, e) ? land_decision(p, e, d)
                                                                    : ST_OK;
    case SCORE_LABELLED:
    case SCORE_PARKED:
        return land_label(p, &e->event);
    case SCORE_REFUSED:
    case SCORE_CONFLICT:
        refuse(p, e->line, &p->score.error);
        return ST_OK;
    default:
        return ST_UNAVAILABLE;
    }
}

static void ignore(struct score *s)
{
    (void)s; /* the state is in memory: all is done when score_start_event returns */
}

static enum status fly(struct pass *p, const struct sourced_event *e)
{
    struct arena *arena = p->score.arena;
    if (e->line > UINT32_MAX)
        return ST_TOO_LARGE;
    if (e->event.ts_ms > p->now_ms)
        p->now_ms = e->event.ts_ms;
    arena_reset(arena);
    p->score = (struct score){.engine = &p->engine,
                              .arena = arena,
                              .intake = {.now_ms = p->now_ms,
                                         .historic = true,
                                         .labels_allowed = true,
                                         .transactions_allowed = true},
                              .done = ignore,
                              .released = ignore};
    score_start_event(&p->score, &e->event);
    return land(p, e);
}

/* ---- one pass ---- */

/* false: it was given up, now or before. */
static bool tell(struct backtest *b, const struct backtest_progress *progress)
{
    if (b->o->progress == NULL)
        return true;
    pthread_mutex_lock(&b->told);
    if (!b->is_given_up)
        b->is_given_up = !b->o->progress(b->o->user, progress);
    pthread_mutex_unlock(&b->told);
    return !b->is_given_up;
}

/* How far the pass is that is behind. */
static void report(struct pass *p)
{
    struct backtest *b = p->all;
    struct backtest_progress progress = {.bytes = UINT64_MAX, .bytes_all = b->bytes};
    p->bytes = event_source_bytes(p->source);
    for (int i = 0; i < b->n_passes; i++)
        if (b->passes[i].bytes < progress.bytes)
            progress.bytes = b->passes[i].bytes;
    (void)tell(b, &progress);
}

static void fly_all(struct pass *p)
{
    const struct sourced_event *e;
    uint64_t events = 0;
    while (p->status == ST_OK && (e = event_source_next(p->source)) != NULL) {
        if (e->status == ST_OK)
            p->status = fly(p, e);
        else
            refuse(p, e->line, &e->error);
        if (++events % PROGRESS_LINES == 0)
            report(p);
        if (p->all->is_given_up)
            p->status = ST_CONFLICT;
    }
    if (p->status == ST_OK)
        p->status = event_source_status(p->source);
    if (p->status != ST_OK)
        p->all->is_given_up = true; /* the other one may stop, too */
    p->bytes = p->all->bytes;
}

static void pass_open(struct pass *p)
{
    static const struct hash_key fixed; /* one history, one result, on every machine */
    const struct backtest_options *o = p->all->o;
    p->slot = snapshot_slot_new(snapshot_ref(p->judges[0]->snap));
    p->table = state_table_new(&fixed, NULL);
    p->engine = (struct engine){
        .snapshots = p->slot, .state = state_mem_open(p->table, true), .options = o->engine};
    p->engine.options.on_unavailable = ON_UNAVAILABLE_REJECT;
    engine_open(&p->engine);
    p->score.arena = arena_new(SCORE_ARENA_BYTES);
    p->second = arena_new(SCORE_ARENA_BYTES);
    p->scratch = arena_new(ROW_SCRATCH_BYTES);
    if (o->decisions != NULL)
        p->text = malloc(DECISION_TEXT_BYTES);
    CHECK(o->decisions == NULL || p->text != NULL);
}

static void pass_close(struct pass *p)
{
    state_close(p->engine.state);
    engine_close(&p->engine);
    state_table_free(p->table);
    snapshot_slot_free(p->slot);
    arena_free(p->score.arena);
    arena_free(p->second);
    arena_free(p->scratch);
    free(p->text);
}

/* A descriptor with an offset of its own, also of a file without a name. */
static int open_again(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDONLY | O_CLOEXEC);
}

static void run_pass(struct pass *p)
{
    static const struct hash_key fixed;
    struct event_source_options source = {.fd = open_again(p->all->o->events_fd),
                                          .schema = &p->judges[0]->snap->schema,
                                          .hash_key = &fixed,
                                          .threaded = p->all->o->ahead};
    if (source.fd < 0) {
        p->status = ST_IO;
        p->all->is_given_up = true;
        return;
    }
    pass_open(p);
    p->source = event_source_new(&source);
    fly_all(p);
    event_source_free(p->source);
    pass_close(p);
    close(source.fd);
}

static void *pass_main(void *user)
{
    struct pass *p = user;
    if (p->all->o->nice > 0) /* of this thread, and of the reader it starts */
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), p->all->o->nice);
    run_pass(p);
    return NULL;
}

/* ---- all of it ---- */

/* Features may be filtered by lists, as they were loaded or as they were changed since. */
static bool observe_alike(const struct snapshot *a, const struct snapshot *b)
{
    return a->observed_id == b->observed_id && a->lists_id == b->lists_id;
}

static void plan_passes(struct backtest *b)
{
    bool once = observe_alike(b->candidate.snap, b->baseline.snap);
    b->n_passes = once ? 1 : 2;
    for (int i = 0; i < b->n_passes; i++)
        b->passes[i].all = b;
    b->passes[0].judges[0] = &b->baseline;
    b->passes[0].judges[1] = &b->candidate;
    b->passes[0].n_judges = once ? 2 : 1;
    b->passes[1].judges[0] = &b->candidate;
    b->passes[1].n_judges = 1;
}

static enum status run_passes(struct backtest *b)
{
    pthread_t threads[JUDGES_MAX];
    enum status st = ST_OK;
    for (int i = 0; i < b->n_passes; i++)
        CHECK(pthread_create(&threads[i], NULL, pass_main, &b->passes[i]) == 0);
    for (int i = 0; i < b->n_passes; i++)
        pthread_join(threads[i], NULL);
    for (int i = b->n_passes - 1; i >= 0; i--) /* why it was given up, not that it was */
        if (st == ST_OK || st == ST_CONFLICT)
            st = b->passes[i].status != ST_OK ? b->passes[i].status : st;
    return st;
}

/* The same events of both: a transaction that the candidate refuses is one fewer there. */
static void keep_last(struct backtest *b)
{
    const struct rulings *t = &b->baseline.rulings;
    if (b->o->last_n == 0 || b->o->last_n >= t->n_entries)
        return;
    uint32_t event = t->entries[t->n_entries - b->o->last_n].event;
    rulings_keep_from(&b->baseline.rulings, event);
    rulings_keep_from(&b->candidate.rulings, event);
}

/* All is read by then. */
static bool goes_on(void *user)
{
    struct backtest *b = user;
    return tell(b, &(struct backtest_progress){.bytes = b->bytes, .bytes_all = b->bytes});
}

static enum status measure(struct backtest *b, struct judge *j, struct backtest_side *ret_side)
{
    const struct patience p = {goes_on, b};
    enum status st = rulings_settle(&j->rulings, &p);
    if (st == ST_OK)
        st = measure_rulings(&j->rulings, j->snap->rules->count, j->thresholds, &p,
                             &ret_side->measure);
    return st;
}

/* The two at once: sorting takes as long as anything after the passes. */
struct measuring {
    struct backtest *all;
    struct judge *judge;
    struct backtest_side *side;
    enum status status;
};

static void *measure_main(void *user)
{
    struct measuring *m = user;
    m->status = measure(m->all, m->judge, m->side);
    return NULL;
}

static enum status measure_both(struct backtest *b, struct backtest_result *r)
{
    struct measuring other = {b, &b->candidate, &r->candidate, ST_OK};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, measure_main, &other) == 0);
    enum status st = measure(b, &b->baseline, &r->baseline);
    pthread_join(thread, NULL);
    if (st == ST_OK)
        st = other.status;
    r->overlap = measure_overlap_of(&b->candidate.rulings, &b->baseline.rulings);
    return st;
}

static void fill(const struct backtest *b, struct backtest_result *r)
{
    const struct rulings *t = &b->baseline.rulings;
    r->transactions = b->passes[0].transactions;
    r->labels = b->passes[0].labels;
    r->baseline.refused = b->passes[0].refused;
    r->candidate.refused = b->passes[b->n_passes - 1].refused;
    r->observed_once = b->n_passes == 1;
    r->several_currencies = b->passes[0].several_currencies;
    if (t->n_entries > 0) {
        r->first_ms = t->first_ms;
        r->last_ms = t->last_ms;
    }
}

static void judge_init(struct judge *j)
{
    const struct model_set *models = &j->snap->models;
    j->rulings.n_models = models->count;
    for (int i = 0; i < models->count; i++)
        j->thresholds[i] = models->items[i].threshold;
}

enum status backtest_run(const struct backtest_options *o, struct backtest_result *ret_result)
{
    struct backtest b = {.o = o,
                         .candidate = {.snap = o->candidate, .is_candidate = true},
                         .baseline = {.snap = o->baseline}};
    struct backtest_result r = {0};
    struct stat info;
    int64_t started_us = clock_mono_us();
    if (fstat(o->events_fd, &info) != 0)
        return ST_IO;
    b.bytes = (uint64_t)info.st_size;
    CHECK(pthread_mutex_init(&b.told, NULL) == 0);
    judge_init(&b.candidate);
    judge_init(&b.baseline);
    plan_passes(&b);
    enum status st = run_passes(&b);
    if (st == ST_OK) {
        keep_last(&b);
        st = measure_both(&b, &r);
    }
    if (st == ST_OK && o->decisions != NULL && (fflush(o->decisions) != 0 || ferror(o->decisions)))
        st = ST_IO;
    fill(&b, &r);
    pthread_mutex_destroy(&b.told);
    rulings_fini(&b.candidate.rulings);
    rulings_fini(&b.baseline.rulings);
    r.elapsed_us = clock_mono_us() - started_us;
    if (st == ST_OK)
        *ret_result = r;
    else
        backtest_fini(&r);
    return st;
}

void backtest_fini(struct backtest_result *r)
{
    measure_fini(&r->candidate.measure);
    measure_fini(&r->baseline.measure);
}
