/* `sluice version`: which build this is. */
#include "service/cli/cli.h"

#include <archive.h>
#include <curl/curlver.h>
#include <hiredis/hiredis.h>
#include <jansson.h>
#include <libdeflate.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <sodium.h>
#include <uv.h>
#include <yaml.h>

static const char usage[] = "usage: sluice version\n"
                            "\n"
                            "Print Sluice's version and those of its libraries.\n"
                            "\n"
                            "example:\n"
                            "  sluice version\n";

int cli_version(int argc, char **argv)
{
    struct cli_args args;
    enum cli_parsed parsed = cli_parse(argc, argv, usage, NULL, 0, &args);
    if (parsed != CLI_PARSED_OK)
        return parsed == CLI_PARSED_HELP ? 0 : CLI_USAGE;
    printf("sluice %s\n", SLUICE_VERSION);
    printf("libmicrohttpd %s, libuv %s, hiredis %d.%d.%d, jansson %s, libyaml %s, libsodium %s, "
           "libdeflate %s, librdkafka %s, libarchive %s, libcurl %s\n",
           MHD_get_version(), uv_version_string(), HIREDIS_MAJOR, HIREDIS_MINOR, HIREDIS_PATCH,
           jansson_version_str(), yaml_get_version_string(), sodium_version_string(),
           LIBDEFLATE_VERSION_STRING, rd_kafka_version_str(), ARCHIVE_VERSION_ONLY_STRING,
           LIBCURL_VERSION);
    return 0;
}
