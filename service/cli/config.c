/* `sluice config`: the effective configuration, or the reference of all keys. */
#include "service/cli/cli.h"

static const char usage[] =
    "usage: sluice config [-c FILE] [--KEY VALUE ...] [--reference]\n"
    "\n"
    "Print the effective configuration as YAML: flags, environment, file and defaults together,\n"
    "secrets as ***.\n"
    "\n"
    "  -c FILE       the configuration file\n"
    "  --KEY VALUE   set a key, such as --deadline_ms 20\n"
    "  --reference   print CONFIGURATION.md: every key with its values, default and meaning\n"
    "  --help        this text\n"
    "\n"
    "example:\n"
    "  SLUICE_DEADLINE_MS=20 sluice config -c sluice.yaml\n";

int cli_config(int argc, char **argv)
{
    static char bytes[CONFIG_PRINT_MAX];
    bool reference = false;
    struct cli_option options[] = {{.name = "reference", .given = &reference}};
    struct cli_args args;
    struct config config;
    struct text out;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 1, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    text_init(&out, bytes, sizeof bytes);
    if (reference) {
        config_reference(&out);
    } else {
        if (cli_load_config(&args, &config) != ST_OK)
            return CLI_REFUSED;
        config_print(&config, &out);
    }
    return fwrite(out.base, 1, out.len, stdout) == out.len ? 0 : CLI_REFUSED;
}
