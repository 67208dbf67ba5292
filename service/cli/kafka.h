/*
 * kafka.h -- what the configuration says of Kafka, for the parts that speak to it.
 *
 * Owns:    nothing. Threads: any.
 */
#ifndef SLUICE_CLI_KAFKA_H
#define SLUICE_CLI_KAFKA_H

#include "service/cli/cli.h"
#include "service/io/kafka_conf.h"

/* Borrows from `config`. */
struct kafka_options kafka_options_of(const struct config *config);

/*
 * Is what kafka.properties says fine with librdkafka? `file` is the configuration's, or NULL.
 * ST_OK at once without brokers. Errors: ST_INVALID with diagnostics.
 */
MUST_USE enum status kafka_check(const struct config *config, const char *file,
                                 struct diag_list *diags);

/* cli_load_config(), and kafka_check() of it; diagnostics go to stderr. */
MUST_USE enum status kafka_load_config(const struct cli_args *args, struct config *ret_config);

#endif
