/* `sluice replay`: a file of events through the very code that serves, and what came of it. */
#include "service/trial/replay.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/cli/cli.h"
#include "service/cli/identity.h"
#include "service/engine/fill_feed.h"
#include "service/state/state_mem.h"
#include "service/state/state_redis.h"
#include "service/trial/training_csv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    REFUSED_SHOWN = 10, /* lines that are shown one by one; the rest is counted */
    OUT_BUFFER_BYTES = 1 << 20,
    REDIS_CONNECT_MS = 1000,
    REDIS_START_MS = 5000, /* until the first connection stands */
};

static const char usage[] =
    "usage: sluice replay -c FILE --events FILE|- [--decisions FILE] [--features FILE]\n"
    "                     [--columns NAME,...] [--final FILE] [--state memory|redis]\n"
    "                     [--plain | --explain] [--KEY VALUE ...]\n"
    "\n"
    "Score a file of events, one JSON object a line, in the order of its lines, with the same "
    "code\n"
    "as `sluice serve`. Time is the stream's own. Transactions a second are printed at the end.\n"
    "Exit 0, or 1 when a line was refused or something failed.\n"
    "\n"
    "  -c FILE            the configuration file\n"
    "  --events FILE      transactions and labels; - is stdin\n"
    "  --decisions FILE   each decision, with every feature and each rule's result\n"
    "  --plain            decisions without features and rules\n"
    "  --explain          and what the rules read, and what would have turned the decision\n"
    "  --features FILE    CSV to train a model on: of each transaction its fields, derived fields\n"
    "                     and features, as it saw them, and then what its labels said in the end\n"
    "  --columns NAME,... of --features these alone, in this order; @schema, @derived, @features\n"
    "                     and outcome, outcome_timestamp too. Without it all but private ones\n"
    "  --final FILE       CSV: every entity's features at the end of the stream\n"
    "  --state WHERE      memory (nothing is kept afterwards) or redis; default: state.backend\n"
    "  --KEY VALUE        set a key, such as --state.exact_events 16\n"
    "  --help             this text\n"
    "\n"
    "example:\n"
    "  sluice replay -c sluice.yaml --events events.ndjson --decisions decisions.ndjson\n";

struct replaying {
    struct config config;
    struct snapshot_slot *snapshots;
    struct engine engine;
    struct state_table *table; /* memory */
    uv_loop_t loop;            /* Redis */
    bool has_loop;
    const char *events, *decisions, *features, *columns, *final, *state;
    bool plain, explain;
    int64_t events_bytes; /* 0: not known */
    uint64_t refused;
    int64_t drawn_us;         /* the progress bar, last */
    struct identity identity; /* with Redis, as one that writes */
    struct fill_feed *feed;
};

/* ---- what is shown on the way ---- */

static void show_refused(void *user, uint64_t line, const struct reader_error *error)
{
    struct replaying *r = user;
    char byte[32] = "";
    if (r->refused++ >= REFUSED_SHOWN)
        return;
    if (error->offset != READER_NO_OFFSET)
        snprintf(byte, sizeof byte, ", byte %zu", error->offset);
    fprintf(stderr, "%s:%" PRIu64 ": at %s%s: %s\n", r->events, line,
            error->pointer[0] ? error->pointer : "/", byte, error->detail);
}

static void show_progress(void *user, const struct replay_progress *p)
{
    struct replaying *r = user;
    int64_t now_us = clock_mono_us();
    if (now_us - r->drawn_us < 100000) /* ten times a second */
        return;
    r->drawn_us = now_us;
    if (r->events_bytes == 0) {
        fprintf(stderr, "\r%" PRIu64 " lines", p->lines);
        return;
    }
    int tenths = (int)((double)p->bytes * 30 / (double)r->events_bytes);
    fprintf(stderr, "\r[%-30.*s] %3d%% %" PRIu64 " lines", tenths, "##############################",
            (int)((double)p->bytes * 100 / (double)r->events_bytes), p->lines);
}

static void show_stats(const struct replaying *r, const struct replay_stats *s)
{
    double seconds = (double)s->elapsed_us / 1e6;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%60s\r", "");
    if (r->refused > REFUSED_SHOWN)
        fprintf(stderr, "and %" PRIu64 " more lines refused\n", r->refused - REFUSED_SHOWN);
    fprintf(stderr,
            "%" PRIu64 " transactions, %" PRIu64 " labels, %" PRIu64 " flagged, %" PRIu64
            " replayed, %" PRIu64 " refused in %.2f s: %.0f transactions/s\n",
            s->transactions, s->labels, s->flagged, s->replayed, s->refused, seconds,
            seconds > 0 ? (double)s->transactions / seconds : 0);
}

/* ---- opening ---- */

static enum status load_ruleset(struct replaying *r)
{
    static struct diag_list diags;
    struct snapshot *snap;
    struct snapshot_options options = {.exact_events = (int)r->config.state_exact_events,
                                       .now_ms = clock_wall_ms(),
                                       .reads_all = r->features != NULL};
    enum status st = snapshot_load(r->config.ruleset, &options, &diags, &snap);
    cli_print_diags(&diags, false, stderr);
    if (st == ST_OK)
        r->snapshots = snapshot_slot_new(snap);
    return st;
}

/* No journal has what it writes: instances that fill in features have to know (writers.h). */
static void say_that_it_writes(struct replaying *r, const struct state_redis_options *redis)
{
    signal(SIGPIPE, SIG_IGN); /* a Redis that left is seen by write's error */
    identity_random(&r->identity);
    struct fill_feed_options o = {.address = redis->address,
                                  .prefix = redis->prefix,
                                  .instance = r->identity.instance,
                                  .snapshots = r->snapshots};
    r->feed = fill_feed_new(&o);
}

static enum status open_redis(struct replaying *r)
{
    struct state_redis_options o = {.connect_timeout_ms = REDIS_CONNECT_MS};
    struct hash_key key;
    const char *url_why = "";
    char why[256] = "";
    snprintf(o.prefix, sizeof o.prefix, "%.127s", r->config.state_prefix);
    enum status st = redis_address_parse(span_str(r->config.state_redis), &o.address, &url_why);
    hash_key_random(&key);
    if (st == ST_OK)
        st = state_redis_probe(&o, &key, why);
    if (st != ST_OK) {
        fprintf(stderr, "sluice replay: state.redis: %s\n", why[0] ? why : url_why);
        return st;
    }
    say_that_it_writes(r, &o);
    CHECK(uv_loop_init(&r->loop) == 0);
    r->has_loop = true;
    r->engine.loop = &r->loop;
    r->engine.state = state_redis_open(&o, &key, &r->loop);
    return ST_OK;
}

/* The first connection; its hooks need turns of the loop. */
static enum status wait_for_redis(struct replaying *r)
{
    int64_t until_us = clock_mono_us() + REDIS_START_MS * INT64_C(1000);
    while (!state_available(r->engine.state) && clock_mono_us() < until_us) {
        uv_run(&r->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    if (state_available(r->engine.state))
        return ST_OK;
    fprintf(stderr, "sluice replay: no connection to Redis within %d ms\n", REDIS_START_MS);
    return ST_UNAVAILABLE;
}

static enum status open_engine(struct replaying *r)
{
    static const struct hash_key fixed; /* one file, one result, on every machine */
    bool redis = r->config.state_backend == CONFIG_BACKEND_REDIS;
    r->engine = (struct engine){.snapshots = r->snapshots,
                                .options = {.max_skew_ms = r->config.max_skew_ms,
                                            .dedupe_for_ms = r->config.dedupe_for_ms,
                                            .label_wait_ms = r->config.label_wait_ms,
                                            .remember_for_ms = r->config.remember_for_ms,
                                            .on_unavailable = ON_UNAVAILABLE_REJECT}};
    if (redis) {
        enum status st = open_redis(r);
        if (st != ST_OK)
            return st;
    } else {
        r->table = state_table_new(&fixed, NULL);
        r->engine.state = state_mem_open(r->table, true);
    }
    engine_open(&r->engine);
    return redis ? wait_for_redis(r) : ST_OK;
}

static void close_engine(struct replaying *r)
{
    if (r->engine.state != NULL) {
        state_close(r->engine.state);
        engine_close(&r->engine);
    }
    if (r->has_loop) {
        uv_run(&r->loop, UV_RUN_DEFAULT);
        uv_loop_close(&r->loop);
    }
    fill_feed_free(r->feed);
    state_table_free(r->table);
    snapshot_slot_free(r->snapshots);
}

/* NULL without a path; a file that cannot be made is said. */
static bool open_out(const char *path, FILE **ret_out)
{
    if (path == NULL)
        return true;
    *ret_out = strcmp(path, "-") == 0 ? stdout : fopen(path, "we");
    if (*ret_out == NULL) {
        fprintf(stderr, "sluice replay: cannot write %s: %s\n", path, strerror(errno));
        return false;
    }
    setvbuf(*ret_out, NULL, _IOFBF, OUT_BUFFER_BYTES);
    return true;
}

static int open_events(struct replaying *r)
{
    struct stat info;
    int fd = strcmp(r->events, "-") == 0 ? STDIN_FILENO : open(r->events, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fprintf(stderr, "sluice replay: cannot read %s: %s\n", r->events, strerror(errno));
    else if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))
        r->events_bytes = info.st_size;
    else if (fd != STDIN_FILENO && S_ISDIR(info.st_mode)) {
        fprintf(stderr, "sluice replay: cannot read %s: it is a folder; name a file of events\n",
                r->events);
        close(fd);
        fd = -1;
    }
    return fd;
}

static bool has_second_core(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

/* ---- running ---- */

static enum decision_detail detail_of(const struct replaying *r)
{
    if (r->plain)
        return DECISION_PLAIN;
    return r->explain ? DECISION_EXPLAINED : DECISION_RULES;
}

/* The header is written, or what is wrong with `--columns` is. */
static enum status open_features(struct replaying *r, FILE *out, struct training_csv **ret_csv)
{
    static struct diag_list diags;
    struct snapshot *snap = snapshot_current(r->snapshots); /* the slot keeps it */
    struct training_csv_options o = {
        .out = out, .snap = snap, .columns = r->columns, .dir = r->config.spool_dir};
    enum status st = training_csv_open(&o, &diags, ret_csv);
    snapshot_unref(snap);
    cli_print_diags(&diags, false, stderr);
    return st;
}

static enum status run_over(struct replaying *r, struct replay_options *o, FILE *features)
{
    struct replay_stats stats;
    enum status st = features != NULL ? open_features(r, features, &o->features) : ST_OK;
    if (st != ST_OK)
        return st;
    st = replay_run(&r->engine, o, &stats);
    if (st == ST_OK)
        show_stats(r, &stats);
    else
        fprintf(stderr, "sluice replay: %s: %s\n", r->events, status_text(st));
    training_csv_close(o->features);
    return st;
}

static enum status run(struct replaying *r)
{
    struct replay_options o = {.detail = detail_of(r),
                               .ahead = has_second_core(),
                               .progress = isatty(STDERR_FILENO) ? show_progress : NULL,
                               .refused = show_refused,
                               .user = r};
    FILE *features = NULL;
    enum status st = ST_IO;
    o.events_fd = open_events(r);
    if (o.events_fd >= 0 && open_out(r->decisions, &o.decisions) &&
        open_out(r->features, &features) && open_out(r->final, &o.final))
        st = run_over(r, &o, features);
    FILE *const outs[] = {o.decisions, features, o.final};
    for (size_t i = 0; i < sizeof outs / sizeof outs[0]; i++) {
        if (outs[i] != NULL && fclose(outs[i]) != 0 && st == ST_OK)
            st = ST_IO;
    }
    if (o.events_fd > STDERR_FILENO)
        close(o.events_fd);
    return st;
}

static bool pick_state(struct replaying *r)
{
    if (r->state == NULL)
        return true;
    if (strcmp(r->state, "memory") == 0)
        r->config.state_backend = CONFIG_BACKEND_MEMORY;
    else if (strcmp(r->state, "redis") == 0)
        r->config.state_backend = CONFIG_BACKEND_REDIS;
    else
        return false;
    return true;
}

int cli_replay(int argc, char **argv)
{
    static struct replaying r;
    struct cli_option options[] = {
        {.name = "events", .value = &r.events},     {.name = "decisions", .value = &r.decisions},
        {.name = "features", .value = &r.features}, {.name = "columns", .value = &r.columns},
        {.name = "final", .value = &r.final},       {.name = "state", .value = &r.state},
        {.name = "plain", .given = &r.plain},       {.name = "explain", .given = &r.explain},
    };
    struct cli_args args;
    enum cli_parsed parsed =
        cli_parse(argc, argv, usage, options, sizeof options / sizeof options[0], &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (r.events == NULL) {
        fprintf(stderr, "sluice replay: --events FILE is needed; try --help\n");
        return CLI_USAGE;
    }
    if (r.columns != NULL && r.features == NULL) {
        fprintf(stderr, "sluice replay: --columns is of --features FILE; try --help\n");
        return CLI_USAGE;
    }
    if (cli_load_config(&args, &r.config) != ST_OK)
        return CLI_REFUSED;
    if (!pick_state(&r)) {
        fprintf(stderr, "sluice replay: --state is memory or redis\n");
        return CLI_USAGE;
    }
    enum status st = load_ruleset(&r);
    if (st == ST_OK)
        st = open_engine(&r);
    if (st == ST_OK)
        st = run(&r);
    close_engine(&r);
    return st == ST_OK && r.refused == 0 ? 0 : CLI_REFUSED;
}
