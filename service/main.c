/* The program: finds the verb and hands over. */
#include "service/cli/cli.h"

#include <sodium.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
    const char *example;
} verbs[] = {
#define X(verb, summary, example) {#verb, cli_##verb, summary, example},
    CLI_VERB_TABLE(X)
#undef X
};

enum { VERBS = sizeof verbs / sizeof verbs[0] };

enum { VERB_NAME_MAX = 16 };

/* As it is typed: what C calls score_file is score-file. */
static const char *name_of(int verb)
{
    static char names[VERBS][VERB_NAME_MAX];
    char *name = names[verb];
    for (int i = 0; i < VERB_NAME_MAX - 1 && verbs[verb].name[i] != '\0'; i++)
        name[i] = verbs[verb].name[i] == '_' ? '-' : verbs[verb].name[i];
    return name;
}

static void print_help(FILE *to)
{
    fputs("usage: sluice VERB [OPTIONS]\n\n"
          "Scores transactions against what the same account, card or device did before.\n\n",
          to);
    for (int i = 0; i < VERBS; i++)
        fprintf(to, "  %-10s %s\n             %s\n", name_of(i), verbs[i].summary,
                verbs[i].example);
    fputs("\n`sluice VERB --help` says more. Exit: 0 done, 1 refused or failed, 2 wrong usage.\n",
          to);
}

static int unknown_verb(const char *name)
{
    const char *names[VERBS];
    for (int i = 0; i < VERBS; i++)
        names[i] = name_of(i);
    if (strcmp(name, "reload") == 0) {
        fprintf(stderr,
                "sluice: there is no verb 'reload': a Sluice loads its ruleset again when a "
                "file of it changes, and at SIGHUP; `sluice check` looks at it before\n");
        return CLI_USAGE;
    }
    const char *nearest = diag_nearest(span_str(name), names, VERBS);
    fprintf(stderr, "sluice: unknown verb '%s'%s%s%s; see `sluice --help`\n", name,
            nearest ? ", did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return CLI_USAGE;
}

static bool is_any(const char *s, const char *a, const char *b, const char *c)
{
    return strcmp(s, a) == 0 || strcmp(s, b) == 0 || strcmp(s, c) == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_help(stderr);
        return CLI_USAGE;
    }
    if (is_any(argv[1], "--help", "-h", "help")) {
        print_help(stdout);
        return 0;
    }
    if (sodium_init() < 0) {
        fputs("sluice: libsodium cannot be initialised\n", stderr);
        return CLI_REFUSED;
    }
    for (int i = 0; i < VERBS; i++)
        if (strcmp(argv[1], name_of(i)) == 0)
            return verbs[i].run(argc - 1, argv + 1);
    return unknown_verb(argv[1]);
}
