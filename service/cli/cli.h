/*
 * cli.h -- what the verbs of the command line have in common.
 *
 * A verb is one file with one function; argv[0] is its name. It answers the exit status: 0,
 * EXIT_REFUSED when what it was asked is refused or failed, EXIT_USAGE when it was asked
 * wrongly.
 */
#ifndef SLUICE_CLI_CLI_H
#define SLUICE_CLI_CLI_H

#include "service/config.h"

#include <stdio.h>

enum { CLI_REFUSED = 1, CLI_USAGE = 2 };

/* X(verb, summary, example): verb is served by cli_<verb>; it is typed with '-' for
 * '_'. */
#define CLI_VERB_TABLE(X)                                                                       \
    X(serve, "answer transactions over HTTP", "sluice serve -c sluice.yaml")                    \
    X(check, "say what is wrong with a configuration and its ruleset",                          \
      "sluice check -c sluice.yaml --format json")                                              \
    X(test, "run rule tests: simulated events, and what is to be decided",                      \
      "sluice test rules/packs/starter/ruleset_test.yaml")                                      \
    X(eval, "try an expression",                                                                \
      "sluice eval --expr 'amount > 100.0' --vars '{\"amount\": 120.5}'")                       \
    X(replay, "score a file of events",                                                         \
      "sluice replay -c sluice.yaml --events events.ndjson --decisions decisions.ndjson")       \
    X(backtest, "measure a candidate ruleset over past events",                                 \
      "sluice backtest -c sluice.yaml --candidate rules/next --events events.ndjson")           \
    X(score_file, "score the rows of a CSV file with a model",                                  \
      "sluice score-file --model fraud.json --rows features.csv --id transaction_id")           \
    X(diff, "say what is another in one ruleset than in another",                               \
      "sluice diff rules/packs/starter rules/next")                                             \
    X(publish, "send a ruleset to all instances that share a Redis",                            \
      "sluice publish -c sluice.yaml rules/packs/starter")                                      \
    X(ruleset, "show what decides here and everywhere, or go back",                             \
      "sluice ruleset -c sluice.yaml --all")                                                    \
    X(rules, "show how each rule does: fired, labels, money, hints",                            \
      "sluice rules --url http://127.0.0.1:8080")                                               \
    X(models, "show how each model does: scores, drift from its training",                      \
      "sluice models --url http://127.0.0.1:8080")                                              \
    X(generate, "write a stream of simulated card payments",                                    \
      "sluice generate --transactions 100000 --seed 1")                                         \
    X(dlq, "show dead letters of Kafka, or send them back",                                     \
      "sluice dlq -c sluice.yaml --replay --dry-run")                                           \
    X(schema, "print the JSON Schema of a ruleset's files, for editors", "sluice schema rules") \
    X(config, "show the effective configuration", "sluice config -c sluice.yaml")               \
    X(version, "show version and libraries", "sluice version")

#define X(verb, summary, example) int cli_##verb(int argc, char **argv);
CLI_VERB_TABLE(X)
#undef X

enum { CLI_OPERANDS_MAX = 256 }; /* files of one command; a shell's pattern may name that many */

/* What most verbs take: -c FILE, --KEY VALUE for each key of the configuration, --help, and
 * options of their own. */
struct cli_args {
    const char *config_file; /* NULL: none was given */
    struct config_flag flags[CONFIG_FLAGS_MAX];
    size_t n_flags;
    const char *operands[CLI_OPERANDS_MAX]; /* what stands without dashes, in its order */
    size_t n_operands;
};

/* An option of one verb. */
struct cli_option {
    const char *name;   /* without the dashes */
    const char **value; /* where its value goes; NULL: it takes none */
    bool *given;        /* set when it is there; may be NULL */
};

/* In the table of a verb's options: it takes operands too. Other verbs refuse them. */
#define CLI_OPERANDS \
    {                \
        .name = ""   \
    }

enum cli_parsed { CLI_PARSED_OK, CLI_PARSED_HELP, CLI_PARSED_WRONG };

/*
 * Read the arguments of a verb. CLI_PARSED_HELP: `usage` was printed on stdout, exit 0.
 * CLI_PARSED_WRONG: what is wrong was printed on stderr, exit CLI_USAGE. Texts point into argv.
 */
enum cli_parsed cli_parse(int argc, char **argv, const char *usage,
                          const struct cli_option *options, size_t n_options,
                          struct cli_args *ret_args);

/* `--format text` or json; false: another was given, and that is printed. */
bool cli_format(const char *verb, const char *text, bool *ret_json);

/* Load the configuration of the arguments; its diagnostics go to stderr. */
MUST_USE enum status cli_load_config(const struct cli_args *args, struct config *ret_config);

/*
 * Where a running Sluice of this configuration answers admins, as an URL: one that listens
 * everywhere is asked here; and the token of the first of its keys, a span of the configuration,
 * empty when there is none.
 */
enum { CLI_URL_BYTES = CONFIG_TEXT_MAX + 16 };
void cli_admin_url(const struct config *config, char ret_url[CLI_URL_BYTES]);
struct span cli_admin_token(const struct config *config);

/* Diagnostics, as text or as one JSON object a line. */
void cli_print_diags(const struct diag_list *diags, bool json, FILE *to);

#endif
