/*
 * cloud_event.h -- the headers of a message in CloudEvents' binary mode for Kafka (CloudEvents 1.0,
 * Kafka protocol binding 3.2), and the trace context it travels under.
 *
 *     content-type: application/json | ce_specversion: 1.0 | ce_id | ce_source: sluice | ce_type
 *     ce_subject: transaction id | ce_time (where there is one) | traceparent (where there is one)
 */
#ifndef SLUICE_IO_CLOUD_EVENT_H
#define SLUICE_IO_CLOUD_EVENT_H

#include "service/base/span.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct cloud_event {
    const char *type;
    struct span id;
    struct span subject;
    struct span traceparent; /* empty: none */
    int64_t time_ms;         /* INT64_MIN: none */
};

/* The caller's, until a message takes them. NULL on no memory. */
rd_kafka_headers_t *cloud_event_headers(const struct cloud_event *e);

#endif
