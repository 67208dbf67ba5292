/* `sluice serve`: wire, run, drain. */
#include "api/http.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/log.h"
#include "service/cli/backend.h"
#include "service/cli/cli.h"
#include "service/cli/kafka.h"
#include "service/cli/notify.h"
#include "service/cli/reload.h"
#include "service/io/alerts.h"
#include "service/lists/roster.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    DESCRIPTORS_BESIDE = 128, /* journal, Redis, loops, and what the libraries open */
    FEATURES_LOOK_MS = 500,
    MODELS_LOOK_MS = 2000,
    RECENT_ALERT_BYTES = 4 << 10, /* an alert with its features has 1 to 3 KB */
};

static const char usage[] =
    "usage: sluice serve [-c FILE] [--KEY VALUE ...]\n"
    "\n"
    "Answer transactions over HTTP. A changed ruleset is loaded by itself, and by SIGHUP; SIGTERM\n"
    "finishes what was accepted and exits 0, a second one exits at once. Logs are JSON lines on\n"
    "stdout.\n"
    "\n"
    "  -c FILE       the configuration file\n"
    "  --KEY VALUE   set a key, such as --listen 127.0.0.1:9000\n"
    "  --help        this text\n"
    "\n"
    "example:\n"
    "  sluice serve -c sluice.yaml\n"
    "  curl -H 'Content-Type: application/json' -d '{\"transaction_id\":\"t-1\","
    "\"account_id\":\"a-1\",\n"
    "      \"amount\":9.50,\"timestamp\":\"2026-01-05T12:00:10Z\"}' "
    "http://127.0.0.1:8080/v1/score\n";

struct serve {
    struct config config;
    struct reload *reload;
    struct backtest_jobs *backtests;
    struct kafka_options kafka;
    struct alerts *alerts;
    struct backend *backend;
    struct fanout *fanout;
    struct roster *roster;
    struct http_server *server;
    uv_loop_t loop;
    uv_signal_t hup, term, interrupt;
    uv_timer_t checkpoint_timer, watchdog_timer, features_timer, models_timer;
    uv_work_t checkpoint_work, drain_work;
    bool checkpointing;
    _Atomic bool draining;
};

static void on_hup(uv_signal_t *handle, int number)
{
    struct serve *s = handle->data;
    (void)number;
    reload_ask(s->reload, OFFER_SIGHUP);
}

/* ---- checkpoints ---- */

static void write_checkpoint(struct serve *s)
{
    int64_t begun_us = clock_mono_us();
    enum status st = backend_checkpoint(s->backend);
    if (st != ST_OK)
        log_error("checkpoint failed", LOG_TEXT("why", status_text(st)));
    else
        log_debug("checkpoint", LOG_INT("ms", (clock_mono_us() - begun_us) / 1000));
}

static void checkpoint_in_thread(uv_work_t *work)
{
    write_checkpoint(work->data);
}

static void checkpoint_done(uv_work_t *work, int status)
{
    struct serve *s = work->data;
    (void)status;
    s->checkpointing = false;
}

static void on_checkpoint_timer(uv_timer_t *handle)
{
    struct serve *s = handle->data;
    if (s->checkpointing || s->draining)
        return;
    s->checkpointing = true;
    CHECK(uv_queue_work(&s->loop, &s->checkpoint_work, checkpoint_in_thread, checkpoint_done) == 0);
}

/* The one under way writes the same file: it ends first. */
static void write_last_checkpoint(struct serve *s)
{
    while (s->checkpointing)
        uv_run(&s->loop, UV_RUN_ONCE);
    write_checkpoint(s);
}

/* ---- the end ---- */

static void join_in_thread(uv_work_t *work)
{
    struct serve *s = work->data;
    http_server_join(s->server);
}

static void joined(uv_work_t *work, int status)
{
    struct serve *s = work->data;
    (void)status;
    uv_stop(&s->loop);
}

static void on_term(uv_signal_t *handle, int number)
{
    struct serve *s = handle->data;
    if (s->draining)
        _exit(CLI_REFUSED); /* asked twice: at once, whatever is under way */
    s->draining = true;
    log_info("draining", LOG_INT("signal", number));
    notify_stopping();
    reload_hurry(s->reload);
    http_server_drain(s->server);
    CHECK(uv_queue_work(&s->loop, &s->drain_work, join_in_thread, joined) == 0);
}

static void end_at_once(int number)
{
    (void)number;
    _exit(CLI_REFUSED);
}

/* The loop has ended, and with it on_term: what is left to do may take long, too. */
static void watch_second_signal(void)
{
    signal(SIGTERM, end_at_once);
    signal(SIGINT, end_at_once);
}

static void on_watchdog(uv_timer_t *handle)
{
    struct serve *s = handle->data;
    if (s->draining || http_server_alive(s->server))
        notify_watchdog();
}

static void on_features_timer(uv_timer_t *handle)
{
    const struct serve *s = handle->data;
    if (!s->draining)
        backend_look_at_features(s->backend, clock_wall_ms());
}

static void on_models_timer(uv_timer_t *handle)
{
    const struct serve *s = handle->data;
    if (!s->draining)
        backend_look_at_models(s->backend, clock_wall_ms());
}

/* ---- hooks of the server ---- */

static struct engine *hook_engine_open(void *user, int index, uv_loop_t *loop)
{
    struct serve *s = user;
    return backend_engine_open(s->backend, index, loop);
}

static void hook_engine_close(void *user, int index, struct engine *engine)
{
    struct serve *s = user;
    backend_engine_close(s->backend, index, engine);
}

static bool hook_ready(void *user, const struct engine *engine, const char **ret_why)
{
    const struct serve *s = user;
    return backend_ready(s->backend, engine, ret_why);
}

static void hook_metrics(void *user, struct text *out)
{
    const struct serve *s = user;
    backend_metrics(s->backend, out);
    alerts_metrics(s->alerts, out);
    reload_metrics(s->reload, out);
    struct snapshot *snap = snapshot_current(reload_snapshots(s->reload));
    roster_metrics(s->roster, snap, out);
    snapshot_unref(snap);
}

static void hook_notes(void *user, struct text *out)
{
    const struct serve *s = user;
    backend_notes(s->backend, out);
}

static void hook_drain(void *user, int index)
{
    struct serve *s = user;
    backend_drain(s->backend, index);
}

static bool hook_is_drained(void *user, int index)
{
    const struct serve *s = user;
    return backend_is_drained(s->backend, index);
}

/* ---- what keeps it from starting ---- */

/* What a second Sluice by one configuration has to be told. */
#define OF_ITS_OWN                                                                                 \
    "if that is another Sluice, end it, or give this one its own listen, admin.listen, "           \
    "journal.dir and lists.file, and best its own reload.dir, alerts.file, dead_letters.file and " \
    "audit.file: by -c, or such as SLUICE_JOURNAL_DIR=build/journal-2"

/* ST_CONFLICT: somebody else has the file, or the address. */
static void log_refusal(const char *message, enum status st, const char *why)
{
    if (st == ST_CONFLICT)
        log_error(message, LOG_TEXT("why", why), LOG_TEXT("do", OF_ITS_OWN));
    else
        log_error(message, LOG_TEXT("why", why));
}

/* ---- lists ---- */

/* Before the journal is read again: filters of features may ask lists. */
static enum status open_roster(struct serve *s)
{
    const struct config *c = &s->config;
    char why[ROSTER_WHY_BYTES] = "";
    const char *url_why = "";
    struct redis_address address;
    bool is_redis = c->state_backend == CONFIG_BACKEND_REDIS;
    struct roster_options o = {.snapshots = reload_snapshots(s->reload),
                               .file = c->lists_file,
                               .redis = is_redis ? &address : NULL,
                               .prefix = c->state_prefix};
    if (is_redis && redis_address_parse(span_str(c->state_redis), &address, &url_why) != ST_OK) {
        log_error("cannot start", LOG_TEXT("why", url_why));
        return ST_INVALID;
    }
    enum status st = roster_open(&o, &s->roster, why);
    if (st != ST_OK)
        log_refusal("cannot start", st, why);
    return st;
}

/* ---- alerts ---- */

static void alerts_woken(void *user)
{
    const struct serve *s = user;
    alerts_wake(s->alerts);
}

static void on_alert(void *user, const struct alert *alert)
{
    const struct serve *s = user;
    fanout_put(s->fanout, alert, clock_wall_ms());
}

static enum status open_alerts(struct serve *s)
{
    const struct config *c = &s->config;
    char why[KAFKA_WHY_BYTES] = "";
    s->kafka = kafka_options_of(c);
    struct alerts_options options = {.loop = &s->loop,
                                     .kafka = &s->kafka,
                                     .file = c->alerts_file,
                                     .file_bytes = c->alerts_file_bytes,
                                     .files = (int)c->alerts_files};
    enum status st = alerts_open(&options, &s->alerts, why);
    if (st != ST_OK)
        log_error("cannot start", LOG_TEXT("why", why));
    return st;
}

/* ---- wiring ---- */

static struct fanout *make_fanout(const struct config *c)
{
    size_t bytes = (size_t)c->alerts_recent * RECENT_ALERT_BYTES;
    struct fanout_options o = {.recent_max = (int)c->alerts_recent,
                               .bytes_max = bytes > FANOUT_BYTES_MIN ? bytes : FANOUT_BYTES_MIN,
                               .now_ms = clock_wall_ms()};
    return fanout_new(&o);
}

/* One for each processor. */
static int workers_by_default(void)
{
    unsigned n = uv_available_parallelism();
    return n < HTTP_WORKERS_MAX ? (int)n : HTTP_WORKERS_MAX;
}

static enum status start_server(struct serve *s)
{
    const struct config *c = &s->config;
    char host[CONFIG_TEXT_MAX], why[256] = "";
    int port = 0;
    char admin_host[CONFIG_TEXT_MAX];
    int admin_port = 0;
    bool has_admin = c->admin_listen[0] != '\0';
    CHECK(config_split_listen(c->listen, host, &port));
    CHECK(!has_admin || config_split_listen(c->admin_listen, admin_host, &admin_port));
    struct http_options options = {
        .host = host,
        .port = port,
        .workers = c->workers > 0 ? (int)c->workers : workers_by_default(),
        .connections_max = c->limits_connections,
        .body_bytes_max = (size_t)c->limits_body_bytes,
        .line_bytes_max = (size_t)c->limits_batch_line_bytes,
        .spool_bytes_max = (uint64_t)c->limits_batch_spool_bytes,
        .spool_dir = c->spool_dir,
        .admin_host = has_admin ? admin_host : NULL,
        .admin_port = admin_port,
        .admin_keys = c->admin_keys,
        .offers = reload_offers(s->reload),
        .versions = reload_versions(s->reload),
        .backtests = s->backtests,
        .fanout = s->fanout,
        .roster = s->roster,
        .audit = reload_audit(s->reload),
        .streams_max = c->limits_streams,
        .heartbeat_ms = c->alerts_heartbeat_ms,
        .request_timeout_ms = c->request_timeout_ms,
        .idle_timeout_ms = c->idle_timeout_ms,
        .drain_timeout_ms = c->drain_timeout_ms,
        .hooks = {s, hook_engine_open, hook_engine_close, hook_ready, hook_metrics, hook_notes,
                  hook_drain, hook_is_drained},
    };
    enum status st = http_server_start(&options, &s->server, why);
    if (st != ST_OK)
        log_refusal("cannot listen", st, why);
    else
        log_info("listening", LOG_TEXT("host", host), LOG_INT("port", http_server_port(s->server)),
                 LOG_INT("workers", options.workers),
                 LOG_INT("admin_port", http_server_admin_port(s->server)));
    return st;
}

static void watch_signal(struct serve *s, uv_signal_t *handle, int number, uv_signal_cb callback)
{
    handle->data = s;
    CHECK(uv_signal_init(&s->loop, handle) == 0);
    CHECK(uv_signal_start(handle, callback, number) == 0);
}

static void start_timer(struct serve *s, uv_timer_t *handle, uint64_t every_ms,
                        uv_timer_cb callback)
{
    handle->data = s;
    CHECK(uv_timer_init(&s->loop, handle) == 0);
    if (every_ms > 0)
        CHECK(uv_timer_start(handle, callback, every_ms, every_ms) == 0);
}

/* Before the server starts: whoever reads "listening" may send a signal at once. */
static void watch(struct serve *s)
{
    s->checkpoint_work.data = s->drain_work.data = s;
    watch_signal(s, &s->hup, SIGHUP, on_hup);
    watch_signal(s, &s->term, SIGTERM, on_term);
    watch_signal(s, &s->interrupt, SIGINT, on_term);
    start_timer(s, &s->checkpoint_timer, (uint64_t)s->config.journal_checkpoint_every_ms,
                on_checkpoint_timer);
    start_timer(s, &s->watchdog_timer, notify_watchdog_ms(), on_watchdog);
    start_timer(s, &s->features_timer, FEATURES_LOOK_MS, on_features_timer);
    start_timer(s, &s->models_timer, MODELS_LOOK_MS, on_models_timer);
}

static void close_handle(uv_handle_t *handle, void *user)
{
    (void)user;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* A checkpoint may still be under way: the loop waits for it. */
static void close_loop(struct serve *s)
{
    uv_walk(&s->loop, close_handle, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&s->loop) == 0);
}

/* A draining worker's engine may be gone. */
static void live_rates(void *user, uint64_t ruleset, struct gate_rates *ret_rates)
{
    struct serve *s = user;
    if (s->backend != NULL && !s->draining)
        backend_rates(s->backend, ruleset, ret_rates);
}

static void settle_journal(void *user)
{
    const struct serve *s = user;
    if (s->backend != NULL)
        backend_settle_journal(s->backend);
}

static struct backtest_jobs *make_backtests(struct serve *s)
{
    const struct config *c = &s->config;
    const struct backtest_jobs_options o = {.snapshots = reload_snapshots(s->reload),
                                            .engine = {.max_skew_ms = c->max_skew_ms,
                                                       .dedupe_for_ms = c->dedupe_for_ms,
                                                       .label_wait_ms = c->label_wait_ms,
                                                       .remember_for_ms = c->remember_for_ms},
                                            .exact_events = (int)c->state_exact_events,
                                            .journal_dir = c->journal_dir,
                                            .spool_dir = c->spool_dir,
                                            .spool_bytes = (uint64_t)c->backtest_spool_bytes};
    return backtest_jobs_new(&o);
}

static void join_fleet(struct serve *s)
{
    char host[128] = "", name[160];
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "%s", "unknown");
    snprintf(name, sizeof name, "%s:%d", host, http_server_port(s->server));
    reload_join(s->reload, name);
}

static enum status serve(struct serve *s)
{
    const struct backend_alerts hooks = {.seen = on_alert, .woken = alerts_woken, .user = s};
    char why[BACKEND_WHY_BYTES] = "";
    enum status st = reload_open(&s->config, &s->loop, &s->reload);
    if (st == ST_OK)
        st = open_roster(s);
    if (st == ST_OK)
        st = open_alerts(s);
    if (st != ST_OK)
        return st;
    st = backend_open(&s->config, reload_snapshots(s->reload), &hooks, &s->backend, why);
    if (st != ST_OK) {
        log_refusal("cannot start", st, why);
        return st;
    }
    s->backtests = make_backtests(s);
    alerts_start(s->alerts, backend_outbox(s->backend));
    watch(s);
    reload_watch_rates(s->reload, live_rates, settle_journal, s);
    reload_start(s->reload);
    st = start_server(s);
    if (st != ST_OK)
        return st;
    join_fleet(s);
    notify_ready();
    uv_run(&s->loop, UV_RUN_DEFAULT);
    watch_second_signal();
    write_last_checkpoint(s);
    return ST_OK;
}

/* As many descriptors as the system lets us have: limits.connections is what limits. */
static void raise_descriptor_limit(const struct config *c)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 ||
        limit.rlim_cur < (rlim_t)c->limits_connections + DESCRIPTORS_BESIDE)
        log_warning("fewer descriptors than limits.connections needs",
                    LOG_INT("descriptors", (int64_t)limit.rlim_cur),
                    LOG_INT("connections", c->limits_connections));
}

static void set_log_level(const struct config *c)
{
    static const enum log_level levels[] = {
        [CONFIG_LEVEL_DEBUG] = LOG_LEVEL_DEBUG,
        [CONFIG_LEVEL_INFO] = LOG_LEVEL_INFO,
        [CONFIG_LEVEL_WARNING] = LOG_LEVEL_WARNING,
        [CONFIG_LEVEL_ERROR] = LOG_LEVEL_ERROR,
    };
    log_set_level(levels[c->log_level]);
}

int cli_serve(int argc, char **argv)
{
    static struct serve s;
    struct cli_args args;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, NULL, 0, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (kafka_load_config(&args, &s.config) != ST_OK)
        return CLI_REFUSED;
    set_log_level(&s.config);
    raise_descriptor_limit(&s.config);
    signal(SIGPIPE, SIG_IGN); /* a client that left is seen by write's error */
    CHECK(uv_loop_init(&s.loop) == 0);
    s.fanout = make_fanout(&s.config);
    enum status st = serve(&s);
    alerts_close(s.alerts, (int)s.config.drain_timeout_ms);
    backtest_jobs_free(s.backtests);
    reload_stop(s.reload);
    close_loop(&s);
    backend_close(s.backend);
    fanout_free(s.fanout);
    roster_close(s.roster);
    reload_close(s.reload);
    if (st == ST_OK)
        log_info("stopped", LOG_INT("status", 0));
    return st == ST_OK ? 0 : CLI_REFUSED;
}
