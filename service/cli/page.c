#include "service/cli/page.h"

#include "service/cli/cli.h"
#include "service/cli/http_get.h"

static int refuse(const struct page *page, const char *url, const char *why)
{
    fprintf(stderr, "sluice %s: %s: %s\n", page->verb, url, why);
    return CLI_REFUSED;
}

/* By what its problem says. */
static int refuse_answer(const struct page *page, const char *url, const struct http_answer *a)
{
    char why[HTTP_GET_WHY_BYTES];
    json_t *problem = json_loadb(a->body.base, a->body.len, 0, NULL);
    const char *detail = json_string_value(json_object_get(problem, "detail"));
    snprintf(why, sizeof why, "it answers with status %d%s%.400s", a->status,
             detail != NULL ? ": " : "", detail != NULL ? detail : "");
    json_decref(problem);
    return refuse(page, url, why);
}

static int show(const struct page *page, const char *url, const struct http_answer *a, bool json)
{
    if (a->status != 200)
        return refuse_answer(page, url, a);
    if (json) {
        fwrite(a->body.base, 1, a->body.len, stdout);
        fputc('\n', stdout);
        return 0;
    }
    json_t *answer = json_loadb(a->body.base, a->body.len, 0, NULL);
    if (!json_is_object(answer)) {
        json_decref(answer);
        return refuse(page, url, "what answers there is no Sluice");
    }
    page->text(answer, stdout);
    json_decref(answer);
    return 0;
}

static int run(const struct page *page, const char *url, struct span token, bool json)
{
    struct http_answer a;
    char why[HTTP_GET_WHY_BYTES] = "";
    if (http_get(url, page->path, token, &a, why) != ST_OK)
        return refuse(page, url, why);
    int exit_status = show(page, url, &a, json);
    http_answer_fini(&a);
    return exit_status;
}

int page_show(const struct page *page, int argc, char **argv)
{
    static struct config config;
    const char *url = NULL, *format = "text";
    char listen_url[CLI_URL_BYTES];
    const struct cli_option options[] = {{.name = "url", .value = &url},
                                         {.name = "format", .value = &format}};
    struct cli_args args;
    enum cli_parsed parsed =
        cli_parse(argc, argv, page->usage, options, sizeof options / sizeof options[0], &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    bool json;
    if (!cli_format(page->verb, format, &json))
        return CLI_USAGE;
    bool wants_config = url == NULL || args.config_file != NULL;
    if (wants_config && cli_load_config(&args, &config) != ST_OK)
        return CLI_REFUSED;
    if (url == NULL)
        cli_admin_url(&config, listen_url);
    return run(page, url != NULL ? url : listen_url, cli_admin_token(&config), json);
}
