#include "service/state/claim.h"

#include "service/base/check.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "claims are written as they stand");

enum {
    FIXED_LENGTH_AT = 2,
    HEAD_BYTES = 4,               /* 'C', its state, the length of the fixed part */
    KEYS_AT = CLAIM_PARKED_BYTES, /* without keys nothing follows */
    KEY_FIXED_BYTES = 11,
    FIELD_BYTES_MAX = 255, /* u8 */
    VALUE_BYTES_MAX = 65535,
};

static size_t fixed_bytes(const struct claim *c)
{
    size_t bytes = KEYS_AT;
    for (int i = 0; i < c->n_keys; i++)
        bytes += KEY_FIXED_BYTES + c->keys[i].field.len + c->keys[i].value.len;
    return bytes;
}

static bool is_within_limits(const struct claim *c)
{
    if (c->n_keys < 0 || c->n_keys > CLAIM_KEYS_MAX)
        return false;
    for (int i = 0; i < c->n_keys; i++)
        if (c->keys[i].field.len > FIELD_BYTES_MAX || c->keys[i].value.len > VALUE_BYTES_MAX)
            return false;
    return fixed_bytes(c) <= CLAIM_FIXED_BYTES_MAX;
}

static void put_key(struct text *out, const struct claim_key *k)
{
    uint8_t field_len = (uint8_t)k->field.len;
    uint16_t value_len = (uint16_t)k->value.len;
    text_raw(out, &field_len, sizeof field_len);
    text_raw(out, &value_len, sizeof value_len);
    text_raw(out, &k->bits, sizeof k->bits);
    text_raw(out, &k->layout, sizeof k->layout);
    text_put(out, k->field);
    text_put(out, k->value);
}

void claim_encode(const struct claim *c, struct text *out)
{
    if (!is_within_limits(c) || fixed_bytes(c) + c->rest.len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    uint16_t fixed = (uint16_t)fixed_bytes(c);
    uint8_t n_keys = (uint8_t)c->n_keys;
    text_char(out, 'C');
    text_char(out, c->state);
    text_raw(out, &fixed, sizeof fixed);
    text_raw(out, &c->nonce, sizeof c->nonce);
    text_raw(out, &c->digest.lo, sizeof c->digest.lo);
    text_raw(out, &c->digest.hi, sizeof c->digest.hi);
    text_raw(out, &c->ts_ms, sizeof c->ts_ms);
    text_raw(out, &c->ruleset, sizeof c->ruleset);
    text_raw(out, &n_keys, sizeof n_keys);
    for (int i = 0; i < c->n_keys; i++)
        put_key(out, &c->keys[i]);
    text_put(out, c->rest);
}

void claim_add_amount(struct claim *c, int64_t amount_e4, struct span currency,
                      char room[CLAIM_AMOUNT_BYTES])
{
    struct text out;
    CHECK(c->n_keys < CLAIM_KEYS_MAX && currency.len <= CLAIM_CURRENCY_MAX);
    text_init(&out, room, CLAIM_AMOUNT_BYTES);
    text_raw(&out, &amount_e4, sizeof amount_e4);
    text_put(&out, currency);
    c->keys[c->n_keys++] = (struct claim_key){.value = text_span(&out)};
}

bool claim_amount(const struct claim *c, int64_t *ret_amount_e4, struct span *ret_currency)
{
    for (int i = 0; i < c->n_keys; i++) {
        struct span value = c->keys[i].value;
        if (c->keys[i].field.len > 0 ||
            !span_take_raw(&value, ret_amount_e4, sizeof *ret_amount_e4))
            continue;
        *ret_currency = value;
        return true;
    }
    return false;
}

static bool take_key(struct span *from, struct claim_key *k)
{
    uint8_t field_len;
    uint16_t value_len;
    return span_take_raw(from, &field_len, sizeof field_len) &&
           span_take_raw(from, &value_len, sizeof value_len) &&
           span_take_raw(from, &k->bits, sizeof k->bits) &&
           span_take_raw(from, &k->layout, sizeof k->layout) &&
           span_take(from, field_len, &k->field) && span_take(from, value_len, &k->value);
}

static bool take_keys(struct span *from, struct claim *c)
{
    uint8_t n_keys;
    if (!span_take_raw(from, &n_keys, sizeof n_keys) || n_keys > CLAIM_KEYS_MAX)
        return false;
    c->n_keys = n_keys;
    for (int i = 0; i < n_keys; i++)
        if (!take_key(from, &c->keys[i]))
            return false;
    return from->len == 0;
}

/* The fixed part, or the empty span when these bytes are no claim. */
static struct span fixed_part(struct span bytes)
{
    uint16_t fixed;
    if (bytes.len < KEYS_AT || bytes.base[0] != 'C' || memchr("udp", bytes.base[1], 3) == NULL)
        return (struct span){0};
    memcpy(&fixed, bytes.base + FIXED_LENGTH_AT, sizeof fixed);
    if (fixed < KEYS_AT || fixed > CLAIM_FIXED_BYTES_MAX || fixed > bytes.len)
        return (struct span){0};
    return span_of(bytes.base, fixed);
}

enum status claim_decode(struct span bytes, struct claim *ret_claim)
{
    struct span fixed = fixed_part(bytes);
    if (fixed.len == 0)
        return ST_CORRUPT;
    struct claim c = {.state = fixed.base[1],
                      .rest = span_of(bytes.base + fixed.len, bytes.len - fixed.len)};
    struct span head;
    if (!span_take(&fixed, HEAD_BYTES, &head) || !span_take_raw(&fixed, &c.nonce, sizeof c.nonce) ||
        !span_take_raw(&fixed, &c.digest.lo, sizeof c.digest.lo) ||
        !span_take_raw(&fixed, &c.digest.hi, sizeof c.digest.hi) ||
        !span_take_raw(&fixed, &c.ts_ms, sizeof c.ts_ms) ||
        !span_take_raw(&fixed, &c.ruleset, sizeof c.ruleset) || !take_keys(&fixed, &c))
        return ST_CORRUPT;
    *ret_claim = c;
    return ST_OK;
}

void claim_put_label(struct text *out, struct span label)
{
    uint32_t length = (uint32_t)label.len;
    if (label.len > UINT32_MAX || sizeof length + label.len > out->cap - out->len) {
        out->overflow = true;
        return;
    }
    text_raw(out, &length, sizeof length);
    text_put(out, label);
}

bool claim_next_label(struct span *rest, struct span *ret_label)
{
    struct span after = *rest;
    uint32_t length;
    if (!span_take_raw(&after, &length, sizeof length) || !span_take(&after, length, ret_label))
        return false;
    *rest = after;
    return true;
}
