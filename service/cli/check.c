/* `sluice check`: everything that is wrong with a configuration and its ruleset, at once. */
#include "service/base/check.h"
#include "rules/cel_listing.h"
#include "service/base/clock.h"
#include "service/cli/cli.h"
#include "service/cli/kafka.h"
#include "service/engine/budget.h"
#include "service/engine/meaning.h"
#include "service/engine/model_set_json.h"

#include <stdlib.h>

static const char usage[] =
    "usage: sluice check [-c FILE] [--KEY VALUE ...] [--format text|json] [--explain RULE]\n"
    "\n"
    "Load the configuration and the ruleset it names as `sluice serve` would, and print what is\n"
    "wrong: on stdout, one JSON object a line with --format json. Of a ruleset that is fine it is\n"
    "said what it costs; `limits:` in its file refuses more. As JSON it is also told what each\n"
    "field, derived field and feature means, as a hash: a model's baseline keeps those of its\n"
    "inputs. Exit 0: fine (warnings may be printed), 1: refused.\n"
    "\n"
    "  -c FILE          the configuration file\n"
    "  --KEY VALUE      set a key, such as --ruleset rules/packs/starter/ruleset.yaml\n"
    "  --format json    for programs\n"
    "  --explain RULE   the rule with that id as it is run: types, instructions, cost\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice check -c sluice.yaml\n";

enum {
    LISTING_BYTES = 4 << 20, /* of 16 KB of source, with room to spare */
    BUDGET_BYTES = 16 << 10, /* eight key fields, five names, as many models as there may be */
    MODELS_BYTES = 16 << 10, /* each its name, its champion's and what its file says: 600 bytes */
    MEANINGS_BYTES = 128 << 10, /* of 448 names, some 260 bytes at most each */
};

static void explain_part(const struct snapshot *snap, const char *title,
                         const struct cel_program *program)
{
    char *buf = malloc(LISTING_BYTES);
    struct text out;
    CHECK(buf != NULL);
    text_init(&out, buf, LISTING_BYTES);
    cel_listing_write(program, &snap->env, 4, &out);
    printf("  %s:\n%.*s", title, SPAN_ARG(text_span(&out)));
    free(buf);
}

static void explain_rule(const struct snapshot *snap, const struct rule *rule)
{
    printf("rule %.*s (%s:%d)\n", SPAN_ARG(rule->id), rule->at.file, rule->at.line);
    explain_part(snap, "when", rule->when);
    if (rule->score_program != NULL)
        explain_part(snap, "score", rule->score_program);
    for (int i = 0; i < rule->reason.count; i++) {
        if (rule->reason.pieces[i].program != NULL)
            explain_part(snap, "reason", rule->reason.pieces[i].program);
    }
}

/* The rule called `id`; false: there is none, and which is near is said. */
static bool explain(const struct snapshot *snap, const char *id)
{
    const struct rules *rules = snap->rules;
    const char **ids = calloc((size_t)rules->count + 1, sizeof *ids);
    CHECK(ids != NULL);
    for (int i = 0; i < rules->count; i++) {
        ids[i] = rules->rules[i]->id.base; /* a copy in the arena, with a NUL */
        if (!span_is(rules->rules[i]->id, id))
            continue;
        explain_rule(snap, rules->rules[i]);
        free(ids);
        return true;
    }
    const char *nearest = diag_nearest(span_str(id), ids, (size_t)rules->count);
    fprintf(stderr, "sluice check: there is no rule '%s'", id);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean '%s'?", nearest);
    fprintf(stderr, "\n");
    free(ids);
    return false;
}

static void print_budget(const struct snapshot *snap, bool json)
{
    char buf[BUDGET_BYTES];
    struct budget b;
    struct text t;
    budget_of(snap, &b);
    text_init(&t, buf, sizeof buf);
    if (json)
        text_str(&t, "{\"budget\":");
    (json ? budget_write_json : budget_write)(&b, &t);
    text_str(&t, json ? "}\n" : "");
    fwrite(buf, 1, t.len, stdout);
}

static void print_meanings(const struct snapshot *snap)
{
    char buf[MEANINGS_BYTES];
    struct text t;
    text_init(&t, buf, sizeof buf);
    text_str(&t, "{\"meanings\":");
    meanings_write(snap, &t);
    text_str(&t, "}\n");
    CHECK(!t.overflow);
    fwrite(buf, 1, t.len, stdout);
}

static void print_model(const struct bound_model *m)
{
    printf("model %.*s: %s, %s, %s", SPAN_ARG(m->name), m->model.hash, model_role_text(m->role),
           model_format_text(m->model.format));
    if (m->model.objective.len > 0)
        printf(" %.*s", SPAN_ARG(m->model.objective));
    printf(", %d %s", m->model.n_inputs, m->model.n_inputs == 1 ? "input" : "inputs");
    if (m->model.forest != NULL)
        printf(", %u trees, %u nodes", m->model.forest->n_trees, m->model.forest->n_nodes);
    printf("\n");
}

static void print_models(const struct model_set *set, bool json)
{
    char buf[MODELS_BYTES];
    struct text t;
    for (int i = 0; i < set->count && !json; i++)
        print_model(&set->items[i]);
    if (set->count == 0 || !json)
        return;
    text_init(&t, buf, sizeof buf);
    model_set_write_json(set, &t);
    printf("{\"models\":%.*s}\n", SPAN_ARG(text_span(&t)));
}

static enum status check_ruleset(const struct config *config, const char *rule, bool json,
                                 struct diag_list *diags)
{
    struct snapshot *snap;
    struct snapshot_options options = {.exact_events = (int)config->state_exact_events,
                                       .now_ms = clock_wall_ms()};
    enum status st = snapshot_load(config->ruleset, &options, diags, &snap);
    if (st != ST_OK)
        return st;
    if (!json)
        printf("ruleset %s: %d fields, %d derived, %d features, %d lists, %d rules\n",
               snap->id_text, snap->schema.count, snap->n_derived, snap->features.n_features,
               snap->lists->count, snap->rules->count);
    print_models(&snap->models, json);
    if (rule == NULL)
        print_budget(snap, json);
    else if (!explain(snap, rule))
        st = ST_INVALID;
    if (rule == NULL && json)
        print_meanings(snap);
    snapshot_unref(snap);
    return st;
}

int cli_check(int argc, char **argv)
{
    static struct diag_list diags;
    const char *format = "text", *rule = NULL;
    struct cli_option options[] = {{.name = "format", .value = &format},
                                   {.name = "explain", .value = &rule}};
    struct cli_args args;
    struct config config;
    bool json;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, options, 2, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    if (!cli_format("check", format, &json))
        return CLI_USAGE;
    enum status st = config_load(args.config_file, args.flags, args.n_flags, &diags, &config);
    if (st == ST_OK)
        st = kafka_check(&config, args.config_file, &diags);
    if (st == ST_OK)
        st = check_ruleset(&config, rule, json, &diags);
    cli_print_diags(&diags, json, stdout);
    return st == ST_OK ? 0 : CLI_REFUSED;
}
