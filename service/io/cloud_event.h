/*
 * cloud_event.h -- the headers of a message in CloudEvents' binary mode for Kafka (CloudEvents 1.0,
 * Kafka protocol binding 3.2), and the trace context it travels under.
 *
 *     content-type: application/json | ce_specversion: 1.0 | ce_id | ce_source: sluice | ce_type
 *     ce_subject: transaction id | ce_time (where there is one) | traceparent (where there is one)
 *
 * Owns: nothing. Threads: pure.
 */
#ifndef SLUICE_IO_CLOUD_EVENT_H
#define SLUICE_IO_CLOUD_EVENT_H

#include "service/io/outlet.h"

enum { CLOUD_EVENT_HEADERS = 8, CLOUD_EVENT_TIME_BYTES = 32 };

struct cloud_event {
    const char *type;
    const char *id;
    struct span subject;
    struct span traceparent; /* empty: none */
    int64_t time_ms;         /* INT64_MIN: none */
};

/* The headers, which borrow from `e` and from `time_room`. */
struct cloud_event_headers {
    struct outlet_header headers[CLOUD_EVENT_HEADERS];
    int n;
    char time_room[CLOUD_EVENT_TIME_BYTES];
};

void cloud_event_write(const struct cloud_event *e, struct cloud_event_headers *ret_headers);

#endif
