/* `sluice models`: how each model of a running Sluice does. */
#include "service/cli/cli.h"
#include "service/cli/models_text.h"
#include "service/cli/page.h"

static const char usage[] =
    "usage: sluice models [-c FILE] [--url URL] [--format text|json] [--KEY VALUE ...]\n"
    "\n"
    "Ask a running Sluice how each model does: what it scored, how many scores were at its\n"
    "threshold or over it, how often a challenger and its champion were on one side of theirs; "
    "and\n"
    "for a model with a baseline how far its inputs and its score are from those of training, the\n"
    "worst first: the population stability index and the share that is missing. stable below 0.1,\n"
    "moving from there, drifted from the ruleset's bound on; unknown below 1,000 transactions.\n"
    "Exit 0, or 1 when nobody answers.\n"
    "\n"
    "  -c FILE          the configuration file of the one to ask: at its admin.listen, or listen,\n"
    "                   with the first of its admin.keys\n"
    "  --url URL        where to ask instead, such as http://127.0.0.1:8080\n"
    "  --format FORMAT  text (the default), or json: as GET /v1/models answers it\n"
    "  --KEY VALUE      set a key, such as --listen 127.0.0.1:9000\n"
    "  --help           this text\n"
    "\n"
    "example:\n"
    "  sluice models -c sluice.yaml\n";

int cli_models(int argc, char **argv)
{
    static const struct page page = {"models", usage, "/v1/models", models_text};
    return page_show(&page, argc, argv);
}
