#include "service/cli/fleet.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/base/log.h"
#include "service/release/bundle.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SAID_BYTES = 2048 };

/* What Redis did not take, to be sent again as long as it is what decides here. */
struct pending {
    struct published_note note;
    char *bundle; /* owned; NULL: none */
    size_t len;
};

struct fleet {
    const struct config *config;
    struct versions *versions;
    struct published polled;    /* the thread's; before it, the start's */
    pthread_mutex_t write_lock; /* of what follows */
    struct published written;   /* of whoever publishes */
    struct pending pending;
    struct published_note seen; /* the last that was looked into; id "": none */
    bool is_away;               /* Redis, and it was told */
    char id[NODE_ID_BYTES];
    char name[256];
    struct offers *offers;
    struct snapshot_slot *snapshots;
    pthread_t thread;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_cond;
    bool is_started, is_stopped;
};

struct fleet *fleet_new(const struct config *config, struct versions *versions)
{
    struct redis_address address;
    const char *why;
    if (config->state_backend != CONFIG_BACKEND_REDIS || !config->reload_published ||
        versions == NULL ||
        redis_address_parse(span_str(config->state_redis), &address, &why) != ST_OK)
        return NULL;
    struct fleet *f = calloc(1, sizeof *f);
    CHECK(f != NULL);
    f->config = config;
    f->versions = versions;
    f->polled.redis = redis_sync_new(&address, REDIS_SYNC_TIMEOUT_MS);
    f->written.redis = redis_sync_new(&address, REDIS_SYNC_TIMEOUT_MS);
    f->polled.prefix = f->written.prefix = config->state_prefix;
    CHECK(pthread_mutex_init(&f->write_lock, NULL) == 0);
    CHECK(pthread_mutex_init(&f->stop_lock, NULL) == 0);
    CHECK(pthread_cond_init(&f->stop_cond, NULL) == 0);
    snprintf(f->id, sizeof f->id, "%016llx", (unsigned long long)hash_random_u64());
    return f;
}

static void forget_pending(struct fleet *f)
{
    free(f->pending.bundle);
    f->pending = (struct pending){.bundle = NULL};
}

void fleet_free(struct fleet *f)
{
    if (f == NULL)
        return;
    redis_sync_free(f->polled.redis);
    redis_sync_free(f->written.redis);
    forget_pending(f);
    pthread_mutex_destroy(&f->write_lock);
    pthread_mutex_destroy(&f->stop_lock);
    pthread_cond_destroy(&f->stop_cond);
    free(f);
}

/* ---- what was published ---- */

/* A bundle of Redis, unpacked to a folder of its own until `drop_unpacked`. */
struct unpacked {
    struct published_note note;
    struct diag_list diags;
    char folder[FILES_PATH_MAX], path[BUNDLE_PATH_BYTES];
};

static void drop_unpacked(const struct unpacked *u)
{
    if (files_remove(u->folder) != ST_OK)
        log_warning("a folder is left behind", LOG_TEXT("folder", u->folder));
}

static enum status unpack(struct fleet *f, struct span bytes, struct unpacked *u)
{
    const struct bundle_source source = bundle_of_span(&bytes);
    enum status st = versions_scratch(f->versions, u->folder);
    if (st != ST_OK) {
        diag_error(&u->diags, (struct diag_at){.file = "bundle"}, "see reload.dir",
                   "there is no room to unpack it: %s", strerror(errno));
        return st;
    }
    st = bundle_unpack(&source, u->folder, &u->diags, u->path);
    if (st != ST_OK)
        drop_unpacked(u);
    return st;
}

static enum status take(struct fleet *f, struct unpacked *ret_unpacked)
{
    char *bytes;
    size_t len;
    *ret_unpacked = (struct unpacked){.folder = ""};
    enum status st = published_take(&f->polled, &ret_unpacked->note, &bytes, &len);
    if (st != ST_OK)
        return st;
    f->seen = ret_unpacked->note;
    st = unpack(f, span_of(bytes, len), ret_unpacked);
    free(bytes);
    return st;
}

struct snapshot *fleet_first(struct fleet *f)
{
    struct snapshot_options options = {.exact_events = (int)f->config->state_exact_events,
                                       .now_ms = clock_wall_ms(),
                                       .is_confined = true};
    struct snapshot *snap = NULL;
    struct unpacked *u = malloc(sizeof *u);
    CHECK(u != NULL);
    enum status st = take(f, u);
    if (st == ST_OK) {
        st = snapshot_load(u->path, &options, &u->diags, &snap);
        drop_unpacked(u);
    }
    if (st == ST_OK && strcmp(snap->id_text, u->note.id) != 0) {
        snapshot_unref(snap);
        snap = NULL;
        st = ST_CORRUPT;
    }
    if (st == ST_OK)
        log_info("the published ruleset is taken", LOG_TEXT("ruleset", snap->id_text),
                 LOG_TEXT("who", u->note.who));
    else if (st == ST_UNAVAILABLE)
        log_warning("cannot ask for the published ruleset",
                    LOG_TEXT("why", redis_sync_why(f->polled.redis)));
    else if (st != ST_NOT_FOUND)
        log_error(
            "the published ruleset cannot be loaded",
            LOG_TEXT("why", u->diags.count > 0 ? u->diags.items[0].message : status_text(st)));
    free(u);
    return snap;
}

static void offer_unpacked(struct fleet *f, const struct unpacked *u, enum status st)
{
    struct offer_report *report = malloc(sizeof *report);
    const struct offer offer = {.from = OFFER_REDIS,
                                .path = u->path,
                                .folder = u->folder,
                                .who = u->note.who,
                                .expected = u->note.id,
                                .judged = u->note.judged};
    CHECK(report != NULL);
    if (st == ST_OK)
        offers_run(f->offers, &offer, report);
    else
        offers_refuse(f->offers, &offer, &u->diags, report);
    free(report);
}

/* What is active already is not read again: who published it is mostly this very instance. */
static bool is_active(struct fleet *f, const char *id)
{
    struct snapshot *now = snapshot_current(f->snapshots);
    bool same = strcmp(now->id_text, id) == 0;
    snapshot_unref(now);
    return same;
}

static void tell_away(struct fleet *f, enum status st)
{
    bool is_away = st == ST_UNAVAILABLE;
    if (is_away && !f->is_away)
        log_warning("published rulesets wait for Redis",
                    LOG_TEXT("why", redis_sync_why(f->polled.redis)));
    f->is_away = is_away;
}

/* A Redis that was emptied counts anew, and comes by a number that was seen. */
static bool was_seen(const struct fleet *f, const struct published_note *note)
{
    return f->seen.seq == note->seq && strcmp(f->seen.id, note->id) == 0;
}

/* ---- what could not be published ---- */

/* The bundle is ours from here on. Under the lock, as what follows. */
static void keep_pending(struct fleet *f, const struct published_note *note, char *bundle,
                         size_t len)
{
    forget_pending(f);
    f->pending = (struct pending){.note = *note, .bundle = bundle, .len = len};
}

/* Redis answers again. `is_news`: somebody has published since, and goes before. */
static void send_pending(struct fleet *f, bool is_news)
{
    const struct pending *p = &f->pending;
    if (p->bundle == NULL)
        return;
    if (is_news || !is_active(f, p->note.id))
        forget_pending(f);
    else if (published_put(&f->written, &p->note, span_of(p->bundle, p->len)) == ST_OK) {
        log_info("the ruleset is published, as Redis is back", LOG_TEXT("ruleset", p->note.id),
                 LOG_TEXT("who", p->note.who));
        forget_pending(f);
    }
}

static void look_for_pending(struct fleet *f, bool is_news)
{
    pthread_mutex_lock(&f->write_lock);
    send_pending(f, is_news);
    pthread_mutex_unlock(&f->write_lock);
}

/* ---- the poll ---- */

static void poll_once(struct fleet *f)
{
    struct published_note note;
    enum status st = published_look(&f->polled, &note);
    tell_away(f, st);
    if (st == ST_OK || st == ST_NOT_FOUND)
        look_for_pending(f, st == ST_OK && !was_seen(f, &note));
    if (st != ST_OK || was_seen(f, &note))
        return;
    if (is_active(f, note.id)) {
        f->seen = note;
        return;
    }
    struct unpacked *u = malloc(sizeof *u);
    CHECK(u != NULL);
    st = take(f, u);
    if (st != ST_UNAVAILABLE && st != ST_NOT_FOUND)
        offer_unpacked(f, u, st);
    if (st == ST_OK)
        drop_unpacked(u);
    free(u);
}

/* ---- what this node says ---- */

static void say(struct fleet *f)
{
    char bytes[SAID_BYTES];
    struct text out;
    struct snapshot *now = snapshot_current(f->snapshots);
    text_init(&out, bytes, sizeof bytes);
    text_str(&out, "{\"node\":");
    text_json_string(&out, span_str(f->name));
    text_printf(&out, ",\"ruleset\":\"%s\",\"decided_by\":\"%s\",\"since\":\"", now->id_text,
                now->decided_by);
    text_time_ms(&out, now->loaded_at_ms);
    text_str(&out, "\",\"from\":");
    text_json_string(&out, span_str(now->loaded_by));
    text_str(&out, ",\"who\":");
    text_json_string(&out, span_str(now->loaded_for));
    text_printf(&out, ",\"version\":\"%s\"}", SLUICE_VERSION);
    snapshot_unref(now);
    tell_away(f, published_say(&f->polled, f->id, text_span(&out)));
}

/* ---- the thread ---- */

/* false: it is to end. */
static bool pause_for(struct fleet *f, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&f->stop_lock);
    if (!f->is_stopped)
        pthread_cond_timedwait(&f->stop_cond, &f->stop_lock, &until);
    bool goes_on = !f->is_stopped;
    pthread_mutex_unlock(&f->stop_lock);
    return goes_on;
}

static void *run(void *user)
{
    struct fleet *f = user;
    int64_t said_us = 0;
    do {
        poll_once(f);
        if (said_us == 0 || clock_mono_us() - said_us >= NODE_SAY_MS * 1000) {
            said_us = clock_mono_us();
            say(f);
        }
    } while (pause_for(f, PUBLISHED_POLL_MS));
    if (published_leave(&f->polled, f->id) != ST_OK)
        log_warning("this node stays in the list for 10 s",
                    LOG_TEXT("why", redis_sync_why(f->polled.redis)));
    return NULL;
}

void fleet_start(struct fleet *f, struct offers *offers, struct snapshot_slot *snapshots,
                 const char *name)
{
    f->offers = offers;
    f->snapshots = snapshots;
    snprintf(f->name, sizeof f->name, "%s", name);
    CHECK(pthread_create(&f->thread, NULL, run, f) == 0);
    f->is_started = true;
}

void fleet_stop(struct fleet *f)
{
    if (f == NULL || !f->is_started)
        return;
    pthread_mutex_lock(&f->stop_lock);
    f->is_stopped = true;
    pthread_cond_signal(&f->stop_cond);
    pthread_mutex_unlock(&f->stop_lock);
    pthread_join(f->thread, NULL);
    f->is_started = false;
}

/* ---- publish ---- */

/* Between two publishings the connection may have ended, which only its next use tells: a second
 * try makes another. */
static enum status publish_locked(struct fleet *f, const struct published_note *note,
                                  struct span bundle, char *ret_why)
{
    enum status st = published_put(&f->written, note, bundle);
    if (st == ST_UNAVAILABLE)
        st = published_put(&f->written, note, bundle);
    if (st != ST_OK)
        snprintf(ret_why, OFFER_NOTE_MAX, "Redis: %.200s; it is sent again until Redis takes it",
                 redis_sync_why(f->written.redis));
    return st;
}

enum status fleet_publish(struct fleet *f, const struct offer *offer, const struct snapshot *snap,
                          char *ret_why)
{
    struct published_note note = {.judged = true};
    struct diag_list diags = {.count = 0};
    char *bytes;
    size_t len;
    enum status st = bundle_pack(&snap->files, &diags, &bytes, &len);
    if (st != ST_OK) {
        snprintf(ret_why, OFFER_NOTE_MAX, "%s",
                 diags.count > 0 ? diags.items[0].message : status_text(st));
        return st;
    }
    memcpy(note.id, snap->id_text, sizeof note.id);
    /* on the other nodes: alice@node-1:8080; anonymous@10.0.0.7 has its place */
    bool has_place = strchr(offer->who, '@') != NULL;
    snprintf(note.who, sizeof note.who, "%.62s%s%.62s", offer->who, has_place ? "" : "@",
             has_place ? "" : f->name);
    pthread_mutex_lock(&f->write_lock);
    st = publish_locked(f, &note, span_of(bytes, len), ret_why);
    if (st == ST_OK) {
        forget_pending(f);
        free(bytes);
    } else {
        keep_pending(f, &note, bytes, len);
    }
    pthread_mutex_unlock(&f->write_lock);
    return st;
}
