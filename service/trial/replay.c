#include "service/trial/replay.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/intent.h"
#include "service/trial/entities_csv.h"
#include "service/trial/event_source.h"
#include "service/trial/touches.h"
#include "service/trial/training_csv.h"

#include <stdlib.h>

enum {
    FLIGHTS_MAX = 64, /* events in flight over a network */
    PROGRESS_LINES = 8192,
};

/* One event under way; flights land in order of lines. */
struct flight {
    struct score score;
    uint64_t line, txn_hash;
    enum outcome outcome; /* of a label, and when it was known */
    int64_t known_at_ms;
    char *bytes; /* over a network: a copy of the body */
    struct touches touches;
    bool is_done, is_released;
};

struct replay {
    struct engine *engine;
    const struct replay_options *options;
    struct snapshot *snap;
    struct event_source *source;
    struct entities_csv *entities; /* NULL: nobody asks at the end */
    struct flight *flights;
    int n_flights;        /* 1: memory */
    uint64_t first, next; /* flights under way: [first, next) modulo n_flights */
    int64_t now_ms;       /* the stream's time */
    struct replay_stats stats;
    enum status status;
};

static struct flight *flight_of(const struct replay *r, uint64_t number)
{
    return &r->flights[number % (uint64_t)r->n_flights];
}

/* Must `f` wait for one that is under way? */
static bool must_wait(const struct replay *r, const struct flight *f)
{
    for (uint64_t i = r->first; i < r->next; i++) {
        if (touches_share(&f->touches, &flight_of(r, i)->touches))
            return true;
    }
    return false;
}

static void note_entities(struct replay *r, const struct event *event)
{
    for (int key = 0; key < r->snap->features.n_keys; key++) {
        int slot = r->snap->features.keys[key].slot;
        const struct txn_value *v = &event->values[slot];
        char number[24];
        struct text t;
        if (!intent_has_entity(r->snap, key, event->values))
            continue;
        text_init(&t, number, sizeof number);
        if (r->snap->schema.fields[slot].type == FIELD_INTEGER)
            text_i64(&t, v->i64);
        entities_csv_add(r->entities, key, t.len > 0 ? text_span(&t) : v->text);
    }
}

/* ---- landing ---- */

static void put_line(FILE *out, struct span line)
{
    fwrite(line.base, 1, line.len, out);
    fputc('\n', out);
}

static void land_decision(struct replay *r, const struct flight *f)
{
    const struct score *s = &f->score;
    r->stats.transactions++;
    r->stats.flagged += s->flagged;
    r->stats.replayed += s->replayed;
    if (r->options->decisions != NULL)
        put_line(r->options->decisions, s->answer);
    if (r->options->features != NULL && !s->replayed)
        training_csv_row(r->options->features, f->txn_hash, score_row(s), score_features(s));
}

static void land_label(struct replay *r, const struct flight *f)
{
    r->stats.labels++;
    if (r->options->features != NULL)
        r->status =
            training_csv_label(r->options->features, f->txn_hash, f->outcome, f->known_at_ms);
}

static void refuse(struct replay *r, uint64_t line, const struct reader_error *error)
{
    r->stats.refused++;
    if (r->options->refused != NULL)
        r->options->refused(r->options->user, line, error);
}

static void land(struct replay *r, const struct flight *f)
{
    switch (f->score.kind) {
    case SCORE_DECIDED:
        land_decision(r, f);
        break;
    case SCORE_LABELLED:
    case SCORE_PARKED:
        land_label(r, f);
        break;
    case SCORE_REFUSED:
    case SCORE_CONFLICT:
        refuse(r, f->line, &f->score.error);
        break;
    case SCORE_UNAVAILABLE:
    case SCORE_OVERLOADED:
        r->status = ST_UNAVAILABLE;
        break;
    }
}

/* Everything that has landed at the front of the queue is written, in order. */
static void land_finished(struct replay *r)
{
    while (r->first < r->next) {
        struct flight *f = flight_of(r, r->first);
        if (!f->is_done || !f->is_released)
            return;
        land(r, f);
        r->first++;
    }
}

static void turn_loop(struct replay *r)
{
    if (r->engine->loop != NULL)
        uv_run(r->engine->loop, UV_RUN_ONCE);
    land_finished(r);
}

static void land_all(struct replay *r)
{
    while (r->first < r->next)
        turn_loop(r);
}

/* ---- flying ---- */

static void on_done(struct score *s)
{
    struct flight *f = s->user;
    f->is_done = true;
}

static void on_released(struct score *s)
{
    struct flight *f = s->user;
    f->is_released = true;
}

static void prepare(struct replay *r, struct flight *f, const struct event *event)
{
    struct arena *arena = f->score.arena;
    if (event->ts_ms > r->now_ms)
        r->now_ms = event->ts_ms;
    arena_reset(arena);
    f->is_done = f->is_released = false;
    f->score = (struct score){
        .engine = r->engine,
        .arena = arena,
        .intake = {.now_ms = r->now_ms,
                   .historic = true,
                   .detail = r->options->decisions != NULL ? r->options->detail : DECISION_PLAIN,
                   .labels_allowed = true,
                   .transactions_allowed = true},
        .done = on_done,
        .released = on_released,
        .user = f,
    };
}

/* With memory it lands before this returns. */
static void start(struct replay *r, struct flight *f, const struct event *event)
{
    prepare(r, f, event);
    f->txn_hash = event->txn_hash;
    f->outcome = event->outcome;
    f->known_at_ms = event->ts_ms;
    if (r->n_flights == 1) {
        score_start_event(&f->score, event);
    } else {
        memcpy(f->bytes, event->body.base, event->body.len);
        score_start(&f->score, span_of(f->bytes, event->body.len));
    }
}

static void fly(struct replay *r, const struct sourced_event *source)
{
    while (r->next - r->first == (uint64_t)r->n_flights)
        turn_loop(r);
    struct flight *f = flight_of(r, r->next);
    f->line = source->line;
    if (r->n_flights > 1) {
        touches_of(r->snap, &r->engine->state->hash_key, &source->event, &f->touches);
        while (must_wait(r, f))
            turn_loop(r);
    }
    if (r->entities != NULL && source->event.kind == EVENT_TRANSACTION)
        note_entities(r, &source->event);
    r->next++;
    start(r, f, &source->event);
    land_finished(r);
}

static void report(const struct replay *r, uint64_t line)
{
    struct replay_progress p = {.lines = line, .bytes = event_source_bytes(r->source)};
    if (r->options->progress != NULL)
        r->options->progress(r->options->user, &p);
}

static void fly_all(struct replay *r)
{
    const struct sourced_event *source;
    uint64_t events = 0;
    while (r->status == ST_OK && (source = event_source_next(r->source)) != NULL) {
        if (source->status == ST_OK) {
            fly(r, source);
        } else {
            land_all(r); /* errors come in order of lines too */
            refuse(r, source->line, &source->error);
        }
        if (++events % PROGRESS_LINES == 0)
            report(r, source->line);
    }
    land_all(r);
    if (r->status == ST_OK)
        r->status = event_source_status(r->source);
}

/* ---- public ---- */

static void replay_open(struct replay *r)
{
    const struct replay_options *o = r->options;
    r->snap = snapshot_current(r->engine->snapshots);
    struct event_source_options source = {.fd = o->events_fd,
                                          .schema = &r->snap->schema,
                                          .hash_key = &r->engine->state->hash_key,
                                          .threaded = o->ahead};
    r->source = event_source_new(&source);
    r->n_flights = r->engine->loop != NULL ? FLIGHTS_MAX : 1;
    r->flights = calloc((size_t)r->n_flights, sizeof *r->flights);
    CHECK(r->flights != NULL);
    for (int i = 0; i < r->n_flights; i++) {
        struct flight *f = &r->flights[i];
        f->score.arena = arena_new(SCORE_ARENA_BYTES);
        f->bytes = malloc(READER_BODY_MAX);
        CHECK(f->bytes != NULL);
    }
    if (o->final != NULL)
        r->entities = entities_csv_new();
}

static void replay_close(struct replay *r)
{
    for (int i = 0; i < r->n_flights; i++) {
        arena_free(r->flights[i].score.arena);
        free(r->flights[i].bytes);
    }
    free(r->flights);
    event_source_free(r->source);
    entities_csv_free(r->entities);
    snapshot_unref(r->snap);
}

static bool written(FILE *out)
{
    return out == NULL || (fflush(out) == 0 && !ferror(out));
}

enum status replay_run(struct engine *e, const struct replay_options *o,
                       struct replay_stats *ret_stats)
{
    struct replay r = {.engine = e, .options = o};
    int64_t started_us = clock_mono_us();
    replay_open(&r);
    fly_all(&r);
    r.stats.elapsed_us = clock_mono_us() - started_us;
    if (r.status == ST_OK && o->final != NULL)
        r.status = entities_csv_write(o->final, e, r.snap, r.entities, r.now_ms);
    replay_close(&r);
    if (r.status == ST_OK && o->features != NULL)
        r.status = training_csv_finish(o->features);
    if (r.status == ST_OK && !(written(o->decisions) && written(o->final)))
        r.status = ST_IO;
    if (r.status == ST_OK)
        *ret_stats = r.stats;
    return r.status;
}
