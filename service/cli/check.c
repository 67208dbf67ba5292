/* `sluice check`: everything that is wrong with a configuration and its ruleset, at once. */
#include "service/base/clock.h"
#include "service/cli/cli.h"
#include "service/cli/kafka.h"
#include "service/engine/snapshot.h"

static const char usage[] =
    "usage: sluice check [-c FILE] [--KEY VALUE ...] [--format text|json]\n"
    "\n"
    "Load the configuration and the ruleset it names as `sluice serve` would, and print what is\n"
    "wrong: on stdout, one JSON object a line with --format json. Exit 0: fine (warnings may be\n"
    "printed), 1: refused.\n"
    "\n"
    "  -c FILE          the configuration file\n"
    "  --KEY VALUE      set a key, such as --ruleset rules/packs/starter/ruleset.yaml\n"
    "  --format json    for programs\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice check -c sluice.yaml\n";

static enum status check_ruleset(const struct config *config, struct diag_list *diags, bool json)
{
    struct snapshot *snap;
    struct snapshot_options options = {.exact_events = (int)config->state_exact_events,
                                       .now_ms = clock_wall_ms()};
    enum status st = snapshot_load(config->ruleset, &options, diags, &snap);
    if (st != ST_OK)
        return st;
    if (!json)
        printf("ruleset %s: %d fields, %d derived, %d features, %d lists, %d rules\n",
               snap->id_text, snap->schema.count, snap->n_derived, snap->features.n_features,
               snap->lists->count, snap->rules->count);
    snapshot_unref(snap);
    return ST_OK;
}

static bool format_of(const char *text, bool *ret_json)
{
    bool json = strcmp(text, "json") == 0;
    if (!json && strcmp(text, "text") != 0)
        return false;
    *ret_json = json;
    return true;
}

int cli_check(int argc, char **argv)
{
    static struct diag_list diags;
    const char *format = "text";
    struct cli_option options[] = {{.name = "format", .value = &format}};
    struct cli_args args;
    struct config config;
    bool json;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 1, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (!format_of(format, &json)) {
        fprintf(stderr, "sluice check: --format is text or json\n");
        return CLI_USAGE;
    }
    enum status st = config_load(args.config_file, args.flags, args.n_flags, &diags, &config);
    if (st == ST_OK)
        st = kafka_check(&config, args.config_file, &diags);
    if (st == ST_OK)
        st = check_ruleset(&config, &diags, json);
    cli_print_diags(&diags, json, stdout);
    return st == ST_OK ? 0 : CLI_REFUSED;
}
