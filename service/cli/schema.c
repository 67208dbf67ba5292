/* `sluice schema`: what may stand in a ruleset's files, for editors. */
#include "models/model_linear.h"
#include "service/cli/cli.h"
#include "service/trial/rule_test.h"

static const char usage[] =
    "usage: sluice schema ruleset|rules|tests|model\n"
    "\n"
    "Print the JSON Schema of a ruleset file, of a file of rules, of a file of rule tests, or of\n"
    "a linear model or a scorecard. Editors complete and check with it; rules/README.md says how.\n"
    "\n"
    "example:\n"
    "  sluice schema rules >rules.schema.json\n";

enum { SCHEMA_BYTES_MAX = 64 << 10 };

static const struct {
    const char *name;
    const struct shape *shape;
} files[] = {{"ruleset", &ruleset_shape},
             {"rules", &rule_file_shape},
             {"tests", &rule_test_shape},
             {"model", &model_yaml_shape}};

static const struct shape *find(const char *name)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].name, name) == 0)
            return files[i].shape;
    return NULL;
}

int cli_schema(int argc, char **argv)
{
    static char bytes[SCHEMA_BYTES_MAX];
    const struct shape *shape = argc == 2 ? find(argv[1]) : NULL;
    struct cli_args args;
    struct text out;
    if (shape == NULL) {
        if (cli_parse(argc, argv, usage, NULL, 0, &args) == CLI_PARSED_HELP)
            return 0;
        fputs(usage, stderr);
        return CLI_USAGE;
    }
    text_init(&out, bytes, sizeof bytes);
    shape_write_schema(shape, &out);
    return !out.overflow && fwrite(out.base, 1, out.len, stdout) == out.len ? 0 : CLI_REFUSED;
}
