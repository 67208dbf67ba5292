#include "service/cli/backend.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/base/watermark.h"
#include "service/cli/filling.h"
#include "service/cli/identity.h"
#include "service/cli/kafka.h"
#include "service/cli/model_alarm.h"
#include "service/cli/unlost.h"
#include "service/engine/compactor.h"
#include "service/engine/covered.h"
#include "service/engine/delivery.h"
#include "service/engine/metrics.h"
#include "service/engine/outbox_mark.h"
#include "service/engine/publish.h"
#include "service/engine/recover.h"
#include "service/io/crash_notes.h"
#include "service/io/line_file.h"
#include "service/io/source.h"
#include "service/state/state_mem.h"
#include "service/state/state_redis.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct backend {
    const struct config *config;
    struct snapshot_slot *snapshots;
    struct identity identity;
    struct journal *journal;   /* NULL: none is configured */
    struct state_table *table; /* memory */
    struct state_redis_options redis;
    struct watermark *acknowledged; /* Redis with a journal: frames that have reached it */
    struct delivery *delivery;      /* likewise */
    int64_t since_ms;               /* likewise: the journal has all that Redis got since */
    bool is_unlost;                 /* and that is noted */
    const char *_Atomic refused;    /* why Redis cannot be used, static text; NULL: it can */
    atomic_int n_up;                /* connections to Redis that serve */
    struct filling *filling;
    struct compactor *compactor; /* memory; NULL: Redis */
    _Atomic uint64_t compacted_logs;
    struct model_alarm *alarm;
    struct outbox *outbox;
    struct outbox_mark *mark;  /* with a journal */
    struct line_file *letters; /* labels whose transaction never came */
    struct kafka_options kafka;
    struct source *sources[CONFIG_WORKERS_MAX]; /* as many as engines, or none */
    atomic_int n_undrained;                     /* of these, ended in the middle of messages */
    struct engine engines[CONFIG_WORKERS_MAX];
    int n_engines;
};

static bool is_memory(const struct backend *b)
{
    return b->config->state_backend == CONFIG_BACKEND_MEMORY;
}

static bool has_sources(const struct backend *b)
{
    return b->kafka.transactions[0] != '\0' || b->kafka.labels[0] != '\0';
}

/* ---- opening ---- */

static enum journal_fsync fsync_of(const struct config *c)
{
    switch (c->journal_fsync) {
    case CONFIG_FSYNC_ALWAYS:
        return JOURNAL_ALWAYS;
    case CONFIG_FSYNC_NO:
        return JOURNAL_NO;
    default:
        return JOURNAL_EVERYSEC;
    }
}

/* Under a fresh key nobody would know again what the journal's frames name. */
static enum status open_identity(struct backend *b, bool has_frames, char *ret_why)
{
    const char *dir = b->config->journal_dir;
    enum status st = identity_load(dir, &b->identity);
    if (st == ST_NOT_FOUND && has_frames) {
        snprintf(ret_why, BACKEND_WHY_BYTES,
                 "%s/identity: it is gone, and with it the key of the journal's frames: put it "
                 "back, or begin with an empty folder",
                 dir);
        return ST_CORRUPT;
    }
    if (st == ST_NOT_FOUND)
        st = identity_create(dir, &b->identity);
    if (st != ST_OK)
        snprintf(ret_why, BACKEND_WHY_BYTES, "%s/identity: %s", dir, status_text(st));
    return st;
}

/* With memory the journal is the truth. */
static enum status open_unlost(struct backend *b, bool has_frames, char *ret_why)
{
    const struct config *c = b->config;
    if (is_memory(b))
        return ST_OK;
    enum status st =
        unlost_open(c->journal_dir, has_frames, c->journal_fsync == CONFIG_FSYNC_ALWAYS,
                    clock_wall_ms(), &b->since_ms);
    b->is_unlost = st == ST_OK;
    if (st != ST_OK)
        snprintf(ret_why, BACKEND_WHY_BYTES, "%s/unlost: %s", c->journal_dir, status_text(st));
    return st;
}

static enum status open_journal(struct backend *b, char *ret_why)
{
    const struct config *c = b->config;
    struct journal_options options = {
        .dir = c->journal_dir, .fsync = fsync_of(c), .max_bytes = c->journal_max_bytes};
    struct journal_opened opened;
    char why[JOURNAL_WHY_BYTES] = "";
    if (c->journal_dir[0] == '\0') {
        identity_random(&b->identity);
        return ST_OK;
    }
    enum status st = journal_open(&options, &b->journal, &opened, why);
    if (st == ST_CONFLICT) { /* which says it all */
        snprintf(ret_why, BACKEND_WHY_BYTES, "%s", why);
        return st;
    }
    if (st != ST_OK) {
        snprintf(ret_why, BACKEND_WHY_BYTES, "journal %s: %s: %s", c->journal_dir, status_text(st),
                 why);
        return st;
    }
    if (opened.cut_bytes > 0)
        log_warning("journal cut", LOG_INT("bytes", (int64_t)opened.cut_bytes),
                    LOG_TEXT("why", "its last frame was not whole"));
    st = open_identity(b, opened.next_seq > 1, ret_why);
    return st == ST_OK ? open_unlost(b, opened.next_seq > 1, ret_why) : st;
}

static struct engine_options engine_options_of(const struct backend *b)
{
    const struct config *c = b->config;
    bool reject = c->on_state_unavailable == CONFIG_UNAVAILABLE_REJECT;
    return (struct engine_options){
        .max_skew_ms = c->max_skew_ms,
        .dedupe_for_ms = c->dedupe_for_ms,
        .label_wait_ms = c->label_wait_ms,
        .remember_for_ms = c->remember_for_ms,
        .deadline_ms = (int)c->deadline_ms,
        .on_unavailable = reject ? ON_UNAVAILABLE_REJECT : ON_UNAVAILABLE_DEGRADE,
        .synced_answers = b->journal != NULL && c->journal_fsync == CONFIG_FSYNC_ALWAYS};
}

static void set_engine(struct backend *b, struct engine *e, uv_loop_t *loop, struct state *state)
{
    *e = (struct engine){
        .loop = loop,
        .state = state,
        .journal = b->journal,
        .state_keeps_journal = is_memory(b),
        .judges = true,
        .snapshots = b->snapshots,
        .options = engine_options_of(b),
        .delivery = b->delivery,
        .outbox = b->outbox,
        .outbox_mark = b->mark,
        .user = b,
    };
}

/* Before the first event comes: what the state knows of the features' coverage is known. */
static void publish_first(struct backend *b, struct engine *e)
{
    struct snapshot *s = snapshot_current(b->snapshots);
    publish_layouts(e, s, clock_wall_ms());
    snapshot_unref(s);
}

/* What the journal has and the newest checkpoint has not goes through an engine again. */
static enum status rebuild_table(struct backend *b, uint64_t from_seq, char *ret_why)
{
    struct engine e;
    struct recovered done = {0};
    int64_t begun_us = clock_mono_us();
    set_engine(b, &e, NULL, state_mem_open(b->table, true));
    engine_open(&e);
    enum status st = recover(&e, from_seq, &done);
    publish_first(b, &e);
    state_close(e.state);
    engine_close(&e);
    if (st != ST_OK)
        snprintf(ret_why, BACKEND_WHY_BYTES, "journal %s from frame %llu: %s",
                 b->config->journal_dir, (unsigned long long)from_seq, status_text(st));
    else
        log_info("state rebuilt", LOG_INT("from_seq", (int64_t)from_seq),
                 LOG_INT("events", (int64_t)done.events),
                 LOG_INT("ms", (clock_mono_us() - begun_us) / 1000));
    if (st == ST_OK && done.lost > 0)
        log_error("state rebuilt without some frames of the journal",
                  LOG_INT("frames", (int64_t)done.lost),
                  LOG_INT("first_seq", (int64_t)done.first_lost_seq),
                  LOG_TEXT("why", "the ruleset's schema refuses them by now, or they are damaged"));
    return st;
}

static enum status open_memory(struct backend *b, char *ret_why)
{
    uint64_t from_seq = 1;
    b->table = state_table_new(&b->identity.key, b->journal);
    if (b->journal == NULL)
        return ST_OK;
    enum status st = state_table_load(b->table, b->config->journal_dir, &from_seq);
    if (st != ST_OK && st != ST_NOT_FOUND) {
        snprintf(ret_why, BACKEND_WHY_BYTES, "checkpoint in %s: %s", b->config->journal_dir,
                 status_text(st));
        return st;
    }
    return rebuild_table(b, from_seq, ret_why);
}

/* ---- history of features that are added ---- */

static void open_filling(struct backend *b)
{
    struct filling_options o = {.snapshots = b->snapshots,
                                .journal = b->journal,
                                .table = b->table,
                                .redis = &b->redis,
                                .hash_key = &b->identity.key,
                                .delivery = b->delivery,
                                .since_ms = b->since_ms,
                                .instance = b->identity.instance,
                                .engine = engine_options_of(b),
                                .bytes_max = (uint64_t)b->config->state_fill_bytes};
    b->filling = filling_new(&o);
}

/* ---- what features that were taken out leave behind ---- */

static void compacted(void *user, const struct compact_walk *walk)
{
    struct backend *b = user;
    b->compacted_logs += walk->removed + walk->replaced;
    if (walk->removed + walk->replaced > 0)
        log_info("state compacted", LOG_INT("removed", (int64_t)walk->removed),
                 LOG_INT("shortened", (int64_t)walk->replaced),
                 LOG_INT("bytes", (int64_t)state_table_stats(b->table).bytes));
}

static void open_compactor(struct backend *b)
{
    struct compactor_options o = {.snapshots = b->snapshots,
                                  .table = b->table,
                                  .after_ms = b->config->state_compact_after_ms,
                                  .told = compacted,
                                  .user = b};
    if (b->table != NULL)
        b->compactor = compactor_new(&o);
}

void backend_look_at_features(struct backend *b, int64_t now_ms)
{
    if (b->compactor != NULL)
        compactor_look(b->compactor, now_ms);
    filling_look(b->filling, now_ms);
}

/* ---- what models are given ---- */

void backend_look_at_models(struct backend *b, int64_t now_ms)
{
    const struct engine *engines[CONFIG_WORKERS_MAX];
    struct model_table table;
    for (int i = 0; i < b->n_engines; i++)
        engines[i] = &b->engines[i];
    struct snapshot *s = snapshot_current(b->snapshots);
    model_table_init(&table, s, engines, b->n_engines, now_ms);
    model_alarm_look(b->alarm, &table);
    model_table_fini(&table);
    snapshot_unref(s);
}

static int count_uncovered(const struct backend *b, int64_t now_ms)
{
    struct snapshot *s = snapshot_current(b->snapshots);
    int n = 0;
    for (int i = 0; i < s->features.n_features; i++)
        n += !covered_at(s, i, now_ms);
    snapshot_unref(s);
    return n;
}

static void put_features(const struct backend *b, struct text *out)
{
    metrics_value(out, "sluice_features_uncovered", "gauge",
                  "Features whose windows begin before they have their history",
                  (uint64_t)count_uncovered(b, clock_wall_ms()));
    metrics_value(out, "sluice_filled_logs_total", "counter",
                  "Logs that got the history of features that were added",
                  filling_logs(b->filling));
}

static enum status probe_redis(struct backend *b, char *ret_why)
{
    char why[256] = "";
    enum status st = state_redis_probe(&b->redis, &b->identity.key, why);
    if (st == ST_OK)
        return b->journal ? identity_save(b->config->journal_dir, &b->identity) : ST_OK;
    bool may_wait = st == ST_UNAVAILABLE && b->config->state_start == CONFIG_START_DEGRADED;
    if (may_wait) {
        log_warning("starting without state", LOG_TEXT("why", why));
        return ST_OK;
    }
    snprintf(ret_why, BACKEND_WHY_BYTES, "state.redis: %s", why);
    return st;
}

/* Of the workers' connections the first to see it tells. */
static void redis_refused(void *user, const char *why)
{
    struct backend *b = user;
    const char *before = atomic_exchange(&b->refused, why);
    if (why != NULL && why != before)
        log_error("Redis refused", LOG_TEXT("why", why));
    else if (why == NULL && before != NULL)
        log_info("Redis accepted again", LOG_TEXT("was", before));
}

/* Told when all of the workers' connections serve, and when the first of them does not any more. */
static void redis_served(void *user, bool is_up)
{
    struct backend *b = user;
    int n_up = is_up ? atomic_fetch_add(&b->n_up, 1) + 1 : atomic_fetch_sub(&b->n_up, 1) - 1;
    if (!is_up && n_up == b->n_engines - 1)
        log_warning("Redis is away", LOG_TEXT("answers", "without windows, or refused"));
    else if (is_up && n_up == b->n_engines)
        log_info("Redis serves", LOG_TEXT("prefix", b->redis.prefix));
}

static enum status open_redis(struct backend *b, char *ret_why)
{
    const struct config *c = b->config;
    const char *why = "";
    enum status st = redis_address_parse(span_str(c->state_redis), &b->redis.address, &why);
    if (st != ST_OK) {
        snprintf(ret_why, BACKEND_WHY_BYTES, "state.redis: %s", why);
        return st;
    }
    snprintf(b->redis.owner, sizeof b->redis.owner, "%016" PRIx64, hash_random_u64());
    snprintf(b->redis.prefix, sizeof b->redis.prefix, "%.127s", c->state_prefix);
    b->redis.connect_timeout_ms = REDIS_CONNECT_TIMEOUT_MS;
    b->redis.refused = redis_refused;
    b->redis.served = redis_served;
    b->redis.user = b;
    if (b->journal != NULL) {
        memcpy(b->redis.instance, b->identity.instance, sizeof b->redis.instance);
        b->acknowledged = watermark_new(0);
        b->delivery = delivery_new(b->acknowledged, journal_last_seq(b->journal));
        b->redis.acknowledged = b->acknowledged;
    }
    return probe_redis(b, ret_why);
}

/* Up to which frame all alerts are acknowledged. Where the journal's end was lost with a machine or
 * a process, its numbers are given again: the mark says nothing of those. */
static enum status open_mark(struct backend *b, uint64_t *ret_seq, char *ret_why)
{
    uint64_t seq, last_seq = journal_last_seq(b->journal);
    enum status st = outbox_mark_open(b->config->journal_dir, &b->mark, &seq);
    if (st == ST_OK && seq > last_seq) {
        seq = last_seq;
        st = outbox_mark_set(b->mark, seq);
    }
    if (st != ST_OK) {
        snprintf(ret_why, BACKEND_WHY_BYTES, "%s/outbox: %s", b->config->journal_dir,
                 status_text(st));
        return st;
    }
    if (seq + 1 < journal_first_seq(b->journal))
        seq = journal_first_seq(b->journal) - 1;
    journal_keep(b->journal, seq + 1);
    *ret_seq = seq;
    return ST_OK;
}

static enum status open_outbox(struct backend *b, const struct backend_alerts *alerts,
                               char *ret_why)
{
    struct outbox_options options = {.waiting_max = (int)b->config->alerts_waiting,
                                     .journal = b->journal,
                                     .journal_keeps = is_memory(b) && b->journal != NULL,
                                     .redis_keeps = !is_memory(b),
                                     .seen = alerts->seen,
                                     .woken = alerts->woken,
                                     .user = alerts->user};
    enum status st = b->journal != NULL ? open_mark(b, &options.acknowledged_seq, ret_why) : ST_OK;
    if (st == ST_OK)
        b->outbox = outbox_new(&options);
    return st;
}

static enum status open_letters(struct backend *b, char *ret_why)
{
    struct line_file_options o = {.path = b->config->dead_letters_file, .files_max = 1};
    enum status st = line_file_open(&o, &b->letters);
    if (st != ST_OK)
        snprintf(ret_why, BACKEND_WHY_BYTES, "dead_letters.file: cannot open %s", o.path);
    return st;
}

/* What crashes us is known by where it stands in Kafka. */
static enum status open_crash_notes(struct backend *b, char *ret_why)
{
    const char *dir = b->config->journal_dir;
    enum status st = dir[0] != '\0' && has_sources(b) ? crash_notes_open(dir) : ST_OK;
    if (st != ST_OK)
        snprintf(ret_why, BACKEND_WHY_BYTES, "%s/crashed: %s", dir, status_text(st));
    return st;
}

enum status backend_open(const struct config *config, struct snapshot_slot *snapshots,
                         const struct backend_alerts *alerts, struct backend **ret_backend,
                         char *ret_why)
{
    struct backend *b = calloc(1, sizeof *b);
    CHECK(b != NULL);
    b->config = config;
    b->snapshots = snapshots;
    b->alarm = model_alarm_new();
    b->kafka = kafka_options_of(config);
    enum status st = open_letters(b, ret_why);
    if (st == ST_OK)
        st = open_journal(b, ret_why);
    if (st == ST_OK)
        st = open_crash_notes(b, ret_why);
    if (st == ST_OK)
        st = is_memory(b) ? open_memory(b, ret_why) : open_redis(b, ret_why);
    if (st == ST_OK)
        st = open_outbox(b, alerts, ret_why);
    if (st == ST_OK) {
        open_filling(b);
        open_compactor(b);
        *ret_backend = b;
    } else {
        backend_close(b);
    }
    return st;
}

/* What was acknowledged after the last engine had ended is told too. */
static void close_outbox(struct backend *b)
{
    if (b->mark != NULL && b->outbox != NULL &&
        outbox_mark_move(b->mark, b->outbox, b->journal, b->delivery) != ST_OK)
        log_warning("alerts may come again", LOG_TEXT("why", "the outbox cannot be written"));
    outbox_mark_close(b->mark);
    outbox_free(b->outbox);
}

static void close_journal(struct backend *b)
{
    bool is_whole = b->is_unlost && journal_sync(b->journal) == ST_OK;
    journal_close(b->journal);
    if (is_whole && unlost_close(b->config->journal_dir, b->since_ms) != ST_OK)
        log_warning("features that are added are not filled in from before the next start",
                    LOG_TEXT("why", "journal.dir/unlost cannot be written"));
}

void backend_close(struct backend *b)
{
    if (b == NULL)
        return;
    filling_free(b->filling);
    model_alarm_free(b->alarm);
    compactor_free(b->compactor);
    crash_notes_close(b->n_undrained == 0);
    close_outbox(b);
    state_table_free(b->table);
    delivery_free(b->delivery);
    watermark_free(b->acknowledged);
    close_journal(b);
    line_file_close(b->letters);
    free(b);
}

/* ---- engines ---- */

static void dead_label(void *user, struct span body)
{
    struct backend *b = user;
    if (line_file_put(b->letters, body) != ST_OK)
        log_error("dead letter lost", LOG_TEXT("file", b->config->dead_letters_file));
    if (b->sources[0] != NULL) /* of this loop */
        source_bury(b->sources[0], body);
}

static void undeliverable(void *user, enum status st)
{
    struct backend *b = user;
    log_error("journal cannot be delivered", LOG_TEXT("why", status_text(st)),
              LOG_TEXT("where", journal_damage(b->journal)));
}

static void open_source(struct backend *b, int index, uv_loop_t *loop)
{
    struct source_options options = {
        .kafka = &b->kafka, .engine = &b->engines[index], .outbox = b->outbox};
    b->sources[index] = source_open(&options, loop);
}

struct engine *backend_engine_open(struct backend *b, int index, uv_loop_t *loop)
{
    struct engine *e = &b->engines[index];
    struct state *state = is_memory(b) ? state_mem_open(b->table, false)
                                       : state_redis_open(&b->redis, &b->identity.key, loop);
    set_engine(b, e, loop, state);
    e->watches_models = true;
    if (index == 0) {
        e->dead_label = dead_label;
        e->undeliverable = undeliverable;
        e->delivers = b->delivery != NULL;
        e->sweeps_outbox = true;
    }
    engine_open(e);
    b->n_engines = index + 1;
    if (has_sources(b))
        open_source(b, index, loop);
    return e;
}

void backend_engine_close(struct backend *b, int index, struct engine *engine)
{
    CHECK(engine == &b->engines[index]);
    b->n_undrained += !backend_is_drained(b, index);
    source_close(b->sources[index]);
    b->sources[index] = NULL;
    state_close(engine->state);
    engine_close(engine);
}

struct outbox *backend_outbox(struct backend *b)
{
    return b->outbox;
}

void backend_drain(struct backend *b, int index)
{
    if (b->sources[index] != NULL)
        source_drain(b->sources[index]);
}

bool backend_is_drained(const struct backend *b, int index)
{
    return b->sources[index] == NULL || source_is_drained(b->sources[index]);
}

enum status backend_checkpoint(struct backend *b)
{
    if (b->table == NULL || b->journal == NULL)
        return ST_OK;
    return state_table_checkpoint(b->table, b->config->journal_dir);
}

/* ---- what it tells ---- */

bool backend_ready(const struct backend *b, const struct engine *engine, const char **ret_why)
{
    const char *refused = b->refused;
    /* What one worker has seen of Redis counts for all: an idle one sees nothing. */
    bool some_are_away = !is_memory(b) && atomic_load(&b->n_up) < b->n_engines;
    if (!state_available(engine->state) || some_are_away)
        *ret_why = refused != NULL ? refused : "state is away";
    else if (b->journal != NULL && journal_health(b->journal) != ST_OK)
        *ret_why = "the journal's disk refuses";
    else if (b->delivery != NULL && !delivery_is_whole(b->delivery))
        *ret_why = "state is incomplete: the journal is being delivered again";
    else if (has_sources(b) && !source_all_assigned(b->sources, b->n_engines))
        *ret_why = "the Kafka source is not assigned yet";
    else
        return true;
    return false;
}

void backend_notes(const struct backend *b, struct text *out)
{
    if (has_sources(b))
        source_notes(b->sources, b->n_engines, out);
}

static void put_outbox(const struct backend *b, struct text *out)
{
    struct outbox_stats stats = outbox_stats(b->outbox);
#define X(member, kind, help) \
    metrics_value(out, "sluice_alerts_" #member, kind, help, stats.member);
    OUTBOX_STATS_TABLE(X)
#undef X
}

static void put_memory(const struct backend *b, struct text *out)
{
    struct state_table_stats stats = state_table_stats(b->table);
    metrics_value(out, "sluice_state_entities", "gauge", "Entity logs in memory",
                  stats.keys - stats.claims);
    metrics_value(out, "sluice_state_claims", "gauge", "Claims in memory", stats.claims);
    metrics_value(out, "sluice_state_bytes", "gauge", "Bytes of logs and claims", stats.bytes);
    metrics_value(out, "sluice_compacted_logs_total", "counter",
                  "Logs and claims that compaction has shortened or removed",
                  atomic_load(&b->compacted_logs));
}

static void put_redis(const struct backend *b, struct text *out)
{
    struct state_redis_stats sum = {0};
    for (int i = 0; i < b->n_engines; i++) {
        struct state_redis_stats s = state_redis_stats(b->engines[i].state);
        sum.connects += s.connects;
        sum.disconnects += s.disconnects;
        sum.commands += s.commands;
        sum.errors_oom += s.errors_oom;
        sum.errors_readonly += s.errors_readonly;
        sum.errors_loading += s.errors_loading;
        sum.errors_busy += s.errors_busy;
        sum.errors_other += s.errors_other;
        sum.inflight += s.inflight;
    }
    metrics_value(out, "sluice_redis_connections", "gauge", "Connections that serve",
                  (uint64_t)atomic_load(&b->n_up));
    metrics_value(out, "sluice_redis_connects_total", "counter", "Connections made", sum.connects);
    metrics_value(out, "sluice_redis_disconnects_total", "counter", "Connections lost",
                  sum.disconnects);
    metrics_value(out, "sluice_redis_commands_total", "counter", "Commands sent", sum.commands);
    metrics_value(out, "sluice_redis_inflight", "gauge", "Operations under way", sum.inflight);
    metrics_value(out, "sluice_redis_errors_oom_total", "counter", "Refused: OOM", sum.errors_oom);
    metrics_value(out, "sluice_redis_errors_readonly_total", "counter", "Refused: READONLY",
                  sum.errors_readonly);
    metrics_value(out, "sluice_redis_errors_loading_total", "counter", "Refused: LOADING",
                  sum.errors_loading);
    metrics_value(out, "sluice_redis_errors_busy_total", "counter", "Refused: BUSY",
                  sum.errors_busy);
    metrics_value(out, "sluice_redis_errors_other_total", "counter", "Refused otherwise",
                  sum.errors_other);
}

void backend_metrics(const struct backend *b, struct text *out)
{
    put_outbox(b, out);
    put_features(b, out);
    if (is_memory(b))
        put_memory(b, out);
    else
        put_redis(b, out);
    if (has_sources(b))
        source_metrics(b->sources, b->n_engines, out);
    if (b->journal == NULL)
        return;
    metrics_value(out, "sluice_journal_last_seq", "counter", "Frames appended",
                  journal_last_seq(b->journal));
    metrics_value(out, "sluice_journal_safe_seq", "counter", "Frames as safe as journal.fsync says",
                  journal_safe_seq(b->journal));
    metrics_value(out, "sluice_journal_healthy", "gauge", "1: the disk takes what is written",
                  journal_health(b->journal) == ST_OK);
}

void backend_settle_journal(struct backend *b)
{
    if (b->journal != NULL && journal_sync(b->journal) != ST_OK)
        log_warning("the gate misses what waits for the disk",
                    LOG_TEXT("dir", b->config->journal_dir));
}

void backend_rates(const struct backend *b, uint64_t ruleset, struct gate_rates *ret_rates)
{
    struct gate_rates sum = {.ruleset = ruleset};
    for (int i = 0; i < b->n_engines; i++) {
        const struct engine_stats *s = b->engines[i].stats;
        uint64_t flagged = stats_get(&s->flagged);
        sum.flagged += flagged;
        sum.degraded += stats_get(&s->degraded);
        sum.transactions += flagged + stats_get(&s->allowed);
        for (int k = 0; k < RULES_MAX && stats_get(&s->fired_ruleset) == ruleset; k++)
            sum.fired[k] += stats_get(&s->fired[k]) + stats_get(&s->held[k]);
    }
    *ret_rates = sum;
}
