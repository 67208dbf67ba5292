/* `sluice backtest`: a candidate beside the running rules, over history. */
#include "service/base/clock.h"
#include "service/cli/backtest_events.h"
#include "service/cli/kafka.h"
#include "service/trial/backtest_report.h"
#include "service/txn/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { REFUSED_SHOWN = 10 }; /* lines that are shown one by one; the rest is counted */

static const char usage[] =
    "usage: sluice backtest -c FILE --candidate FOLDER|FILE\n"
    "                       --events FILE|-|journal|kafka://TOPIC[,TOPIC]\n"
    "                       [--from TIME] [--to TIME] [--format text|json|html] [--output FILE]\n"
    "                       [--decisions FILE] [--KEY VALUE ...]\n"
    "\n"
    "What a candidate would have decided over past events, beside the ruleset of the "
    "configuration:\n"
    "flagged, fraud caught, money stopped, precision, recall, false positives a day, by rule and "
    "in\n"
    "all, and for every threshold. A decision sees the labels that were known at its time; what "
    "it\n"
    "was worth is told by the last label of each transaction. One without a label counts as no "
    "fraud.\n"
    "Exit 0, or 1 when something failed, or nothing was measured.\n"
    "\n"
    "  -c FILE            the configuration file; its `ruleset` is the baseline\n"
    "  --candidate WHERE  a ruleset file, or a folder with a ruleset.yaml\n"
    "  --events WHERE     transactions and labels, one JSON object a line, in the order of "
    "arrival;\n"
    "                     - is stdin; journal is what journal.dir still has, also of a running\n"
    "                     service; kafka:// what topics of kafka.brokers have by now, in order\n"
    "                     of their messages' timestamps; no group's place is touched\n"
    "  --from, --to TIME  RFC 3339: only transactions from this time on, and before that one, "
    "are\n"
    "                     measured; what comes before fills the windows\n"
    "  --format FORMAT    text, json, or html: one page to be shown around\n"
    "  --output FILE      where it goes; default: stdout\n"
    "  --decisions FILE   each measured decision of the candidate, one a line\n"
    "  --KEY VALUE        set a key, such as --state.exact_events 16\n"
    "  --help             this text\n"
    "\n"
    "example:\n"
    "  sluice backtest -c sluice.yaml --candidate rules/next --events events.ndjson "
    "\\\n      --format html --output backtest.html\n";

struct backtesting {
    struct config config;
    struct snapshot *candidate, *baseline;
    const char *where, *events, *from, *to, *format, *output, *decisions;
    struct backtest_options options;
    FILE *report;
    uint64_t refused;
    int64_t drawn_us;
};

/* X(name, writer) */
#define FORMAT_TABLE(X)      \
    X("text", backtest_text) \
    X("json", backtest_json) \
    X("html", backtest_html)

typedef void write_report(const struct backtest_report *r, struct text *out);

/* NULL: there is none of that name. */
static write_report *writer_of(const char *format)
{
#define X(name, writer)            \
    if (strcmp(format, name) == 0) \
        return writer;
    FORMAT_TABLE(X)
#undef X
    return NULL;
}

/* ---- what is shown on the way ---- */

static void draw(struct backtesting *b, const char *what, uint64_t behind, uint64_t all)
{
    int64_t now_us = clock_mono_us();
    if (now_us - b->drawn_us < 100000 || all == 0) /* ten times a second */
        return;
    b->drawn_us = now_us;
    double done = (double)behind / (double)all;
    fprintf(stderr, "\r[%-30.*s] %3d%% %s", (int)(done * 30), "##############################",
            (int)(done * 100), what);
}

static bool show_progress(void *user, const struct backtest_progress *p)
{
    draw(user, "measured", p->bytes, p->bytes_all);
    return true;
}

static void show_copying(void *user, uint64_t done, uint64_t all)
{
    draw(user, "read    ", done, all);
}

static void show_refused(void *user, uint64_t line, const struct reader_error *error)
{
    struct backtesting *b = user;
    if (b->refused++ < REFUSED_SHOWN)
        fprintf(stderr, "%s:%" PRIu64 ": at %s: %s\n", b->events, line,
                error->pointer[0] ? error->pointer : "/", error->detail);
}

static void show_end(const struct backtesting *b, const struct backtest_result *r)
{
    double seconds = (double)r->elapsed_us / 1e6;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%60s\r", "");
    if (b->refused > REFUSED_SHOWN)
        fprintf(stderr, "and %" PRIu64 " more lines refused\n", b->refused - REFUSED_SHOWN);
    fprintf(stderr,
            "%" PRIu64 " transactions, %" PRIu64 " labels, %" PRIu64 " refused, %s in %.2f s: "
            "%.0f transactions/s\n",
            r->transactions, r->labels, b->refused,
            r->observed_once ? "observed once" : "observed by each", seconds,
            seconds > 0 ? (double)r->transactions / seconds : 0);
    if (r->candidate.measure.counts.transactions == 0)
        fprintf(stderr, "nothing was measured: %s\n",
                r->transactions > 0 ? "no transaction is between --from and --to"
                                    : "no line is a transaction that the schema takes");
}

/* ---- what is asked ---- */

static bool read_time(const char *name, const char *text, int64_t *ret_ms)
{
    if (text == NULL || reader_timestamp(span_str(text), ret_ms))
        return true;
    fprintf(stderr, "sluice backtest: --%s %s: write a time as 2018-08-08T00:00:00Z\n", name, text);
    return false;
}

static bool read_options(struct backtesting *b)
{
    b->options = (struct backtest_options){.from_ms = INT64_MIN, .to_ms = INT64_MAX};
    if (b->where == NULL || b->events == NULL) {
        fprintf(stderr, "sluice backtest: --candidate and --events are needed; try --help\n");
        return false;
    }
    if (b->format == NULL)
        b->format = "text";
    if (writer_of(b->format) == NULL) {
        fprintf(stderr,
                "sluice backtest: --format is text, json, or html: one page to be shown around\n");
        return false;
    }
    if (!read_time("from", b->from, &b->options.from_ms) ||
        !read_time("to", b->to, &b->options.to_ms))
        return false;
    if (b->options.from_ms < b->options.to_ms)
        return true;
    fprintf(stderr, "sluice backtest: --from must lie before --to, or nothing is measured\n");
    return false;
}

static enum status load(const struct backtesting *b, const char *path, struct snapshot **ret_snap)
{
    static struct diag_list diags;
    struct snapshot_options options = {.exact_events = (int)b->config.state_exact_events,
                                       .now_ms = clock_wall_ms()};
    diags = (struct diag_list){0};
    enum status st = snapshot_load(path, &options, &diags, ret_snap);
    cli_print_diags(&diags, false, stderr);
    return st;
}

/* A folder stands for the ruleset.yaml in it. */
static enum status load_candidate(struct backtesting *b)
{
    char path[CONFIG_TEXT_MAX + 16];
    struct stat info;
    bool is_folder = stat(b->where, &info) == 0 && S_ISDIR(info.st_mode);
    snprintf(path, sizeof path, is_folder ? "%s/ruleset.yaml" : "%s", b->where);
    return load(b, path, &b->candidate);
}

/* ---- what came of it ---- */

/* Before the run, which may take long. */
static enum status open_report(struct backtesting *b)
{
    bool to_file = b->output != NULL && strcmp(b->output, "-") != 0;
    b->report = to_file ? fopen(b->output, "we") : stdout;
    if (b->report != NULL)
        return ST_OK;
    fprintf(stderr, "sluice backtest: cannot write %s: %s\n", b->output, strerror(errno));
    return ST_IO;
}

static enum status close_report(struct backtesting *b)
{
    bool to_file = b->report != stdout;
    bool failed = ferror(b->report) != 0;
    if ((to_file ? fclose(b->report) : fflush(stdout)) == 0 && !failed)
        return ST_OK;
    fprintf(stderr, "sluice backtest: cannot write %s\n", to_file ? b->output : "the report");
    return ST_IO;
}

static enum status write_out(const struct backtesting *b, struct span report)
{
    return fwrite(report.base, 1, report.len, b->report) == report.len ? ST_OK : ST_IO;
}

static enum status report(const struct backtesting *b, const struct backtest_result *result)
{
    struct backtest_report r = {result, b->candidate, b->baseline, b->events};
    struct text out;
    char *bytes = malloc(BACKTEST_REPORT_BYTES);
    if (bytes == NULL)
        return ST_NO_SPACE;
    text_init(&out, bytes, BACKTEST_REPORT_BYTES);
    writer_of(b->format)(&r, &out);
    enum status st = out.overflow ? ST_NO_SPACE : write_out(b, text_span(&out));
    free(bytes);
    return st;
}

static bool has_second_core(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 1;
}

static enum status run(struct backtesting *b)
{
    struct backtest_result result;
    b->options.candidate = b->candidate;
    b->options.baseline = b->baseline;
    b->options.engine = (struct engine_options){.max_skew_ms = b->config.max_skew_ms,
                                                .dedupe_for_ms = b->config.dedupe_for_ms,
                                                .label_wait_ms = b->config.label_wait_ms,
                                                .remember_for_ms = b->config.remember_for_ms};
    b->options.ahead = has_second_core();
    b->options.progress = isatty(STDERR_FILENO) ? show_progress : NULL;
    b->options.refused = show_refused;
    b->options.user = b;
    enum status st = backtest_run(&b->options, &result);
    if (st != ST_OK) {
        fprintf(stderr, "sluice backtest: %s\n", status_text(st));
        return st;
    }
    show_end(b, &result);
    st = report(b, &result);
    if (st == ST_OK && result.candidate.measure.counts.transactions == 0)
        st = ST_NOT_FOUND; /* nobody must take it for a good ruleset */
    backtest_fini(&result);
    return st;
}

static enum status run_into_report(struct backtesting *b)
{
    enum status st = open_report(b);
    if (st != ST_OK)
        return st;
    enum status ran = run(b), closed = close_report(b);
    return ran != ST_OK ? ran : closed;
}

static enum status open_and_run(struct backtesting *b)
{
    enum status st = ST_OK;
    if (b->decisions != NULL && (b->options.decisions = fopen(b->decisions, "we")) == NULL) {
        fprintf(stderr, "sluice backtest: cannot write %s\n", b->decisions);
        return ST_IO;
    }
    const struct backtest_events events = {
        .config = &b->config,
        .where = b->events,
        .progress = isatty(STDERR_FILENO) ? show_copying : NULL,
        .user = b,
    };
    st = backtest_events_open(&events, &b->options.events_fd);
    if (st == ST_OK) {
        st = run_into_report(b);
        close(b->options.events_fd);
    }
    if (b->options.decisions != NULL && fclose(b->options.decisions) != 0 && st == ST_OK)
        st = ST_IO;
    return st;
}

int cli_backtest(int argc, char **argv)
{
    static struct backtesting b;
    struct cli_option options[] = {
        {.name = "candidate", .value = &b.where},     {.name = "events", .value = &b.events},
        {.name = "from", .value = &b.from},           {.name = "to", .value = &b.to},
        {.name = "format", .value = &b.format},       {.name = "output", .value = &b.output},
        {.name = "decisions", .value = &b.decisions},
    };
    struct cli_args args;
    enum cli_parsed parsed =
        cli_parse(argc, argv, usage, options, sizeof options / sizeof options[0], &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (!read_options(&b))
        return CLI_USAGE;
    if (kafka_load_config(&args, &b.config) != ST_OK)
        return CLI_REFUSED;
    enum status st = load(&b, b.config.ruleset, &b.baseline);
    if (st == ST_OK)
        st = load_candidate(&b);
    if (st == ST_OK)
        st = open_and_run(&b);
    snapshot_unref(b.candidate);
    snapshot_unref(b.baseline);
    return st == ST_OK ? 0 : CLI_REFUSED;
}
