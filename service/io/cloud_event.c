#include "service/io/cloud_event.h"

#include "service/base/text.h"

static void add(struct cloud_event_headers *h, const char *name, struct span value)
{
    if (value.len > 0)
        h->headers[h->n++] = (struct outlet_header){span_str(name), value};
}

static struct span time_of(int64_t time_ms, char *room)
{
    struct text out;
    text_init(&out, room, CLOUD_EVENT_TIME_BYTES);
    if (time_ms != INT64_MIN)
        text_time_ms(&out, time_ms);
    return text_span(&out);
}

void cloud_event_write(const struct cloud_event *e, struct cloud_event_headers *ret_headers)
{
    struct cloud_event_headers *h = ret_headers;
    h->n = 0;
    add(h, "content-type", span_str("application/json"));
    add(h, "ce_specversion", span_str("1.0"));
    add(h, "ce_id", span_str(e->id));
    add(h, "ce_source", span_str("sluice"));
    add(h, "ce_type", span_str(e->type));
    add(h, "ce_subject", e->subject);
    add(h, "ce_time", time_of(e->time_ms, h->time_room));
    add(h, "traceparent", e->traceparent);
}
