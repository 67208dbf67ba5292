#include "service/io/cloud_event.h"

#include "service/base/text.h"

enum { HEADERS = 8, TIME_BYTES = 32 };

static bool add(rd_kafka_headers_t *headers, const char *name, struct span value)
{
    return rd_kafka_header_add(headers, name, -1, value.base, (ssize_t)value.len) ==
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

static bool add_time(rd_kafka_headers_t *headers, int64_t time_ms)
{
    char bytes[TIME_BYTES];
    struct text out;
    if (time_ms == INT64_MIN)
        return true;
    text_init(&out, bytes, sizeof bytes);
    text_time_ms(&out, time_ms);
    return add(headers, "ce_time", text_span(&out));
}

rd_kafka_headers_t *cloud_event_headers(const struct cloud_event *e)
{
    rd_kafka_headers_t *h = rd_kafka_headers_new(HEADERS);
    bool ok = h != NULL && add(h, "content-type", span_str("application/json")) &&
              add(h, "ce_specversion", span_str("1.0")) && add(h, "ce_id", e->id) &&
              add(h, "ce_source", span_str("sluice")) && add(h, "ce_type", span_str(e->type)) &&
              add(h, "ce_subject", e->subject) && add_time(h, e->time_ms) &&
              (e->traceparent.len == 0 || add(h, "traceparent", e->traceparent));
    if (ok)
        return h;
    if (h != NULL)
        rd_kafka_headers_destroy(h);
    return NULL;
}
