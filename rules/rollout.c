#include "rules/rollout.h"

/* Up to `max` digits in front of `s`, which goes on behind them; -1: there are none. */
static int take_digits(struct span *s, size_t max, size_t *ret_n)
{
    size_t n = 0;
    int v = 0;
    while (n < s->len && n < max && s->base[n] >= '0' && s->base[n] <= '9')
        v = v * 10 + (s->base[n++] - '0');
    *s = span_of(s->base + n, s->len - n);
    *ret_n = n;
    return n > 0 ? v : -1;
}

bool rollout_read(struct span text, int *ret_share_e4)
{
    size_t n;
    int whole = take_digits(&text, 3, &n), part = 0;
    if (whole < 0)
        return false;
    if (text.len > 0 && text.base[0] == '.') {
        text = span_of(text.base + 1, text.len - 1);
        part = take_digits(&text, 2, &n);
        if (part < 0)
            return false;
        part *= n == 1 ? 10 : 1;
    }
    if (!span_is(text, "%") || whole * 100 + part > ROLLOUT_ALL_E4)
        return false;
    *ret_share_e4 = whole * 100 + part;
    return true;
}

void rollout_write(int share_e4, struct text *out)
{
    text_fixed(out, share_e4, 100);
    text_char(out, '%');
}

struct rollout rollout_of(struct span rule_id, int share_e4, int slot)
{
    struct rollout r = {.share_e4 = share_e4, .slot = slot};
    unsigned char digest[HASH_SHA256_BYTES];
    hash_sha256(rule_id, digest);
    memcpy(r.key.bytes, digest, sizeof r.key.bytes);
    return r;
}

/* The account as its text, so that 42 and "42" are the same one. */
static struct span account_of(const struct cel_value *v, struct text *number)
{
    if (v->kind == CEL_STRING)
        return v->text;
    if (v->kind == CEL_INT)
        text_i64(number, v->i64);
    return text_span(number);
}

bool rollout_has(const struct rollout *r, const struct cel_value *row)
{
    char digits[24];
    struct text number;
    if (r->share_e4 == ROLLOUT_ALL_E4)
        return true;
    text_init(&number, digits, sizeof digits);
    struct span account = account_of(&row[r->slot], &number);
    return hash_quick_u64(&r->key, account) % ROLLOUT_ALL_E4 < (uint64_t)r->share_e4;
}
