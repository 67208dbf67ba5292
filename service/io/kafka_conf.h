/*
 * kafka_conf.h -- what of the configuration concerns Kafka, and librdkafka's settings made of it.
 *
 *     kafka: keys ──> struct kafka_options ──┬──> kafka_conf_consumer ──> rd_kafka_new
 *                                            └──> kafka_conf_producer ──> rd_kafka_new
 *
 * The user's own settings (kafka.properties) come last, but for those that are ours: what is
 * accepted must neither be lost nor be committed too early. A value is in no message: it may be
 * a secret.
 *
 * librdkafka's own log lines, warnings and worse, become ours, a few at a time.
 *
 * Owns:    nothing. Threads: any; librdkafka logs from its own.
 */
#ifndef SLUICE_IO_KAFKA_CONF_H
#define SLUICE_IO_KAFKA_CONF_H

#include "service/base/diag.h"
#include "service/base/status.h"

#include <librdkafka/rdkafka.h>

enum { KAFKA_WHY_BYTES = 512 };

/* Plain data; texts are the caller's, and outlive all that is made of them. "": not wanted. */
struct kafka_options {
    const char *brokers, *group;
    const char *transactions, *labels, *decisions, *alerts, *dead_letters; /* topics */
    const char *properties;                                                /* pairs.h */
    bool explain, historic;
    int in_flight, unsettled; /* messages of one worker */
};

/*
 * Everything that librdkafka, or we, refuse of options->properties becomes an error that names it,
 * at `at`. Connects to nobody. Errors: ST_INVALID.
 */
MUST_USE enum status kafka_conf_check(const struct kafka_options *options, struct diag_at at,
                                      struct diag_list *diags);

/*
 * Settings of a group's member, or of a producer that gives nothing up: the caller adds its
 * callbacks and hands them to rd_kafka_new. CHECKs that kafka_conf_check was fine.
 */
rd_kafka_conf_t *kafka_conf_consumer(const struct kafka_options *options);
rd_kafka_conf_t *kafka_conf_producer(const struct kafka_options *options);

/* What the brokers know of one topic: ret_found->topics[0], whose own `err` says whether it is
 * there; rd_kafka_metadata_destroy(). The answer is whether they were reached. */
rd_kafka_resp_err_t kafka_ask_topic(rd_kafka_t *client, const char *name, int timeout_ms,
                                    const struct rd_kafka_metadata **ret_found);

#endif
