/*
 * kafka.h -- what the configuration says of Kafka, for the parts that speak to it.
 *
 * Owns:    nothing. Threads: any.
 */
#ifndef SLUICE_CLI_KAFKA_H
#define SLUICE_CLI_KAFKA_H

#include "service/config.h"
#include "service/io/kafka_conf.h"

/* Borrows from `config`. */
struct kafka_options kafka_options_of(const struct config *config);

/*
 * Is what kafka.properties says fine with librdkafka? `file` is the configuration's, or NULL.
 * ST_OK at once without brokers. Errors: ST_INVALID with diagnostics.
 */
MUST_USE enum status kafka_check(const struct config *config, const char *file,
                                 struct diag_list *diags);

#endif
