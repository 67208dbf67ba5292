/* `sluice rules`: how each rule of a running Sluice does. */
#include "service/cli/cli.h"
#include "service/cli/page.h"
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

int cli_rules(int argc, char **argv)
{
    static const struct page page = {"rules", usage, "/v1/rules", rules_text};
    return page_show(&page, argc, argv);
}
