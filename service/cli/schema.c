/* `sluice schema`: what may stand in a ruleset's files, for editors. */
#include "service/cli/cli.h"
#include "service/engine/snapshot.h"

static const char usage[] =
    "usage: sluice schema ruleset|rules|tests\n"
    "\n"
    "Print the JSON Schema of a ruleset file, of a file of rules, or of a file of rule tests.\n"
    "Editors complete and check with it; rules/README.md says how.\n"
    "\n"
    "example:\n"
    "  sluice schema rules >rules.schema.json\n";

enum { SCHEMA_BYTES_MAX = 64 << 10 };

/*
 * A file of rule tests. tests/rules/run_rule_tests.py runs them, and takes from here what may stand
 * there.
 */
static const struct shape any = {.kind = SHAPE_ANY};
static const struct shape text = {.kind = SHAPE_TEXT};
static const struct shape number = {.kind = SHAPE_NUMBER};
static const struct shape when = {.kind = SHAPE_TIME};
static const struct shape after = {.kind = SHAPE_TEXT, .pattern = "^([0-9]+(ms|s|m|h|d))+$"};
static const struct shape times = {.kind = SHAPE_INT, .min = 1, .max = 1000000};
static const struct shape fields = {.kind = SHAPE_MAPPING, .of = &any};
static const struct shape ids = {.kind = SHAPE_LIST, .of = &text};
static const char *const decisions[] = {"allow", "flag"};
static const struct shape decision = {.kind = SHAPE_CHOICE, SHAPE_ROW(choices, decisions)};

static const struct shape_key expect_keys[] = {
    {"decision", &decision, false, "What is decided."},
    {"score", &number, false, "The sum of the scores."},
    {"fired", &ids, false, "Live rules that must fire; `[]` says that none does."},
    {"not_fired", &ids, false, "Live rules that must not fire."},
    {"shadow", &ids, false, "The shadow rules that fire, all of them, in any order."},
    {"features", &fields, false, "`name: value`; `null`: missing."},
};
static const struct shape expect = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, expect_keys)};

static const struct shape_key event_keys[] = {
    {"at", &after, false, "After the start: `90s`, `5m`, `7d1h`, `1500ms`."},
    {"every", &after, false, "The same event again and again, so far apart."},
    {"times", &times, false, "How often; 1 when left out."},
    {"expect", &expect, false, "What must come of it; nothing is asked of what is left out."},
};
static const struct shape event = {.kind = SHAPE_MAPPING, .of = &any, SHAPE_ROW(keys, event_keys)};
static const struct shape events = {.kind = SHAPE_LIST, .of = &event};

static const struct shape_key test_keys[] = {
    {"name", &text, true, "A sentence: what is so."},
    {"start", &when, false, "The instant from which `at` counts."},
    {"defaults", &fields, false, "Fields of each event of this test that has no others."},
    {"events", &events, true,
     "In order of arrival: `at`, fields of the schema, and what is expected. `kind: label` with "
     "`transaction_id` and `outcome` is a label."},
};
static const struct shape test = {.kind = SHAPE_MAPPING, SHAPE_ROW(keys, test_keys)};
static const struct shape tests = {.kind = SHAPE_LIST, .of = &test};

static const struct shape_key book_keys[] = {
    {"ruleset", &text, true, "The ruleset file, relative to this one."},
    {"defaults", &fields, false, "Fields of each event of each test that has no others."},
    {"tests", &tests, true, "Each starts from nothing."},
};
static const struct shape book = {
    .kind = SHAPE_MAPPING, .title = "Tests of a ruleset of Sluice", SHAPE_ROW(keys, book_keys)};

static const struct {
    const char *name;
    const struct shape *shape;
} files[] = {{"ruleset", &ruleset_shape}, {"rules", &rule_file_shape}, {"tests", &book}};

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
