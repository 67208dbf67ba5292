#include "service/cli/cli.h"

#include "service/base/pairs.h"

#include <stdlib.h>
#include <unistd.h>

static bool wrong(const char *verb, const char *what, const char *argument)
{
    fprintf(stderr, "sluice %s: %s '%s'; see `sluice %s --help`\n", verb, what, argument, verb);
    return false;
}

/* The arguments not read yet, and the verb for messages. */
struct cursor {
    const char *verb;
    char **next;
    char **end;
};

/* The value of `name`: behind '=' in the argument itself, or the next argument. */
static const char *take_value(struct cursor *c, const char *equals)
{
    if (equals != NULL)
        return equals + 1;
    return c->next < c->end ? *c->next++ : NULL;
}

static const struct cli_option *option_find(const struct cli_option *options, size_t n,
                                            const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static bool take_own(struct cursor *c, const struct cli_option *option, const char *equals)
{
    if (option->given != NULL)
        *option->given = true;
    if (option->value == NULL)
        return equals == NULL || wrong(c->verb, "this option takes no value", option->name);
    const char *value = take_value(c, equals);
    if (value == NULL)
        return wrong(c->verb, "a value is missing after", option->name);
    *option->value = value;
    return true;
}

static bool take_flag(struct cursor *c, char *name, const char *equals, struct cli_args *args)
{
    if (!config_is_key(name))
        return wrong(c->verb, "unknown option", name);
    const char *value = take_value(c, equals);
    if (value == NULL)
        return wrong(c->verb, "a value is missing after", name);
    if (args->n_flags == CONFIG_FLAGS_MAX)
        return wrong(c->verb, "too many options, at", name);
    args->flags[args->n_flags++] = (struct config_flag){name, value};
    return true;
}

/* --name, --name value, --name=value */
static bool take_long(struct cursor *c, char *name, const struct cli_option *options, size_t n,
                      struct cli_args *args)
{
    char *equals = strchr(name, '=');
    if (equals != NULL)
        *equals = '\0';
    if (strcmp(name, "config") == 0)
        return (args->config_file = take_value(c, equals)) != NULL ||
               wrong(c->verb, "a file is missing after", "--config");
    const struct cli_option *option = option_find(options, n, name);
    return option ? take_own(c, option, equals) : take_flag(c, name, equals, args);
}

static bool take_operand(struct cursor *c, const char *argument, const struct cli_option *options,
                         size_t n, struct cli_args *args)
{
    if (option_find(options, n, "") == NULL || (argument[0] == '-' && argument[1] != '\0'))
        return wrong(c->verb,
                     access(argument, F_OK) == 0
                         ? "a configuration is named by -c, a ruleset by --ruleset; unexpected"
                         : "unexpected argument",
                     argument);
    if (args->n_operands == CLI_OPERANDS_MAX)
        return wrong(c->verb, "too many arguments, at", argument);
    args->operands[args->n_operands++] = argument;
    return true;
}

static bool take(struct cursor *c, char *argument, const struct cli_option *options, size_t n,
                 struct cli_args *args)
{
    if (strcmp(argument, "-c") == 0)
        return (args->config_file = take_value(c, NULL)) != NULL ||
               wrong(c->verb, "a file is missing after", "-c");
    if (strncmp(argument, "--", 2) == 0 && argument[2] != '\0')
        return take_long(c, argument + 2, options, n, args);
    return take_operand(c, argument, options, n, args);
}

enum cli_parsed cli_parse(int argc, char **argv, const char *usage,
                          const struct cli_option *options, size_t n_options,
                          struct cli_args *ret_args)
{
    struct cursor c = {.verb = argv[0], .next = argv + 1, .end = argv + argc};
    *ret_args = (struct cli_args){0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(usage, stdout);
            return CLI_PARSED_HELP;
        }
    while (c.next < c.end) {
        char *argument = *c.next++;
        if (!take(&c, argument, options, n_options, ret_args))
            return CLI_PARSED_WRONG;
    }
    return CLI_PARSED_OK;
}

bool cli_format(const char *verb, const char *text, bool *ret_json)
{
    bool json = strcmp(text, "json") == 0;
    if (!json && strcmp(text, "text") != 0) {
        fprintf(stderr, "sluice %s: --format is text or json, not '%s'\n", verb, text);
        return false;
    }
    *ret_json = json;
    return true;
}

void cli_print_diags(const struct diag_list *diags, bool json, FILE *to)
{
    static char bytes[DIAG_MAX * 4 * DIAG_MESSAGE_MAX * 2]; /* four texts each, escapes double */
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    if (json)
        for (int i = 0; i < diags->count; i++) {
            diag_write_json(&diags->items[i], &out);
            text_char(&out, '\n');
        }
    else
        diag_print_all(diags, &out);
    fwrite(out.base, 1, out.len, to);
}

void cli_admin_url(const struct config *config, char ret_url[CLI_URL_BYTES])
{
    char host[CONFIG_TEXT_MAX];
    int port = 0;
    const char *listen = config->admin_listen[0] != '\0' ? config->admin_listen : config->listen;
    (void)config_split_listen(listen, host, &port);
    const char *near = host;
    if (strcmp(host, "0.0.0.0") == 0)
        near = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        near = "::1";
    bool is_v6 = strchr(near, ':') != NULL;
    snprintf(ret_url, CLI_URL_BYTES, is_v6 ? "http://[%s]:%d" : "http://%s:%d", near, port);
}

struct span cli_admin_token(const struct config *config)
{
    const char *keys = config->admin_keys;
    struct span name, token = {NULL, 0};
    (void)pairs_next(&keys, &name, &token);
    return token;
}

enum status cli_load_config(const struct cli_args *args, struct config *ret_config)
{
    static struct diag_list diags;
    diags = (struct diag_list){0};
    enum status st = config_load(args->config_file, args->flags, args->n_flags, &diags, ret_config);
    cli_print_diags(&diags, false, stderr);
    return st;
}
