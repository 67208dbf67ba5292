/* `sluice rules`: how each rule of a running Sluice does. */
#include "service/cli/cli.h"
#include "service/cli/http_get.h"
#include "service/cli/rules_text.h"

static const char usage[] =
    "usage: sluice rules [-c FILE] [--url URL] [--format text|json] [--KEY VALUE ...]\n"
    "\n"
    "Ask a running Sluice how each rule does: what it fired at, near misses, what labels say of\n"
    "that (frauds, legitimate transactions, precision, recall, their money, how long labels took)\n"
    "and what is odd: it never fires, always fires, or only where another rule fires too.\n"
    "A - stands where there are fewer than 20 labels to say. Exit 0, or 1 when nobody answers.\n"
    "\n"
    "  -c FILE          the configuration file of the one to ask: at its admin.listen, or listen,\n"
    "                   with the first of its admin.keys\n"
    "  --url URL        where to ask instead, such as http://127.0.0.1:8080\n"
    "  --format FORMAT  text (the default), or json: as GET /v1/rules answers it\n"
    "  --KEY VALUE      set a key, such as --listen 127.0.0.1:9000\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice rules -c sluice.yaml\n";

static int refuse(const char *url, const char *why)
{
    fprintf(stderr, "sluice rules: %s: %s\n", url, why);
    return CLI_REFUSED;
}

/* By what its problem says. */
static int refuse_answer(const char *url, const struct http_answer *a)
{
    char why[HTTP_GET_WHY_BYTES];
    json_t *problem = json_loadb(a->body.base, a->body.len, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    snprintf(why, sizeof why, "it answers with status %d%s%.400s", a->status,
             detail != NULL ? ": " : "", detail != NULL ? detail : "");
    json_decref(problem);
    return refuse(url, why);
}

static int show(const char *url, const struct http_answer *a, bool json)
{
    if (a->status != 200)
        return refuse_answer(url, a);
    if (json) {
        fwrite(a->body.base, 1, a->body.len, stdout);
        fputc('\n', stdout);
        return 0;
    }
    json_t *answer = json_loadb(a->body.base, a->body.len, 0, NULL);
    if (!json_is_object(answer)) {
        json_decref(answer);
        return refuse(url, "what answers there is no Sluice");
    }
    rules_text(answer, stdout);
    json_decref(answer);
    return 0;
}

static int run(const char *url, struct span token, bool json)
{
    struct http_answer a;
    char why[HTTP_GET_WHY_BYTES] = "";
    if (http_get(url, "/v1/rules", token, &a, why) != ST_OK)
        return refuse(url, why);
    int exit_status = show(url, &a, json);
    http_answer_fini(&a);
    return exit_status;
}

int cli_rules(int argc, char **argv)
{
    static struct config config;
    const char *url = NULL, *format = "text";
    char listen_url[CLI_URL_BYTES];
    const struct cli_option options[] = {{.name = "url", .value = &url},
                                         {.name = "format", .value = &format}};
    struct cli_args args;
    enum cli_parsed parsed =
        cli_parse(argc, argv, usage, options, sizeof options / sizeof options[0], &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    bool json;
    if (!cli_format("rules", format, &json))
        return CLI_USAGE;
    bool wants_config = url == NULL || args.config_file != NULL;
    if (wants_config && cli_load_config(&args, &config) != ST_OK)
        return CLI_REFUSED;
    if (url == NULL)
        cli_admin_url(&config, listen_url);
    return run(url != NULL ? url : listen_url, cli_admin_token(&config), json);
}
