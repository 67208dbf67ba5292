#include "service/engine/replay.h"

#include "service/base/check.h"

#include <stdlib.h>

enum {
    FLIGHTS_MAX = 64, /* lines under way; one connection is then busy all the time */
    PROGRESS_EVERY = 1 << 14,
};

/* A line under way, or done and waiting for the ones before it. */
struct flight {
    struct run *run;
    struct arena *arena;
    struct score score;
    struct snapshot *snap; /* a reference */
    struct span body;      /* copied: the source goes on */
    uint64_t line;
    uint64_t txn_hash;
    uint64_t entities[FEATURE_KEY_FIELDS_MAX];
    int n_entities;
    bool is_label;
    bool is_done;
    bool is_released;
};

struct run {
    const struct replay_options *o;
    struct replayed count;
    enum status status;
    struct event_source *source;
    struct flight *flights;
    int n_flights;
    uint64_t started, ended; /* flights so far; those between are under way */
};

/* ---- one answer ---- */

static void answer(struct run *r, struct flight *f)
{
    const struct score *s = &f->score;
    struct replay_answer a = {.line = f->line,
                              .score = s,
                              .snap = f->snap,
                              .is_label = f->is_label};
    if (s->kind == SCORE_UNAVAILABLE || s->kind == SCORE_OVERLOADED)
        r->status = ST_UNAVAILABLE;
    else if (s->kind == SCORE_REFUSED || s->kind == SCORE_CONFLICT)
        r->count.refused++;
    if (s->kind == SCORE_DECIDED) {
        a.transaction_id = score_transaction_id(s);
        a.values = score_features(s);
    }
    if (r->o->answered != NULL)
        r->o->answered(r->o->user, &a);
}

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

/* ---- time and counts ---- */

static void advance(struct run *r, const struct event *e)
{
    if (e->ts_ms > r->count.end_ms)
        r->count.end_ms = e->ts_ms;
    if (e->kind == EVENT_LABEL)
        r->count.labels++;
    else
        r->count.transactions++;
}

static struct score_intake intake_of(const struct run *r)
{
    return (struct score_intake){.now_ms = r->count.end_ms,
                                 .historic = true,
                                 .explain = r->o->explain,
                                 .labels_allowed = true,
                                 .transactions_allowed = true};
}

static void prepare(struct run *r, struct flight *f, const struct sourced_event *e)
{
    arena_reset(f->arena);
    f->line = e->line;
    f->is_done = f->is_released = false;
    f->is_label = e->status == ST_OK && e->event.kind == EVENT_LABEL;
    f->score.engine = r->o->engine;
    f->score.arena = f->arena;
    f->score.intake = intake_of(r);
    f->score.done = on_done;
    f->score.released = on_released;
    f->score.user = f;
}

/* ---- flights, in order ---- */

static struct flight *flight_at(struct run *r, uint64_t number)
{
    return &r->flights[number % (uint64_t)r->n_flights];
}

/* Answers of the flights that have landed, as far as all before them have. */
static void land(struct run *r)
{
    while (r->ended < r->started) {
        struct flight *f = flight_at(r, r->ended);
        if (!f->is_released)
            return;
        CHECK(f->is_done);
        answer(r, f);
        snapshot_unref(f->snap);
        r->ended++;
    }
}

static void wait_one(struct run *r)
{
    land(r);
    if (r->ended < r->started && !flight_at(r, r->ended)->is_released)
        uv_run(r->o->engine->loop, UV_RUN_ONCE);
}

static void wait_until(struct run *r, uint64_t number)
{
    while (r->ended < number)
        wait_one(r);
}

/* ---- which lines may be under way together ---- */

static uint64_t value_hash(const struct txn_value *v, enum field_type type)
{
    static const struct hash_key any;
    return type == FIELD_INTEGER ? (uint64_t)v->i64 : hash_u64(&any, v->text);
}

static void note_entities(struct flight *f, const struct event *e)
{
    const struct feature_set *set = &f->snap->features;
    f->txn_hash = e->txn_hash;
    f->n_entities = 0;
    for (int i = 0; i < set->n_keys; i++) {
        int slot = set->keys[i].slot;
        if (e->values[slot].present)
            f->entities[f->n_entities++] =
                value_hash(&e->values[slot], f->snap->schema.fields[slot].type);
    }
}

static bool share_entity(const struct flight *a, const struct flight *b)
{
    for (int i = 0; i < a->n_entities; i++)
        for (int j = 0; j < b->n_entities; j++)
            if (a->entities[i] == b->entities[j])
                return true;
    return false;
}

/* Lines before `f` that it has to wait for: the last one's number plus one. */
static uint64_t wait_for(struct run *r, const struct flight *f, uint64_t number)
{
    if (f->is_label)
        return number;
    for (uint64_t i = number; i > r->ended; i--) {
        const struct flight *before = flight_at(r, i - 1);
        if (before->is_label || before->txn_hash == f->txn_hash || share_entity(before, f))
            return i;
    }
    return r->ended;
}

/* ---- one line ---- */

static void refuse(struct run *r, const struct sourced_event *e)
{
    wait_until(r, r->started);
    struct flight *f = flight_at(r, r->started);
    prepare(r, f, e);
    f->score.kind = SCORE_REFUSED;
    f->score.error = e->error;
    f->snap = snapshot_current(r->o->engine->snapshots);
    answer(r, f);
    snapshot_unref(f->snap);
}

/* The state answers later: the event is read again, from a copy that stays. */
static void take_off(struct run *r, const struct sourced_event *e)
{
    wait_until(r, r->started < (uint64_t)r->n_flights ? 0 : r->started - (uint64_t)r->n_flights + 1);
    struct flight *f = flight_at(r, r->started);
    prepare(r, f, e);
    f->snap = snapshot_current(r->o->engine->snapshots);
    note_entities(f, &e->event);
    f->body = arena_copy(f->arena, e->event.body);
    wait_until(r, wait_for(r, f, r->started));
    r->started++;
    score_start(&f->score, f->body);
    if (f->is_label)
        wait_until(r, r->started);
    land(r);
}

/* The state answers at once: straight through. */
static void pass(struct run *r, const struct sourced_event *e)
{
    struct flight *f = flight_at(r, 0);
    prepare(r, f, e);
    f->snap = snapshot_current(r->o->engine->snapshots);
    score_start_event(&f->score, snapshot_ref(f->snap), &e->event);
    CHECK(f->is_done && f->is_released);
    answer(r, f);
    snapshot_unref(f->snap);
}

static void one_line(struct run *r, const struct sourced_event *e)
{
    if (e->status != ST_OK) {
        refuse(r, e);
        return;
    }
    advance(r, &e->event);
    if (r->o->engine->loop == NULL)
        pass(r, e);
    else
        take_off(r, e);
}

/* ---- the run ---- */

static void show_progress(struct run *r, uint64_t lines)
{
    if (lines % PROGRESS_EVERY == 0 && r->o->progress != NULL)
        r->o->progress(r->o->user, event_source_bytes(r->source), r->count.transactions);
}

static void all_lines(struct run *r)
{
    const struct sourced_event *e;
    for (uint64_t lines = 1; r->status == ST_OK && (e = event_source_next(r->source)); lines++) {
        one_line(r, e);
        show_progress(r, lines);
    }
    wait_until(r, r->started);
}

static void open_run(struct run *r)
{
    struct engine *e = r->o->engine;
    struct snapshot *snap = snapshot_current(e->snapshots);
    struct event_source_options source = {r->o->fd, &snap->schema, &e->state->hash_key,
                                          r->o->read_ahead};
    r->n_flights = e->loop != NULL ? FLIGHTS_MAX : 1;
    r->flights = calloc((size_t)r->n_flights, sizeof *r->flights);
    CHECK(r->flights != NULL);
    for (int i = 0; i < r->n_flights; i++) {
        r->flights[i].run = r;
        r->flights[i].arena = arena_new(SCORE_ARENA_BYTES + READER_BODY_MAX);
    }
    r->source = event_source_new(&source);
    snapshot_unref(snap); /* the slot keeps it: nobody reloads beside a replay */
}

static void close_run(struct run *r)
{
    event_source_free(r->source);
    for (int i = 0; i < r->n_flights; i++)
        arena_free(r->flights[i].arena);
    free(r->flights);
}

enum status replay(const struct replay_options *o, struct replayed *ret_replayed)
{
    struct run r = {.o = o, .count = {.end_ms = INT64_MIN}};
    open_run(&r);
    all_lines(&r);
    r.count.bytes = event_source_bytes(r.source);
    if (r.status == ST_OK)
        r.status = event_source_status(r.source);
    close_run(&r);
    *ret_replayed = r.count;
    return r.status;
}
