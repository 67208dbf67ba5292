#include "service/engine/alert.h"

#include "service/base/check.h"

/* ---- its name ---- */

void alert_id(struct span transaction_id, char ret_id[ALERT_ID_DIGITS + 1])
{
    hash_id("alert:", transaction_id, ret_id);
}

/* ---- the transaction ---- */

static void write_value(enum field_type type, const struct txn_value *v, struct text *out)
{
    switch (type) {
    case FIELD_STRING:
    case FIELD_IP:
        text_json_string(out, v->text);
        return;
    case FIELD_DECIMAL:
        text_fixed(out, v->i64, 10000);
        return;
    case FIELD_NUMBER:
        text_double(out, v->f64);
        return;
    case FIELD_INTEGER:
        text_i64(out, v->i64);
        return;
    case FIELD_BOOL:
        text_str(out, v->flag ? "true" : "false");
        return;
    case FIELD_TIMESTAMP:
        text_char(out, '"');
        text_time_ms(out, v->i64);
        text_char(out, '"');
        return;
    case FIELD_GEO:
        text_str(out, "{\"lat\":");
        text_double(out, v->geo.lat_deg);
        text_str(out, ",\"lon\":");
        text_double(out, v->geo.lon_deg);
        text_char(out, '}');
        return;
    }
}

static void write_field(const struct field *f, const struct txn_value *v, bool first,
                        struct text *out)
{
    if (!first)
        text_char(out, ',');
    text_json_string(out, f->name);
    text_char(out, ':');
    write_value(f->type, v, out);
}

/* Fields as far as `cap` goes; how many did not fit is told behind them. */
static void write_transaction(const struct alert_source *from, struct text *out)
{
    enum { OMITTED_BYTES = sizeof ",\"omitted\":128}" };
    const struct schema *schema = &from->snap->schema;
    struct text fields = *out;
    int omitted = 0;
    fields.cap -= OMITTED_BYTES;
    text_str(&fields, "{");
    for (int i = 0; i < schema->count; i++) {
        struct text before = fields;
        if (!from->event->values[i].present || schema->fields[i].private)
            continue;
        write_field(&schema->fields[i], &from->event->values[i], fields.base[fields.len - 1] == '{',
                    &fields);
        omitted += fields.overflow;
        if (fields.overflow)
            fields = before;
    }
    out->len = fields.len;
    if (omitted > 0)
        text_printf(out, ",\"omitted\":%d", omitted);
    text_char(out, '}');
}

/* ---- the record ---- */

static void write_json(const struct alert_source *from, struct text *out)
{
    char id[ALERT_ID_DIGITS + 1];
    alert_id(from->event->transaction_id, id);
    text_str(out, "{\"alert_id\":\"");
    text_str(out, id);
    text_str(out, "\",\"transaction\":");
    out->cap -= DECISION_BARE_BYTES;
    write_transaction(from, out);
    out->cap += DECISION_BARE_BYTES;
    size_t at = out->len;
    decision_write(from->decision, from->snap, from->event->transaction_id, from->values,
                   DECISION_FEATURES, out);
    out->base[at] = ','; /* its members go on where it would open */
}

void alert_write(const struct alert_source *from, struct text *out)
{
    struct span id = from->event->transaction_id;
    uint16_t lengths[2] = {(uint16_t)id.len, (uint16_t)from->traceparent.len};
    struct text record;
    CHECK(out->cap - out->len >= ALERT_BYTES_MAX);
    text_init(&record, out->base + out->len, ALERT_BYTES_MAX);
    text_raw(&record, lengths, sizeof lengths);
    text_raw(&record, &from->event->ts_ms, sizeof from->event->ts_ms);
    text_put(&record, id);
    text_put(&record, from->traceparent);
    write_json(from, &record);
    CHECK(!record.overflow);
    out->len += record.len;
}

enum status alert_decode(struct span record, struct alert *ret_alert)
{
    uint16_t lengths[2];
    struct alert a;
    if (!span_take_raw(&record, lengths, sizeof lengths) ||
        !span_take_raw(&record, &a.ts_ms, sizeof a.ts_ms) ||
        !span_take(&record, lengths[0], &a.transaction_id) ||
        !span_take(&record, lengths[1], &a.traceparent) || lengths[0] > SCHEMA_STRING_LIMIT ||
        record.len == 0)
        return ST_CORRUPT;
    alert_id(a.transaction_id, a.id);
    a.json = record;
    *ret_alert = a;
    return ST_OK;
}
