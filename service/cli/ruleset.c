/* `sluice ruleset`: what decides here, what on all nodes, and the way back. */
#include "service/base/check.h"
#include "service/cli/cli.h"
#include "service/cli/http_get.h"
#include "service/release/published.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>

static const char usage[] =
    "usage: sluice ruleset [-c FILE] [--all | --rollback [--to ID]] [--format text|json]\n"
    "\n"
    "Ask a running Sluice which rulesets have decided there, the newest first; the one that does\n"
    "has a *. --all asks Redis what each node decides by. --rollback goes back to the one before,\n"
    "or to ID; with a shared Redis all nodes do. Exit 0, or 1 when it is refused or nobody "
    "answers.\n"
    "\n"
    "  -c FILE          the configuration file of the one to ask: at admin.listen, or listen, "
    "with\n"
    "                   the first of admin.keys\n"
    "  --all            every node that shares state.redis, as it said within 10 s\n"
    "  --rollback       go back\n"
    "  --to ID          to this one\n"
    "  --format FORMAT  text (the default) or json\n"
    "  --KEY VALUE      set a key, such as --listen 127.0.0.1:9000\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice ruleset -c sluice.yaml --rollback\n";

static int refuse(const char *what, const char *why)
{
    fprintf(stderr, "sluice ruleset: %s: %s\n", what, why);
    return CLI_REFUSED;
}

static const char *text_at(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));
    return text != NULL ? text : "-";
}

/* ---- one that runs ---- */

/* The answer's JSON; NULL: what is wrong was printed. */
static json_t *ask(const struct config *config, const char *path, const struct span *post)
{
    char url[CLI_URL_BYTES], why[HTTP_GET_WHY_BYTES] = "";
    struct span token = cli_admin_token(config);
    struct http_answer a;
    cli_admin_url(config, url);
    enum status st = post != NULL ? http_post(url, path, token, *post, &a, why)
                                  : http_get(url, path, token, &a, why);
    if (st != ST_OK) {
        refuse(url, why);
        return NULL;
    }
    json_t *answer = json_loadb(a.body.base, a.body.len, 0, NULL);
    if (answer == NULL || a.status != 200) {
        refuse(text_at(answer, "title"), text_at(answer, "detail"));
        json_decref(answer);
        answer = NULL;
    }
    http_answer_fini(&a);
    return answer;
}

static void print_json(const json_t *answer)
{
    json_dumpf(answer, stdout, JSON_COMPACT);
    fputc('\n', stdout);
}

static void print_versions(const json_t *answer)
{
    size_t i;
    json_t *v;
    printf("  %-16s  %-24s  %-8s  %s\n", "RULESET", "SINCE", "FROM", "WHO");
    json_array_foreach(json_object_get(answer, "versions"), i, v) printf(
        "%c %-16s  %-24s  %-8s  %s\n", json_is_true(json_object_get(v, "active")) ? '*' : ' ',
        text_at(v, "ruleset"), text_at(v, "at"), text_at(v, "from"), text_at(v, "who"));
}

static int show_versions(const struct config *config, bool json)
{
    json_t *answer = ask(config, "/v1/ruleset/versions", NULL);
    if (answer == NULL)
        return CLI_REFUSED;
    if (json)
        print_json(answer);
    else
        print_versions(answer);
    json_decref(answer);
    return 0;
}

static int roll_back(const struct config *config, const char *to, bool json)
{
    char body[64] = "";
    if (to != NULL && !version_is_id(to))
        return refuse(to, "an id has 16 hex digits");
    if (to != NULL)
        snprintf(body, sizeof body, "{\"to\":\"%s\"}", to);
    const struct span post = span_str(body);
    json_t *answer = ask(config, "/v1/ruleset/rollback", &post);
    if (answer == NULL)
        return CLI_REFUSED;
    if (json)
        print_json(answer);
    else
        printf("%s decides now, and %s did before\n", text_at(answer, "ruleset"),
               text_at(answer, "previous"));
    json_decref(answer);
    return 0;
}

/* ---- all nodes ---- */

/* A list that was changed a moment ago is no split. */
static bool are_one(const json_t *nodes)
{
    const char *first = text_at(json_array_get(nodes, 0), "ruleset");
    for (size_t i = 1; i < json_array_size(nodes); i++)
        if (strcmp(text_at(json_array_get(nodes, i), "ruleset"), first) != 0)
            return false;
    return true;
}

static void print_nodes(const json_t *nodes)
{
    size_t i;
    json_t *n;
    printf("%-28s  %-16s  %-16s  %-24s  %-8s  %s\n", "NODE", "RULESET", "WITH LISTS", "SINCE",
           "FROM", "WHO");
    json_array_foreach(nodes, i, n) printf(
        "%-28s  %-16s  %-16s  %-24s  %-8s  %s\n", text_at(n, "node"), text_at(n, "ruleset"),
        text_at(n, "decided_by"), text_at(n, "since"), text_at(n, "from"), text_at(n, "who"));
    if (!are_one(nodes))
        printf("they do not decide by one ruleset: `sluice publish` brings one to all\n");
}

static enum status ask_nodes(const struct config *config, char **ret_json)
{
    struct redis_address address;
    const char *why;
    CHECK(redis_address_parse(span_str(config->state_redis), &address, &why) == ST_OK);
    struct redis_sync *redis = redis_sync_new(&address, REDIS_SYNC_TIMEOUT_MS);
    const struct published p = {redis, config->state_prefix};
    enum status st = published_nodes(&p, ret_json);
    if (st != ST_OK)
        refuse("Redis", redis_sync_why(redis));
    redis_sync_free(redis);
    return st;
}

static int show_nodes(const struct config *config, bool json)
{
    char *said;
    if (config->state_backend != CONFIG_BACKEND_REDIS)
        return refuse("--all", "state.backend is not redis: this node is alone");
    if (ask_nodes(config, &said) != ST_OK)
        return CLI_REFUSED;
    json_t *nodes = json_loads(said, 0, NULL);
    free(said);
    if (nodes == NULL)
        return refuse("Redis", "what the nodes say there is no JSON");
    if (json)
        print_json(nodes);
    else
        print_nodes(nodes);
    json_decref(nodes);
    return 0;
}

int cli_ruleset(int argc, char **argv)
{
    static struct config config;
    const char *format = "text", *to = NULL;
    bool all = false, back = false;
    const struct cli_option options[] = {{.name = "all", .given = &all},
                                         {.name = "rollback", .given = &back},
                                         {.name = "to", .value = &to},
                                         {.name = "format", .value = &format}};
    struct cli_args args;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 4, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    bool json;
    if (!cli_format("ruleset", format, &json))
        return CLI_USAGE;
    if ((all && back) || (to != NULL && !back)) {
        fprintf(stderr, "sluice ruleset: --all and --rollback exclude each other; --to goes with "
                        "--rollback\n");
        return CLI_USAGE;
    }
    if (cli_load_config(&args, &config) != ST_OK)
        return CLI_REFUSED;
    signal(SIGPIPE, SIG_IGN);
    if (all)
        return show_nodes(&config, json);
    return back ? roll_back(&config, to, json) : show_versions(&config, json);
}
