/* `sluice eval`: an expression, tried: by a person, or row by row for a program. */
#include "service/cli/cli.h"
#include "service/cli/eval_rows.h"
#include "service/cli/eval_text.h"
#include "service/cli/eval_tx.h"

#include <errno.h>
#include <stdlib.h>

static const char usage[] =
    "usage: sluice eval --expr E [--vars JSON]\n"
    "       sluice eval --expr E --tx FILE -c FILE [--vars JSON] [--KEY VALUE ...]\n"
    "       sluice eval --jsonl\n"
    "\n"
    "Try an expression, and print its value. Exit 0, or 1 when it is refused or fails.\n"
    "\n"
    "  --expr E      the expression\n"
    "  --vars JSON   variables, an object of plain JSON: 1 is an int, 1.0 a double\n"
    "  --tx FILE     with a transaction's fields, the derived names and the lists of the ruleset;\n"
    "                - is stdin. Features have no history: --vars gives them, and what models\n"
    "                say where that should not be their own: {\"models.fraud\": 0.95}\n"
    "  -c FILE       the configuration file, which names the ruleset\n"
    "  --KEY VALUE   set a key, such as --ruleset rules/packs/starter/ruleset.yaml\n"
    "  --jsonl       rows of the CEL conformance suite from stdin, one JSON object a line; of "
    "each\n"
    "                a line {\"value\": ..}, {\"error\": ..}, or {\"type\": ..} with check_only\n"
    "  --help        this text\n"
    "\n"
    "examples:\n"
    "  sluice eval --expr 'amount > 100.0 && mcc in [5411, 5812]' \\\n"
    "      --vars '{\"amount\": 120.5, \"mcc\": 5411}'\n"
    "  sluice eval --expr 'account_count_5m > 5' --tx transaction.json -c sluice.yaml \\\n"
    "      --vars '{\"account_count_5m\": 6}'\n";

enum {
    ARENA_BYTES = 64 << 20, /* the longest expression and what the command line can give */
    VALUE_TEXT_MAX = 16 << 20,
};

struct trial {
    const char *expr, *vars, *tx;
    struct arena *arena, *scratch;
    struct diag_list diags;
};

/* ---- one expression ----------------------------------------------------------------------- */

static int fail(const char *why)
{
    fprintf(stderr, "sluice eval: %s\n", why);
    return CLI_REFUSED;
}

static int print_error(struct cel_value error)
{
    char why[DIAG_MESSAGE_MAX];
    struct text t;
    text_init(&t, why, sizeof why - 1);
    cel_error_write(error, &t);
    why[t.len] = '\0';
    return fail(why);
}

static int print_value(struct cel_value value)
{
    char *bytes = malloc(VALUE_TEXT_MAX);
    struct text t;
    if (bytes == NULL)
        return fail("out of memory");
    text_init(&t, bytes, VALUE_TEXT_MAX);
    eval_text_write(value, &t);
    text_char(&t, '\n');
    if (!t.overflow)
        fwrite(t.base, 1, t.len, stdout);
    free(bytes);
    return t.overflow ? fail("the value is too large, or nested too deeply, to be printed") : 0;
}

/* Compiled, or NULL, and then diagnostics say why. */
static const struct cel_program *compile(struct trial *t, const struct cel_env *env)
{
    const struct cel_program *program = NULL;
    struct diag_at at = {.file = "--expr"};
    if (cel_compile(env, span_str(t->expr), at, t->arena, &t->diags, &program) != ST_OK)
        return NULL;
    return program;
}

static int run(struct trial *t, const struct cel_program *program, const struct cel_value *cells)
{
    arena_reset(t->scratch);
    struct cel_value value = cel_run(program, cells, t->scratch);
    return cel_is_error(value) ? print_error(value) : print_value(value);
}

static int try_alone(struct trial *t, const struct eval_vars *vars)
{
    struct cel_env env = {
        .names = vars->names,
        .n_names = vars->count,
        .unknown_hint = "variables are given: --vars '{\"amount\": 12.5}'",
    };
    const struct cel_program *program = compile(t, &env);
    cli_print_diags(&t->diags, false, stderr);
    return program != NULL ? run(t, program, vars->values) : CLI_REFUSED;
}

/* ---- with a transaction ------------------------------------------------------------------- */

static int try_on(struct trial *t, struct eval_tx *tx, const struct eval_vars *vars)
{
    const struct cel_program *program = NULL;
    if (eval_tx_set(tx, vars, &t->diags) == ST_OK)
        program = compile(t, &tx->snap->env);
    cli_print_diags(&t->diags, false, stderr);
    if (program == NULL)
        return CLI_REFUSED;
    int result = run(t, program, tx->row.cells);
    eval_tx_tell_missing(tx, program, stderr);
    return result;
}

static int try_with_tx(struct trial *t, const struct cli_args *args, const struct eval_vars *vars)
{
    struct config config;
    struct eval_tx tx;
    if (cli_load_config(args, &config) != ST_OK)
        return CLI_REFUSED;
    if (eval_tx_load(config.ruleset, (int)config.state_exact_events, t->tx, t->arena, t->scratch,
                     &t->diags, &tx) != ST_OK) {
        cli_print_diags(&t->diags, false, stderr);
        return CLI_REFUSED;
    }
    int result = try_on(t, &tx, vars);
    snapshot_unref(tx.snap);
    return result;
}

/* ---- the verb ----------------------------------------------------------------------------- */

static int try_expression(struct trial *t, const struct cli_args *args)
{
    struct eval_vars vars = {0};
    t->arena = arena_new(ARENA_BYTES);
    t->scratch = arena_new(ROW_SCRATCH_BYTES);
    int result = CLI_REFUSED;
    if (t->vars != NULL && eval_vars_read(span_str(t->vars), t->arena, &t->diags, &vars) != ST_OK)
        cli_print_diags(&t->diags, false, stderr);
    else
        result = t->tx != NULL ? try_with_tx(t, args, &vars) : try_alone(t, &vars);
    arena_free(t->arena);
    arena_free(t->scratch);
    return result;
}

static int answer_rows(void)
{
    if (eval_rows_run(stdin, stdout) == ST_OK)
        return 0;
    fprintf(stderr, "sluice eval: %s\n", strerror(errno));
    return CLI_REFUSED;
}

/* What cannot be asked together; NULL: all is well. */
static const char *contradiction(const struct trial *t, const struct cli_args *args, bool jsonl)
{
    if (jsonl && (t->expr != NULL || t->vars != NULL || t->tx != NULL))
        return "--jsonl stands alone: its rows have expressions and variables";
    if (!jsonl && t->expr == NULL)
        return "--expr is missing";
    if (t->tx == NULL && (args->config_file != NULL || args->n_flags > 0))
        return "a configuration is for --tx";
    return NULL;
}

int cli_eval(int argc, char **argv)
{
    static struct trial t;
    bool jsonl = false;
    struct cli_option options[] = {{.name = "expr", .value = &t.expr},
                                   {.name = "vars", .value = &t.vars},
                                   {.name = "tx", .value = &t.tx},
                                   {.name = "jsonl", .given = &jsonl}};
    struct cli_args args;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 4, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    const char *wrong = contradiction(&t, &args, jsonl);
    if (wrong != NULL) {
        fprintf(stderr, "sluice eval: %s; see `sluice eval --help`\n", wrong);
        return CLI_USAGE;
    }
    return jsonl ? answer_rows() : try_expression(&t, &args);
}
