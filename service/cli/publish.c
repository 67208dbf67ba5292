/* `sluice publish`: a ruleset to all instances that share a Redis. */
#include "service/base/check.h"
#include "service/base/clock.h"
#include "service/cli/cli.h"
#include "service/engine/snapshot.h"
#include "service/release/bundle.h"
#include "service/release/published.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: sluice publish [-c FILE] [--KEY VALUE ...] [--force] [FOLDER|RULESET]\n"
    "\n"
    "Check a ruleset, pack it and put it into state.redis: every instance there decides by it\n"
    "within a second, and one that is down when it starts. Without FOLDER or RULESET it is the\n"
    "one of the configuration. Exit 0: it is published, 1: it is refused, or Redis is away.\n"
    "\n"
    "  -c FILE       the configuration file\n"
    "  --force       whatever the gates of the instances say\n"
    "  --KEY VALUE   set a key, such as --state.redis redis://127.0.0.1:6379/0\n"
    "  --help        this text\n"
    "\n"
    "example:\n"
    "  sluice publish -c sluice.yaml rules/packs/starter\n";

/* The ruleset file that `operand` means: itself, or the one in the folder. */
static void path_of(const char *operand, char ret_path[FILES_PATH_MAX])
{
    struct stat st;
    bool is_folder = stat(operand, &st) == 0 && S_ISDIR(st.st_mode);
    snprintf(ret_path, FILES_PATH_MAX, is_folder ? "%s/" SNAPSHOT_RULESET_NAME : "%s", operand);
}

static enum status pack(const struct config *config, const char *path,
                        struct published_note *ret_note, char **ret_bytes, size_t *ret_len)
{
    static struct diag_list diags;
    struct snapshot_options options = {.exact_events = (int)config->state_exact_events,
                                       .now_ms = clock_wall_ms()};
    struct snapshot *snap = NULL;
    enum status st = snapshot_load(path, &options, &diags, &snap);
    if (st == ST_OK) {
        memcpy(ret_note->id, snap->id_text, sizeof ret_note->id);
        st = bundle_pack(&snap->files, &diags, ret_bytes, ret_len);
    }
    snapshot_unref(snap);
    cli_print_diags(&diags, false, stderr);
    return st;
}

static int put(const struct config *config, const struct published_note *note, struct span bytes)
{
    struct redis_address address;
    const char *why;
    CHECK(redis_address_parse(span_str(config->state_redis), &address, &why) == ST_OK);
    struct redis_sync *redis = redis_sync_new(&address, REDIS_SYNC_TIMEOUT_MS);
    const struct published p = {redis, config->state_prefix};
    enum status st = published_put(&p, note, bytes);
    if (st != ST_OK)
        fprintf(stderr, "sluice publish: Redis: %s\n", redis_sync_why(redis));
    else
        printf("published %s\n", note->id);
    redis_sync_free(redis);
    return st == ST_OK ? 0 : CLI_REFUSED;
}

static int publish(const struct config *config, const char *path, bool force)
{
    struct published_note note = {.judged = force};
    const char *user = getenv("USER");
    char host[65] = ""; /* HOST_NAME_MAX, and its end */
    char *bytes = NULL;
    size_t len = 0;
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "%s", "unknown");
    snprintf(note.who, sizeof note.who, "%.40s@%s",
             user != NULL && user[0] != '\0' ? user : "local", host);
    if (pack(config, path, &note, &bytes, &len) != ST_OK)
        return CLI_REFUSED;
    int exit_status = put(config, &note, span_of(bytes, len));
    free(bytes);
    return exit_status;
}

int cli_publish(int argc, char **argv)
{
    static struct config config;
    bool force = false;
    const struct cli_option options[] = {{.name = "force", .given = &force}, CLI_OPERANDS};
    struct cli_args args;
    char path[FILES_PATH_MAX];
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 2, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (args.n_operands > 1) {
        fprintf(stderr, "sluice publish: one ruleset at a time\n");
        return CLI_USAGE;
    }
    if (cli_load_config(&args, &config) != ST_OK)
        return CLI_REFUSED;
    if (config.state_backend != CONFIG_BACKEND_REDIS) {
        fprintf(stderr, "sluice publish: state.backend is not redis: nobody would take it. Send it "
                        "by PUT /v1/ruleset\n");
        return CLI_REFUSED;
    }
    signal(SIGPIPE, SIG_IGN); /* a Redis that left is seen by write's error */
    path_of(args.n_operands > 0 ? args.operands[0] : config.ruleset, path);
    return publish(&config, path, force);
}
