/* `sluice diff`: what is another in one ruleset than in another. */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/cli/cli.h"
#include "service/release/ruleset_diff.h"
#include "service/release/versions.h"

#include <stdlib.h>
#include <sys/stat.h>

static const char usage[] =
    "usage: sluice diff [-c FILE] [--KEY VALUE ...] [--format text|json] A B\n"
    "\n"
    "Say in words what is another in ruleset B than in A: rules, features, fields and lists that\n"
    "are new, gone or changed; where none is, files that differ in order or comments alone. A and\n"
    "B are folders, ruleset files, or, with -c, ids of versions that are kept in its reload.dir.\n"
    "Exit 0: they are the same, byte for byte, and have one id, 1: they are not, 2: one cannot\n"
    "be loaded, or asked wrongly.\n"
    "\n"
    "  -c FILE          the configuration file\n"
    "  --format FORMAT  text (the default) or json\n"
    "  --KEY VALUE      set a key, such as --reload.dir build/rulesets\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice diff rules/packs/starter rules/next\n";

enum { DIFF_TEXT_BYTES = 64 << 20 }; /* thousands of rules that all are others */

static void path_of(const struct config *config, const char *operand, char ret_path[FILES_PATH_MAX])
{
    struct stat st;
    bool is_there = stat(operand, &st) == 0;
    if (!is_there && version_is_id(operand))
        snprintf(ret_path, FILES_PATH_MAX, "%s/%s/files/" SNAPSHOT_RULESET_NAME, config->reload_dir,
                 operand);
    else
        snprintf(ret_path, FILES_PATH_MAX,
                 is_there && S_ISDIR(st.st_mode) ? "%s/" SNAPSHOT_RULESET_NAME : "%s", operand);
}

/* An id that no version has; the path of one that is there is made of it. */
static bool is_unknown(const char *operand, const char *path)
{
    struct stat st;
    return version_is_id(operand) && stat(operand, &st) != 0 && stat(path, &st) != 0;
}

static struct snapshot *load(const struct config *config, const char *operand)
{
    static struct diag_list diags;
    struct snapshot_options options = {.exact_events = (int)config->state_exact_events,
                                       .now_ms = clock_wall_ms()};
    struct snapshot *snap = NULL;
    char path[FILES_PATH_MAX];
    diags = (struct diag_list){0};
    path_of(config, operand, path);
    if (is_unknown(operand, path)) {
        fprintf(stderr, "sluice diff: no version %s is kept in reload.dir, which is %s\n", operand,
                config->reload_dir[0] != '\0' ? config->reload_dir : "nowhere");
        return NULL;
    }
    enum status st = snapshot_load(path, &options, &diags, &snap);
    if (st != ST_OK)
        cli_print_diags(&diags, false, stderr);
    return snap;
}

static int print_diff(const struct snapshot *from, const struct snapshot *to, bool json)
{
    struct arena *arena = arena_new(DIFF_ARENA_BYTES);
    char *bytes = malloc(DIFF_TEXT_BYTES);
    struct ruleset_diff diff;
    struct text out;
    CHECK(bytes != NULL);
    enum status st = ruleset_diff_make(from, to, arena, &diff);
    if (st != ST_OK) {
        fprintf(stderr, "sluice diff: the rulesets are too large\n");
    } else {
        text_init(&out, bytes, DIFF_TEXT_BYTES);
        if (json)
            ruleset_diff_json(&diff, &out);
        else
            ruleset_diff_text(&diff, &out);
        fwrite(out.base, 1, out.len, stdout);
        if (json)
            fputc('\n', stdout);
    }
    free(bytes);
    arena_free(arena);
    return st != ST_OK ? CLI_USAGE : diff.count == 0 ? 0 : CLI_REFUSED;
}

static int compare(const struct config *config, const char *a, const char *b, bool json)
{
    struct snapshot *from = load(config, a), *to = load(config, b);
    int exit_status = CLI_USAGE; /* as of diff(1): 1 is an answer */
    if (from != NULL && to != NULL)
        exit_status = print_diff(from, to, json);
    snapshot_unref(from);
    snapshot_unref(to);
    return exit_status;
}

int cli_diff(int argc, char **argv)
{
    static struct config config = {.state_exact_events = 256, .reload_dir = "build/rulesets"};
    const char *format = "text";
    const struct cli_option options[] = {{.name = "format", .value = &format}, CLI_OPERANDS};
    struct cli_args args;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 2, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    bool json;
    if (!cli_format("diff", format, &json))
        return CLI_USAGE;
    if (args.n_operands != 2) {
        fprintf(stderr,
                "sluice diff: name two rulesets, each a folder, a file or the id of a version, "
                "not %zu; see `sluice diff --help`\n",
                args.n_operands);
        return CLI_USAGE;
    }
    if ((args.config_file != NULL || args.n_flags > 0) && cli_load_config(&args, &config) != ST_OK)
        return CLI_USAGE;
    return compare(&config, args.operands[0], args.operands[1], json);
}
