/* `sluice score-file`: a file of rows through a model, as the service scores with it. */
#include "models/score_csv.h"
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/base/files.h"
#include "service/cli/cli.h"
#include "service/engine/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ARENA_BYTES = 4 * MODEL_FILE_MAX, /* what a model of the largest file is, at most */
    OUT_BUFFER_BYTES = 1 << 20,
};

static const char usage[] =
    "usage: sluice score-file --model FILE [--rows FILE|-] [--output FILE] [--id COLUMN]\n"
    "                         [--class N | --all] [--contributions] [--format csv|json]\n"
    "       sluice score-file -c FILE --model NAME [--KEY VALUE ...] [--rows FILE|-] ...\n"
    "\n"
    "Score each row of a CSV file with a model file, or with a model of a ruleset, as it is bound\n"
    "there, and write a line for each. The first row names the columns: the model's inputs, in\n"
    "any order; others are passed over. An empty cell is a missing value. A row that cannot be\n"
    "scored is told by line and column, and has no score. Rows a second are printed at the end.\n"
    "Exit 0, or 1 when the model or a row was refused.\n"
    "\n"
    "  --model FILE    of XGBoost, LightGBM, or ours (README)\n"
    "  -c FILE         the configuration file: --model is a name of its ruleset's `models:`, "
    "whose\n"
    "                  names of inputs, categories, class and calibration hold\n"
    "  --KEY VALUE     the same by a key, such as --ruleset rules/packs/starter/ruleset.yaml\n"
    "  --rows FILE     as `sluice replay --features` writes them; - is stdin, the default\n"
    "  --output FILE   default: stdout\n"
    "  --id COLUMN     a column that is written before the score\n"
    "  --class N       of a model of several classes, the one whose score is written\n"
    "  --all           the scores of all classes, not calibrated, and their margins (before the\n"
    "                  link)\n"
    "  --contributions what each input adds to the margin, which is their sum and `base`\n"
    "  --format WHICH  csv, or json: an object a line\n"
    "  --help          this text\n"
    "\n"
    "example:\n"
    "  sluice score-file --model fraud.json --rows features.csv --id transaction_id\n"
    "  sluice score-file -c sluice.yaml --model fraud --rows features.csv --id transaction_id\n";

struct scoring {
    const char *model_file, *rows, *output, *class, *format;
    struct score_csv_options options;
    struct model model;
    struct arena *arena;
    struct snapshot *snap; /* of a ruleset's model; NULL: it is a file's */
    struct score_csv_input inputs[MODEL_INPUTS_MAX];
    struct diag_list diags;
    struct score_csv_counts counts;
};

/* ---- a model of a ruleset ---- */

/* The names that the ruleset has for a slot of the row. */
static struct span name_of_slot(const struct snapshot *snap, int slot)
{
    const struct cel_env *env = &snap->env;
    int i = 0;
    while (env->names[i].constant != NULL || env->names[i].slot != slot)
        CHECK(++i < env->n_names);
    return env->names[i].name;
}

static enum status refuse_name(struct scoring *s)
{
    const struct model_set *set = &s->snap->models;
    char names[MODELS_MAX][MODEL_NAME_MAX + 1], hint[DIAG_MESSAGE_MAX];
    const char *pointers[MODELS_MAX];
    for (int i = 0; i < set->count; i++) {
        snprintf(names[i], sizeof names[i], "%.*s", SPAN_ARG(set->items[i].name));
        pointers[i] = names[i];
    }
    const char *near = diag_nearest(span_str(s->model_file), pointers, (size_t)set->count);
    snprintf(hint, sizeof hint, "did you mean '%s'?", near != NULL ? near : "");
    diag_error(&s->diags, (struct diag_at){0}, near != NULL ? hint : NULL,
               "the ruleset has no model '%s'", s->model_file);
    return ST_INVALID;
}

static void take_bound(struct scoring *s, const struct bound_model *m)
{
    for (int i = 0; i < m->model.n_inputs; i++) {
        const struct model_source *from = &m->sources[i];
        s->inputs[i] = (struct score_csv_input){name_of_slot(s->snap, from->slot), from->categories,
                                                from->n_categories, from->unknown};
    }
    s->model = m->model;
    s->options.inputs = s->inputs;
    s->options.calibration = &m->calibration;
    s->options.output = m->output;
}

static enum status load_bound(struct scoring *s, const struct cli_args *args)
{
    static struct config config;
    struct snapshot_options o = {.now_ms = clock_wall_ms()};
    if (cli_load_config(args, &config) != ST_OK)
        return ST_INVALID;
    o.exact_events = (int)config.state_exact_events;
    enum status st = snapshot_load(config.ruleset, &o, &s->diags, &s->snap);
    if (st != ST_OK)
        return st;
    int i = model_set_find(&s->snap->models, span_str(s->model_file));
    if (i < 0)
        return refuse_name(s);
    if (s->class != NULL) {
        diag_error(&s->diags, (struct diag_at){0}, NULL,
                   "--class is of a model's file; the ruleset says which is the score");
        return ST_INVALID;
    }
    take_bound(s, &s->snap->models.items[i]);
    return ST_OK;
}

/* ---- a model's file ---- */

static enum status load_model(struct scoring *s)
{
    char *bytes;
    size_t len;
    enum status st = files_read(s->model_file, MODEL_FILE_MAX, &bytes, &len);
    if (st == ST_TOO_LARGE)
        diag_error(&s->diags, (struct diag_at){.file = s->model_file}, NULL,
                   "a model file has at most %d MiB", MODEL_FILE_MAX >> 20);
    else if (st != ST_OK)
        diag_error(&s->diags, (struct diag_at){.file = s->model_file}, NULL,
                   "cannot read the file: %s", strerror(errno));
    if (st != ST_OK)
        return st;
    s->arena = arena_new(ARENA_BYTES);
    st = model_load(s->model_file, span_of(bytes, len), s->arena, &s->diags, &s->model);
    free(bytes);
    return st;
}

/* Which of its outputs is the score. */
static enum status choose_class(struct scoring *s)
{
    struct diag_at at = {.file = s->model_file};
    long n = 0;
    char *end = NULL;
    if (s->class != NULL) {
        n = strtol(s->class, &end, 10);
        if (end == s->class || *end != '\0' || n < 0 || n >= s->model.n_outputs) {
            diag_error(&s->diags, at, NULL, "the model has classes 0 to %d, and --class is '%s'",
                       s->model.n_outputs - 1, s->class);
            return ST_INVALID;
        }
    } else if (s->model.n_outputs > 1 && !s->options.all) {
        diag_error(&s->diags, at, "--class N for one of them, --all for all",
                   "the model has %d classes", s->model.n_outputs);
        return ST_INVALID;
    }
    s->options.output = (int)n;
    return ST_OK;
}

static enum status load_file(struct scoring *s)
{
    enum status st = load_model(s);
    return st == ST_OK ? choose_class(s) : st;
}

/* ---- scoring ---- */

static bool open_files(struct scoring *s, int *ret_rows, FILE **ret_out)
{
    bool is_stdin = s->rows == NULL || strcmp(s->rows, "-") == 0;
    bool is_stdout = s->output == NULL || strcmp(s->output, "-") == 0;
    s->options.name = is_stdin ? "stdin" : s->rows;
    *ret_rows = is_stdin ? STDIN_FILENO : open(s->rows, O_RDONLY | O_CLOEXEC);
    if (*ret_rows < 0) {
        fprintf(stderr, "sluice score-file: cannot read %s: %s\n", s->rows, strerror(errno));
        return false;
    }
    *ret_out = is_stdout ? stdout : fopen(s->output, "we");
    if (*ret_out == NULL) {
        fprintf(stderr, "sluice score-file: cannot write %s: %s\n", s->output, strerror(errno));
        return false;
    }
    setvbuf(*ret_out, NULL, _IOFBF, OUT_BUFFER_BYTES);
    return true;
}

static void show_counts(const struct scoring *s, double seconds)
{
    const struct score_csv_counts *c = &s->counts;
    fprintf(stderr, "%" PRIu64 " rows by model %s in %.2f s: %.0f rows/s\n", c->rows, s->model.hash,
            seconds, seconds > 0 ? (double)c->rows / seconds : 0);
    if (c->refused > 0)
        fprintf(stderr, "%" PRIu64 " rows are refused, and have no score\n", c->refused);
    if (c->without_score > 0)
        fprintf(stderr, "%" PRIu64 " rows have no score: an input is missing that must not be\n",
                c->without_score);
    if (c->unknown_categories > 0)
        fprintf(stderr, "%" PRIu64 " cells name a category that the model has not seen\n",
                c->unknown_categories);
}

static enum status score(struct scoring *s)
{
    int64_t began_us = clock_mono_us();
    int rows;
    FILE *out;
    if (!open_files(s, &rows, &out))
        return ST_IO;
    enum status st = score_csv(&s->options, rows, out, &s->diags, &s->counts);
    if (fclose(out) != 0 || (st == ST_IO && s->diags.errors == 0)) {
        fprintf(stderr, "sluice score-file: cannot write %s: %s\n",
                s->output != NULL ? s->output : "stdout", strerror(errno));
        st = ST_IO;
    }
    show_counts(s, (double)(clock_mono_us() - began_us) / 1e6);
    return st;
}

static bool read_format(struct scoring *s)
{
    s->options.is_json = s->format != NULL && strcmp(s->format, "json") == 0;
    if (s->options.is_json || s->format == NULL || strcmp(s->format, "csv") == 0)
        return true;
    fprintf(stderr, "sluice score-file: --format is csv or json, not '%s'\n", s->format);
    return false;
}

int cli_score_file(int argc, char **argv)
{
    static struct scoring s;
    const struct cli_option options[] = {
        {.name = "model", .value = &s.model_file},
        {.name = "rows", .value = &s.rows},
        {.name = "output", .value = &s.output},
        {.name = "id", .value = &s.options.id},
        {.name = "class", .value = &s.class},
        {.name = "all", .given = &s.options.all},
        {.name = "format", .value = &s.format},
        {.name = "contributions", .given = &s.options.contributes},
    };
    struct cli_args args;
    enum cli_parsed parsed =
        cli_parse(argc, argv, usage, options, sizeof options / sizeof options[0], &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (s.model_file == NULL) {
        fprintf(stderr, "sluice score-file: --model FILE is needed; try --help\n");
        return CLI_USAGE;
    }
    if (!read_format(&s))
        return CLI_USAGE;
    s.options.model = &s.model;
    bool is_bound = args.config_file != NULL || args.n_flags > 0;
    enum status st = is_bound ? load_bound(&s, &args) : load_file(&s);
    if (st == ST_OK)
        st = score(&s);
    cli_print_diags(&s.diags, false, stderr);
    arena_free(s.arena);
    snapshot_unref(s.snap);
    return st == ST_OK ? 0 : CLI_REFUSED;
}
