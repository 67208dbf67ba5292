#include "tests/unit/engine/alert_record.h"

static struct span json_of(const char *id, struct text *out)
{
    size_t at = out->len;
    text_str(out, "{\"id\":\"");
    text_str(out, id);
    text_str(out, "\"}");
    return span_of(out->base + at, out->len - at);
}

struct span alert_record_make(const char *id, char room[ALERT_RECORD_BYTES])
{
    const uint16_t lengths[2] = {(uint16_t)strlen(id), 0};
    const int64_t ts_ms = INT64_C(1767614400000); /* 2026-01-05T12:00:00Z */
    struct text out;
    text_init(&out, room, ALERT_RECORD_BYTES);
    text_raw(&out, lengths, sizeof lengths);
    text_raw(&out, &ts_ms, sizeof ts_ms);
    text_str(&out, id);
    json_of(id, &out);
    return text_span(&out);
}

bool alert_record_is(const struct alert *a, const char *id)
{
    char room[ALERT_RECORD_BYTES];
    struct text out;
    text_init(&out, room, sizeof room);
    return span_is(a->transaction_id, id) && span_eq(a->json, json_of(id, &out));
}
