#include "service/cli/reload.h"

#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/hash.h"
#include "service/base/log.h"
#include "service/cli/cli.h"
#include "service/cli/fleet.h"
#include "service/cli/notify.h"
#include "service/release/watch.h"

#include <stdio.h>
#include <stdlib.h>

/* Who changes a file, or sends a signal, is not known to us. */
#define WHO_LOCAL "local" /* nobody asked this process: its start, a signal, a file, drift */

struct content {
    unsigned char digest[HASH_SHA256_BYTES];
};

struct reload {
    const struct config *config;
    uv_loop_t *loop;
    struct snapshot_slot *snapshots;
    struct versions *versions;
    struct audit *audit;
    struct offers *offers;
    struct guard *guard;
    struct fleet *fleet; /* NULL: it is alone */
    struct watch *watch;
    struct watch_list names; /* the files of the ruleset file, as its last load has found them */
    /* one offer of the file */
    uv_work_t work;
    bool is_working, is_asked, is_stopped;
    enum offer_from from, asked_from;
    struct offer_report report;
    /* live rates, and the way back */
    void (*live)(void *user, uint64_t ruleset, struct gate_rates *ret_rates);
    void (*settle)(void *user);
    void *live_user;
    uv_timer_t look_timer;
    uv_work_t back_work;
    bool is_going_back;
    struct guard_drift drifted;
    bool is_skipped;  /* the file is as it was when it was refused */
    bool was_refused; /* by then its content was `refused` */
    struct content refused;
};

struct snapshot_slot *reload_snapshots(struct reload *r)
{
    return r->snapshots;
}

struct offers *reload_offers(struct reload *r)
{
    return r->offers;
}

struct versions *reload_versions(struct reload *r)
{
    return r->versions;
}

struct audit *reload_audit(struct reload *r)
{
    return r->audit;
}

void reload_metrics(const struct reload *r, struct text *out)
{
    offers_metrics(r->offers, out);
    guard_metrics(r->guard, out);
}

/* ---- what is told ---- */

/* The first diagnostic as one line for the log; all on stderr, as `sluice check` has them. */
static void log_diags(enum log_level level, const char *message, const char *from,
                      const struct diag_list *diags)
{
    char bytes[DIAG_FILE_MAX + 2 * DIAG_MESSAGE_MAX] = "";
    struct text first;
    text_init(&first, bytes, sizeof bytes - 1);
    if (diags->count > 0)
        diag_write_line(&diags->items[0], &first);
    cli_print_diags(diags, false, stderr);
    log_at(level, message, LOG_TEXT("first", bytes), LOG_TEXT("from", from),
           LOG_INT("errors", diags->errors),
           LOG_INT("warnings", diags->count + diags->dropped - diags->errors));
}

static void log_loaded(struct reload *r, const char *who, enum offer_from from)
{
    struct snapshot *snap = snapshot_current(r->snapshots);
    log_info("ruleset loaded", LOG_TEXT("ruleset", snap->id_text), LOG_TEXT("who", who),
             LOG_TEXT("from", offer_from_text(from)), LOG_INT("rules", snap->rules->count));
    snapshot_unref(snap);
}

static void log_report(struct reload *r, const struct offer *offer,
                       const struct offer_report *report)
{
    const char *from = offer_from_text(offer->from);
    if (report->result == OFFER_LOADED)
        log_loaded(r, offer->who, offer->from);
    else if (report->result == OFFER_REFUSED && !offer->dry_run)
        log_diags(LOG_LEVEL_ERROR, "ruleset refused", from, &report->diags);
    else if (report->result == OFFER_GATED && !offer->dry_run)
        log_error("ruleset refused by the gate", LOG_TEXT("why", report->gate.why),
                  LOG_TEXT("from", from));
    if (report->result == OFFER_LOADED && report->gate.is_refused)
        log_warning("the ruleset was forced past the gate", LOG_TEXT("ruleset", report->ruleset),
                    LOG_TEXT("who", offer->who), LOG_TEXT("why", report->gate.why));
    if (report->result == OFFER_LOADED && report->diags.count > 0)
        log_diags(LOG_LEVEL_WARNING, "ruleset has warnings", from, &report->diags);
    if (report->note[0] != '\0')
        log_error("ruleset loaded, but", LOG_TEXT("why", report->note));
}

static void write_audit(struct reload *r, const struct offer *offer,
                        const struct offer_report *report)
{
    char bytes[AUDIT_MORE_MAX];
    struct text more;
    text_init(&more, bytes, sizeof bytes);
    text_printf(&more,
                ",\"from\":\"%s\",\"ruleset\":\"%s\",\"previous\":\"%s\",\"errors\":%d,"
                "\"warnings\":%d,\"dry_run\":%s,\"forced\":%s,\"gate\":",
                offer_from_text(offer->from), report->ruleset, report->previous,
                report->diags.errors,
                report->diags.count + report->diags.dropped - report->diags.errors,
                offer->dry_run ? "true" : "false", offer->force ? "true" : "false");
    gate_report_write(&report->gate, &more);
    if (offer->why != NULL) {
        text_str(&more, ",\"why\":");
        text_json_string(&more, span_str(offer->why));
    }
    const struct audit_entry entry = {
        .who = offer->who,
        .address = offer->address != NULL ? offer->address : "",
        .request_id = offer->request_id,
        .action = "ruleset",
        .result = offer_result_text(report->result),
        .more = text_span(&more),
    };
    if (audit_append(r->audit, &entry) != ST_OK)
        log_error("the audit log cannot be written", LOG_TEXT("file", r->config->audit_file));
}

static void on_note(void *user, const struct offer *offer, const struct offer_report *report)
{
    struct reload *r = user;
    write_audit(r, offer, report);  /* before anybody reads of it in the log */
    if (offer->from != OFFER_START) /* which make_offers() tells, whatever it is */
        log_report(r, offer, report);
}

static enum status on_publish(void *user, const struct offer *offer, const struct snapshot *snap,
                              char *ret_why)
{
    return fleet_publish(((struct reload *)user)->fleet, offer, snap, ret_why);
}

/* ---- the files that are watched ---- */

static void on_named(void *user, const char *path)
{
    struct reload *r = user;
    if (path == NULL)
        watch_list_clear(&r->names);
    else
        watch_list_add(&r->names, path);
}

static void watch_names(struct reload *r)
{
    if (r->watch != NULL)
        watch_files(r->watch, &r->names);
}

_Static_assert((int)MODEL_FILE_MAX >= (int)LIST_FILE_MAX, "no file of a ruleset is larger");

/* Of all files by name. What cannot be read is empty: its coming is a change. */
static struct content content_of(const struct watch_list *names)
{
    struct content sum = {{0}};
    for (int i = 0; i < names->count; i++) {
        struct {
            unsigned char before[HASH_SHA256_BYTES], file[HASH_SHA256_BYTES];
        } pair = {.file = {0}};
        char *bytes;
        size_t len;
        memcpy(pair.before, sum.digest, sizeof pair.before);
        if (files_read(names->items[i].path, MODEL_FILE_MAX, &bytes, &len) == ST_OK) {
            hash_sha256(span_of(bytes, len), pair.file);
            free(bytes);
        }
        hash_sha256(span_of(&pair, sizeof pair), sum.digest);
    }
    return sum;
}

/* ---- the file, offered again ---- */

/* The content is looked at before it is loaded: what changes in between is another event's. */
static void offer_in_thread(uv_work_t *work)
{
    struct reload *r = work->data;
    const struct offer offer = {.from = r->from, .path = r->config->ruleset, .who = WHO_LOCAL};
    struct content now = content_of(&r->names);
    r->is_skipped =
        r->from == OFFER_FILE && r->was_refused && memcmp(&now, &r->refused, sizeof now) == 0;
    if (r->is_skipped)
        return;
    offers_run(r->offers, &offer, &r->report);
    r->was_refused = !offer_result_is_good(r->report.result);
    r->refused = now;
}

static void begin_work(struct reload *r, enum offer_from from);

static void offer_done(uv_work_t *work, int status)
{
    struct reload *r = work->data;
    CHECK(status == 0);
    r->is_working = false;
    if (r->from == OFFER_SIGHUP) {
        notify_ready();
        if (r->report.result == OFFER_UNCHANGED)
            log_info("ruleset unchanged", LOG_TEXT("ruleset", r->report.ruleset));
    }
    if (!r->is_skipped)
        watch_names(r);
    if (r->is_asked && !r->is_stopped)
        begin_work(r, r->asked_from);
}

static void begin_work(struct reload *r, enum offer_from from)
{
    r->is_working = true;
    r->is_asked = false;
    r->from = from;
    if (from == OFFER_SIGHUP)
        notify_reloading();
    CHECK(uv_queue_work(r->loop, &r->work, offer_in_thread, offer_done) == 0);
}

void reload_ask(struct reload *r, enum offer_from from)
{
    if (r->is_stopped)
        return;
    if (!r->is_working) {
        begin_work(r, from);
        return;
    }
    if (!r->is_asked || from == OFFER_SIGHUP)
        r->asked_from = from;
    r->is_asked = true;
}

static void on_change(void *user)
{
    reload_ask(user, OFFER_FILE);
}

/* ---- the gate, and drift behind it ---- */

enum { LOOK_MS = 1000 };

static enum status on_judge(void *user, struct snapshot *active, struct snapshot *candidate,
                            struct gate_report *ret_gate)
{
    struct reload *r = user;
    /* with the lists as they were changed, as the active one has them */
    struct snapshot *seen = snapshot_slot_preview(r->snapshots, candidate);
    enum status st = guard_judge(r->guard, active, seen, ret_gate);
    snapshot_unref(seen);
    return st;
}

static void on_activated(void *user, const struct offer *offer, struct snapshot *before,
                         struct snapshot *after, const struct gate_report *gate)
{
    struct reload *r = user;
    (void)offer, (void)before, (void)gate;
    guard_activated(r->guard, after, clock_mono_us() / 1000);
}

static void live_rates(void *user, uint64_t ruleset, struct gate_rates *ret_rates)
{
    struct reload *r = user;
    *ret_rates = (struct gate_rates){.ruleset = ruleset};
    if (r->live != NULL)
        r->live(r->live_user, ruleset, ret_rates);
}

static void settle_journal(void *user)
{
    const struct reload *r = user;
    if (r->settle != NULL)
        r->settle(r->live_user);
}

void reload_watch_rates(struct reload *r,
                        void (*live)(void *user, uint64_t ruleset, struct gate_rates *ret_rates),
                        void (*settle)(void *user), void *user)
{
    r->live = live;
    r->settle = settle;
    r->live_user = user;
}

static void go_back_in_thread(uv_work_t *work)
{
    static struct offer_report report;
    struct reload *r = work->data;
    /* Not over a ruleset that took its place meanwhile. */
    const struct offer offer = {.from = OFFER_DRIFT,
                                .who = WHO_LOCAL,
                                .why = r->drifted.words,
                                .if_match = r->drifted.ruleset};
    if (offers_roll_back(r->offers, NULL, &offer, &report) != ST_OK)
        log_error("there is no ruleset to go back to", LOG_TEXT("why", r->drifted.words),
                  LOG_TEXT("do", "set reload.dir, where they are kept"));
}

static void gone_back(uv_work_t *work, int status)
{
    struct reload *r = work->data;
    CHECK(status == 0);
    r->is_going_back = false;
}

static void on_look(uv_timer_t *timer)
{
    struct reload *r = timer->data;
    if (r->is_going_back || !guard_look(r->guard, clock_mono_us() / 1000, &r->drifted))
        return;
    log_error("live traffic is not as the gate predicted", LOG_TEXT("why", r->drifted.words));
    r->is_going_back = true;
    CHECK(uv_queue_work(r->loop, &r->back_work, go_back_in_thread, gone_back) == 0);
}

static struct guard *make_guard(struct reload *r)
{
    const struct config *c = r->config;
    const struct guard_options o = {
        .gate = {.journal_dir = c->journal_dir,
                 .spool_dir = c->spool_dir,
                 .engine = {.max_skew_ms = c->max_skew_ms,
                            .dedupe_for_ms = c->dedupe_for_ms,
                            .label_wait_ms = c->label_wait_ms,
                            .remember_for_ms = c->remember_for_ms},
                 .events = (uint64_t)c->reload_gate_events,
                 .history = (uint64_t)c->reload_gate_history,
                 .flag_rate_change = (double)c->reload_gate_flag_rate / 100,
                 .rule_rate_change = (double)c->reload_gate_rule_rate / 100,
                 .floor = (uint64_t)c->reload_gate_floor,
                 .nice = GATE_NICE},
        .drift_change = (double)c->reload_drift_rate / 100,
        .drift_for_ms = c->reload_drift_for_ms,
        .live = live_rates,
        .settle = settle_journal,
        .user = r,
    };
    return guard_new(&o);
}

/* ---- the start ---- */

static enum status load_file(struct reload *r, struct diag_list *diags, struct snapshot **ret_snap)
{
    struct snapshot_options options = {.exact_events = (int)r->config->state_exact_events,
                                       .now_ms = clock_wall_ms(),
                                       .named = on_named,
                                       .user = r};
    return snapshot_load(r->config->ruleset, &options, diags, ret_snap);
}

static struct snapshot *load_version(struct reload *r, const char *id)
{
    static struct diag_list diags;
    struct snapshot_options options = {.exact_events = (int)r->config->state_exact_events,
                                       .now_ms = clock_wall_ms(),
                                       .is_confined = true};
    struct snapshot *snap = NULL;
    char path[FILES_PATH_MAX];
    diags = (struct diag_list){0};
    versions_path(r->versions, id, path);
    if (snapshot_load(path, &options, &diags, &snap) == ST_OK && strcmp(snap->id_text, id) == 0)
        return snap;
    log_diags(LOG_LEVEL_ERROR, "the ruleset that was active last cannot be loaded", "start",
              &diags);
    snapshot_unref(snap);
    return NULL;
}

/* The newest change wins: the file, unless another ruleset became active since it was changed. A
 * file that is broken does not keep the service down that had run with another one. */
static struct snapshot *choose(struct reload *r, struct snapshot *of_file)
{
    char id[VERSION_ID_BYTES];
    struct snapshot *of_version = NULL;
    if (r->versions != NULL &&
        versions_choose(r->versions, of_file != NULL ? of_file->id_text : "", id))
        of_version = load_version(r, id);
    if (of_version == NULL)
        return of_file;
    log_info("what was active last is loaded again", LOG_TEXT("ruleset", id),
             LOG_TEXT("file", of_file != NULL ? of_file->id_text : "broken"));
    snapshot_unref(of_file);
    return of_version;
}

static enum status load_first(struct reload *r, struct snapshot **ret_first,
                              char ret_file_id[VERSION_ID_BYTES])
{
    static struct diag_list diags;
    struct snapshot *of_file = NULL;
    enum status st = load_file(r, &diags, &of_file);
    if (st == ST_OK)
        memcpy(ret_file_id, of_file->id_text, VERSION_ID_BYTES);
    if (diags.count > 0)
        log_diags(st == ST_OK ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR,
                  st == ST_OK ? "ruleset has warnings" : "ruleset refused", "start", &diags);
    struct snapshot *of_all = r->fleet != NULL ? fleet_first(r->fleet) : NULL;
    struct snapshot *first = of_all != NULL ? of_all : choose(r, of_file);
    if (of_all != NULL)
        snapshot_unref(of_file);
    if (first == NULL)
        return ST_INVALID;
    *ret_first = first;
    return ST_OK;
}

static enum status open_folder_and_audit(struct reload *r)
{
    const struct config *c = r->config;
    char why[256] = "";
    if (audit_open(c->audit_file, &r->audit) != ST_OK) {
        log_error("cannot open the audit log", LOG_TEXT("file", c->audit_file),
                  LOG_TEXT("do", "set audit.file to one that can be written, or to nothing"));
        return ST_IO;
    }
    if (c->reload_dir[0] == '\0')
        return ST_OK;
    enum status st = versions_open(c->reload_dir, (int)c->reload_keep, &r->versions, why);
    if (st != ST_OK)
        log_error("cannot keep rulesets", LOG_TEXT("why", why),
                  LOG_TEXT("do", "set reload.dir to a folder that can be written, or to nothing"));
    return st;
}

static enum status make_offers(struct reload *r)
{
    static struct diag_list diags;
    struct snapshot *first;
    struct offers_options o = {
        .exact_events = (int)r->config->state_exact_events,
        .user = r,
        .named = on_named,
        .judge = on_judge,
        .activated = on_activated,
        .note = on_note,
        .publish = r->fleet != NULL ? on_publish : NULL,
    };
    enum status st = load_first(r, &first, o.file_id);
    if (st != ST_OK)
        return st;
    snprintf(first->loaded_for, sizeof first->loaded_for, "%s", WHO_LOCAL);
    r->snapshots = o.snapshots = snapshot_slot_new(first);
    o.versions = r->versions;
    r->offers = offers_new(&o);
    st = offers_begin(r->offers, WHO_LOCAL, &diags);
    if (diags.count > 0)
        log_diags(LOG_LEVEL_WARNING, "ruleset has warnings", "start", &diags);
    if (st != ST_OK)
        log_error("cannot keep the ruleset", LOG_TEXT("why", status_text(st)),
                  LOG_TEXT("folder", r->config->reload_dir));
    log_loaded(r, WHO_LOCAL, OFFER_START);
    return ST_OK;
}

enum status reload_open(const struct config *config, uv_loop_t *loop, struct reload **ret_reload)
{
    struct reload *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    r->config = config;
    r->loop = loop;
    r->work.data = r->back_work.data = r->look_timer.data = r;
    r->guard = make_guard(r);
    enum status st = open_folder_and_audit(r);
    r->fleet = st == ST_OK ? fleet_new(config, r->versions) : NULL;
    if (st == ST_OK)
        st = make_offers(r);
    if (st != ST_OK) {
        reload_close(r);
        return st;
    }
    *ret_reload = r;
    return ST_OK;
}

void reload_start(struct reload *r)
{
    CHECK(uv_timer_init(r->loop, &r->look_timer) == 0);
    CHECK(uv_timer_start(&r->look_timer, on_look, LOOK_MS, LOOK_MS) == 0);
    if (!r->config->reload_watch)
        return;
    r->watch = watch_new(r->loop, r->config->reload_debounce_ms, on_change, r);
    watch_names(r);
}

void reload_hurry(struct reload *r)
{
    guard_stop(r->guard);
}

void reload_join(struct reload *r, const char *name)
{
    if (r->fleet != NULL)
        fleet_start(r->fleet, r->offers, r->snapshots, name);
}

void reload_stop(struct reload *r)
{
    if (r == NULL)
        return;
    r->is_stopped = true;
    fleet_stop(r->fleet);
    if (uv_is_active((uv_handle_t *)&r->look_timer))
        uv_close((uv_handle_t *)&r->look_timer, NULL);
    watch_close(r->watch);
    r->watch = NULL;
}

void reload_close(struct reload *r)
{
    if (r == NULL)
        return;
    watch_list_clear(&r->names);
    fleet_free(r->fleet);
    offers_free(r->offers);
    guard_free(r->guard);
    versions_close(r->versions);
    audit_close(r->audit);
    snapshot_slot_free(r->snapshots);
    free(r);
}
