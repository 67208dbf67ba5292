/* `sluice test`: files of rule tests, each test through an engine of its own. */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/cli/cli.h"
#include "service/cli/test_report.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: sluice test FILE... [--format text|json|junit] [--output FILE] [--run TEXT]\n"
    "                   [-c FILE] [--KEY VALUE ...]\n"
    "\n"
    "Run files of rule tests: simulated events, and what is to be decided about them. Each test\n"
    "starts from nothing, and time is what its events say. Files name their ruleset, relative to\n"
    "themselves; rules/README.md tells what may stand in them, and so does `sluice schema tests`.\n"
    "Exit 0: all passed, 1: a test failed, 2: a file cannot be read, or not be meant.\n"
    "\n"
    "  --format FORMAT  text: failures and a line of counts; json: an object a test, a line each;\n"
    "                   junit: XML for CI\n"
    "  --output FILE    write that to the file; failures are still told on stdout\n"
    "  --run TEXT       only tests that have this in their name\n"
    "  -c FILE          a configuration file; of it state.exact_events and the times that events\n"
    "                   and answers are kept matter\n"
    "  --KEY VALUE      set a key, such as --state.exact_events 16\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice test rules/packs/*/*_test.yaml\n";

enum { RESULTS_BLOCK_BYTES = 16 << 20 };

struct testing {
    struct config config;
    struct engine_options options;
    const struct test_report_format *format;
    FILE *report;     /* stdout, or --output */
    bool is_file;     /* it is --output: failures are told on stdout besides */
    bool colours;     /* of stdout */
    const char *only; /* --run; NULL: all */
    struct test_totals totals;
    int n_files;
};

/* ---- one file ---- */

/* Results of one file live in blocks, each with room for a test's longest. */
struct results {
    struct rule_test_result *items;
    struct arena **blocks;
    int count, n_blocks;
};

static struct arena *block_for_next(struct results *r)
{
    struct arena *last = r->n_blocks > 0 ? r->blocks[r->n_blocks - 1] : NULL;
    if (last == NULL || last->cap_bytes - last->used_bytes < RULE_TEST_RESULT_BYTES) {
        r->blocks = realloc(r->blocks, (size_t)(r->n_blocks + 1) * sizeof *r->blocks);
        CHECK(r->blocks != NULL);
        last = r->blocks[r->n_blocks++] = arena_new(RESULTS_BLOCK_BYTES);
    }
    return last;
}

static void results_fini(struct results *r)
{
    for (int i = 0; i < r->n_blocks; i++)
        arena_free(r->blocks[i]);
    free(r->blocks);
    free(r->items);
}

static bool is_wanted(const struct testing *t, const struct rule_test *test)
{
    return t->only == NULL || strstr(test->name.base, t->only) != NULL; /* a NUL stands behind */
}

static void run_tests(const struct testing *t, const struct rule_test_file *file, struct results *r)
{
    r->items = calloc((size_t)file->n_tests, sizeof *r->items);
    CHECK(r->items != NULL);
    for (int i = 0; i < file->n_tests; i++)
        if (is_wanted(t, &file->tests[i]))
            rule_test_run(file, &file->tests[i], &t->options, block_for_next(r),
                          &r->items[r->count++]);
}

static void report(struct testing *t, struct test_suite *s)
{
    for (int i = 0; i < s->n_results; i++)
        s->n_failed += s->results[i].n_failures > 0;
    t->totals.failed += s->n_failed;
    t->totals.passed += s->n_results - s->n_failed;
    t->totals.unread += s->file == NULL;
    if (s->file != NULL && s->n_results == 0)
        return; /* --run leaves none of it */
    t->format->suite(t->report, s, t->colours && !t->is_file);
    if (t->is_file)
        test_report_text.suite(stdout, s, t->colours);
}

static void test_file(struct testing *t, const char *path, struct arena *arena)
{
    static struct diag_list diags;
    struct rule_test_file file;
    struct results results = {.count = 0};
    struct test_suite suite = {
        .path = path, .number = t->n_files++, .diags = &diags, .started_ms = clock_wall_ms()};
    struct snapshot_options options = {.exact_events = (int)t->config.state_exact_events,
                                       .now_ms = suite.started_ms};
    diags = (struct diag_list){0};
    arena_reset(arena);
    if (rule_test_load(path, &options, arena, &diags, &file) == ST_OK) {
        run_tests(t, &file, &results);
        suite.file = &file;
        suite.results = results.items;
        suite.n_results = results.count;
    }
    report(t, &suite);
    if (suite.file != NULL)
        rule_test_unload(&file);
    results_fini(&results);
}

/* ---- all files ---- */

static const struct test_report_format *find_format(const char *name)
{
    static const struct test_report_format *const formats[] = {&test_report_text, &test_report_json,
                                                               &test_report_junit};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (strcmp(name, formats[i]->name) == 0)
            return formats[i];
    return NULL;
}

static bool wants_colours(void)
{
    const char *no_color = getenv("NO_COLOR");
    return isatty(STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0');
}

/* Asked wrongly, which is said. */
static bool is_wrong(const struct cli_args *args, const struct testing *t)
{
    const char *what = NULL;
    if (t->format == NULL)
        what = "--format is text, json or junit";
    else if (args->n_operands == 0)
        what = "name a file of tests; try --help";
    for (size_t i = 0; what == NULL && i < args->n_operands; i++)
        if (strcmp(args->operands[i], "-") == 0)
            what = "tests are not read from stdin: their ruleset is named relative to their file";
    if (what != NULL)
        fprintf(stderr, "sluice test: %s\n", what);
    return what != NULL;
}

/* A configuration names a ruleset, but here each file of tests does. */
static enum status load_config(struct cli_args *args, struct config *ret_config)
{
    if (args->n_flags < CONFIG_FLAGS_MAX)
        args->flags[args->n_flags++] = (struct config_flag){"ruleset", args->operands[0]};
    return cli_load_config(args, ret_config);
}

static bool open_report(struct testing *t, const char *output)
{
    t->report = output != NULL ? fopen(output, "we") : stdout;
    t->is_file = output != NULL;
    if (t->report == NULL)
        fprintf(stderr, "sluice test: cannot write %s: %s\n", output, strerror(errno));
    t->colours = wants_colours();
    return t->report != NULL;
}

static void take_options(struct testing *t)
{
    t->options = (struct engine_options){.max_skew_ms = t->config.max_skew_ms,
                                         .dedupe_for_ms = t->config.dedupe_for_ms,
                                         .label_wait_ms = t->config.label_wait_ms,
                                         .remember_for_ms = t->config.remember_for_ms,
                                         .on_unavailable = ON_UNAVAILABLE_REJECT};
}

static void test_all(struct testing *t, const struct cli_args *args)
{
    struct arena *arena = arena_new(RULE_TEST_ARENA_BYTES);
    t->format->begin(t->report);
    for (size_t i = 0; i < args->n_operands; i++)
        test_file(t, args->operands[i], arena);
    t->format->end(t->report, &t->totals);
    if (t->is_file)
        test_report_text.end(stdout, &t->totals);
    arena_free(arena);
}

static bool close_report(const struct testing *t)
{
    bool ok = fflush(t->report) == 0 && !ferror(t->report);
    if (t->is_file)
        ok = fclose(t->report) == 0 && ok;
    if (!ok)
        fprintf(stderr, "sluice test: the report cannot be written\n");
    return ok;
}

int cli_test(int argc, char **argv)
{
    static struct testing t;
    const char *format = "text", *output = NULL;
    struct cli_option options[] = {{.name = "format", .value = &format},
                                   {.name = "output", .value = &output},
                                   {.name = "run", .value = &t.only},
                                   CLI_OPERANDS};
    struct cli_args args;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 4, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    t.format = find_format(format);
    if (is_wrong(&args, &t) || load_config(&args, &t.config) != ST_OK || !open_report(&t, output))
        return CLI_USAGE;
    take_options(&t);
    test_all(&t, &args);
    if (!close_report(&t) || t.totals.unread > 0)
        return CLI_USAGE;
    if (t.totals.passed + t.totals.failed == 0) {
        fprintf(stderr, "sluice test: no test has '%s' in its name\n", t.only);
        return CLI_USAGE;
    }
    return t.totals.failed > 0 ? CLI_REFUSED : 0;
}
