/* `sluice dlq`: what could not be scored, shown, or sent back after what was wrong is mended. */
#include "service/cli/cli.h"
#include "service/cli/kafka.h"
#include "service/io/dead_topic.h"

#include <stdlib.h>

enum { REASONS_MAX = 32, WORD_MAX = 32 };

static const char usage[] =
    "usage: sluice dlq [-c FILE] [--replay] [--dry-run] [--from-beginning] [--KEY VALUE ...]\n"
    "\n"
    "The dead letters of kafka.dead_letters that no replay has sent back yet, one JSON object a\n"
    "line (where the message stood, and where its letter stands), and how many of each reason. "
    "With --replay they go back to the topic they came from,\n"
    "with their key, value and headers; what is refused again becomes a dead letter again. Exit "
    "0,\n"
    "or 1 when something failed: then nothing counts as sent back.\n"
    "\n"
    "  -c FILE            the configuration file\n"
    "  --replay           send them back\n"
    "  --dry-run          with --replay: only count what would be sent\n"
    "  --from-beginning   also those that a replay has sent back before\n"
    "  --KEY VALUE        set a key, such as --kafka.dead_letters transactions.dlq\n"
    "  --help             this text\n"
    "\n"
    "example:\n"
    "  sluice dlq -c sluice.yaml --replay --dry-run\n";

struct reason {
    char word[WORD_MAX];
    uint64_t n;
};

struct dlq {
    bool shows;
    struct reason reasons[REASONS_MAX];
    int n_reasons;
};

static void count(struct dlq *d, struct span word)
{
    int i = 0;
    while (i < d->n_reasons && !span_is(word, d->reasons[i].word))
        i++;
    if (i == REASONS_MAX)
        return;
    if (i == d->n_reasons) {
        d->n_reasons++;
        snprintf(d->reasons[i].word, WORD_MAX, "%.*s", SPAN_ARG(word));
    }
    d->reasons[i].n++;
}

static void put(struct text *out, const char *name, struct span value)
{
    text_str(out, name);
    text_json_string(out, value);
}

static void show(const struct dead_letter *l)
{
    char bytes[8192];
    struct text out;
    text_init(&out, bytes, sizeof bytes);
    put(&out, "{\"error\":", l->error);
    put(&out, ",\"detail\":", l->detail);
    put(&out, ",\"topic\":", l->topic);
    put(&out, ",\"partition\":", l->from_partition);
    put(&out, ",\"offset\":", l->from_offset);
    text_printf(&out, ",\"letter\":{\"partition\":%d,\"offset\":%lld}", l->partition,
                (long long)l->offset);
    text_str(&out, l->goes_back ? ",\"goes_back\":true}\n" : ",\"goes_back\":false}\n");
    fwrite(out.base, 1, out.len, stdout);
}

static void each(void *user, const struct dead_letter *l)
{
    struct dlq *d = user;
    count(d, l->error);
    if (d->shows)
        show(l);
}

static void report(const struct dlq *d, const struct dead_topic_counts *c, const char *what)
{
    fprintf(stderr, "%llu dead letters", (unsigned long long)c->letters);
    for (int i = 0; i < d->n_reasons; i++)
        fprintf(stderr, "%s%s %llu", i == 0 ? ": " : ", ", d->reasons[i].word,
                (unsigned long long)d->reasons[i].n);
    fprintf(stderr, "; %llu %s, %llu cannot go back\n", (unsigned long long)c->goes_back, what,
            (unsigned long long)(c->letters - c->goes_back));
}

static int run(const struct config *config, bool replay, bool dry_run, bool from_beginning)
{
    struct kafka_options kafka = kafka_options_of(config);
    struct dlq d = {.shows = !replay};
    struct dead_topic_counts counts = {0};
    struct dead_topic_options o = {.kafka = &kafka,
                                   .replay = replay && !dry_run,
                                   .from_beginning = from_beginning,
                                   .each = each,
                                   .user = &d};
    char why[KAFKA_WHY_BYTES] = "";
    if (dead_topic_read(&o, &counts, why) != ST_OK) {
        fprintf(stderr, "sluice dlq: %s\n", why);
        return CLI_REFUSED;
    }
    report(&d, &counts, o.replay ? "sent back" : "would be sent back");
    return 0;
}

static bool has_topic(const struct config *config)
{
    return config->kafka_brokers[0] != '\0' && config->kafka_dead_letters[0] != '\0';
}

int cli_dlq(int argc, char **argv)
{
    static struct config config;
    bool replay = false, dry_run = false, from_beginning = false;
    const struct cli_option options[] = {{.name = "replay", .given = &replay},
                                         {.name = "dry-run", .given = &dry_run},
                                         {.name = "from-beginning", .given = &from_beginning}};
    struct cli_args args;
    enum cli_parsed parsed =
        cli_parse(argc, argv, usage, options, sizeof options / sizeof options[0], &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (kafka_load_config(&args, &config) != ST_OK)
        return CLI_REFUSED;
    if (!has_topic(&config)) {
        fprintf(stderr, "sluice dlq: kafka.brokers and kafka.dead_letters are not set\n");
        return CLI_REFUSED;
    }
    return run(&config, replay, dry_run, from_beginning);
}
