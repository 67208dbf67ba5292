#include "service/engine/frames.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "frames are written as they stand");

static void put_u16(struct text *out, size_t v)
{
    uint16_t narrow = (uint16_t)v;
    text_raw(out, &narrow, sizeof narrow);
}

void frame_put_event(const struct frame_event *f, struct text *out)
{
    uint32_t flags = 0;
    text_raw(out, &f->nonce, sizeof f->nonce);
    text_raw(out, &flags, sizeof flags);
    text_raw(out, &f->received_at_ms, sizeof f->received_at_ms);
    text_put(out, f->body);
}

void frame_put_void(uint64_t txn_hash, const struct state_entity *entities, int n, struct text *out)
{
    text_raw(out, &txn_hash, sizeof txn_hash);
    put_u16(out, (size_t)n);
    for (int i = 0; i < n; i++) {
        put_u16(out, entities[i].key.len);
        put_u16(out, entities[i].record.len);
        text_put(out, entities[i].key);
        text_put(out, entities[i].record);
    }
}

void frame_put_erase(const struct state_entity *entities, int n, struct text *out)
{
    put_u16(out, (size_t)n);
    for (int i = 0; i < n; i++) {
        put_u16(out, entities[i].key.len);
        text_put(out, entities[i].key);
    }
}

void frame_end_flagged(struct span alert, struct text *out)
{
    uint32_t n = (uint32_t)alert.len;
    text_raw(out, &n, sizeof n);
}

void frame_put_expired(int64_t now_ms, struct text *out)
{
    text_raw(out, &now_ms, sizeof now_ms);
}

enum status frame_get_event(struct span bytes, struct frame_event *ret_frame)
{
    struct frame_event f;
    uint32_t flags;
    if (!span_take_raw(&bytes, &f.nonce, sizeof f.nonce) ||
        !span_take_raw(&bytes, &flags, sizeof flags) ||
        !span_take_raw(&bytes, &f.received_at_ms, sizeof f.received_at_ms) || flags != 0)
        return ST_CORRUPT;
    f.body = bytes;
    *ret_frame = f;
    return ST_OK;
}

enum status frame_get_decision(struct span bytes, struct frame_decision *ret_frame)
{
    struct frame_decision f;
    if (!span_take_raw(&bytes, &f.txn_hash, sizeof f.txn_hash))
        return ST_CORRUPT;
    f.claim = bytes;
    f.alert = span_of(NULL, 0);
    *ret_frame = f;
    return ST_OK;
}

enum status frame_get_flagged(struct span bytes, struct frame_decision *ret_frame)
{
    struct frame_decision f;
    uint32_t n;
    if (bytes.len < sizeof n)
        return ST_CORRUPT;
    bytes.len -= sizeof n;
    memcpy(&n, bytes.base + bytes.len, sizeof n);
    if (n > bytes.len || frame_get_decision(span_of(bytes.base, bytes.len - n), &f) != ST_OK)
        return ST_CORRUPT;
    f.alert = span_of(bytes.base + bytes.len - n, n);
    *ret_frame = f;
    return ST_OK;
}

static bool take_entity(struct span *from, bool with_record, struct state_entity *e)
{
    uint16_t key_len, record_len = 0;
    *e = (struct state_entity){0};
    return span_take_raw(from, &key_len, sizeof key_len) &&
           (!with_record || span_take_raw(from, &record_len, sizeof record_len)) &&
           span_take(from, key_len, &e->key) && span_take(from, record_len, &e->record);
}

static enum status take_entities(struct span bytes, bool with_record, struct frame_entities *f)
{
    uint16_t n;
    if (!span_take_raw(&bytes, &n, sizeof n) || n > STATE_ENTITIES_MAX)
        return ST_CORRUPT;
    for (int i = 0; i < n; i++)
        if (!take_entity(&bytes, with_record, &f->entities[i]))
            return ST_CORRUPT;
    f->n_entities = n;
    return bytes.len == 0 ? ST_OK : ST_CORRUPT;
}

enum status frame_get_void(struct span bytes, struct frame_entities *ret_frame)
{
    struct frame_entities f;
    if (!span_take_raw(&bytes, &f.txn_hash, sizeof f.txn_hash) ||
        take_entities(bytes, true, &f) != ST_OK)
        return ST_CORRUPT;
    *ret_frame = f;
    return ST_OK;
}

enum status frame_get_erase(struct span bytes, struct frame_entities *ret_frame)
{
    struct frame_entities f = {.txn_hash = 0};
    if (take_entities(bytes, false, &f) != ST_OK)
        return ST_CORRUPT;
    *ret_frame = f;
    return ST_OK;
}

enum status frame_get_expired(struct span bytes, int64_t *ret_now_ms)
{
    int64_t now_ms;
    if (!span_take_raw(&bytes, &now_ms, sizeof now_ms) || bytes.len > 0)
        return ST_CORRUPT;
    *ret_now_ms = now_ms;
    return ST_OK;
}
