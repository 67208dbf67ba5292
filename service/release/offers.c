#include "service/release/offers.h"

#include "service/base/background.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/engine/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *text;
    bool is_judged, is_published, roams, hurries;
} froms[OFFER_FROMS] = {
#define X(name, text, judged, published, roams, hurries) {text, judged, published, roams, hurries},
    OFFER_FROM_TABLE(X)
#undef X
};

const char *offer_from_text(enum offer_from from)
{
    return froms[from].text;
}

struct offers {
    struct offers_options options;
    pthread_mutex_t lock;
    _Atomic uint64_t counts[OFFER_RESULTS][OFFER_FROMS];
    _Atomic bool last_failed; /* of those that were to become active */
};

struct offers *offers_new(const struct offers_options *o)
{
    struct offers *of = calloc(1, sizeof *of);
    CHECK(of != NULL && pthread_mutex_init(&of->lock, NULL) == 0);
    of->options = *o;
    return of;
}

void offers_free(struct offers *of)
{
    if (of == NULL)
        return;
    pthread_mutex_destroy(&of->lock);
    free(of);
}

/* ---- one offer ---- */

/* What its steps share. */
struct run {
    struct offers *offers;
    const struct offer *offer;
    struct offer_report *report;
    struct snapshot *active, *fresh; /* a reference each; fresh: NULL once it was given away */
};

static bool matches(const struct offer *offer, const struct snapshot *active)
{
    return offer->if_match == NULL || strcmp(offer->if_match, "*") == 0 ||
           strstr(offer->if_match, active->id_text) != NULL; /* all ids are of one length */
}

static bool is_of_the_file(enum offer_from from)
{
    return froms[from].roams; /* the file of the configuration, and it alone, may name any */
}

/* A version that does not have the content it is named by was damaged on its way or on disk. */
static bool is_as_expected(struct run *r)
{
    const char *expected = r->offer->expected;
    if (expected == NULL || strcmp(expected, r->fresh->id_text) == 0)
        return true;
    diag_error(&r->report->diags, (struct diag_at){.file = r->offer->path}, NULL,
               "its content is %s, and should be %s: it is damaged", r->fresh->id_text, expected);
    return false;
}

struct loading {
    struct run *run;
    const struct snapshot_options *options;
    enum status status;
};

static void load_files(void *user)
{
    struct loading *l = user;
    struct run *r = l->run;
    l->status = snapshot_load(r->offer->path, l->options, &r->report->diags, &r->fresh);
}

/* All of the time of an offer goes by in here. */
static enum status load_beside(struct run *r, const struct snapshot_options *options)
{
    struct loading l = {.run = r, .options = options};
    if (froms[r->offer->from].hurries)
        load_files(&l);
    else
        background_run(load_files, &l);
    return l.status;
}

static bool load(struct run *r)
{
    const struct offers_options *o = &r->offers->options;
    bool ours = is_of_the_file(r->offer->from);
    struct snapshot_options options = {
        .exact_events = o->exact_events,
        .now_ms = clock_wall_ms(),
        .is_confined = !ours,
        .named = ours ? o->named : NULL,
        .user = o->user,
    };
    if (options.named != NULL)
        options.named(o->user, NULL);
    if (load_beside(r, &options) != ST_OK)
        return false;
    memcpy(r->report->ruleset, r->fresh->id_text, sizeof r->report->ruleset);
    return is_as_expected(r);
}

static bool passes_gate(struct run *r)
{
    const struct offers_options *o = &r->offers->options;
    if (o->judge == NULL || !froms[r->offer->from].is_judged || r->offer->judged)
        return true;
    enum status st = o->judge(o->user, r->active, r->fresh, &r->report->gate);
    return st == ST_OK || r->offer->force;
}

static void put_note(struct run *r, const char *what, const char *why)
{
    if (r->report->note[0] == '\0')
        snprintf(r->report->note, sizeof r->report->note, "%s: %s", what, why);
}

static enum status keep_version(struct offers *of, const struct snapshot *snap,
                                const char *previous, const struct offer *offer,
                                struct diag_list *diags)
{
    struct version info = {.at_ms = snap->loaded_at_ms};
    memcpy(info.id, snap->id_text, sizeof info.id);
    snprintf(info.previous, sizeof info.previous, "%s", previous);
    snprintf(info.who, sizeof info.who, "%s", offer->who);
    snprintf(info.from, sizeof info.from, "%s", offer_from_text(offer->from));
    return versions_keep(of->options.versions, snap, &info, diags);
}

static void keep(struct run *r)
{
    if (r->offers->options.versions == NULL)
        return;
    enum status st =
        keep_version(r->offers, r->fresh, r->active->id_text, r->offer, &r->report->diags);
    r->report->is_kept = st == ST_OK;
    if (st != ST_OK && st != ST_INVALID) /* which has its diagnostic */
        put_note(r, "it is not kept as a version", status_text(st));
}

/* What a restart goes by. After it became active: a crash in between leaves the one before to be
 * loaded again. */
static enum status note_active(struct offers *of, const char *id)
{
    struct versions *versions = of->options.versions;
    if (versions == NULL)
        return ST_OK;
    struct version_active active = versions_active(versions);
    if (strcmp(active.id, id) != 0) {
        memcpy(active.previous, active.id, sizeof active.previous);
        snprintf(active.id, sizeof active.id, "%s", id);
    }
    memcpy(active.file, of->options.file_id, sizeof active.file);
    return versions_note_active(versions, &active);
}

static void note_file(struct run *r, const char *active_id)
{
    if (is_of_the_file(r->offer->from))
        memcpy(r->offers->options.file_id, r->report->ruleset, OFFER_ID_BYTES);
    if (note_active(r->offers, active_id) != ST_OK)
        put_note(r, "a restart will not find it", "the note of it cannot be written");
}

static bool activate(struct run *r)
{
    const struct offers_options *o = &r->offers->options;
    struct snapshot *after = snapshot_ref(r->fresh);
    snprintf(after->loaded_for, sizeof after->loaded_for, "%s", r->offer->who);
    after->was_forced = r->report->gate.is_refused;
    enum status st =
        snapshot_put(o->snapshots, r->fresh, offer_from_text(r->offer->from), &r->report->diags);
    if (st == ST_OK) {
        r->fresh = NULL;
        if (o->activated != NULL)
            o->activated(o->user, r->offer, r->active, after, &r->report->gate);
    }
    snapshot_unref(after);
    return st == ST_OK;
}

static void publish(struct run *r)
{
    const struct offers_options *o = &r->offers->options;
    char why[OFFER_NOTE_MAX] = "";
    if (o->publish == NULL || !froms[r->offer->from].is_published)
        return;
    struct snapshot *now = snapshot_current(o->snapshots);
    enum status st = o->publish(o->user, r->offer, now, why);
    snapshot_unref(now);
    r->report->is_published = st == ST_OK;
    if (st != ST_OK)
        put_note(r, "it is active here alone", why);
}

/* Instances may share their files, or not; nobody but who runs them knows. */
static void tell_of_file(struct run *r)
{
    if (r->offers->options.publish != NULL && is_of_the_file(r->offer->from))
        put_note(r, "it came from a file of this instance",
                 "`sluice publish` brings it to all that share Redis");
}

/* A file that was touched, but has what it had when it was offered last: whatever has taken its
 * place since, a rollback above all, stays. */
static bool is_old_file(const struct run *r)
{
    return r->offer->from == OFFER_FILE &&
           strcmp(r->report->ruleset, r->offers->options.file_id) == 0;
}

/* The way of a ruleset, top to bottom. */
static enum offer_result run_steps(struct run *r)
{
    if (!matches(r->offer, r->active))
        return OFFER_MISMATCH;
    if (!load(r))
        return OFFER_REFUSED;
    if (strcmp(r->report->ruleset, r->active->id_text) == 0 || is_old_file(r))
        return OFFER_UNCHANGED;
    if (!passes_gate(r))
        return OFFER_GATED;
    if (r->offer->dry_run)
        return OFFER_CHECKED;
    keep(r);
    if (!activate(r))
        return OFFER_REFUSED;
    note_file(r, r->report->ruleset);
    publish(r);
    tell_of_file(r);
    return OFFER_LOADED;
}

/* What is left to do where nothing becomes active. The file is noted when it is what decides, so a
 * restart goes by it again, and when the gate refused it, so that no restart lets it past. Who
 * sends what decides here already means all instances: others may have another one, and the
 * publishing of before may have failed. */
static void follow_up(struct run *r)
{
    enum offer_result result = r->report->result;
    if (r->offer->dry_run || (result != OFFER_UNCHANGED && result != OFFER_GATED))
        return;
    if (is_of_the_file(r->offer->from))
        note_file(r, r->active->id_text);
    if (result == OFFER_UNCHANGED)
        publish(r);
}

/* What was unchanged is told only if something came of it. */
static bool is_told(const struct offer_report *report)
{
    return report->result != OFFER_UNCHANGED || report->is_published || report->note[0] != '\0';
}

static void count(struct offers *of, const struct offer *offer, enum offer_result result)
{
    atomic_fetch_add(&of->counts[result][offer->from], 1);
    if (!offer->dry_run && result != OFFER_BUSY && result != OFFER_MISMATCH)
        atomic_store(&of->last_failed, !offer_result_is_good(result));
}

static void run_locked(struct offers *of, const struct offer *offer, struct offer_report *report)
{
    const struct offers_options *o = &of->options;
    struct run r = {.offers = of, .offer = offer, .report = report};
    r.active = snapshot_current(o->snapshots);
    memcpy(report->previous, r.active->id_text, sizeof report->previous);
    report->result = run_steps(&r);
    follow_up(&r);
    if (offer->folder != NULL)
        diag_strip_folder(&report->diags, offer->folder);
    count(of, offer, report->result); /* before anybody hears of it */
    if (o->note != NULL && is_told(report))
        o->note(o->user, offer, report);
    snapshot_unref(r.fresh);
    snapshot_unref(r.active);
}

/* false: another is under way, and this one does not wait. */
static bool lock(struct offers *of, const struct offer *offer, struct offer_report *report)
{
    if (!offer->at_once)
        return pthread_mutex_lock(&of->lock) == 0;
    if (pthread_mutex_trylock(&of->lock) == 0)
        return true;
    report->result = OFFER_BUSY;
    count(of, offer, OFFER_BUSY);
    return false;
}

void offers_run(struct offers *of, const struct offer *offer, struct offer_report *ret_report)
{
    *ret_report = (struct offer_report){.is_dry_run = offer->dry_run};
    if (!lock(of, offer, ret_report))
        return;
    run_locked(of, offer, ret_report);
    pthread_mutex_unlock(&of->lock);
}

/* What decides is another than before the start: a change like any other. */
static void note_start(struct offers *of, const struct offer *offer, const char *before,
                       const char *now)
{
    struct offer_report report = {.result = OFFER_LOADED, .is_kept = true};
    snprintf(report.previous, sizeof report.previous, "%s", before);
    snprintf(report.ruleset, sizeof report.ruleset, "%s", now);
    if (of->options.note != NULL)
        of->options.note(of->options.user, offer, &report);
}

enum status offers_begin(struct offers *of, const char *who, struct diag_list *diags)
{
    const struct offers_options *o = &of->options;
    const struct offer offer = {.from = OFFER_START, .who = who};
    enum status st = ST_OK;
    if (o->versions == NULL)
        return ST_OK;
    struct snapshot *first = snapshot_current(o->snapshots);
    struct version there = {.id = ""};
    const struct version_active before = versions_active(o->versions);
    if (versions_find(o->versions, first->id_text, &there) != ST_OK)
        st = keep_version(of, first, before.id, &offer, diags);
    if (st == ST_OK || st == ST_INVALID) /* which only means that it cannot be kept */
        st = note_active(of, first->id_text);
    if (before.id[0] != '\0' && strcmp(before.id, first->id_text) != 0)
        note_start(of, &offer, before.id, first->id_text);
    snapshot_unref(first);
    return st;
}

void offers_refuse(struct offers *of, const struct offer *offer, const struct diag_list *why,
                   struct offer_report *ret_report)
{
    const struct offers_options *o = &of->options;
    *ret_report = (struct offer_report){.is_dry_run = offer->dry_run};
    if (!lock(of, offer, ret_report))
        return;
    ret_report->result = OFFER_REFUSED;
    ret_report->diags = *why;
    struct snapshot *active = snapshot_current(o->snapshots);
    memcpy(ret_report->previous, active->id_text, sizeof ret_report->previous);
    snapshot_unref(active);
    count(of, offer, OFFER_REFUSED);
    if (o->note != NULL)
        o->note(o->user, offer, ret_report);
    pthread_mutex_unlock(&of->lock);
}

/* What decided before the active one; "": nobody knows. If the note names another as active, it
 * could not be written when the active one came (a full disk): then that other is it. */
static void id_before(struct offers *of, char ret_id[VERSION_ID_BYTES])
{
    struct version_active noted = versions_active(of->options.versions);
    struct snapshot *now = snapshot_current(of->options.snapshots);
    bool is_of_now = strcmp(noted.id, now->id_text) == 0;
    memcpy(ret_id, is_of_now ? noted.previous : noted.id, VERSION_ID_BYTES);
    snapshot_unref(now);
}

/* Under the lock: another offer may just now make another one the one before. */
static enum status roll_back_locked(struct offers *of, const char *id, const struct offer *offer,
                                    struct offer_report *ret_report)
{
    struct versions *versions = of->options.versions;
    struct version to;
    char path[FILES_PATH_MAX], before[VERSION_ID_BYTES];
    id_before(of, before);
    enum status st = versions_find(versions, id != NULL ? id : before, &to);
    if (st != ST_OK)
        return st;
    struct offer back = *offer;
    versions_path(versions, to.id, path);
    back.path = path;
    back.expected = to.id;
    *ret_report = (struct offer_report){.is_dry_run = offer->dry_run};
    run_locked(of, &back, ret_report);
    return ST_OK;
}

enum status offers_roll_back(struct offers *of, const char *id, const struct offer *offer,
                             struct offer_report *ret_report)
{
    if (of->options.versions == NULL)
        return ST_NOT_FOUND;
    pthread_mutex_lock(&of->lock);
    enum status st = roll_back_locked(of, id, offer, ret_report);
    pthread_mutex_unlock(&of->lock);
    return st;
}

enum status offers_load_version(const struct offers *of, const char *id, struct diag_list *diags,
                                struct snapshot **ret_snapshot)
{
    struct snapshot_options options = {
        .exact_events = of->options.exact_events, .now_ms = clock_wall_ms(), .is_confined = true};
    char path[FILES_PATH_MAX];
    struct version there;
    if (of->options.versions == NULL || versions_find(of->options.versions, id, &there) != ST_OK)
        return ST_NOT_FOUND;
    versions_path(of->options.versions, id, path);
    return snapshot_load(path, &options, diags, ret_snapshot);
}

/* ---- metrics ---- */

void offers_metrics(const struct offers *of, struct text *out)
{
    metrics_type(out, "sluice_ruleset_reloads_total", "counter",
                 "Rulesets offered to this process, by what became of them and who brought them");
    for (int result = 0; result < OFFER_RESULTS; result++)
        for (int from = OFFER_SIGHUP; from < OFFER_FROMS; from++)
            text_printf(out, "sluice_ruleset_reloads_total{result=\"%s\",source=\"%s\"} %llu\n",
                        offer_result_text((enum offer_result)result),
                        offer_from_text((enum offer_from)from),
                        (unsigned long long)of->counts[result][from]);
    metrics_value(out, "sluice_ruleset_last_reload_successful", "gauge",
                  "0: the ruleset offered last was refused, and an older one decides",
                  !of->last_failed);
}
